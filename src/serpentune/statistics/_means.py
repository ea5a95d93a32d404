"""Floor 7, statistics: how large a mean is, and whether paired means differ, without assuming a bell curve."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from serpentune.statistics._effects import cohens_dz
from serpentune.statistics._finding import EffectSize, Finding, Interval, observations, pairs
from serpentune.statistics._studentised import METHOD, Studentised
from serpentune.statistics._within import checked, difference_bounds, mean_within

RESAMPLES = 9_999
"""Bootstrap samples and sign patterns; with the observed one that makes 10,000, so the least p-value is 0.0001."""

MOST_RESAMPLES = 999_999
"""More take minutes for each test of a thousand games."""

_BATCH_ELEMENTS = 2_000_000
"""Resampled values held in memory at once."""


def resamples_for(level: float, *, tests: int = 1) -> int:
    """How many resamples an interval of this level, and a test that is one of a family of `tests`, ask for.

    Never fewer than `RESAMPLES`. The least p-value that resampling can give, times the number of tests, is at most half
    of `1 - level`, so that Holm's correction leaves something to be shown; and beyond each end of the interval there
    are ten resamples or more.

    Raises:
        ValueError: they would be more than `MOST_RESAMPLES`.
    """
    alpha = 1 - level
    needed = max(RESAMPLES, ceil(max(2 * tests, 20) / alpha - 1e-6) - 1)
    if needed > MOST_RESAMPLES:
        raise ValueError(f"a level of {level} over {tests} tests takes {needed:,} resamples, above {MOST_RESAMPLES:,}")
    return needed


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


def mean_interval(
    values: ArrayLike,
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    bounds: tuple[float, float] | None = None,
) -> Finding:
    """How large is the mean? With an interval that holds for skewed values and for few large ones (`_studentised`).

    Where fewer than five values are unlike the most frequent one, no resampling can tell how far the others may lie.
    Then, with `bounds`, the interval is what follows from how few they are: at most a share w of all values is unlike,
    w being the exact binomial limit, and lies anywhere within the bounds. Without bounds there is none, and a reason.

    Args:
        values: `(n,)`.
        rng: where the resamples are drawn from.
        level: coverage of the interval.
        resamples: bootstrap samples.
        bounds: the least and greatest value that an observation can take; the interval stays within them.

    Raises:
        ValueError: there are no values, one is NaN or infinite, or one lies outside the bounds.
    """
    array = observations(values)
    found = mean_within(array, rng, level, resamples, checked(bounds, array))
    return Finding("the mean", float(array.mean()), len(array), found.method, found.interval, reason=found.reason)


def paired_mean_interval(
    a: ArrayLike,
    b: ArrayLike,
    rng: np.random.Generator,
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    bounds: tuple[float, float] | None = None,
) -> Finding:
    """By how much does b exceed a on the same games, on average? `mean_interval` of the paired differences.

    Args and errors as in `mean_interval`; `bounds` are those of a single observation. The effect size is Cohen's d_z.
    """
    first, second = pairs(a, b)
    span = difference_bounds(checked(bounds, first, second))
    found = mean_within(second - first, rng, level, resamples, span)
    return Finding(
        "the mean difference (b minus a)",
        float((second - first).mean()),
        len(first),
        f"{found.method}, of paired differences" if found.interval is not None else found.method,
        found.interval,
        effect=_dz(first, second),
        reason=found.reason,
    )


def bca_interval(
    values: ArrayLike,
    rng: np.random.Generator,
    statistic: Callable[..., Any],
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
) -> Finding:
    """How large is a statistic of these values? With its BCa bootstrap interval (Efron 1987), by SciPy.

    For statistics that have no standard error, such as the interquartile mean; means have `mean_interval`, which holds
    where BCa doesn't. Where BCa is not defined although the values differ, the percentile bootstrap takes its place and
    `method` says so; where all values are equal there is no interval, with the reason.

    Args:
        values: `(n,)`.
        rng: where the resamples are drawn from.
        statistic: takes an array and `axis`.
        level: coverage of the interval.
        resamples: bootstrap samples.

    Raises:
        ValueError: there are no values, or one is NaN or infinite.
    """
    array = observations(values)
    name = f"the {getattr(statistic, '__name__', 'statistic').replace('_', ' ')}"
    estimate = float(statistic(array, axis=-1))
    if len(array) > 1 and np.ptp(array) > 0:
        interval, method = _bca(array, statistic, rng, level, resamples)
        return Finding(name, estimate, len(array), method, interval)
    what = "all values are equal" if len(array) > 1 else "there is one value only"
    return Finding(name, estimate, len(array), "no interval", reason=f"{what}, so the bootstrap sees no spread")


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

    The estimate is all successes over all trials, its interval that of `_studentised`. Treating decisions as
    independent makes the interval far too narrow, since a game holds hundreds of them. Games without trials are left
    out.

    Where so few games differ from the rest that resamples see no spread, the bootstrap knows no limit. That end, and
    `method` says so, is Clopper and Pearson's (1934) of as many observations as there are games: decisions of a game
    can't be more alike than all the same, so no other errors that come in few games could reach further. Games of
    unlike length count as Kish's effective number of them (1965, "Survey Sampling", section 11.7).

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
    if len(tries) < 2 or np.ptp(hits / tries) == 0:
        reason = f"every {cluster} has the same share, so the bootstrap sees no spread between {cluster}s"
        return Finding(quantity, estimate, len(tries), "no interval", reason=reason)
    limits, method = Studentised.of(hits, rng, resamples, tries).interval(level), f"{METHOD}, over {cluster}s"
    low, high = limits.low, limits.high
    if not np.isfinite([low, high]).all():
        least, most = _as_one_observation_each(estimate, tries, level)
        low, high = (low if np.isfinite(low) else least), (high if np.isfinite(high) else most)
        method = f"{method}; Clopper-Pearson, each {cluster} one observation, where too few {cluster}s differ"
    return Finding(quantity, estimate, len(tries), method, Interval(max(low, 0.0), min(high, 1.0), level))


def _as_one_observation_each(share: float, tries: NDArray[np.float64], level: float) -> tuple[float, float]:
    """Clopper and Pearson's limits of a share between 0 and 1, of Kish's effective number of clusters."""
    from statsmodels.stats.proportion import proportion_confint

    effective = float(tries.sum() ** 2 / (tries**2).sum())
    low, high = proportion_confint(share * effective, effective, alpha=1 - level, method="beta")
    return float(low), float(high)


def _dz(a: NDArray[np.float64], b: NDArray[np.float64]) -> EffectSize | None:
    return cohens_dz(a, b).effect


def _bca(
    values: NDArray[np.float64],
    statistic: Callable[..., Any],
    rng: np.random.Generator,
    level: float,
    resamples: int,
) -> tuple[Interval, str]:
    """The BCa interval of values that differ, or the percentile interval where BCa is NaN, and which of them it is."""
    from scipy.stats import DegenerateDataWarning, bootstrap

    def limits(method: str) -> tuple[float, float]:
        # NaN limits are seen below; warnings would tell the user nothing that the method's name doesn't.
        with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
            warnings.simplefilter("ignore", DegenerateDataWarning)
            found = bootstrap(
                (values,),
                statistic,
                n_resamples=resamples,
                batch=max(1, _BATCH_ELEMENTS // len(values)),
                confidence_level=level,
                method=method,
                rng=rng,
            ).confidence_interval
        return float(found.low), float(found.high)

    for method, name in (("BCa", "BCa bootstrap"), ("percentile", "percentile bootstrap (BCa is not defined)")):
        low, high = limits(method)
        if np.isfinite([low, high]).all():
            return Interval(low, high, level), name
    raise ArithmeticError("the percentile bootstrap of finite values is finite")
