"""Simulated pairs of systems with a known difference, in the shapes that mteb's scores have.

The true difference is that of infinitely many samples, exact or by quadrature. Systems err alike: their latent values
are normal and correlated. Letters in comments: n samples.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.integrate import quad
from scipy.stats import norm

from stages.shared.records import SampleScore

Rows = list[SampleScore]
ALIKE = 0.7  # correlation of two systems' errors
STRATUM = "test/default"


class Shape(NamedTuple):
    """One kind of task."""

    truth: float  # second system's score minus the first's
    draw: Callable[[np.random.Generator, str], tuple[Rows, Rows]]  # called with the task's name


def ranking(samples: int) -> Shape:
    """nDCG@10 of queries with one relevant document: many zeros and ones, the discount of a rank between them."""
    values = np.array([0, *(1 / np.log2(1 + rank) for rank in range(10, 0, -1))])
    cuts = norm.ppf(np.cumsum([0.35, *[0.30 / 9] * 9]))  # the last 0.35 are ones
    better = 0.15

    def score(shift: float) -> float:
        return float(values @ np.diff(norm.cdf([-np.inf, *(cuts - shift), np.inf])))

    def draw(generator: np.random.Generator, task: str) -> tuple[Rows, Rows]:
        latent = _alike(generator, samples) + np.array([[0], [better]])
        first, second = values[np.searchsorted(cuts, latent)]
        return _rows(task, "mean", first), _rows(task, "mean", second)

    return Shape(score(better) - score(0), draw)


def accuracy(samples: int, classifiers: int = 10) -> Shape:
    """The share of ten classifiers that get a text right: most texts are easy or hopeless."""
    means, spread = np.array([[0.6], [0.8]]), 2.0
    scores = norm.cdf(means[:, 0] / np.sqrt(1 + spread**2))

    def draw(generator: np.random.Generator, task: str) -> tuple[Rows, Rows]:
        chance = norm.cdf(means + spread * _alike(generator, samples))
        first, second = generator.binomial(classifiers, chance) / classifiers
        return _rows(task, "mean", first), _rows(task, "mean", second)

    return Shape(float(scores[1] - scores[0]), draw)


def similarity(samples: int) -> Shape:
    """Spearman's correlation with grades that people gave in steps of 0.5 from 0 to 5."""
    correlations, cuts = np.array([0.60, 0.65]), np.linspace(-2, 2, 10)

    def score(correlation: float) -> float:
        ends = np.array([-np.inf, *cuts, np.inf])
        below = norm.cdf(ends)
        middle = (below[1:] + below[:-1]) / 2  # the grade's rank, as a share
        slope = correlation / np.sqrt(2 - correlation**2)  # of the score's expected rank on the latent grade
        parts = [quad(lambda x: norm.cdf(slope * x) * norm.pdf(x), *pair)[0] for pair in pairwise(ends)]
        spread = np.diff(below) @ (middle - 0.5) ** 2
        return float((middle - 0.5) @ parts / np.sqrt(spread / 12))

    def draw(generator: np.random.Generator, task: str) -> tuple[Rows, Rows]:
        latent = generator.standard_normal(samples)
        noise = _alike(generator, samples)
        grades = np.searchsorted(cuts, latent) / 2
        systems = correlations[:, None] * latent + np.sqrt(1 - correlations[:, None] ** 2) * noise
        return tuple(_rows(task, "spearman", system, grades) for system in systems)

    return Shape(score(correlations[1]) - score(correlations[0]), draw)


def pairs(samples: int) -> Shape:
    """Average precision of pairs, three of ten of them positive, whose scores lie apart by about their spread."""
    apart, share = np.array([1.0, 1.2]), 0.3

    def score(distance: float) -> float:
        def precision(x: float) -> float:
            found = share * norm.sf(x - distance)
            return found / (found + (1 - share) * norm.sf(x)) * norm.pdf(x - distance)

        return quad(precision, -10, 15)[0]

    def draw(generator: np.random.Generator, task: str) -> tuple[Rows, Rows]:
        labels = (generator.random(samples) < share).astype(float)
        systems = _alike(generator, samples) + apart[:, None] * labels
        return tuple(_rows(task, "average_precision", system, labels) for system in systems)

    return Shape(score(apart[1]) - score(apart[0]), draw)


def clusterings(samples: int = 10) -> Shape:
    """V-measures of clusterings of samples of the texts, which the two systems share."""
    means, spread = np.array([[0.40], [0.41]]), 0.02

    def draw(generator: np.random.Generator, task: str) -> tuple[Rows, Rows]:
        first, second = means + spread * _alike(generator, samples)
        return _rows(task, "mean", first), _rows(task, "mean", second)

    return Shape(float(means[1, 0] - means[0, 0]), draw)


def _alike(generator: np.random.Generator, samples: int) -> np.ndarray:
    """Standard normal values of both systems, (2, n)."""
    shared = generator.standard_normal(samples)
    return np.sqrt(ALIKE) * shared + np.sqrt(1 - ALIKE) * generator.standard_normal((2, samples))


def _rows(task: str, statistic: str, scores: np.ndarray, gold: np.ndarray | None = None) -> Rows:
    golds = np.zeros(len(scores)) if gold is None else gold
    values = zip(golds.tolist(), scores.tolist(), strict=True)
    return [
        SampleScore(task, STRATUM, str(place), statistic, own, [score]) for place, (own, score) in enumerate(values)
    ]
