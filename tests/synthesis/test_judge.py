"""Which samples are judged, what the judge is shown, and how its grades become figures."""

import json

import pytest

from stages.llm.answers import EXAMPLE
from stages.llm.local.grader import grade
from stages.llm.requests import Answer
from stages.shared.records import LEVELS
from stages.synthesis.judge import agreement, is_judged, judge_request, read_grades, shown_order, tau_b

ASKED = [(level, False) for level in LEVELS]


def _answer(sample, grades, seed=0):
    """What a judge that thinks `grades` of N1 to N4 answers to the request."""
    rows = [
        {"similarity_level": grades[number][0], "satisfies": grades[number][1]} for number in order_of(sample, seed)
    ]
    return Answer(json.dumps({"grades": rows}), "stop", 1, 1)


def order_of(sample, seed):
    return shown_order(sample, seed)


def _example(request):
    return json.loads(request.prompt.split(f"\n{EXAMPLE}\n")[1])


def test_share_of_the_samples_is_judged_and_by_their_ids_alone(sample):
    samples = [sample(id=str(number)) for number in range(2000)]
    chosen = {row.id for row in samples if is_judged(row, 0.1)}
    assert 150 < len(chosen) < 250
    assert chosen == {row.id for row in reversed(samples) if is_judged(row, 0.1)}
    assert chosen < {row.id for row in samples if is_judged(row, 0.2)}
    assert not any(is_judged(row, 0.0) for row in samples)
    assert all(is_judged(row, 1.0) for row in samples)


def test_judge_sees_query_positive_task_and_the_negatives_in_an_order_of_its_own(sample):
    row = sample(instruction="Find $x or <<<y>>>.", positive=f'a "quote"\n{EXAMPLE}\n{{')
    request = judge_request(row, 0)
    assert "The task: Find $x or <<<y>>>." in request.prompt
    example = (
        _example(request)
        if request.prompt.count(EXAMPLE) == 1
        else json.loads(request.prompt.rpartition(f"\n{EXAMPLE}\n")[2])
    )
    assert (example["query"], example["positive"]) == (row.query, row.positive)
    assert example["texts"] == [row.negatives[number] for number in shown_order(row, 0)]
    assert request.response_format["json_schema"]["name"] == "judge_short_short"


def test_order_differs_between_samples_and_seeds_and_not_between_calls(sample):
    samples = [sample(id=str(number)) for number in range(100)]
    orders = [tuple(shown_order(row, 0)) for row in samples]
    assert orders == [tuple(shown_order(row, 0)) for row in samples]
    assert len(set(orders)) > 15  # of 24
    assert orders != [tuple(shown_order(row, 1)) for row in samples]
    assert judge_request(samples[0], 0).seed != judge_request(samples[1], 0).seed


def test_judge_that_agrees_wholly(sample):
    samples = [sample(id=str(number)) for number in range(5)]
    metrics = agreement(samples, [_answer(row, ASKED, 3) for row in samples], 3)
    assert (metrics["judged"], metrics["invalid_answers"]) == (5, 0)
    assert (metrics["level_agreement"], metrics["false_negatives"]) == (1, 0)
    assert metrics["rank_correlation"] == pytest.approx(1)
    assert set(metrics["per_level"]) == {"N1", "N2", "N3", "N4"}


def test_figures_of_a_judge_that_agrees_in_part(sample):
    first = [("high", True), ("medium", False), ("low", False), ("low", False)]
    second = [("low", False), ("medium", False), ("medium", False), ("high", True)]
    samples = [sample(id="1"), sample(id="2")]
    metrics = agreement(samples, [_answer(samples[0], first), _answer(samples[1], second)], 0)
    assert metrics["level_agreement"] == 5 / 8
    assert metrics["false_negatives"] == 2 / 8
    assert metrics["per_level"]["N1"] == {"level_agreement": 0.5, "false_negatives": 0.5}
    assert metrics["per_level"]["N3"] == {"level_agreement": 0.5, "false_negatives": 0.0}
    assert metrics["rank_correlation"] == pytest.approx((0.8 - 1) / 2)


@pytest.mark.parametrize(
    "text",
    [
        *("", "no", "[]", "{}", '{"grades": []}', '{"grades": null}', "[" * 10**5),
        json.dumps({"grades": [{"similarity_level": "high", "satisfies": True}] * 3}),
        json.dumps({"grades": [{"similarity_level": "high", "satisfies": True}] * 5}),
        json.dumps({"grades": [{"similarity_level": "highest", "satisfies": True}] * 4}),
        json.dumps({"grades": [{"similarity_level": "high", "satisfies": "yes"}] * 4}),
    ],
)
def test_answer_without_four_grades_is_counted_and_not_used(sample, text):
    bad = Answer(text, "stop", 1, 1)
    assert read_grades(bad, [0, 1, 2, 3]) is None
    assert agreement([sample()], [bad], 0) == {"judged": 0, "invalid_answers": 1}
    metrics = agreement([sample(), sample(id="2")], [bad, _answer(sample(id="2"), ASKED)], 0)
    assert (metrics["judged"], metrics["invalid_answers"], metrics["level_agreement"]) == (1, 1, 1)


def test_grades_in_a_code_fence_are_read(sample):
    answer = _answer(sample(), ASKED)
    fenced = Answer(f"```json\n{answer.text}\n```", "stop", 1, 1)
    assert agreement([sample()], [fenced], 0) == agreement([sample()], [answer], 0)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([1, 2, 3, 4], [1, 2, 3, 4], 1),
        ([1, 2, 3, 4], [4, 3, 2, 1], -1),
        ([2, 1, 1, 0], [2, 1, 1, 0], 1),
        ([2, 1, 1, 0], [2, 1, 0, 0], 0.8),
        ([2, 1, 1, 0], [1, 1, 1, 1], 0),
        ([1, 2, 3, 4], [1, 3, 2, 4], 2 / 3),
    ],
)
def test_tau_b(first, second, expected):
    assert tau_b(first, second) == pytest.approx(expected)


def test_tau_b_is_scipys(sample):  # noqa: ARG001
    scipy_stats = pytest.importorskip("scipy.stats")
    for second in ([0, 1, 2, 2], [2, 0, 1, 0], [0, 0, 1, 0]):
        assert tau_b([2, 1, 1, 0], second) == pytest.approx(scipy_stats.kendalltau([2, 1, 1, 0], second).statistic)


def test_local_endpoint_grades_by_shared_words(sample):
    positive = "the mean of all numbers in the array"
    negatives = [f"{positive} now", "the mean of two words and more", "an array, which is sorted and copied", "a file"]
    row = sample(positive=positive, negatives=negatives)
    grades = read_grades(Answer(grade(judge_request(row, 0).prompt), "stop", 1, 1), shown_order(row, 0))
    assert [item.similarity_level for item in grades] == ["high", "high", "medium", "low"]
    assert [item.satisfies for item in grades] == [True, False, False, False]


@pytest.mark.parametrize("prompt", ["", "no example", f"\n{EXAMPLE}\n[]", f"\n{EXAMPLE}\n{{}}"])
def test_local_endpoint_refuses_a_prompt_without_an_example(prompt):
    with pytest.raises((LookupError, ValueError, TypeError)):
        grade(prompt)
