"""How often the 95% interval holds the true difference of two simulated systems.

A shape makes the rows of a pair of systems that meet the same samples: what they have in common, a query's difficulty,
moves both. The true difference is that of a very large sample.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from stages.evaluation.statistics import Estimate, averages, difference, estimate_strata, unknown
from stages.evaluation.statistics.statistic import statistic_of
from stages.shared.records import SampleScore
from stages.shared.seeds import derive_seed

GAINS = np.array([0, *1 / np.log2(np.arange(11, 1, -1))])  # nDCG of one relevant document: not found, rank 10 to 1
LARGE, REPEATS = 100_000, 20  # of the sample whose difference is taken for the true one

Generator = np.random.Generator
Make = Callable[[Generator, int], tuple[str, np.ndarray, np.ndarray]]
"""Statistic, gold (n,) and scores of two systems in some ways to compare (2, n, W)."""


def queries(generator: Generator, samples: int) -> tuple[str, np.ndarray, np.ndarray]:
    """nDCG@10 of queries: a quarter of them 0, as many 1."""
    latent = 0.8 * generator.normal(size=samples) + 0.6 * generator.normal(size=(2, samples)) + _each(0, 0.15)
    places = np.clip(np.floor((latent + 0.9) * 6), 0, 10).astype(int)
    return "mean", np.zeros(samples), GAINS[places][..., None]


def shares(generator: Generator, samples: int) -> tuple[str, np.ndarray, np.ndarray]:
    """The share of ten classifiers that got a text right."""
    latent = 2 * generator.normal(size=samples) + 0.7 * generator.normal(size=(2, samples)) + _each(1.5, 1.6)
    return "mean", np.zeros(samples), generator.binomial(10, 1 / (1 + np.exp(-latent)))[..., None] / 10


def clusterings(generator: Generator, samples: int) -> tuple[str, np.ndarray, np.ndarray]:
    """V-measures that differ little from one clustering to the next."""
    noise = 0.6 * generator.normal(size=samples) + 0.8 * generator.normal(size=(2, samples))
    return "mean", np.zeros(samples), (_each(0.30, 0.31) + 0.01 * noise)[..., None]


def summaries(generator: Generator, samples: int) -> tuple[str, np.ndarray, np.ndarray]:
    """A rank correlation for each text."""
    noise = 0.3 * generator.normal(size=samples) + 0.2 * generator.normal(size=(2, samples))
    return "mean", np.zeros(samples), np.tanh(_each(0.30, 0.33) + noise)[..., None]


def grades(generator: Generator, samples: int) -> tuple[str, np.ndarray, np.ndarray]:
    """Similarity graded 0 to 5 in steps of 0.2, and two correlated guesses at it."""
    meaning, common = generator.normal(size=(2, samples))
    guesses = np.tanh(_each(1.0, 1.15) * meaning + 0.6 * common + 0.5 * generator.normal(size=(2, samples)))
    return "spearman", np.round(np.clip(2.5 + 1.3 * meaning, 0, 5) * 5) / 5, guesses[..., None]


def pairs(
    generator: Generator, samples: int, *, share: float = 0.25, distances: tuple = (1.5, 1.65), ways: int = 5
) -> tuple[str, np.ndarray, np.ndarray]:
    """Labels with this share of positives, which lie at these distances from the negatives; several ways to compare."""
    labels, common = (generator.uniform(size=samples) < share) * 1.0, generator.normal(size=samples)
    nearness = _each(*distances) * labels + 0.6 * common + 0.6 * generator.normal(size=(2, samples))
    return "average_precision", labels, nearness[..., None] + 0.1 * generator.normal(size=(2, samples, ways))


def _each(first: float, second: float) -> np.ndarray:
    """A number for each system, (2, 1)."""
    return np.array([[first], [second]])


SHAPES: dict[str, list[tuple[str, Make, int]]] = {
    "nDCG of 50 queries": [("Retrieval", queries, 50)],
    "nDCG of 68 queries": [("Retrieval", queries, 68)],
    "nDCG of 300 queries": [("Retrieval", queries, 300)],
    "nDCG of 2000 queries": [("Retrieval", queries, 2000)],
    "accuracy of 200 texts": [("Classification", shares, 200)],
    "accuracy of 2000 texts": [("Classification", shares, 2000)],
    "Spearman of 200 pairs": [("STS", grades, 200)],
    "Spearman of 1500 pairs": [("STS", grades, 1500)],
    "average precision of 1000 pairs": [("PairClassification", pairs, 1000)],
    "10 clusterings": [("Clustering", clusterings, 10)],
    "100 summarised texts": [("Summarization", summaries, 100)],
    "mean of 11 clustering tasks": [("Clustering", clusterings, 10)] * 11,
    "mean over 5 types": [
        ("Retrieval", queries, 50),
        ("Retrieval", queries, 300),
        ("Classification", shares, 200),
        ("STS", grades, 200),
        ("PairClassification", partial(pairs, ways=1), 300),
        ("Clustering", clusterings, 10),
    ],
}
"""Task types, makers and sizes of what is averaged (over types, where there are several)."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Shares of simulated pairs of systems."""

    held: float  # whose true difference lies in the interval
    above: float  # whose interval lies above it
    held_first: float  # whose first system's true score lies in its interval
    false_alarm: float  # with p below 0.05 for the true difference as the hypothesis


