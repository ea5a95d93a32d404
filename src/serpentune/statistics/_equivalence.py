"""Floor 7, statistics: whether two players are the same for all that matters, not only not shown to differ."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from serpentune.statistics._effects import cohens_dz
from serpentune.statistics._finding import Finding, Interval, pairs, plain
from serpentune.statistics._means import RESAMPLES
from serpentune.statistics._shares import newcombe_interval
from serpentune.statistics._studentised import FEWEST_UNLIKE
from serpentune.statistics._within import checked, difference_bounds, mean_within


def equivalence(
    a: ArrayLike,
    b: ArrayLike,
    rng: np.random.Generator,
    *,
    margin: float,
    level: float = 0.95,
    bounds: tuple[float, float] | None = None,
    resamples: int = RESAMPLES,
) -> Finding:
    """Does b differ from a by less than `margin`? Two one-sided tests, TOST (Schuirmann 1987), for paired values.

    The p-value is that of "they differ by `margin` or more": p <= 1 - level says the same as "the interval of the
    finding lies inside ±margin", and then "the same" may be said. For values the interval is that of
    `paired_mean_interval`, for booleans Newcombe's of `mcnemar_exact`, and where hardly any pairs differ the one that
    follows from how few they are: two models that won all of 50 games may still differ by 5 points, of 59 they don't.

    The whole interval at 1 - alpha has to lie inside the margin, where the usual TOST asks for that at 1 - 2 alpha: of
    wins that go together the usual one says "the same" too often (docs/statistics.md).

    Args:
        a: `(n,)`, values or booleans.
        b: `(n,)`, of the same pairs.
        rng: where the resamples are drawn from; booleans need none.
        margin: the difference from which on it matters, in the unit of the values; a share for booleans.
        level: 1 - alpha, alpha being the chance to call players the same who differ by `margin`.
        bounds: the least and the greatest value that an observation can take; those of booleans are known.
        resamples: bootstrap samples.

    Raises:
        ValueError: there are no pairs, the lengths differ, a value is NaN or infinite or lies outside the bounds,
            `margin` is not positive, or `level` is not between 0 and 1.
    """
    if not 0 < margin < np.inf:
        raise ValueError(f"a margin of {margin} leaves nothing to show; it lies above 0")
    if not 0 < level < 1:
        raise ValueError("the level lies between 0 and 1")
    first, second = pairs(a, b)
    differences = second - first
    shares = np.asarray(a).dtype == np.bool_ and np.asarray(b).dtype == np.bool_
    reason = None
    if shares and len(first) - np.unique(differences, return_counts=True)[1].max() >= FEWEST_UNLIKE:
        interval: Interval | None = newcombe_interval(first > 0, second > 0, level=level)
        p_value: float | None = _by_newcombe(first > 0, second > 0, margin)
        method = "Newcombe's paired interval"
    else:
        span = difference_bounds((0.0, 1.0) if shares else checked(bounds, first, second))
        found = mean_within(differences, rng, level, resamples, span, margin)
        interval, p_value, method, reason = found.interval, found.inside, found.method, found.reason
    what = "difference in shares" if shares else "mean difference"
    return Finding(
        f"the {what} (b minus a), against a margin of ±{plain(margin)},",
        float(differences.mean()),
        len(first),
        f"TOST by {method}" if interval is not None else method,
        interval,
        p_value,
        cohens_dz(first, second).effect,
        reason,
    )


def _by_newcombe(a: NDArray[np.bool_], b: NDArray[np.bool_], margin: float) -> float:
    """1 minus the greatest level at which Newcombe's interval lies inside the margin."""
    from scipy.optimize import brentq

    def room(alpha: float) -> float:
        interval = newcombe_interval(a, b, level=1 - alpha)
        return margin - max(-interval.low, interval.high)

    least, most = 1e-9, 1 - 1e-9
    if room(least) >= 0:
        return least
    return 1.0 if room(most) <= 0 else float(brentq(room, least, most, xtol=1e-9))
