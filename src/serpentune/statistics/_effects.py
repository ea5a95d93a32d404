"""Floor 7, statistics: how large a difference is on a scale that doesn't depend on the unit."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from serpentune.statistics._finding import EffectSize, Finding, Interval, observations, pairs


def cohens_d(a: ArrayLike, b: ArrayLike) -> Finding:
    """By how many pooled standard deviations does b's mean exceed a's? For independent samples (Cohen 1988).

    Not defined, with the reason, where a sample has one value only or neither has any spread.

    Raises:
        ValueError: a sample is empty or holds NaN.
    """
    first, second = observations(a), observations(b)
    count = len(first) + len(second)
    if min(len(first), len(second)) < 2:
        return _effect("Cohen's d", None, count, "pooled standard deviation", "a sample has one value only")
    squares = (len(first) - 1) * first.var(ddof=1) + (len(second) - 1) * second.var(ddof=1)
    if np.ptp(first) == 0 and np.ptp(second) == 0:
        return _effect("Cohen's d", None, count, "pooled standard deviation", "neither sample has any spread")
    value = float((second.mean() - first.mean()) / np.sqrt(squares / (count - 2)))
    return _effect("Cohen's d", value, count, "pooled standard deviation")


def cohens_dz(a: ArrayLike, b: ArrayLike) -> Finding:
    """By how many standard deviations of the paired differences does b exceed a? For pairs (Cohen 1988).

    Not defined, with the reason, where there is one pair or all differences are the same.

    Raises:
        ValueError: there are no pairs, the lengths differ, or a value is NaN.
    """
    first, second = pairs(a, b)
    differences = second - first
    how = "standard deviation of paired differences"
    if len(differences) < 2:
        return _effect("Cohen's d_z", None, len(differences), how, "there is one pair only")
    if np.ptp(differences) == 0:
        return _effect("Cohen's d_z", None, len(differences), how, "all paired differences are the same")
    value = float(differences.mean() / differences.std(ddof=1))
    return _effect("Cohen's d_z", value, len(differences), how)


def cliffs_delta(a: ArrayLike, b: ArrayLike) -> Finding:
    """How much more often is a value of b above one of a than below? From -1 to 1, independent samples (Cliff 1993).

    The p-value is that of the two-sided Mann-Whitney test, whose statistic it rescales; both by SciPy.

    Raises:
        ValueError: a sample is empty or holds NaN.
    """
    from scipy.stats import mannwhitneyu

    first, second = observations(a), observations(b)
    count = len(first) + len(second)
    method = "Mann-Whitney U, rescaled"
    if np.ptp(np.concatenate([first, second])) == 0:
        return Finding("Cliff's delta", 0.0, count, method, p_value=1.0, effect=EffectSize("Cliff's delta", 0.0))
    test = mannwhitneyu(second, first)
    value = float(2 * test.statistic / (len(first) * len(second)) - 1)
    return Finding(
        "Cliff's delta", value, count, method, p_value=float(test.pvalue), effect=EffectSize("Cliff's delta", value)
    )


def pairing_correlation(a: ArrayLike, b: ArrayLike, *, level: float = 0.95) -> Finding:
    """How much do paired values move together? Pearson's r with Fisher's interval, by SciPy.

    Pairing helps as far as this is positive. Not defined, with the reason, where a side is constant.

    Raises:
        ValueError: there are no pairs, the lengths differ, or a value is NaN.
    """
    from scipy.stats import pearsonr

    first, second = pairs(a, b)
    what, method = "the correlation of the pairs", "Pearson's r"
    if len(first) < 2:
        return Finding(what, None, len(first), method, reason="there is one pair only")
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return Finding(what, None, len(first), method, reason="one side is constant")
    test = pearsonr(first, second)
    value = float(test.statistic)
    interval = None
    # With three pairs, or on a line, Fisher's transformation has no finite spread.
    if len(first) > 3 and abs(value) < 1 - 1e-12:
        limits = test.confidence_interval(level)
        interval = Interval(float(limits.low), float(limits.high), level)
    return Finding(what, value, len(first), method, interval)


def _effect(name: str, value: float | None, n: int, method: str, reason: str | None = None) -> Finding:
    return Finding(name, value, n, method, effect=EffectSize(name, value, reason), reason=reason)