def simulate_coverage(shape: str, *, systems: int = 500, resamples: int = 2_000, seed: int = 0) -> Coverage:
    """Simulate pairs of systems of one of SHAPES and count."""
    tasks = SHAPES[shape]
    truths = [_true_scores(make) for _, make, _ in tasks]
    true_first, true_second = (_mean([unknown(truth[place], 1) for truth in truths], tasks).value for place in (0, 1))
    held = above = held_first = alarms = 0
    for number in range(systems):
        generator = np.random.default_rng(derive_seed(seed, shape, number))
        estimates = [
            _estimate(make, size, generator, f"{number}/{place}", resamples)
            for place, (_, make, size) in enumerate(tasks)
        ]
        first, change = (_mean([pair[side] for pair in estimates], tasks) for side in (0, 1))
        low, high = change.interval()
        truth = true_second - true_first
        held += low <= truth <= high
        above += truth < low
        held_first += first.interval()[0] <= true_first <= first.interval()[1]
        alarms += Estimate(change.value - truth, change.draws - truth, change.freedom).p_value() < 0.05
    return Coverage(*(count / systems for count in (held, above, held_first, alarms)))


def _estimate(make: Make, size: int, generator: Generator, name: str, resamples: int) -> tuple[Estimate, Estimate]:
    first, second = (estimate_strata(rows, resamples)["test"] for rows in _rows(*make(generator, size), name))
    return first, difference(first, second)


def _rows(statistic: str, gold: np.ndarray, scores: np.ndarray, name: str) -> list[list[SampleScore]]:
    return [
        [
            SampleScore(name, "test", f"{place:06d}", statistic, *row)
            for place, row in enumerate(zip(gold, of_system, strict=True))
        ]
        for of_system in scores
    ]


def _true_scores(make: Make) -> np.ndarray:
    """The two systems' scores on samples too many to differ, (2,)."""
    once = np.ones((1, LARGE), dtype=np.int64)
    draws = [make(np.random.default_rng(derive_seed(1, "truth", number)), LARGE) for number in range(REPEATS)]
    return np.mean([[statistic_of(name, gold, own)(once)[0] for own in scores] for name, gold, scores in draws], axis=0)


def _mean(estimates: list[Estimate], tasks: list) -> Estimate:
    named = {str(place): estimate for place, estimate in enumerate(estimates)}
    return averages(named, {str(place): kind for place, (kind, _, _) in enumerate(tasks)}).mean_type
