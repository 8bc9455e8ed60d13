"""A score with its bootstrap draws, and what follows from them: averages, differences, intervals, p-values."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, t

from stages.evaluation.statistics.statistic import Floats

LEVEL = 0.95
RESOLVED = 5  # so many draws must lie beyond a value for their share to be a probability; else a normal tail is laid on


@dataclass(frozen=True, eq=False, slots=True)
class Estimate:
    """A score, or a difference of scores.

    `draws` (R,) are stretched so that their variance is that of the score; `freedom` are that variance's degrees of
    freedom. Both are NaN where the variance is unknown, and so they are in all that is averaged from it.
    """

    value: float
    draws: Floats
    freedom: float

    @property
    def known(self) -> bool:
        return bool(np.isfinite(self.freedom))

    def interval(self) -> tuple[float, float] | None:
        """The ends of the 95% interval."""
        return (self._low(self.draws), -self._low(-self.draws)) if self.known else None

    def p_value(self) -> float | None:
        """Two-sided, for a true value of 0: below 0.05 if and only if the interval leaves 0 out."""
        return min(1.0, 2 * min(self._tail(self.draws), self._tail(-self.draws))) if self.known else None

    def _low(self, draws: Floats) -> float:
        """The end that a true value lies below with a probability of 2.5%."""
        quantile = t.ppf((1 - LEVEL) / 2, self.freedom)
        place, ordered = math.ceil(norm.cdf(quantile) * (len(draws) + 2)) - 2, np.sort(draws)
        if place >= RESOLVED:
            return float(ordered[place])
        return float(min(ordered[RESOLVED - 1], draws.mean() + quantile * draws.std()))

    def _tail(self, draws: Floats) -> float:
        """The probability of a true value of 0 or less, as `_low` sees it."""
        below = np.count_nonzero(draws <= 0)
        quantile = norm.ppf((max(below, RESOLVED) + 1) / (len(draws) + 2))
        if below < RESOLVED:
            spread = draws.std()
            quantile = min(quantile, -draws.mean() / spread) if spread > 0 else -np.inf
        return float(t.cdf(quantile, self.freedom))


def unknown(value: float, resamples: int) -> Estimate:
    """A score of which one cannot tell how sure it is."""
    return Estimate(value, np.full(resamples, np.nan), np.nan)


def average(estimates: list[Estimate]) -> Estimate:
    """The mean of independent estimates, with Satterthwaite's degrees of freedom."""
    parts = np.array([estimate.draws.var() for estimate in estimates]) / len(estimates) ** 2
    own = np.array([estimate.freedom for estimate in estimates])
    total = parts.sum()
    freedom = total**2 / (parts**2 / own).sum() if total > 0 else own.min()
    draws = np.mean([estimate.draws for estimate in estimates], axis=0)
    return Estimate(float(np.mean([estimate.value for estimate in estimates])), draws, float(freedom))


def difference(first: Estimate, second: Estimate) -> Estimate:
    """Second minus first, both of one stratum's same samples."""
    return Estimate(second.value - first.value, second.draws - first.draws, min(first.freedom, second.freedom))


def holm(p_values: dict[str, float | None]) -> dict[str, float | None]:
    """p-values corrected for how many there are (Holm 1979): 5% is then the chance of any false alarm among them."""
    known = sorted((value, name) for name, value in p_values.items() if value is not None)
    corrected: dict[str, float | None] = dict.fromkeys(p_values)
    largest = 0.0
    for rank, (value, name) in enumerate(known):
        corrected[name] = largest = max(largest, min(1.0, value * (len(known) - rank)))
    return corrected
