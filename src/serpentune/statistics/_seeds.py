"""Floor 7, statistics: what can be said of a method, of which several students were trained, one for each seed.

The unit is the training seed. Students of all seeds play the same games, so a table of values has two kinds of luck in
it, that of training (rows) and that of the games (columns), and games that suit one method and not the other move all
its students at once. The variance therefore has two parts, as with two-way clusters (Cameron, Gelbach and Miller 2011):
that between seeds and that between games, less what both count. Degrees of freedom are those of Welch's test on the
students' means. A bootstrap over three to five seeds is too sure, and so is all that takes the games as given:
docs/statistics.md has the figures.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from serpentune.statistics._effects import cohens_d
from serpentune.statistics._finding import EffectSize, Finding, Interval

FEWEST_SEEDS = 3
"""Training seeds of each method without which too little is known of how much they differ.

Of two seeds intervals would be too wide to be of use, and cover less than they say all the same (docs/statistics.md).
"""

_ROUNDING = 1e-9
"""By how much a mean may seem to lie outside its bounds: parts of a ratio, say, don't add up exactly."""

_Table = NDArray[np.float64]


def seed_level_mean(a: ArrayLike, *, level: float = 0.95, bounds: tuple[float, float] | None = None) -> Finding:
    """What does a student of this method reach on average, over training seeds and games?

    There is no interval, with the reason, for fewer than three training seeds, one game, and where all students have
    the same mean.

    Args:
        a: `(seeds, games)`, the value of each student in each game; column k is the same game for all.
        level: coverage of the interval.
        bounds: the least and greatest mean that a student can have; the interval ends there.

    Raises:
        ValueError: the table is empty or not two-dimensional, a value is NaN or infinite, or a
            student's mean lies outside the bounds.
    """
    table = _table(a, bounds)
    what = f"the mean of the method ({len(table)} training seed{'s' if len(table) > 1 else ''})"
    return _finding(what, [table], float(table.mean()), table.mean(0), level, bounds)


def seed_level_difference(
    a: ArrayLike, b: ArrayLike, *, level: float = 0.95, bounds: tuple[float, float] | None = None
) -> Finding:
    """Does method b do better than method a, over training seeds and games? The games are common, the seeds are not.

    The p-value and the interval come from one t-distribution and never contradict each other. There are none, with the
    reason, where a method has fewer than three training seeds, there is one game, or no method's students differ in
    their mean. The effect size is Cohen's d between the students' means. `n` counts training seeds of both methods.

    Args:
        a: `(seeds_a, games)`, the value of each student of method a in each game.
        b: `(seeds_b, games)`, of method b in the same games.
        level: coverage of the interval.
        bounds: the least and greatest mean that a student can have; the interval ends where they end it.

    Raises:
        ValueError: a table is empty or not two-dimensional, the games differ in number, a value is NaN or infinite, or
            a student's mean lies outside the bounds.
    """
    first, second = _table(a, bounds), _table(b, bounds)
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"the same games are needed, not {first.shape[1]} and {second.shape[1]}")
    by_game = second.mean(0) - first.mean(0)
    widest = None if bounds is None else (bounds[0] - bounds[1], bounds[1] - bounds[0])
    what = f"the difference of the methods' means (b minus a; {len(second)} and {len(first)} training seeds)"
    estimate = float(second.mean() - first.mean())
    effect = cohens_d(first.mean(1), second.mean(1)).effect
    return _finding(what, [first, second], estimate, by_game, level, widest, effect=effect, tested=True)


def _table(values: ArrayLike, bounds: tuple[float, float] | None) -> _Table:
    table = np.asarray(values, np.float64)
    if table.ndim != 2 or not table.size:
        raise ValueError(f"a table of training seeds by games is needed, not an array of shape {table.shape}")
    if not np.isfinite(table).all():
        raise ValueError("an observation is NaN or infinite")
    means = table.mean(1)
    if bounds is not None and not (bounds[0] - _ROUNDING <= means.min() and means.max() <= bounds[1] + _ROUNDING):
        raise ValueError(f"a student's mean lies outside the bounds {bounds[0]} to {bounds[1]}")
    return table


def _finding(
    what: str,
    tables: list[_Table],
    estimate: float,
    by_game: NDArray[np.float64],
    level: float,
    bounds: tuple[float, float] | None,
    *,
    effect: EffectSize | None = None,
    tested: bool = False,
) -> Finding:
    """The finding on an estimate to which every game contributes an entry of `by_game` and every table its rows."""
    from scipy.stats import t

    n = sum(map(len, tables))
    reason = _missing(tables)
    if reason is not None:
        return Finding(what, estimate, n, "no interval", effect=effect, reason=reason)
    # The variance of the estimate that comes from the seeds of each method, with its degrees of freedom.
    seeds = [(float(table.mean(1).var(ddof=1)) / len(table), len(table) - 1) for table in tables]
    of_seeds = sum(part for part, _ in seeds)
    both = sum(_residual(table) for table in tables)
    of_games = max(float(by_game.var(ddof=1)) / len(by_game) - both, 0.0)
    # Games add variance but no freedom: where few seeds happen to be alike, the games would make them look like many.
    freedom = of_seeds**2 / sum(part**2 / df for part, df in seeds)
    error = sqrt(of_seeds + of_games)
    half = float(t.ppf((1 + level) / 2, freedom)) * error
    low, high = estimate - half, estimate + half
    if bounds is not None:
        low, high = max(low, bounds[0]), min(high, bounds[1])
    p_value = float(2 * t.sf(abs(estimate) / error, freedom)) if tested else None
    method = f"t-interval over training seeds and games, {freedom:.1f} degrees of freedom"
    return Finding(what, estimate, n, method, Interval(low, high, level), p_value, effect)


def _residual(table: _Table) -> float:
    """What neither the student nor the game explains, as a part of the variance of the table's mean."""
    seeds, games = table.shape
    rest = table - table.mean(1, keepdims=True) - table.mean(0) + table.mean()
    return float((rest**2).sum() / ((seeds - 1) * (games - 1) * table.size))


def _missing(tables: list[_Table]) -> str | None:
    """Why there is no interval; None where there is one."""
    fewest = min(map(len, tables))
    if fewest < FEWEST_SEEDS:
        return (
            f"{fewest} training seed{' does' if fewest == 1 else 's do'}n't show how much training seeds differ: at "
            f"least {FEWEST_SEEDS} of each method are needed, and 5 for an interval that isn't very wide"
        )
    if tables[0].shape[1] < 2:
        return "there is one game only"
    if all(np.ptp(table.mean(1)) == 0 for table in tables):
        return "all students of a method have the same mean, so nothing is seen of how much training seeds differ"
    return None
