"""Draws from a task's rows: the same for every system and run, whatever the order of the rows."""

import random

import numpy as np
import pytest

from stages.evaluation.statistics import average, difference, estimate_strata, score_of
from stages.evaluation.statistics.resample import BLOCK, draws_of
from stages.shared.records import SampleScore


def rows(values, task="Task", stratum="test/default"):
    return [SampleScore(task, stratum, f"q{place}", "mean", 0.0, [value]) for place, value in enumerate(values)]


@pytest.fixture
def values():
    return np.random.default_rng(0).uniform(size=300)


def estimate(given, resamples=2_000):
    return estimate_strata(given, resamples)["test/default"]


def test_order_of_the_rows_changes_nothing(values):
    given = rows(values)
    shuffled = random.Random(0).sample(given, len(given))
    assert np.array_equal(estimate(given).draws, estimate(shuffled).draws)


def test_two_systems_meet_the_same_samples(values):
    change = difference(estimate(rows(values)), estimate(rows(values + 0.25)))
    assert change.draws == pytest.approx(np.full(2_000, 0.25))


def test_draws_of_tasks_and_strata_are_independent(values):
    first = estimate(rows(values))
    others = [
        estimate(rows(values, task="Other")),
        estimate_strata(rows(values, stratum="test/de"), 2_000)["test/de"],
    ]
    for other in others:
        assert abs(np.corrcoef(first.draws, other.draws)[0, 1]) < 0.1


def test_draws_have_the_variance_of_the_mean(values):
    few = values[:10]
    assert estimate(rows(few), 50_000).draws.std() == pytest.approx(few.std(ddof=1) / np.sqrt(10), rel=0.02)
    assert estimate(rows(few)).freedom == 9


def test_score_is_the_mean_over_strata(values):
    given = rows(values[:100]) + rows(values[100:120], stratum="test/de")
    strata = estimate_strata(given, 100)
    assert average([*strata.values()]).value == pytest.approx((values[:100].mean() + values[100:120].mean()) / 2)
    assert strata["test/de"].value == pytest.approx(score_of(given[100:]))


def test_one_sample_has_a_score_and_no_interval():
    assert estimate(rows([0.5])).value == 0.5
    assert estimate(rows([0.5])).interval() is None


@pytest.mark.parametrize("samples", [10, 50_000])
def test_counts_add_up_to_the_samples_and_come_in_bounded_blocks(samples):
    blocks = []

    def spy(counts):
        assert counts.size <= max(BLOCK, samples)
        assert (counts.sum(axis=1) == samples).all()
        blocks.append(len(counts))
        return counts[:, 0]

    drawn = draws_of(spy, samples, 200, "some task")
    assert (drawn.shape, sum(blocks)) == ((200,), 200)
    assert np.array_equal(drawn, draws_of(spy, samples, 200, "some task"))
    assert not np.array_equal(drawn, draws_of(spy, samples, 200, "another task"))
