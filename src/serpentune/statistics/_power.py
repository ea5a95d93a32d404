"""Floor 7, statistics: how many pairs it takes to see a difference."""

from __future__ import annotations

from math import ceil, log2

_LEAST_EFFECT = 0.001


def pairs_needed(effect: float | None, *, power: float = 0.8, alpha: float = 0.05) -> int | None:
    """How many pairs give the paired test this power? By statsmodels' `TTestPower`, normal theory.

    A planning aid: an effect measured on few pairs is itself uncertain, and so is the number. Never fewer than
    `fewest_pairs(alpha)`, below which the permutation test can't reach the level whatever the games show.

    Args:
        effect: Cohen's d_z; its sign doesn't matter.
        power: the wanted chance of showing the effect.
        alpha: two-sided level.

    Returns:
        Pairs in all; None where the effect isn't defined, or is below 0.001 and would take millions.

    Raises:
        ValueError: `power` or `alpha` is not between 0 and 1.
    """
    from statsmodels.stats.power import TTestPower

    if not (0 < alpha < 1 and alpha < power < 1):
        raise ValueError("alpha and power lie between 0 and 1, and the power above alpha")
    if effect is None or abs(effect) < _LEAST_EFFECT:
        return None
    theory = TTestPower()
    fewest = fewest_pairs(alpha)
    if theory.power(abs(effect), fewest, alpha) >= power:
        return fewest
    return ceil(float(theory.solve_power(effect_size=abs(effect), alpha=alpha, power=power)))


def fewest_pairs(alpha: float = 0.05) -> int:
    """The fewest pairs with which a sign-flip or exact McNemar test can reach p <= alpha: 2 / 2^n <= alpha."""
    if not 0 < alpha < 1:
        raise ValueError("alpha lies between 0 and 1")
    return ceil(log2(2 / alpha))
