from collections import Counter
from itertools import cycle, islice, product

import pytest

from stages.prompts.languages import LANGUAGES, check_languages
from stages.prompts.variants import LANGUAGE_BLOCK, Variants
from stages.shared.errors import UserError
from stages.shared.records import KINDS


def draw(settings, seed=0, kinds=KINDS):
    """As many (kind, variant) as there are samples, with the kinds in turn."""
    variants = Variants(settings, seed)
    return [(kind, variants.draw(kind)) for kind in islice(cycle(kinds), settings.samples)]


def uneven(values):
    """How far apart the counts of an axis's values are."""
    counts = Counter(map(str, values))
    return max(counts.values()) - min(counts.values())


def test_lengths_are_drawn_from_the_lists_that_the_kind_names(prompts):
    settings = prompts(200, task=1)
    ranges = {"short": settings.short_words, "long": settings.long_words}
    for kind, variant in draw(settings):
        query, documents = ("short", "short") if kind == "symmetric" else kind.split("_")
        assert variant.query_words in ranges[query]
        assert variant.document_words in ranges[documents]


def test_the_two_texts_of_a_paraphrase_are_of_one_length(prompts):
    drawn = draw(prompts(60, task=1), kinds=("symmetric",))
    assert all(variant.query_words == variant.document_words for _, variant in drawn)
    assert len({tuple(variant.query_words) for _, variant in drawn}) == 3


def test_query_and_documents_of_other_kinds_may_differ_in_length(prompts):
    drawn = draw(prompts(300, task=1), kinds=("short_short",))
    assert len({(*variant.query_words, *variant.document_words) for _, variant in drawn}) == 9


def test_the_symmetric_kind_has_no_clarity_and_every_other_has(prompts):
    for kind, variant in draw(prompts(50, task=1)):
        assert (variant.clarity is None) == (kind == "symmetric")


@pytest.mark.parametrize("samples", [10, 301, 1000])
def test_every_value_of_an_axis_comes_equally_often_up_to_rounding(prompts, samples):
    drawn = draw(prompts(samples, task=1))
    assert uneven(variant.difficulty for _, variant in drawn) <= 1
    assert uneven(variant.clarity for _, variant in drawn if variant.clarity) <= 1
    for starts in (("short", "symmetric"), ("long",)):
        assert uneven(variant.query_words for kind, variant in drawn if kind.startswith(starts)) <= 1
    for end in ("_short", "_long"):
        assert uneven(variant.document_words for kind, variant in drawn if kind.endswith(end)) <= 1


def test_languages_come_by_weight_in_every_block(prompts):
    drawn = draw(prompts(3 * LANGUAGE_BLOCK, task=1, languages={"en": 7.0, "de": 2.0, "ja": 1.0}))
    for start in range(0, len(drawn), LANGUAGE_BLOCK):
        block = Counter(variant.language for _, variant in drawn[start : start + LANGUAGE_BLOCK])
        assert block == {"en": 14, "de": 4, "ja": 2}


def test_axes_are_independent_of_each_other_and_of_the_kind(prompts):
    """Each pair of values of two axes comes about as often as chance has it: 6 standard deviations at most."""
    settings = prompts(6000, task=1, languages={"en": 0.8, "de": 0.2})
    drawn = [(kind, variant) for kind, variant in draw(settings) if kind != "symmetric"]
    axes = {
        "kind": [kind for kind, _ in drawn],
        **{
            axis: [str(getattr(variant, axis)) for _, variant in drawn]
            for axis in ("clarity", "difficulty", "language", "query_words", "document_words")
        },
    }
    for (name, first), (other, second) in product(axes.items(), axes.items()):
        if name == other or {name, other} <= {"kind", "query_words", "document_words"}:  # these depend by their nature
            continue
        ones, twos, pairs = Counter(first), Counter(second), Counter(zip(first, second, strict=True))
        for one, two in product(ones, twos):
            expected = ones[one] * twos[two] / len(drawn)
            assert abs(pairs[one, two] - expected) < 6 * expected**0.5, f"{one} with {two}"


def test_lengths_of_query_and_documents_are_independent(prompts):
    drawn = draw(prompts(3600, task=1), kinds=("short_long",))
    pairs = Counter((*variant.query_words, *variant.document_words) for _, variant in drawn)
    assert len(pairs) == 12
    assert all(abs(number - 300) < 6 * 300**0.5 for number in pairs.values())


def test_the_seed_alone_decides_the_variants(prompts):
    settings = prompts(40, task=1)
    assert draw(settings, 0) == draw(settings, 0) != draw(settings, 1)


def test_a_language_without_a_name_is_named_with_those_that_have_one():
    check_languages(LANGUAGES)
    with pytest.raises(UserError, match=r"no name for xx, qq; allowed: ar, .*en, ") as error:
        check_languages(["en", "xx", "qq"])
    assert "prompts.languages" in str(error.value)
