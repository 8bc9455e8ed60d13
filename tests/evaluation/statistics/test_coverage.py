"""The interval holds the true difference about as often as it says, few samples or many."""

import pytest

from tests.evaluation.statistics.coverage import SHAPES, simulate_coverage


@pytest.mark.parametrize(
    ("shape", "systems"),
    [("10 clusterings", 300), ("nDCG of 50 queries", 300), ("Spearman of 200 pairs", 100), ("mean over 5 types", 40)],
)
def test_coverage(shape, systems, monkeypatch):
    monkeypatch.setattr("tests.evaluation.statistics.coverage.REPEATS", 3)
    coverage = simulate_coverage(shape, systems=systems, resamples=400)
    margin = 2 * (0.95 * 0.05 / systems) ** 0.5  # of the simulation itself
    assert 0.95 - margin <= coverage.held <= 0.95 + margin
    assert 0.95 - 2 * margin <= coverage.held_first <= 0.95 + 2 * margin
    assert coverage.false_alarm == pytest.approx(1 - coverage.held)


def test_shapes_cover_every_statistic_and_average():
    statistics = {
        make.__name__ if hasattr(make, "__name__") else "pairs" for tasks in SHAPES.values() for _, make, _ in tasks
    }
    assert statistics == {"queries", "shares", "clusterings", "summaries", "grades", "pairs"}
