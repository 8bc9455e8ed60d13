"""How often each sample is drawn: the same for every system, in every run."""

from collections.abc import Iterator

import numpy as np

from stages.evaluation.statistics.statistic import Counts, Floats, Statistic
from stages.shared.seeds import derive_seed

BLOCK = 1 << 16  # counts at a time: what the second-level cache of a core holds with room for a statistic's work


def draws_of(statistic: Statistic, samples: int, resamples: int, *names: str) -> Floats:
    """The statistic of `resamples` draws of `samples` out of as many, (resamples,). `names` alone decide the draws."""
    return np.concatenate([statistic(counts) for counts in _counts(samples, resamples, *names)])


def _counts(samples: int, resamples: int, *names: str) -> Iterator[Counts]:
    """Blocks (K, samples) of counts; memory does not grow with the number of resamples."""
    generator = np.random.default_rng(derive_seed(0, "bootstrap", *names))
    rows = max(1, BLOCK // samples)
    for start in range(0, resamples, rows):
        block = min(rows, resamples - start)
        drawn = generator.integers(samples, size=(block, samples))
        drawn += samples * np.arange(block)[:, None]
        yield np.bincount(drawn.ravel(), minlength=block * samples).reshape(block, samples)
