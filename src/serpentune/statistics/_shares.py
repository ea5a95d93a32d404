"""Floor 7, statistics: how often something happens, and whether it happens to one of a pair more than to the other."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import ArrayLike

from serpentune.statistics._finding import EffectSize, Finding, Interval


def wilson_interval(successes: int, n: int, *, level: float = 0.95) -> Finding:
    """How often does it happen? A share with its Wilson score interval, from statsmodels.

    Unlike the Wald interval it doesn't collapse at 0 or `n` successes: 0 of 50 gives [0, 0.071].

    Raises:
        ValueError: `n` is below 1 or `successes` outside 0 to `n`.
    """
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is no share")
    low, high = _wilson(successes, n, level)
    return Finding("the share", successes / n, n, "Wilson score interval", Interval(low, high, level))


def mcnemar_exact(wins_a: ArrayLike, wins_b: ArrayLike, *, level: float = 0.95) -> Finding:
    """Does b win more often than a on the same games? The exact McNemar test with a paired interval.

    The estimate is b's share minus a's. The interval is Newcombe's for paired shares, which like Wilson's doesn't
    collapse where wins are rare (Newcombe 1998, Statistics in Medicine 17:2635, method 10); neither SciPy nor
    statsmodels has it, so it is put together here from statsmodels' Wilson intervals. The effect size is Cohen's g:
    b's share of the games that only one of them won, minus a half.

    Args:
        wins_a: booleans `(n,)`.
        wins_b: booleans `(n,)`, of the same games in the same order.
        level: coverage of the interval.

    Raises:
        ValueError: there are no pairs, the lengths differ, or an entry is no boolean.
    """
    from scipy.stats import binomtest

    both, only_a, only_b, n = _counts(wins_a, wins_b)
    discordant = only_a + only_b
    if discordant:
        p_value = float(binomtest(only_b, discordant, 0.5).pvalue)
        effect = EffectSize("Cohen's g", only_b / discordant - 0.5)
    else:
        p_value = 1.0
        effect = EffectSize("Cohen's g", None, "no pair differs")
    return Finding(
        "the difference in shares (b minus a)",
        (only_b - only_a) / n,
        n,
        "exact McNemar test, Newcombe's paired interval",
        _newcombe(both, only_a, only_b, n, level),
        p_value,
        effect,
    )


def newcombe_interval(wins_a: ArrayLike, wins_b: ArrayLike, *, level: float) -> Interval:
    """The interval of `mcnemar_exact` alone; arguments and errors as there."""
    return _newcombe(*_counts(wins_a, wins_b), level)


def _counts(wins_a: ArrayLike, wins_b: ArrayLike) -> tuple[int, int, int, int]:
    """Pairs that both won, that only a won, that only b won, and all of them."""
    a, b = np.asarray(wins_a), np.asarray(wins_b)
    if a.dtype != np.bool_ or b.dtype != np.bool_ or a.ndim != 1 or a.shape != b.shape or not len(a):
        raise ValueError("two lists of booleans of one length are needed, with at least one pair")
    return int((a & b).sum()), int((a & ~b).sum()), int((b & ~a).sum()), len(a)


def _wilson(successes: int, n: int, level: float) -> tuple[float, float]:
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(successes, n, alpha=1 - level, method="wilson")
    # At the ends rounding leaves 1e-18 instead of the exact limit.
    return (0.0 if successes == 0 else float(low)), (1.0 if successes == n else float(high))


def _newcombe(both: int, only_a: int, only_b: int, n: int, level: float) -> Interval:
    """Method 10 of Newcombe 1998: the Wilson limits of both shares, joined through the pairs' correlation."""
    neither = n - both - only_a - only_b
    wins_a, wins_b = both + only_a, both + only_b
    share_a, share_b = wins_a / n, wins_b / n
    low_a, high_a = _wilson(wins_a, n, level)
    low_b, high_b = _wilson(wins_b, n, level)
    margins = wins_a * (n - wins_a) * wins_b * (n - wins_b)
    excess = both * neither - only_a * only_b
    # The continuity correction of method 10: a positive correlation is believed only as far as it exceeds n / 2.
    corrected = max(excess - n / 2, 0.0) if excess > 0 else float(excess)
    phi = corrected / sqrt(margins) if margins else 0.0
    difference = share_b - share_a
    below = _joined(share_b - low_b, high_a - share_a, phi)
    above = _joined(high_b - share_b, share_a - low_a, phi)
    return Interval(max(difference - below, -1.0), min(difference + above, 1.0), level)


def _joined(first: float, second: float, correlation: float) -> float:
    return sqrt(max(first**2 - 2 * correlation * first * second + second**2, 0.0))
