"""Floor 7, statistics: the interval of a mean or of a share of clusters, that holds for skew and for heavy tails.

Two intervals see different dangers. The bootstrap-t (Efron 1982; DiCiccio and Efron 1996, Statistical Science 11:189)
follows the skew of scores that are mostly 0 or mostly full, where the t-interval covers too seldom. The t-interval
holds for paired differences, symmetric with a few large ones, where bootstraps cover too seldom, since they take the
chance skew of a sample for a real one. So of both ends the farther one is taken. docs/statistics.md has the figures.
Neither SciPy nor statsmodels has a bootstrap-t.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from serpentune.statistics._finding import Interval

FEWEST_UNLIKE = 5
"""Values unlike the most frequent one from which on the spread is believed.

With five, fewer than one resample in a hundred (e^-5) has none of them; with one to four, a rare large value that
happens not to have come yet would go unnoticed too often (docs/statistics.md).
"""

METHOD = "bootstrap-t and t, the wider of both"

_BATCH_ELEMENTS = 2_000_000
"""Resampled values held in memory at once."""


@dataclass(frozen=True)
class Studentised:
    """A ratio of sums, its standard error, and how far off in standard errors resampled ratios are.

    Attributes:
        estimate: sum of numerators over sum of denominators; the mean where all denominators are 1.
        error: its standard error over clusters, linearised (Cochran 1977, section 6.3); that of the mean likewise.
        n: clusters.
        resampled: `(resamples,)`, ascending; infinite where a resample has no spread.
    """

    estimate: float
    error: float
    n: int
    resampled: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        numerators: NDArray[np.float64],
        rng: np.random.Generator,
        resamples: int,
        denominators: NDArray[np.float64] | None = None,
    ) -> Studentised:
        """Of two clusters or more, `(n,)`, that differ."""
        n = len(numerators)
        weights = np.ones(n) if denominators is None else denominators
        estimate = float(numerators.sum() / weights.sum())
        rest = numerators - estimate * weights
        error = sqrt(float((rest**2).sum()) * n / (n - 1)) / float(weights.sum())
        distances = np.empty(resamples)
        step = max(1, _BATCH_ELEMENTS // n)
        for start in range(0, resamples, step):
            drawn = rng.integers(0, n, (min(step, resamples - start), n))
            distances[start : start + step] = _distances(rest[drawn], weights[drawn], error)
        return cls(estimate, error, n, np.sort(distances))

    def interval(self, level: float) -> Interval:
        """The wider of both intervals; an end is infinite where too many resamples have no spread."""
        from scipy.stats import t

        rank = int((len(self.resampled) + 1) * (1 - level) / 2 + 1e-9)
        if rank < 1:
            raise ValueError(f"{len(self.resampled)} resamples are too few for a level of {level}")
        usual = float(t.ppf((1 + level) / 2, self.n - 1))
        most = max(usual, float(self.resampled[-rank]))
        least = min(-usual, float(self.resampled[rank - 1]))
        return Interval(self.estimate - most * self.error, self.estimate - least * self.error, level)

    def p_value(self, low: float, high: float) -> float:
        """1 minus the greatest level at which the interval lies between `low` and `high`."""
        from scipy.stats import t

        count = len(self.resampled) + 1
        below = (high - self.estimate) / self.error
        above = (self.estimate - low) / self.error
        tails = (
            float(t.sf(below, self.n - 1)),
            float(t.sf(above, self.n - 1)),
            float((np.searchsorted(self.resampled, -below, side="right") + 1) / count),
            float((count - np.searchsorted(self.resampled, above, side="left")) / count),
        )
        return min(2 * max(tails), 1.0)


def _distances(rest: NDArray[np.float64], weights: NDArray[np.float64], error: float) -> NDArray[np.float64]:
    """`(batch,)` from what is left of each cluster after the estimate, `(batch, n)`, and its weight."""
    n, total = rest.shape[1], weights.sum(axis=1)
    off = rest.sum(axis=1) / total
    own = rest - off[:, None] * weights
    errors = np.sqrt((own**2).sum(axis=1) * n / (n - 1)) / total
    # Clusters that are all alike leave no more than rounding.
    flat = errors <= 1e-9 * error
    errors[flat] = 1
    return np.where(flat, np.where(np.abs(off) <= 1e-9 * error, 0.0, np.copysign(np.inf, off)), off / errors)
