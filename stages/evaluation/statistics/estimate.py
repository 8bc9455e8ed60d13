"""A score with its bootstrap draws, and what follows from them: averages, differences, intervals, p-values."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, t

from stages.evaluation.statistics.statistic import Floats

RESAMPLES = 2_000
LEVEL = 0.95
RESOLVED = 5  # draws beyond a value from which their share is a probability


@dataclass(frozen=True, eq=False, slots=True)
class Estimate:
    """A score, or a difference of scores.

    `draws` (R,) are stretched so that their variance is that of the score; `freedom` are that variance's degrees of
    freedom.
    """

    value: float
    draws: Floats
    freedom: float

    def interval(self) -> tuple[float, float]:
        """The ends of the 95% interval."""
        outside = norm.cdf(t.ppf((1 - LEVEL) / 2, self.freedom))
        low, high = np.quantile(self.draws, [outside, 1 - outside])
        return float(low), float(high)

    def p_value(self) -> float:
        """Two-sided, for a true value of 0: below 0.05 where the interval leaves 0 out."""
        return min(1.0, 2 * min(self._tail(self.draws), self._tail(-self.draws)))

    def _tail(self, draws: Floats) -> float:
        """The probability of no more than 0. Beyond the last few draws the tail is taken for that of a normal."""
        counted = (np.count_nonzero(draws <= 0) + 1) / (len(draws) + 1)
        quantile = norm.ppf(min(counted, 1 - 1e-12))
        if counted * (len(draws) + 1) <= RESOLVED:
            spread = draws.std()
            far = -draws.mean() / spread if spread > 0 else -np.inf
            quantile = min(far, norm.ppf(RESOLVED / (len(draws) + 1)))
        return float(t.cdf(quantile, self.freedom))


def average(estimates: list[Estimate]) -> Estimate:
    """The mean of independent estimates, with Satterthwaite's degrees of freedom."""
    parts = np.array([estimate.draws.var() for estimate in estimates]) / len(estimates) ** 2
    own = np.array([estimate.freedom for estimate in estimates])
    total = parts.sum()
    freedom = total**2 / (parts**2 / own).sum() if total > 0 else own.min()
    draws = np.mean([estimate.draws for estimate in estimates], axis=0)
    return Estimate(float(np.mean([estimate.value for estimate in estimates])), draws, float(freedom))


def difference(first: Estimate, second: Estimate) -> Estimate:
    """Second minus first, both of the same stratum's same samples."""
    return Estimate(second.value - first.value, second.draws - first.draws, min(first.freedom, second.freedom))


def holm(p_values: dict[str, float]) -> dict[str, float]:
    """p-values corrected for their number (Holm 1979): whichever is below 0.05 errs with 5% over all of them."""
    corrected, largest = {}, 0.0
    for rank, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        largest = max(largest, min(1.0, p_values[name] * (len(p_values) - rank)))
        corrected[name] = largest
    return {name: corrected[name] for name in p_values}
