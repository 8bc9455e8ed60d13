"""The statistics that main scores are made of, as functions of how often each sample was drawn.

Each is called with counts (K draws, n samples) whose rows add up to n, and returns (K,): what the statistic would be of
the samples written out as often. Sorting happens once, when the statistic is made, so that a draw takes O(n).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]  # whole numbers: their running sums take a quarter of the time
Statistic = Callable[[Counts], Floats]


def statistic_of(name: str, gold: Floats, scores: Floats) -> Statistic:
    """The statistic called `name` in SampleScore, of gold (n,) and scores (n, W)."""
    if name == "average_precision":
        return average_precision(gold, scores)
    if name == "mean":
        return mean(scores[:, 0])
    return {"pearson": pearson, "spearman": spearman}[name](gold, scores[:, 0])


def mean(values: Floats) -> Statistic:
    """The mean of values (n,)."""
    return lambda counts: counts.astype(float) @ values / len(values)


def pearson(gold: Floats, scores: Floats) -> Statistic:
    """Pearson's correlation; 0 where a draw has no variance, and so no correlation."""
    x, y = gold - gold.mean(), scores - scores.mean()
    moments = np.stack([x, y, x * x, y * y, x * y], axis=1)  # (n, 5)

    def of(counts: Counts) -> Floats:
        x, y, xx, yy, xy = (counts.astype(float) @ moments / len(gold)).T
        return _ratio(xy - x * y, np.sqrt(np.clip((xx - x * x) * (yy - y * y), 0, None)))

    return of


def spearman(gold: Floats, scores: Floats) -> Statistic:
    """Pearson's correlation of the ranks that the samples have within the draw, equal values sharing the middle one."""
    by_gold, by_score = _Groups(gold), _Groups(scores)

    def of(counts: Counts) -> Floats:
        gold_counts, score_counts = by_gold.totals(counts), by_score.totals(counts)
        gold_ranks, score_ranks = _centred_ranks(gold_counts), _centred_ranks(score_counts)
        weighted = counts * score_ranks.take(by_score.of, axis=1)
        shared = (weighted * gold_ranks.take(by_gold.of, axis=1)).sum(axis=1)
        spread = (gold_counts * gold_ranks**2).sum(axis=1) * (score_counts * score_ranks**2).sum(axis=1)
        return _ratio(shared, np.sqrt(spread))

    return of


def average_precision(labels: Floats, scores: Floats) -> Statistic:
    """Average precision of scores (n, W) that rank the positives (label above 0), of the best of W ways to compare."""
    ways = [_average_precision(labels > 0, way) for way in scores.T]
    return lambda counts: np.max([way(counts) for way in ways], axis=0)


def _average_precision(positive: NDArray[np.bool_], scores: Floats) -> Statistic:
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(positive[order])
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))  # a threshold cannot split equal scores
    ends = ends[np.diff(hits[ends], prepend=0) > 0]  # and one without a new positive adds nothing
    positives, found_by = order[positive[order]], hits[ends] - 1

    def of(counts: Counts) -> Floats:
        retrieved = counts.take(order, axis=1).cumsum(axis=1).take(ends, axis=1)
        found = counts.take(positives, axis=1).cumsum(axis=1).take(found_by, axis=1)
        gained = np.diff(found, axis=1, prepend=0)
        return _ratio((gained * _ratio(found, retrieved)).sum(axis=1), found[:, -1])

    return of


class _Groups:
    """Samples in ascending order of their values, where equal values make one group."""

    def __init__(self, values: Floats):
        _, self.of, sizes = np.unique(values, return_inverse=True, return_counts=True)  # of: (n,) a sample's group
        self._order = np.argsort(self.of, kind="stable")
        self._ends = None if len(sizes) == len(values) else np.cumsum(sizes) - 1

    def totals(self, counts: Counts) -> Counts:
        """Counts (K, n) added up by group, (K, groups)."""
        ordered = counts.take(self._order, axis=1)
        if self._ends is None:
            return ordered
        return np.diff(ordered.cumsum(axis=1).take(self._ends, axis=1), axis=1, prepend=0)


def _centred_ranks(counts: Counts) -> Floats:
    """Middle ranks of groups (K, groups) that hold `counts` samples, less their mean, (n + 1) / 2."""
    upto = counts.cumsum(axis=1)
    return upto - (counts + upto[:, -1:]) / 2


def _ratio(part: Floats | Counts, whole: Floats | Counts) -> Floats:
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)
