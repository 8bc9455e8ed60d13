"""The diversity figures, by hand."""

import math

import pytest

from stages.shared.records import KINDS
from stages.synthesis.diversity import WINDOW, Diversity, spread


def _metrics(samples):
    diversity = Diversity()
    for row in samples:
        diversity.add(row)
    return diversity.metrics()


def test_distinct_n_is_unique_over_all_ngrams_of_each_text(sample):
    metrics = _metrics([sample(query="The cat", positive="a b a b"), sample(query="the dog, the cat", positive="b a")])
    assert metrics["distinct_1_query"] == 3 / 6
    assert metrics["distinct_2_query"] == 3 / 4  # the cat (twice), the dog, dog the
    assert metrics["distinct_1_positive"] == 2 / 6
    assert metrics["distinct_2_positive"] == 2 / 4  # no pair reaches over from one text to the next


def test_distinct_n_does_not_fall_with_the_number_of_samples(sample):
    window = [sample(query=f"number {index}", positive="the same") for index in range(WINDOW)]
    one, three = _metrics(window), _metrics(window * 3)
    assert one["distinct_1_query"] == three["distinct_1_query"] == (WINDOW + 1) / (2 * WINDOW)
    assert one["distinct_2_positive"] == three["distinct_2_positive"] == 1 / WINDOW


def test_a_last_window_that_is_not_full_does_not_count(sample):
    window = [sample(query=f"number {index}") for index in range(WINDOW)]
    assert _metrics([*window, *[sample(query="again")] * 10])["distinct_1_query"] == (WINDOW + 1) / (2 * WINDOW)


def test_chinese_ngrams_are_of_characters(sample):
    assert _metrics([sample(language="zh", query="平均平均", positive="值")])["distinct_1_query"] == 2 / 4


def test_spread_is_one_for_even_and_zero_for_single_classes():
    assert spread([5, 5, 5], 3) == pytest.approx(1)
    assert spread([5, 5, 0, 0], 4) == pytest.approx(0.5)
    assert spread([9], 1) == spread([9], 5) == spread([], 0) == 0
    assert 0 < spread([98, 1, 1], 3) < 0.2


def test_tasks_and_kinds_are_spread_and_retrieval_pairs_have_no_task(sample):
    metrics = _metrics([sample(task_id=task, kind=KINDS[0]) for task in ("t1", "t1", "t2", "t2", "", "")])
    assert (metrics["tasks"], metrics["task_spread"], metrics["kind_spread"]) == (2, pytest.approx(1), 0)
    two_kinds = _metrics([sample(kind=kind) for kind in KINDS[:2]])
    assert two_kinds["kind_spread"] == pytest.approx(math.log(2) / math.log(5))


def test_lengths_are_quantiles_of_words(sample):
    samples = [sample(query="w " * words, positive="p", negatives=["n"] * 3 + ["n n"]) for words in range(1, 101)]
    words = _metrics(samples)["words"]
    assert words["query"] == {"p10": 10, "p50": 50, "p90": 90}
    assert words["positive"] == {"p10": 1, "p50": 1, "p90": 1}
    assert words["negatives"] == {"p10": 1, "p50": 1, "p90": 2}


def test_without_samples_there_are_figures_all_the_same():
    metrics = _metrics([])
    assert (metrics["distinct_1_query"], metrics["tasks"], metrics["kind_spread"]) == (0, 0, 0)
    assert metrics["words"] == {"query": {}, "positive": {}, "negatives": {}}
