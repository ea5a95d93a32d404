"""Floor 7, statistics: how many games, or training seeds, a difference of a given size takes."""

from __future__ import annotations

from math import ceil, sqrt

from serpentune.statistics._power import fewest_pairs, pairs_needed

_LARGEST_EFFECT = 5.0
"""Cohen's d beyond which two or three of each side are enough, and SciPy's non-central t is no number any more."""


def games_for_shares(
    first: float, second: float, *, power: float = 0.8, alpha: float = 0.05, correlation: float | None = None
) -> int:
    """How many games, of each side, tell two shares apart?

    Unpaired by statsmodels' `NormalIndPower` on Cohen's h. Paired, with the correlation of the wins of a pair, by
    Connor's formula for McNemar's test (1987, Biometrics 43:207), which neither SciPy nor statsmodels has; and as many
    that `fewest_pairs(alpha)` pairs can be expected to differ, below which the exact test shows nothing.

    Args:
        first: the one share, 0 to 1.
        second: the other one.
        power: the wanted chance of showing the difference.
        alpha: two-sided level.
        correlation: of the wins on the same game; None where the games are not the same.

    Raises:
        ValueError: a share is outside 0 to 1, both are equal, power and level are no such, or shares like these can't
            have that correlation.
    """
    from scipy.stats import norm
    from statsmodels.stats.power import NormalIndPower
    from statsmodels.stats.proportion import proportion_effectsize

    _check(power, alpha)
    if not (0 <= first <= 1 and 0 <= second <= 1) or first == second:
        raise ValueError("two different shares between 0 and 1 are needed")
    if correlation is None:
        effect = abs(float(proportion_effectsize(first, second)))
        return max(2, ceil(float(NormalIndPower().solve_power(effect, power=power, alpha=alpha))))
    least, most = correlation_range(first, second)
    if not least <= correlation <= most:
        raise ValueError(f"wins of {first} and {second} correlate by {least:.2f} to {most:.2f}, not by {correlation}")
    spread = sqrt(first * (1 - first) * second * (1 - second))
    differing = first + second - 2 * (first * second + correlation * spread)
    difference = abs(second - first)
    z_alpha, z_power = float(norm.isf(alpha / 2)), float(norm.ppf(power))
    root = z_alpha * sqrt(differing) + z_power * sqrt(max(differing - difference**2, 0.0))
    return max(ceil((root / difference) ** 2), ceil(fewest_pairs(alpha) / differing))


def correlation_range(first: float, second: float) -> tuple[float, float]:
    """Between which limits the correlation of two shares' wins lies; it can be 1 only where they are equal."""
    spread = sqrt(first * (1 - first) * second * (1 - second))
    if spread == 0:
        return 0.0, 0.0
    least = max(0.0, first + second - 1) - first * second
    most = min(first, second) - first * second
    return least / spread, most / spread


def games_for_means(
    difference: float, deviation: float, *, power: float = 0.8, alpha: float = 0.05, correlation: float | None = None
) -> int:
    """How many games, of each side, tell two means apart? Normal theory, by statsmodels.

    The same question of methods: with the students' means as values, unpaired, the answer is training seeds a method.

    Args:
        difference: of the means; its sign doesn't matter.
        deviation: standard deviation of a single game, taken to be the same on both sides.
        power: the wanted chance of showing the difference.
        alpha: two-sided level.
        correlation: of the values of the same game, below 1; None where the games are not the same.

    Raises:
        ValueError: the difference is 0, the deviation is not positive, or power, level or correlation are no such.
    """
    from statsmodels.stats.power import TTestIndPower

    _check(power, alpha)
    if difference == 0 or not deviation > 0:
        raise ValueError("a difference other than 0 and a standard deviation above 0 are needed")
    if correlation is None:
        effect = min(abs(difference) / deviation, _LARGEST_EFFECT)
        theory = TTestIndPower()
        if theory.power(effect, 2, alpha) >= power:
            return 2
        return ceil(float(theory.solve_power(effect, power=power, alpha=alpha)))
    if not -1 <= correlation < 1:
        raise ValueError(f"a correlation of {correlation} leaves no differences between pairs")
    effect = abs(difference) / (deviation * sqrt(2 * (1 - correlation)))
    needed = pairs_needed(effect, power=power, alpha=alpha)
    if needed is None:
        raise ValueError(f"a difference of {difference} is too small beside a deviation of {deviation} to plan for")
    return needed


def _check(power: float, alpha: float) -> None:
    if not 0 < alpha < power < 1:
        raise ValueError("alpha and power lie between 0 and 1, and the power above alpha")
