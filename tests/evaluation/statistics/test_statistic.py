"""A statistic under counts is what scipy and scikit-learn compute from the samples written out."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import average_precision_score

from stages.evaluation.statistics.statistic import average_precision, mean, pearson, spearman, statistic_of


@pytest.fixture(params=[(30, 1), (200, 6)], ids=["many equal scores", "hardly any"])
def drawn(request):
    """Gold, two ways to compare (n, 2), counts of five draws, and the places of each draw's samples."""
    samples, decimals = request.param
    generator = np.random.default_rng(samples)
    gold = generator.integers(0, 6, samples).astype(float)
    scores = np.round(generator.normal(size=(2, samples)) + gold / 3, decimals).T
    places = generator.integers(0, samples, size=(5, samples))
    counts = np.stack([np.bincount(draw, minlength=samples) for draw in places])
    return gold, scores, counts, places


def test_mean(drawn):
    gold, _, counts, places = drawn
    assert mean(gold)(counts) == pytest.approx(gold[places].mean(axis=1))


@pytest.mark.parametrize(("ours", "theirs"), [(pearson, stats.pearsonr), (spearman, stats.spearmanr)])
def test_correlations(ours, theirs, drawn):
    gold, scores, counts, places = drawn
    expected = [theirs(gold[draw], scores[draw, 0]).statistic for draw in places]
    assert ours(gold, scores[:, 0])(counts) == pytest.approx(expected)


def test_average_precision_of_the_way_that_is_best_in_the_draw(drawn):
    gold, scores, counts, places = drawn
    labels = (gold > 3) * 1.0
    ways = np.column_stack([scores, -scores[:, 0]])
    expected = [max(average_precision_score(labels[draw], way[draw]) for way in ways.T) for draw in places]
    assert average_precision(labels, ways)(counts) == pytest.approx(expected)


def test_each_statistic_goes_by_the_name_that_rows_give_it(drawn):
    gold, scores, counts, _ = drawn
    for name, made in (("spearman", spearman(gold, scores[:, 0])), ("pearson", pearson(gold, scores[:, 0]))):
        assert statistic_of(name, gold, scores)(counts) == pytest.approx(made(counts))
    assert statistic_of("mean", gold, scores)(counts) == pytest.approx(mean(scores[:, 0])(counts))
    assert statistic_of("average_precision", gold, scores)(counts) == pytest.approx(
        average_precision(gold, scores)(counts)
    )


@pytest.mark.parametrize("statistic", [pearson, spearman])
def test_draw_of_one_sample_alone_has_no_correlation(statistic):
    assert statistic(np.arange(3.0), np.arange(3.0))(np.array([[3, 0, 0]])) == [0]


def test_draw_without_positives_has_no_precision():
    labels = np.array([0.0, 1, 1, 0])
    assert average_precision(labels, np.arange(4.0)[:, None])(np.array([[4, 0, 0, 0]])) == [0]
