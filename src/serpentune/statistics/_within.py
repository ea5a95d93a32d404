"""Floor 7, statistics: the mean of values of which the least and the greatest possible one may be known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serpentune.statistics._finding import Interval, plain
from serpentune.statistics._studentised import FEWEST_UNLIKE, METHOD, Studentised

Bounds = tuple[float, float]


def checked(bounds: Bounds | None, *arrays: NDArray[np.float64]) -> Bounds | None:
    """`bounds` as they are.

    Raises:
        ValueError: a value lies outside them.
    """
    if bounds is not None and any(array.min() < bounds[0] or bounds[1] < array.max() for array in arrays):
        raise ValueError(f"a value lies outside the bounds {bounds[0]} to {bounds[1]}")
    return bounds


def difference_bounds(bounds: Bounds | None) -> Bounds | None:
    """What the difference of two values within the bounds can be."""
    return None if bounds is None else (bounds[0] - bounds[1], bounds[1] - bounds[0])


@dataclass(frozen=True)
class MeanWithin:
    """What is known of a mean.

    Attributes:
        interval: None where `reason` says why.
        method: as in `Finding`.
        inside: p-value of "the mean doesn't lie between -margin and margin"; None without a margin or an interval.
        reason: None where there is an interval.
    """

    interval: Interval | None
    method: str
    inside: float | None = None
    reason: str | None = None


def mean_within(
    values: NDArray[np.float64],
    rng: np.random.Generator,
    level: float,
    resamples: int,
    bounds: Bounds | None,
    margin: float | None = None,
) -> MeanWithin:
    """The interval of the mean of `values` `(n,)`, and with a margin the p-value of lying outside it.

    The p-value is at most 1 - level exactly where the interval lies inside the margin.
    """
    seen, counts = np.unique(values, return_counts=True)
    usual, unlike = float(seen[counts.argmax()]), int(len(values) - counts.max())
    if unlike < FEWEST_UNLIKE:
        return _by_count(usual, unlike, len(values), level, bounds, margin)
    found = Studentised.of(values, rng, resamples)
    interval = _clipped(found.interval(level), bounds)
    if not np.isfinite([interval.low, interval.high]).all():
        reason = f"too few values differ for an interval of {plain(100 * level)}%"
        return MeanWithin(None, "no interval", reason=reason)
    return MeanWithin(interval, METHOD, None if margin is None else found.p_value(-margin, margin))


def _by_count(
    usual: float, unlike: int, n: int, level: float, bounds: Bounds | None, margin: float | None
) -> MeanWithin:
    """All values but `unlike` are `usual`: how many of all could be unlike, and what if they lay as far as can be?"""
    from scipy.stats import binomtest

    seen = f"{unlike} of {n} values {'is' if unlike == 1 else 'are'} unlike the most frequent one"
    if n == 1:
        seen = "there is one value only"
    if bounds is None:
        return MeanWithin(
            None, "no interval", reason=f"{seen}, too few to tell how far values can lie where no bounds are known"
        )
    method = f"exact binomial limit of how many values are unlike the usual one ({unlike} of {n})"
    below, above = usual - bounds[0], bounds[1] - usual
    most = float(binomtest(unlike, n, alternative="less").proportion_ci(level).high)
    interval = Interval(usual - most * below, usual + most * above, level)
    if margin is None:
        return MeanWithin(interval, method)
    # The least share of unlike values with which the mean can lie at the margin.
    room = [(margin - usual, above), (margin + usual, below)]
    share = min((needed / reach if reach > 0 else np.inf) for needed, reach in room)
    inside = 1.0 if abs(usual) >= margin else 0.0 if share > 1 else float(binomtest(unlike, n, share, "less").pvalue)
    return MeanWithin(interval, method, inside)


def _clipped(interval: Interval, bounds: Bounds | None) -> Interval:
    if bounds is None:
        return interval
    return Interval(max(interval.low, bounds[0]), min(interval.high, bounds[1]), interval.level)
