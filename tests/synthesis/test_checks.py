import json

import pytest

from stages.llm.local.faults import _FAULTS
from stages.shared.records import LEVELS, ChatRequest, Rejection, Sample
from stages.synthesis.checks import REASONS, check

REQUEST = ChatRequest("r1", "t1", "s1", "short_long", "Given a term, retrieve its definition.", "prompt")


def _answer(**changes):
    answer = {
        "query": "a query",
        "positive_example": " the positive\n",
        "hard_negative_examples": [
            {"similarity_level": level, "text": f"negative {number}"} for number, level in enumerate(LEVELS, 1)
        ],
    }
    return answer | changes


def _negatives(*texts, levels=LEVELS):
    return [{"similarity_level": level, "text": text} for level, text in zip(levels, texts, strict=False)]


def test_a_good_answer_becomes_a_sample_that_names_where_it_comes_from():
    sample = check(REQUEST, json.dumps(_answer()))
    assert isinstance(sample, Sample)
    assert (sample.query, sample.positive) == ("a query", "the positive")
    assert sample.negatives == ["negative 1", "negative 2", "negative 3", "negative 4"]
    assert (sample.request_id, sample.task_id, sample.seed_id, sample.kind) == ("r1", "t1", "s1", "short_long")
    assert sample.instruction == REQUEST.instruction


BAD = {
    "cut short": (json.dumps(_answer())[:80], "invalid_json"),
    "empty": ("", "invalid_json"),
    "half a surrogate pair": (json.dumps(_answer(query="a \ud83d query")), "invalid_json"),
    "in a code fence": (f"```json\n{json.dumps(_answer())}\n```", "invalid_json"),
    "a list": ("[]", "wrong_schema"),
    "a field more": (json.dumps(_answer(note="x")), "wrong_schema"),
    "a field less": (json.dumps({"query": "a", "positive_example": "b"}), "wrong_schema"),
    "a number for a text": (json.dumps(_answer(query=3)), "wrong_schema"),
    "three negatives": (json.dumps(_answer(hard_negative_examples=_negatives("a", "b", "c"))), "wrong_count"),
    "levels turned round": (
        json.dumps(_answer(hard_negative_examples=_negatives("a", "b", "c", "d", levels=LEVELS[::-1]))),
        "wrong_levels",
    ),
    "an unknown level": (
        json.dumps(_answer(hard_negative_examples=_negatives("a", "b", "c", "d", levels=["top", *LEVELS[1:]]))),
        "wrong_levels",
    ),
    "a blank query": (json.dumps(_answer(query=" \n")), "empty_text"),
    "a negative of punctuation": (
        json.dumps(_answer(hard_negative_examples=_negatives("a", "b", "...", "d"))),
        "empty_text",
    ),
    "positive repeats query": (json.dumps(_answer(positive_example="A query!")), "repeated_text"),
    "negative repeats positive": (
        json.dumps(_answer(hard_negative_examples=_negatives("a", "The positive.", "c", "d"))),
        "repeated_text",
    ),
    "two equal negatives": (
        json.dumps(_answer(hard_negative_examples=_negatives("a", "b", "B", "d"))),
        "repeated_text",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_answer_is_rejected_with_its_reason_and_kept_word_for_word(case):
    text, reason = BAD[case]
    rejection = check(REQUEST, text)
    assert isinstance(rejection, Rejection)
    assert (rejection.reason, rejection.answer, rejection.request_id) == (reason, text, "r1")
    assert rejection.detail


def test_every_reason_is_met_by_a_case_above():
    assert {reason for _, reason in BAD.values()} == set(REASONS)


@pytest.mark.parametrize("fault", _FAULTS, ids=lambda fault: fault.__name__)
def test_every_fault_of_the_local_endpoint_is_rejected(fault):
    assert isinstance(check(REQUEST, fault(_answer())), Rejection)
