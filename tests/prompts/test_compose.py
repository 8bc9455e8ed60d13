from collections import Counter
from itertools import islice

import pytest

from stages.prompts.compose import compose
from stages.prompts.languages import LANGUAGES
from stages.shared.errors import UserError
from stages.shared.records import KINDS, SOURCES
from stages.shared.text import RETRIEVAL_INSTRUCTION, seed_text


@pytest.fixture
def composed(tasks, documents, prompts):
    """All requests for so many samples with these shares and axes, from the first `used` documents."""

    def make(samples, *, seed=0, used=24, **settings):
        return list(compose(tasks, documents[:used], prompts(samples, **settings), seed))

    return make


MIXED = {"task": 0.5, "grounded": 0.3, "retrieval": 0.2}


def test_every_prefix_holds_each_source_in_its_share(composed):
    requests = composed(200, **MIXED)
    for number in range(1, 201):
        counts = Counter(request.source for request in requests[:number])
        assert all(abs(counts[source] - number * share) <= 1 for source, share in MIXED.items())


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_without_a_share_gives_no_request(composed, source):
    shares = {other: 1.0 for other in SOURCES if other != source}
    assert {request.source for request in composed(50, **shares)} == set(shares)


def test_each_source_keeps_what_it_starts_from(composed, tasks, documents):
    descriptions = {task.id: task.description for task in tasks}
    by_id = {document.id: document for document in documents}
    for request in composed(60, **MIXED):
        assert (request.task_id == "") == (request.source == "retrieval")
        assert (request.seed_id == "") == (request.source == "task")
        assert request.instruction == descriptions.get(request.task_id, RETRIEVAL_INSTRUCTION)
        assert f"The task: {request.instruction}" in request.prompt
        if request.seed_id:
            assert f"<<<\n{seed_text(by_id[request.seed_id])}\n>>>" in request.prompt
        if request.source == "retrieval":
            assert request.kind == "short_long"


def test_training_on_pairs_and_prompts_from_pairs_name_the_same_task(documents):
    from stages.training.data import _pair

    assert _pair(documents[0]).instruction == RETRIEVAL_INSTRUCTION


@pytest.mark.parametrize("source", ["task", "grounded"])
def test_kinds_and_tasks_of_a_source_are_used_evenly(composed, source):
    requests = composed(120, used=20, **(MIXED | {source: 0.9}))
    own = [request for request in requests if request.source == source]
    kinds = Counter(request.kind for request in own)
    assert max(kinds.values()) - min(kinds.values()) <= 1
    used = Counter(request.task_id for request in own)
    assert len(used) == 15
    assert max(used.values()) - min(used.values()) <= 1 + 1  # one for the kinds, one for the tasks of a kind


def test_no_task_is_left_out_while_both_sources_of_tasks_use_another_one(composed):
    """Two of three tasks of a kind are needed, and the two sources do not both take the first."""
    requests = composed(10, task=0.5, grounded=0.5)
    assert max(Counter(request.task_id for request in requests).values()) == 1


