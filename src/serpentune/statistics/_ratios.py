"""Floor 7, statistics: ratios of sums over games, as values by which games are compared."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from serpentune.statistics._effects import cohens_dz
from serpentune.statistics._finding import Finding, Interval, pairs
from serpentune.statistics._means import RESAMPLES, paired_permutation

_NOISE = 1e-11
"""Relative size of what rounding leaves."""


def ratio_parts(above: ArrayLike, below: ArrayLike) -> NDArray[np.float64]:
    """Each game's part in a ratio of sums, float64 `(n,)`: their mean is sum(above) / sum(below).

    By a game's part less the ratio the ratio moves, times n - 1, when the game is left out (the jackknife, Quenouille
    1956), but for a small constant. So what is known of means of paired values holds for ratios: "fatal moves per 1,000
    moves" is compared by games, although a long game says more of it than a short one. Where all games have the same
    below, the part is the game's own ratio.

    Args:
        above: `(n,)`, what is counted in each game.
        below: `(n,)`, of how many, each above 0.

    Raises:
        ValueError: the lengths differ, there are no games, a value is NaN or infinite, or one of below isn't above 0.
    """
    hits, tries = pairs(above, below)
    if (tries <= 0).any():
        raise ValueError("each game of a ratio needs something below it")
    ratio, own = hits.sum() / tries.sum(), hits / tries
    if np.ptp(own) <= _NOISE * abs(ratio):
        return np.full(len(own), own[0])  # rounding is no spread
    if np.ptp(tries) == 0:
        return np.asarray(own, np.float64)
    moved = (len(hits) - 1) * (ratio - (hits.sum() - hits) / (tries.sum() - tries))
    return np.asarray(ratio + moved - moved.mean(), np.float64)


def parts_difference(
    a: ArrayLike, b: ArrayLike, rng: np.random.Generator, *, level: float = 0.95, resamples: int = RESAMPLES
) -> Finding:
    """How much larger is the ratio of b than that of a, on the same games? From the `ratio_parts` of both.

    The interval is the paired t-interval, by SciPy: a bootstrap of parts is too sure, as few games hold most of what is
    rare (tests/statistics/test_ratios.py: 90% of its 95% intervals cover, of these 94%). The p-value is the larger one
    of the paired t-test and of the sign-flip permutation test, so that a handful of games never shows anything. There
    is no interval, with the reason, where there is one game or all differences are the same.

    Raises:
        ValueError: there are no pairs, the lengths differ, or a value is NaN or infinite.
    """
    from scipy.stats import ttest_rel

    first, second = pairs(a, b)
    what, effect = "the difference of the ratios (b minus a)", cohens_dz(first, second).effect
    flipped = paired_permutation(first, second, rng, resamples=resamples)
    if len(first) < 2 or np.ptp(second - first) == 0:
        reason = "there is one pair only" if len(first) < 2 else "all paired differences are the same"
        return Finding(
            what, flipped.estimate, len(first), flipped.method, None, flipped.p_value, effect, f"no interval: {reason}"
        )
    test = ttest_rel(second, first)
    limits = test.confidence_interval(level)
    return Finding(
        what,
        float(second.mean() - first.mean()),
        len(first),
        f"the larger p of paired t-test and {flipped.method}, t-interval; jackknife parts of games",
        Interval(float(limits.low), float(limits.high), level),
        max(float(test.pvalue), flipped.p_value or 0.0),
        effect,
    )
