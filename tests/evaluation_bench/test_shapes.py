"""Simulated systems: their true difference is that of very many samples, and intervals are counted against it."""

import numpy as np
import pytest

from stages.evaluation.statistics import score_of
from stages.evaluation_bench import covered, shapes
from stages.evaluation_bench.shapes import Shape

MANY = 40_000


@pytest.mark.parametrize("make", [shapes.ranking, shapes.accuracy, shapes.similarity, shapes.pairs, shapes.clusterings])
def test_true_difference_is_that_of_very_many_samples(make):
    shape = make(MANY)
    first, second = map(score_of, shape.draw(np.random.default_rng(0), "task"))
    assert second - first == pytest.approx(shape.truth, abs=6e-3)
    assert shape.truth > 5e-3


def test_systems_are_alike_and_meet_the_same_samples():
    first, second = shapes.similarity(400).draw(np.random.default_rng(0), "task")
    assert [(row.sample, row.gold) for row in first] == [(row.sample, row.gold) for row in second]
    scores = np.array([[row.scores[0] for row in rows] for rows in (first, second)])
    assert np.corrcoef(scores)[0, 1] > 0.7


def test_ranking_is_mostly_zeros_and_ones():
    first, _ = shapes.ranking(2000).draw(np.random.default_rng(0), "task")
    scores = [row.scores[0] for row in first]
    assert np.mean([score in (0, 1) for score in scores]) == pytest.approx(0.7, abs=0.05)


@pytest.mark.parametrize("name", covered.NAMES)
def test_each_shape_is_simulated(name):
    found = covered.simulate(name, 2, 50)
    assert 0 <= found["held"] <= 2
    assert 0 < found["width"] < 1


def test_interval_misses_a_difference_that_is_not_the_true_one(monkeypatch):
    shape = shapes.ranking(300)
    monkeypatch.setattr(covered, "shapes_of", lambda _: [Shape(shape.truth + 0.5, shape.draw)])
    assert covered.simulate("any", 3, 200)["held"] == 0
    monkeypatch.setattr(covered, "shapes_of", lambda _: [shape])
    assert covered.simulate("any", 3, 200)["held"] > 0