@pytest.mark.parametrize("shares", [{"grounded": 1.0}, {"retrieval": 1.0}, {"grounded": 0.8, "retrieval": 0.2}, MIXED])
@pytest.mark.parametrize("used", [1, 7, 20, 24])
def test_a_text_comes_again_only_after_all_have_come(composed, shares, used):
    seeds = [request.seed_id for request in composed(150, used=used, **shares) if request.seed_id]
    for number in range(1, len(seeds) + 1):
        counts = Counter(seeds[:number])
        assert max(counts.values()) == -(-number // used)


@pytest.mark.parametrize("used", [20, 24])
def test_a_text_that_comes_again_comes_with_another_kind_or_source(composed, used):
    requests = composed(3 * used, used=used, grounded=0.8, retrieval=0.2)
    starts = Counter((request.seed_id, request.kind, request.source) for request in requests)
    assert len(requests) == 3 * used
    assert max(starts.values()) == 1


@pytest.mark.parametrize("shares", [{"task": 1.0}, {"retrieval": 1.0}, MIXED])
def test_ids_differ_even_where_prompts_do_not(composed, shares):
    single = {"short_words": [[1, 60]], "long_words": [[5, 120]], "clarity": ["clear"], "difficulty": ["school"]}
    requests = composed(400, **shares, **single)
    assert len({request.prompt for request in requests}) < 400
    assert len({request.id for request in requests}) == 400


def test_the_same_input_gives_the_same_requests_and_more_samples_only_append(composed):
    assert composed(90, **MIXED) == composed(90, **MIXED) == composed(200, **MIXED)[:90]


def test_another_seed_pairs_texts_and_variants_otherwise(composed):
    first, second = composed(20, grounded=1.0), composed(20, seed=1, grounded=1.0)
    assert [request.seed_id for request in first] != [request.seed_id for request in second]
    assert [request.query_words for request in first] != [request.query_words for request in second]


def test_a_change_of_any_axis_changes_the_id(composed):
    one = {"clarity": ["clear"], "difficulty": ["school"], "short_words": [[1, 9]], "long_words": [[9, 99]]}
    others = [
        *({}, {"clarity": ["ambiguous"]}, {"difficulty": ["expert"]}, {"short_words": [[1, 8]]}),
        *({"long_words": [[9, 98]]}, {"languages": {"fr": 1.0}}),
    ]
    assert len({composed(1, grounded=1.0, **(one | other))[0].id for other in others}) == len(others)


def test_sources_and_languages_are_independent(composed):
    """Shares of the same period do not lock: German is not what every retrieval pair, and no other, is asked for."""
    requests = composed(2000, grounded=0.8, retrieval=0.2, languages={"en": 0.8, "de": 0.2})
    pairs = Counter((request.source, request.language) for request in requests)
    assert sum(number for (_, language), number in pairs.items() if language == "de") == 400
    assert 50 < pairs["retrieval", "de"] < 110


def test_the_language_is_named_in_english(composed):
    for request in composed(100, task=1.0, languages={"en": 0.5, "de": 0.3, "zh": 0.2}):
        assert f"All texts are in {LANGUAGES[request.language]}." in request.prompt


def test_requests_are_made_one_at_a_time(tasks, documents, prompts):
    first = list(islice(compose(tasks, documents, prompts(10**12, **MIXED), 0), 3))
    assert len(first) == 3


@pytest.mark.parametrize("source", ["task", "grounded"])
def test_a_kind_without_a_task_is_named_before_the_first_request(tasks, documents, prompts, source):
    rest = [task for task in tasks if task.kind != "short_short"]
    with pytest.raises(UserError, match="no task of kind short_short"):
        compose(rest, documents, prompts(5, **{source: 1.0}), 0)


@pytest.mark.parametrize("source", ["grounded", "retrieval"])
def test_an_empty_corpus_is_named_before_the_first_request(tasks, prompts, source):
    with pytest.raises(UserError, match="corpus is empty"):
        compose(tasks, [], prompts(5, **{source: 1.0}), 0)


def test_what_no_source_needs_may_be_missing(tasks, documents, prompts):
    assert len(list(compose(tasks, [], prompts(5, task=1.0), 0))) == 5
    assert len(list(compose([], documents, prompts(5, retrieval=1.0), 0))) == 5


def test_a_language_without_a_name_is_refused_before_the_first_request(tasks, documents, prompts):
    with pytest.raises(UserError, match="no name for xx"):
        compose(tasks, documents, prompts(5, task=1.0, languages={"en": 1.0, "xx": 0.1}), 0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_carries_the_lengths_that_its_prompt_asks_for(composed, kind):
    for request in (one for one in composed(60, task=1.0) if one.kind == kind):
        for fewest, most in (request.query_words, request.document_words):
            assert f"of {fewest} to {most} words" in request.prompt
