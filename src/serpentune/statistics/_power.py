"""Floor 7, statistics: how many pairs it takes to see a difference."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2

from serpentune.statistics._finding import plain

_LEAST_EFFECT = 0.001


@dataclass(frozen=True)
class PairsNeeded:
    """How many pairs would show an effect.

    Attributes:
        effect: Cohen's d_z that the plan is for; None where it isn't defined.
        needed: pairs in all; None where no number is enough or can be told.
        more: pairs beyond those already there; None with `needed`.
        n: pairs already there.
        power: chance of showing the effect with `needed` pairs, if it is real and that large.
        alpha: two-sided level of the test.
        method: how the number was found.
        reason: why `needed` is None; None where it is a number.
    """

    effect: float | None
    needed: int | None
    more: int | None
    n: int
    power: float
    alpha: float
    method: str
    reason: str | None = None

    def sentence(self) -> str:
        """The plan in plain words."""
        if self.needed is None or self.more is None or self.effect is None:
            return f"How many more pairs are needed can't be told: {self.reason}."
        chance = f"a chance of {plain(100 * self.power)}% to show it"
        return (
            f"If the effect is really d_z = {plain(self.effect)}, {self.needed:,} pairs give {chance} at level "
            f"{plain(self.alpha)}: {self.more:,} more than the {self.n:,} there are ({self.method})."
        )


def pairs_needed(effect: float | None, *, n: int = 0, power: float = 0.8, alpha: float = 0.05) -> PairsNeeded:
    """How many pairs, and how many more than `n`, give the paired test this power? By statsmodels' `TTestPower`.

    A planning aid: an effect measured on few pairs is itself uncertain, and so is the number. Never fewer than
    `fewest_pairs(alpha)`, below which the permutation test can't reach the level whatever the games show.

    Args:
        effect: Cohen's d_z; its sign doesn't matter. None is passed through with a reason,
            and so is one below 0.001.
        n: pairs already there.
        power: the wanted chance of showing the effect.
        alpha: two-sided level.

    Raises:
        ValueError: `power` or `alpha` is not between 0 and 1.
    """
    from statsmodels.stats.power import TTestPower

    if not (0 < alpha < 1 and alpha < power < 1):
        raise ValueError("alpha and power lie between 0 and 1, and the power above alpha")
    method = "normal theory of the paired t-test"
    if effect is None:
        return PairsNeeded(None, None, None, n, power, alpha, method, "the effect size isn't defined")
    if abs(effect) < _LEAST_EFFECT:
        reason = f"d_z is below {_LEAST_EFFECT}: no effect, or one that takes millions of pairs"
        return PairsNeeded(effect, None, None, n, power, alpha, method, reason)
    theory = TTestPower()
    needed = fewest_pairs(alpha)
    if theory.power(abs(effect), needed, alpha) < power:
        needed = ceil(float(theory.solve_power(effect_size=abs(effect), alpha=alpha, power=power)))
    return PairsNeeded(effect, needed, max(needed - n, 0), n, power, alpha, method)


def fewest_pairs(alpha: float = 0.05) -> int:
    """The fewest pairs with which a sign-flip or exact McNemar test can reach p <= alpha: 2 / 2^n <= alpha."""
    if not 0 < alpha < 1:
        raise ValueError("alpha lies between 0 and 1")
    return ceil(log2(2 / alpha))
