"""The statistics that main scores are made of, as functions of how often each sample was drawn.

Each is called with counts (K draws, n samples) that add up to n in each row, and returns (K,): what the statistic would be of
the samples written out as often. Sorting happens once, when the statistic is made, so that a draw takes O(n).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]


class Groups:
    """Samples in ascending order of their values, where equal values make one group."""

    def __init__(self, values: Floats):
        _, self.of, sizes = np.unique(
            values, return_inverse=True, return_counts=True
        )  # self.of: (n,) group of a sample
        self._order = np.argsort(self.of, kind="stable")
        self._starts = None if len(sizes) == len(values) else np.cumsum(sizes) - sizes

    def total(self, weights: Floats) -> Floats:
        """Weights (K, n) added up by group, (K, groups)."""
        ordered = weights[:, self._order]
        return ordered if self._starts is None else np.add.reduceat(ordered, self._starts, axis=1)


def mean(values: Floats) -> Statistic:
    """The mean of values (n,)."""
    return lambda counts: counts @ values / len(values)


def pearson(gold: Floats, scores: Floats) -> Statistic:
    """Pearson's correlation; 0 where a draw has no variance, and so no correlation."""
    x, y = gold - gold.mean(), scores - scores.mean()
    moments = np.stack([x, y, x * x, y * y, x * y], axis=1)  # (n, 5)

    def of(counts: Floats) -> Floats:
        x, y, xx, yy, xy = (counts @ moments / len(gold)).T
        return _ratio(xy - x * y, np.sqrt(np.clip((xx - x * x) * (yy - y * y), 0, None)))

    return of


def spearman(gold: Floats, scores: Floats) -> Statistic:
    """Pearson's correlation of the ranks that the samples have within the draw, equal values sharing the middle one."""
    by_gold, by_score = Groups(gold), Groups(scores)

    def of(counts: Floats) -> Floats:
        gold_counts, score_counts = by_gold.total(counts), by_score.total(counts)
        gold_ranks, score_ranks = _centred_ranks(gold_counts), _centred_ranks(score_counts)
        shared = (by_gold.total(counts * score_ranks[:, by_score.of]) * gold_ranks).sum(axis=1)
        spread = (gold_counts * gold_ranks**2).sum(axis=1) * (score_counts * score_ranks**2).sum(axis=1)
        return _ratio(shared, np.sqrt(spread))

    return of


def average_precision(labels: Floats, scores: Floats) -> Statistic:
    """Average precision of scores (n, W) that rank the positives (label above 0), of the best of W ways to compare.

    Ways that rank alike count once: for embeddings of length one cosine, dot product and Euclidean distance do.
    """
    rankings = {groups.of.tobytes(): groups for groups in map(Groups, -scores.T)}
    positive = (labels > 0).astype(float)
    ways = [_precision_of(groups, positive) for groups in rankings.values()]
    return lambda counts: np.max([way(counts) for way in ways], axis=0)


def _precision_of(ranking: Groups, positive: Floats) -> Statistic:
    hits = np.unique(ranking.of[positive > 0])  # groups without a positive add nothing

    def of(counts: Floats) -> Floats:
        retrieved = np.cumsum(ranking.total(counts), axis=1)[:, hits]
        found = ranking.total(counts * positive)[:, hits]
        precision = _ratio(np.cumsum(found, axis=1), retrieved)
        return _ratio((found * precision).sum(axis=1), found.sum(axis=1))

    return of


def _centred_ranks(counts: Floats) -> Floats:
    """Middle ranks of groups (K, groups) that hold `counts` samples, less their mean, (n + 1) / 2."""
    upto = np.cumsum(counts, axis=1)
    return upto - (counts + upto[:, -1:]) / 2


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
