"""Near duplicates are found among the samples that came before, and only they."""

import random

import pytest

from stages.synthesis.duplicates import NearDuplicates

WORDS = [f"word{number}" for number in range(5000)]


def _text(generator, words):
    return " ".join(generator.choices(WORDS, k=words))


def _with_last_words_replaced(text, count, by="new"):
    return " ".join([*text.split()[:-count], *(f"{by}{number}" for number in range(count))])


@pytest.fixture
def index():
    return NearDuplicates(0.9)


def test_the_earlier_sample_stays_and_is_named(index, sample):
    text = _text(random.Random(0), 80)
    assert index.seen(sample(id="1", positive=text)) is None
    assert index.seen(sample(id="2", positive=text)) == "1"
    assert index.seen(sample(id="3", positive=_with_last_words_replaced(text, 1))) == "1"
    assert index.seen(sample(id="4", positive=f"  {text.upper()}!")) == "1"


def test_a_duplicate_is_not_added(index, sample):
    text = _text(random.Random(0), 100)
    steps = [_with_last_words_replaced(text, count) for count in (1, 3, 5, 7, 9, 25)]
    assert index.seen(sample(id="0", positive=text)) is None
    found = [index.seen(sample(id=str(number), positive=step)) for number, step in enumerate(steps, 1)]
    assert set(found) == {"0", None}
    assert found[0] == "0"
    assert found[-1] is None


def test_the_most_similar_of_several_is_named(sample):
    index, text = NearDuplicates(0.5), _text(random.Random(0), 100)
    assert index.seen(sample(id="far", positive=_with_last_words_replaced(text, 45))) is None
    assert index.seen(sample(id="near", positive=text)) is None
    assert index.seen(sample(id="new", positive=_with_last_words_replaced(text, 1))) == "near"


def test_query_and_positive_both_count_and_negatives_do_not(index, sample):
    generator = random.Random(0)
    query, positive, other = (_text(generator, 30) for _ in range(3))
    assert index.seen(sample(id="1", query=query, positive=positive)) is None
    assert index.seen(sample(id="2", query=other, positive=positive)) is None
    assert index.seen(sample(id="3", query=query, positive=other)) is None
    assert index.seen(sample(id="turned round", query=positive, positive=query)) is None
    assert index.seen(sample(id="4", query=query, positive=positive, negatives=[other] * 4)) == "1"


def test_short_and_chinese_texts_are_compared_too(index, sample):
    assert index.seen(sample(id="1", query="mean", positive="average")) is None
    assert index.seen(sample(id="2", query="mean", positive="median")) is None
    assert index.seen(sample(id="3", query="Mean", positive="average.")) == "1"
    assert index.seen(sample(id="4", language="zh", query="平均值是什么", positive="数组元素的平均值")) is None
    assert index.seen(sample(id="5", language="zh", query="中位数是什么", positive="数组元素的平均值")) is None
    assert index.seen(sample(id="6", language="zh", query="平均值是什么？", positive="数组元素的平均值。")) == "4"


@pytest.mark.parametrize("threshold", [0.3, 0.6, 0.9])
def test_of_many_samples_the_similar_ones_are_found_and_the_others_kept(threshold, sample):
    """Of a query with one 3-gram and a positive with 150, n new words at the end leave (151 - n) / (151 + n) shared."""
    generator = random.Random(0)
    texts = [_text(generator, 152) for _ in range(150)]

    def found(similarity):
        index, changed = NearDuplicates(threshold), round(151 * (1 - similarity) / (1 + similarity))
        assert {index.seen(sample(id=text, query="a b c", positive=text)) for text in texts} == {None}
        near = [_with_last_words_replaced(text, changed, f"new{place}_") for place, text in enumerate(texts)]
        rows = [sample(query="a b c", positive=text) for text in near]
        return sum(index.seen(row) == text for row, text in zip(rows, texts, strict=True)) / len(texts)

    assert found(threshold + 0.08) > 0.9
    assert found(threshold - 0.15) < 0.1


def test_threshold_one_finds_equal_texts_and_threshold_zero_is_no_error(sample):
    text = _text(random.Random(0), 50)
    for threshold in (0.0, 1.0):
        index = NearDuplicates(threshold)
        assert index.seen(sample(id="1", positive=text)) is None
        assert index.seen(sample(id="2", positive=text)) == "1"


def test_order_and_nothing_else_decides(sample):
    generator = random.Random(0)
    texts = [_text(generator, 40) for _ in range(50)]
    samples = [sample(id=str(number), positive=generator.choice(texts)) for number in range(200)]
    first, second = ([index.seen(row) for row in samples] for index in (NearDuplicates(0.9), NearDuplicates(0.9)))
    assert first == second
    assert first.count(None) == len({row.positive for row in samples})
