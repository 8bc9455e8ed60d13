"""Averages, differences, intervals and p-values of estimates."""

import numpy as np
import pytest
from scipy import stats

from stages.evaluation.statistics import Estimate, average, averages, difference, holm, unknown


def normal(value, spread, freedom=1e6, resamples=2_000, seed=0):
    draws = np.random.default_rng([seed, int(1e6 * spread)]).normal(value, spread, resamples)
    return Estimate(value, draws, freedom)


def test_interval_of_many_samples_is_the_percentile_interval():
    estimate = normal(0.5, 0.1)
    assert estimate.interval() == pytest.approx(np.quantile(estimate.draws, [0.025, 0.975]), abs=0.002)


@pytest.mark.parametrize("freedom", [2, 4, 9, 30])
def test_interval_of_few_samples_is_as_wide_as_students(freedom):
    low, high = normal(0.5, 0.1, freedom, resamples=200_000).interval()
    assert (high - low) / 2 == pytest.approx(0.1 * stats.t.ppf(0.975, freedom), rel=0.03)


@pytest.mark.parametrize("freedom", [1, 2, 4, 9, 1000])
@pytest.mark.parametrize("resamples", [100, 2_000])
def test_p_is_below_005_if_and_only_if_the_interval_leaves_zero_out(freedom, resamples):
    decisions = set()
    for seed, ratio in enumerate(np.linspace(-16, 16, 161) if freedom == 1 else np.linspace(-5, 5, 201)):
        estimate = normal(ratio, 1, freedom, resamples, seed)
        low, high = estimate.interval()
        assert (estimate.p_value() < 0.05) == (not low <= 0 <= high)
        decisions.add(low > 0)
        decisions.add(high < 0)
    assert decisions == {False, True}


def test_p_goes_on_falling_where_no_draw_reaches_zero():
    values = [normal(value, 0.1).p_value() for value in (0.1, 0.2, 0.4, 0.6, 0.8)]
    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(0.3, abs=0.05)
    assert values[-1] < 1e-10


def test_no_difference_at_all_has_p_1_and_an_empty_interval():
    same = Estimate(0.0, np.zeros(2_000), 99)
    assert (same.p_value(), same.interval()) == (1, (0, 0))


def test_the_same_difference_in_every_draw_is_beyond_chance():
    assert Estimate(0.1, np.full(2_000, 0.1), 9).p_value() < 1e-10


def test_average_has_the_variance_of_independent_parts():
    parts = [normal(0.1 * place, 0.1, seed=place) for place in range(4)]
    mean = average(parts)
    assert mean.value == pytest.approx(0.15)
    assert mean.draws.std() == pytest.approx(0.05, rel=0.05)


def test_average_of_equal_parts_adds_up_their_degrees_of_freedom():
    parts = [normal(0, 0.1, 9, seed=place) for place in range(11)]
    assert average(parts).freedom == pytest.approx(99, rel=0.02)
    assert average([normal(0, 1, 9), normal(0, 1e-6, 9)]).freedom == pytest.approx(9)
    assert average([Estimate(1.0, np.ones(100), 9), Estimate(0.0, np.zeros(100), 4)]).freedom == 4


def test_difference_is_second_minus_first_draw_by_draw():
    first, second = normal(0.2, 0.1, 20), normal(0.5, 0.1, 10)
    change = difference(first, second)
    assert change.value == pytest.approx(0.3)
    assert np.array_equal(change.draws, second.draws - first.draws)
    assert change.freedom == 10


def test_what_hangs_on_an_unknown_estimate_is_unknown():
    tasks = {"A": normal(0.1, 0.1), "B": unknown(0.3, 2_000), "C": normal(0.5, 0.1)}
    means = averages(tasks, {"A": "STS", "B": "STS", "C": "Retrieval"})
    assert (means.types["STS"].value, means.mean_task.value) == pytest.approx((0.2, 0.3))
    for estimate in (
        tasks["B"],
        means.types["STS"],
        means.mean_task,
        means.mean_type,
        difference(tasks["B"], tasks["A"]),
    ):
        assert not estimate.known
        assert estimate.interval() is estimate.p_value() is None
    assert means.types["Retrieval"].known


def test_each_type_counts_once_in_the_mean_over_types():
    tasks = {name: normal(value, 0.01) for name, value in (("A", 0.1), ("B", 0.3), ("C", 0.8))}
    means = averages(tasks, {"A": "STS", "B": "STS", "C": "Retrieval"})
    assert means.mean_task.value == pytest.approx(0.4)
    assert means.mean_type.value == pytest.approx(0.5)
    assert list(means.types) == ["STS", "Retrieval"]


def test_holm_multiplies_by_what_is_left_and_never_falls():
    given = {"a": 0.03, "b": 0.001, "c": 0.02, "d": None}
    assert holm(given) == pytest.approx({"a": 0.04, "b": 0.003, "c": 0.04, "d": None})
    assert holm({"a": 0.9, "b": 0.8}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}
