"""Floor 7, statistics: how large a mean is, and whether paired means differ, without assuming a bell curve."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from serpentune.statistics._effects import cohens_dz
from serpentune.statistics._finding import EffectSize, Finding, Interval, observations, pairs
from serpentune.statistics._shares import wilson_interval

RESAMPLES = 9_999
"""Bootstrap samples and sign patterns; with the observed one that makes 10,000, so the least p-value is 0.0001."""

_BATCH_ELEMENTS = 2_000_000
"""Resampled values held in memory at once."""


def interquartile_mean(values: ArrayLike, axis: int = -1) -> Any:
    """The mean without the lowest and the highest quarter, by SciPy's `trim_mean`.

    Nearly as steady as the mean, and nearly as deaf to a few extreme values as the median, which is why evaluations of
    players that learn report it (Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical
    Precipice"). Of each end as many whole values are left out as a quarter holds.

    Args:
        values: `(..., n)`.
        axis: along which the mean is taken.
    """
    from scipy.stats import trim_mean

    return trim_mean(values, 0.25, axis=axis)


def bca_interval(
    values: ArrayLike,
    rng: np.random.Generator,
    statistic: Callable[..., Any] = np.mean,
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    bounds: tuple[float, float] | None = None,
) -> Finding:
    """How large is a statistic of these values? With its BCa bootstrap interval (Efron 1987), by SciPy.

    Fallbacks, each named in `method`: where BCa is not defined although the values differ, the percentile bootstrap;
    where all values are equal the bootstrap sees no spread at all, which is no proof that there is none, so with
    `bounds` the mean's interval comes from Wilson's upper limit w for 0 of n: a share of at most w of games could
    have been anywhere within the bounds. Without bounds, or for another statistic, the interval is None.

    With few and very skewed values it is somewhat too sure: where most games end before the first apple and a few go on
    for long, about 92% of the 95% intervals from 100 games cover the mean (tests/statistics/test_calibration.py).

    Args:
        values: `(n,)`.
        rng: where the resamples are drawn from.
        statistic: takes an array and `axis`.
        level: coverage of the interval.
        resamples: bootstrap samples.
        bounds: the least and greatest value that an observation can take, used for the mean only.

    Raises:
        ValueError: there are no values, one is NaN or infinite, or one lies outside the bounds.
    """
    array = observations(values)
    name = f"the {getattr(statistic, '__name__', 'statistic').replace('_', ' ')}"
    estimate = float(statistic(array, axis=-1))
    if bounds is not None and not (bounds[0] <= array.min() and array.max() <= bounds[1]):
        raise ValueError(f"a value lies outside the bounds {bounds[0]} to {bounds[1]}")
    if len(array) > 1 and np.ptp(array) > 0:
        interval, method = _bootstrap((array,), statistic, rng, level, resamples)
        return Finding(name, estimate, len(array), method, interval)
    what = "all values are equal" if len(array) > 1 else "there is one value only"
    if bounds is None or statistic is not np.mean:
        return Finding(name, estimate, len(array), "no interval", reason=f"{what}, so the bootstrap sees no spread")
    unseen = wilson_interval(0, len(array), level=level).interval
    assert unseen is not None
    interval = Interval(
        estimate - unseen.high * (estimate - bounds[0]), estimate + unseen.high * (bounds[1] - estimate), level
    )
    return Finding(name, estimate, len(array), f"Wilson bound on unseen values ({what})", interval)


def bca_paired_interval(
    a: ArrayLike,
    b: ArrayLike,
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    bounds: tuple[float, float] | None = None,
) -> Finding:
    """How much larger is b than a on the same games? The mean of the paired differences with its BCa interval.

    Fallbacks and `bounds` (of a single observation, not of a difference) as in `bca_interval`; the effect size is d_z.

    Raises:
        ValueError: as `bca_interval`, or the lengths differ.
    """
    first, second = pairs(a, b)
    span = None if bounds is None else (bounds[0] - bounds[1], bounds[1] - bounds[0])
    found = bca_interval(second - first, rng, level=level, resamples=resamples, bounds=span)
    return Finding(
        "the mean difference (b minus a)",
        found.estimate,
        found.n,
        f"{found.method} of paired differences",
        found.interval,
        effect=_dz(first, second),
        reason=found.reason,
    )


def paired_permutation(a: ArrayLike, b: ArrayLike, rng: np.random.Generator, *, resamples: int = RESAMPLES) -> Finding:
    """Is the mean paired difference more than chance? The two-sided sign-flip permutation test, by SciPy.

    If a and b are exchangeable within each pair, every sign of every difference is as likely as the other. Equal
    pairs change nothing under a flip and are left out of the enumeration. With k unequal pairs the test is exact
    while 2^k <= resamples + 1; beyond, `resamples` random patterns give p = (hits + 1) / (resamples + 1), which
    keeps the test valid (Phipson and Smyth 2010).

    Raises:
        ValueError: there are no pairs, the lengths differ, or a value is NaN or infinite.
    """
    from scipy.stats import permutation_test

    first, second = pairs(a, b)
    differences = second - first
    estimate = float(differences.mean())
    unequal = differences[differences != 0]
    effect = _dz(first, second)
    what = "the mean difference (b minus a)"
    if not len(unequal):
        method = "paired permutation test (no pair differs)"
        return Finding(what, estimate, len(first), method, p_value=1.0, effect=effect)
    if len(unequal) == 1:
        # Both signs give the same size; SciPy takes two observations or more.
        return Finding(what, estimate, len(first), "paired permutation test (exact)", p_value=1.0, effect=effect)
    exact = len(unequal) < 60 and 2 ** len(unequal) <= resamples + 1

    def size_of_sum(x: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
        # Sums of integers are exact, so ties with the observed value stay ties; means would round.
        return np.asarray(np.abs(x.sum(axis=axis)))

    test = permutation_test(
        (unequal,),
        size_of_sum,
        permutation_type="samples",
        alternative="greater",
        vectorized=True,
        n_resamples=np.inf if exact else resamples,
        batch=max(1, _BATCH_ELEMENTS // len(unequal)),
        rng=rng,
    )
    how = "exact" if exact else f"Monte Carlo, {resamples:,} sign patterns"
    method = f"paired permutation test ({how})"
    return Finding(what, estimate, len(first), method, p_value=min(float(test.pvalue), 1.0), effect=effect)


def clustered_share(
    successes: ArrayLike,
    trials: ArrayLike,
    rng: np.random.Generator,
    *,
    cluster: str = "game",
    level: float = 0.95,
    resamples: int = RESAMPLES,
) -> Finding:
    """What share of decisions is right, when decisions of one game resemble each other? Games are resampled whole.

    The estimate is all successes over all trials. Treating decisions as independent makes the interval far too
    narrow, since a game holds hundreds of them. Games without trials are left out.

    Args:
        successes: `(games,)`, at most `trials`.
        trials: `(games,)`.
        rng: where the resamples are drawn from.
        cluster: what a game is called in the finding, where decisions come together in something else.
        level: coverage of the interval.
        resamples: bootstrap samples.

    Raises:
        ValueError: the lengths differ, there are no games, or a game has more successes than trials.
    """
    hits, tries = pairs(successes, trials)
    if (hits < 0).any() or (hits > tries).any():
        raise ValueError(f"a {cluster} has more successes than trials, or fewer than none")
    hits, tries = hits[tries > 0], tries[tries > 0]
    quantity = f"the share, {cluster}s resampled whole,"
    if not len(tries):
        return Finding(quantity, None, 0, "no interval", reason="nothing was tried")
    estimate = float(hits.sum() / tries.sum())
    shares = hits / tries
    if len(tries) < 2 or np.ptp(shares) == 0:
        reason = f"every {cluster} has the same share, so the bootstrap sees no spread between {cluster}s"
        return Finding(quantity, estimate, len(tries), "no interval", reason=reason)

    def share(hit: NDArray[np.float64], tried: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
        return np.asarray(hit.sum(axis=axis) / tried.sum(axis=axis))

    interval, method = _bootstrap((hits, tries), share, rng, level, resamples)
    return Finding(quantity, estimate, len(tries), f"{method} over {cluster}s", interval)


def _dz(a: NDArray[np.float64], b: NDArray[np.float64]) -> EffectSize | None:
    return cohens_dz(a, b).effect


def _bootstrap(
    data: tuple[NDArray[np.float64], ...],
    statistic: Callable[..., Any],
    rng: np.random.Generator,
    level: float,
    resamples: int,
) -> tuple[Interval, str]:
    """The BCa interval of values that differ, or the percentile interval where BCa is NaN, and which of them it is."""
    from scipy.stats import DegenerateDataWarning, bootstrap

    def limits(method: str) -> tuple[float, float]:
        batch = max(1, _BATCH_ELEMENTS // len(data[0]))
        # NaN limits are seen below; warnings would tell the user nothing that the method's name doesn't.
        with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
            warnings.simplefilter("ignore", DegenerateDataWarning)
            found = bootstrap(
                data,
                statistic,
                n_resamples=resamples,
                batch=batch,
                confidence_level=level,
                method=method,
                paired=len(data) > 1,
                rng=rng,
            ).confidence_interval
        return float(found.low), float(found.high)

    for method, name in (("BCa", "BCa bootstrap"), ("percentile", "percentile bootstrap (BCa is not defined)")):
        low, high = limits(method)
        if np.isfinite([low, high]).all():
            return Interval(low, high, level), name
    raise ArithmeticError("the percentile bootstrap of finite values is finite")
