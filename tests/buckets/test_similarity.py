import numpy as np
import pytest

from stages.buckets.similarity import BINS, histogram, inversion_rate, measure, summarise
from stages.shared.records import BUCKETS
from tests.buckets.conftest import make_sample


def test_measure_compares_each_negative_with_its_own_query_and_positive():
    samples = [
        make_sample(0, query="red", positive="red", negatives=["red", "red blue", "blue", "green"]),
        make_sample(1, query="green", positive="blue", negatives=["blue", "green blue", "green", "red"]),
    ]
    colours = ["red", "green", "blue"]

    def scorer(texts):
        rows = np.array([[float(colour in text.split()) for colour in colours] for text in texts])
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    found = measure(samples, scorer)
    half = 0.5**0.5
    assert found.to_query == pytest.approx(np.array([[1, half, 0, 0], [0, half, 1, 0]]))
    assert found.to_positive == pytest.approx(np.array([[1, half, 0, 0], [1, half, 0, 0]]))
    assert found.queries == pytest.approx(np.array([[1, 0, 0], [0, 1, 0]]))


@pytest.mark.parametrize(
    ("row", "rate"),
    [([4, 3, 2, 1], 0), ([1, 2, 3, 4], 1), ([3, 4, 2, 1], 1 / 6), ([1, 1, 1, 1], 0)],
    ids=["in order", "turned round", "one pair swapped", "ties are no inversions"],
)
def test_inversion_rate_is_the_share_of_wrongly_ordered_pairs(row, rate):
    assert inversion_rate(np.array([row], dtype=float)) == pytest.approx(rate)


def test_summary_has_the_mean_of_each_level_hardest_first(similarities):
    summary = summarise(similarities)
    assert list(summary["similarity"]["positive"]) == list(BUCKETS)
    assert list(summary["similarity"]["positive"].values()) == pytest.approx([0.4, 0.3, 0.2, 0.1])
    assert list(summary["similarity"]["query"].values()) == pytest.approx([0.2, 0.15, 0.1, 0.05])
    assert summary["inversion_rate"] == {"query": 0, "positive": 0}


def test_histogram_shares_sum_to_one_for_each_level_also_when_rounding_passed_one(similarities):
    similarities.to_positive[0, 0] = 1 + 1e-9
    similarities.to_positive[1, 3] = -1e-9
    rows = histogram(similarities)
    assert len(rows) == BINS
    for level in BUCKETS:
        assert sum(row[level] for row in rows) == pytest.approx(1)
    assert rows[-1]["N1"] == 0.25
    assert rows[0]["N4"] == 0.25


def test_select_keeps_the_chosen_samples(similarities):
    similarities.to_query[2] = 9
    kept = similarities.select(np.array([False, False, True, False]))
    assert kept.to_query.tolist() == [[9, 9, 9, 9]]
    assert kept.queries.shape == (1, 4)
