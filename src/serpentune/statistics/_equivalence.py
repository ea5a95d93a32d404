"""Floor 7, statistics: whether two players are the same for all that matters, not only not shown to differ."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from serpentune.statistics._effects import cohens_dz
from serpentune.statistics._finding import Finding, Interval, pairs, plain
from serpentune.statistics._shares import newcombe_interval

FEWEST_UNEQUAL = 10
"""Unequal pairs from which on their spread is believed; below, a rare large difference may just not have come yet."""


def equivalence(
    a: ArrayLike,
    b: ArrayLike,
    *,
    margin: float,
    level: float = 0.95,
    bounds: tuple[float, float] | None = None,
) -> Finding:
    """Does b differ from a by less than `margin`? Two one-sided tests, TOST (Schuirmann 1987), for paired values.

    The p-value is that of "they differ by `margin` or more": p <= 1 - level says the same as "the interval of the
    finding lies inside ±margin", and then "the same" may be said. Three methods, each named in `method`:

    - at least `FEWEST_UNEQUAL` unequal pairs of values: the paired t-interval, by statsmodels' `ttost_paired`;
    - as many unequal pairs of booleans: Newcombe's paired interval;
    - fewer unequal pairs, or all differ by the same: where means differ by `margin` and no pair can differ by more than
      `bounds` allow, at least margin / span of all pairs differ. That is tested by the exact binomial test. Values
      without bounds have no answer then, and the finding says so.

    The first two ask for the interval at 1 - alpha inside the margin, not at 1 - 2 alpha as is usual: with skewed
    scores and wins that go together the usual one says "the same" up to 11% of the time where 5% are allowed
    (docs/statistics.md).

    Args:
        a: `(n,)`, values or booleans.
        b: `(n,)`, of the same pairs.
        margin: the difference from which on it matters, in the unit of the values; a share for booleans.
        level: 1 - alpha, alpha being the chance to call players the same who differ by `margin`.
        bounds: the least and the greatest value that an observation can take; booleans need none.

    Raises:
        ValueError: there are no pairs, the lengths differ, a value is NaN or infinite or lies outside the bounds,
            `margin` is not positive, or `level` is not between 0 and 1.
    """
    if not 0 < margin < np.inf:
        raise ValueError(f"a margin of {margin} leaves nothing to show; it lies above 0")
    if not 0 < level < 1:
        raise ValueError("the level lies between 0 and 1")
    first, second = pairs(a, b)
    shares = np.asarray(a).dtype == np.bool_ and np.asarray(b).dtype == np.bool_
    low, high = bounds = (0.0, 1.0) if shares else bounds or (-np.inf, np.inf)
    if min(first.min(), second.min()) < low or max(first.max(), second.max()) > high:
        raise ValueError(f"a value lies outside the bounds {low} to {high}")
    differences = second - first
    # Where all pairs differ by one amount, that takes the place of "no difference": pairs unlike it were never seen.
    usual = float(differences[0]) if np.ptp(differences) == 0 else 0.0
    unlike = int(np.count_nonzero(differences != usual))
    if unlike < FEWEST_UNEQUAL:
        interval, p_value, method = _by_count(unlike, len(first), usual, high - low, margin, level)
    elif shares:
        interval, p_value, method = _by_newcombe(first > 0, second > 0, margin, level)
    else:
        interval, p_value, method = _by_t(first, second, margin, level)
    reason = None
    if p_value is None:
        reason = (
            f"{unlike} of {len(first)} pairs are unlike the others, and without bounds nobody knows how far a pair can "
            "differ, so a rare large difference can't be ruled out"
        )
    what = "difference in shares" if shares else "mean difference"
    return Finding(
        f"the {what} (b minus a), against a margin of ±{plain(margin)},",
        float(differences.mean()),
        len(first),
        method,
        interval,
        p_value,
        cohens_dz(first, second).effect,
        reason,
    )


_Answer = tuple[Interval | None, float | None, str]


def _by_t(a: NDArray[np.float64], b: NDArray[np.float64], margin: float, level: float) -> _Answer:
    from statsmodels.stats.weightstats import DescrStatsW, ttost_paired

    low, high = DescrStatsW(b - a).tconfint_mean(alpha=1 - level)
    p_value = float(ttost_paired(b, a, -margin, margin)[0])
    return Interval(float(low), float(high), level), min(2 * p_value, 1.0), "TOST by the paired t-interval"


def _by_newcombe(a: NDArray[np.bool_], b: NDArray[np.bool_], margin: float, level: float) -> _Answer:
    from scipy.optimize import brentq

    def room(alpha: float) -> float:
        """How far the interval's farther end lies inside the margin."""
        interval = newcombe_interval(a, b, level=1 - alpha)
        return margin - max(-interval.low, interval.high)

    least, most = 1e-9, 1 - 1e-9
    if room(least) >= 0:
        p_value = least
    elif room(most) <= 0:
        p_value = 1.0
    else:
        p_value = float(brentq(room, least, most, xtol=1e-9))
    return newcombe_interval(a, b, level=level), p_value, "TOST by Newcombe's paired interval"


def _by_count(unlike: int, n: int, usual: float, span: float, margin: float, level: float) -> _Answer:
    """All pairs but `unlike` differ by `usual`, and none by more than `span`: how far off can the mean be?"""
    from scipy.stats import binomtest

    if np.isinf(span):
        return None, None, "no interval"
    method = f"exact binomial test of how many pairs differ ({unlike} do)"
    if usual != 0:
        method = f"exact binomial test of how many pairs differ otherwise (all differ by {plain(usual)})"
    farthest = span + abs(usual)
    limit = float(binomtest(unlike, n, alternative="less").proportion_ci(level).high) * farthest
    interval = Interval(max(usual - limit, -span), min(usual + limit, span), level)
    share = (margin - abs(usual)) / farthest
    if share <= 0:
        return interval, 1.0, method
    # A margin wider than the bounds allow can't be reached, so there is nothing to rule out.
    return interval, 0.0 if share > 1 else float(binomtest(unlike, n, share, "less").pvalue), method
