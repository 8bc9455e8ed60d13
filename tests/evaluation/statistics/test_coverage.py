"""The interval holds the true difference about as often as it says, few samples or many."""

import pytest

from stages.evaluation_bench.covered import simulate


@pytest.mark.parametrize(
    ("scores", "pairs"),
    [("10 clusterings", 300), ("ranking, n=50", 300), ("spearman, n=1500", 60), ("average of five tasks", 60)],
)
def test_interval_holds_the_true_difference_about_as_often_as_it_says(scores, pairs):
    held = simulate(scores, pairs, 400)["held"] / pairs
    margin = 2 * (0.95 * 0.05 / pairs) ** 0.5  # of the simulation itself
    assert 0.95 - margin <= held <= 0.95 + margin
