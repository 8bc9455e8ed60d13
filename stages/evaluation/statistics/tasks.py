"""From the rows of a task to estimates of its strata."""

from collections import defaultdict

import numpy as np

from stages.evaluation.statistics.estimate import Estimate, unknown
from stages.evaluation.statistics.resample import draws_of
from stages.evaluation.statistics.statistic import Statistic, statistic_of
from stages.shared.records import SampleScore


def score_of(rows: list[SampleScore]) -> float:
    """The statistic of a stratum's rows."""
    return float(_statistic(rows)(np.ones((1, len(rows)), dtype=np.int64))[0])


RESAMPLES = 2_000


def estimate_strata(rows: list[SampleScore], resamples: int = RESAMPLES) -> dict[str, Estimate]:
    """Estimates by stratum of one system on one task; their average is the task's."""
    strata: dict[str, list[SampleScore]] = defaultdict(list)
    for row in rows:
        strata[row.stratum].append(row)
    return {name: _estimate(strata[name], resamples) for name in sorted(strata)}


def _estimate(rows: list[SampleScore], resamples: int) -> Estimate:
    rows = sorted(rows, key=lambda row: row.sample)  # the draws are by place, the file's order is no matter
    number, value = len(rows), score_of(rows)
    if number < 2:
        return unknown(value, resamples)
    draws = draws_of(_statistic(rows), number, resamples, rows[0].task, rows[0].stratum)
    stretch = np.sqrt(number / (number - 1))  # drawing with replacement has (n - 1) / n of the variance
    return Estimate(value, value + stretch * (draws - value), number - 1)


def _statistic(rows: list[SampleScore]) -> Statistic:
    gold, scores = np.array([row.gold for row in rows]), np.array([row.scores for row in rows])
    return statistic_of(rows[0].statistic, gold, scores)
