"""Floor 9, comparison: whether a plan holds on games like those that were really played, by playing it often."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from serpentune.common.progress import progress_bar
from serpentune.statistics import Interval, mcnemar_exact, paired_permutation, wilson_interval

TIMES = 400
"""Comparisons that are simulated of each number of games: the power is then known to 4 points."""

MOST_GAMES = 5_000
"""Beyond that many theory is good, and playing them hundreds of times takes minutes."""

_RESAMPLES = 199
_ROUNDS = 5

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Simulated:
    """The plan, tried on resampled games.

    Attributes:
        games: that the simulation asks for.
        power: how often these showed the difference.
        interval: of `power`, since it was counted in `times` simulated comparisons.
        power_of_theory: how often the games that theory asks for showed it.
        times: simulated comparisons.
    """

    games: int
    power: float
    interval: Interval
    power_of_theory: float
    times: int


@dataclass(frozen=True)
class Population:
    """Pairs to be resampled, and what is done to them to have the means of the plan.

    A game's value is replaced now and then by the best or the worst one there can be, as a better player wins games
    that the other loses; where values have no bounds all are shifted. Replacing keeps caps and ties.

    Attributes:
        a: `(n,)`, values of the one model.
        b: `(n,)`, of the other one on the same games; None where there are none, so that both are drawn from `a`.
        means: that both models shall have.
        bounds: the least and greatest value of a game; None where nothing is known.
    """

    a: Values
    b: Values | None
    means: tuple[float, float]
    bounds: tuple[float, float] | None

    def draw(self, games: int, rng: np.random.Generator) -> tuple[Values, Values]:
        """Values of `games` games of both."""
        chosen = rng.integers(0, len(self.a), games)
        if self.b is None:
            other, own = self.a, rng.integers(0, len(self.a), games)
        else:
            other, own = self.b, chosen
        return self._moved(self.a, chosen, self.means[0], rng), self._moved(other, own, self.means[1], rng)

    def _moved(self, values: Values, chosen: NDArray[np.int64], mean: float, rng: np.random.Generator) -> Values:
        drawn, missing = values[chosen], mean - float(values.mean())
        if self.bounds is None or missing == 0:
            return drawn + missing
        end = self.bounds[1] if missing > 0 else self.bounds[0]
        return np.where(rng.random(len(drawn)) < missing / (end - float(values.mean())), end, drawn)


def simulate(
    population: Population,
    games: int,
    rng: np.random.Generator,
    *,
    power: float,
    level: float,
    binary: bool,
    quiet: bool = True,
) -> Simulated:
    """How many games does it really take? Begins with `games` and goes on until the wanted power is met.

    The tests are those of a comparison: exact McNemar for wins, the paired permutation test for values.

    Args:
        population: what games are like.
        games: to begin with.
        rng: where games are drawn from.
        power: the wanted chance of showing the difference.
        level: tests are at `1 - level`.
        binary: values are wins.
        quiet: no progress bar.
    """
    from scipy.stats import norm

    z_alpha, z_power = norm.isf((1 - level) / 2), norm.ppf(power)
    at_first: float | None = None
    for last in (*[False] * (_ROUNDS - 1), True):
        shown = 0
        with progress_bar(f"Simulating {games:,} games", TIMES, quiet=quiet) as advance:
            for _ in range(TIMES):
                shown += _shows(*population.draw(games, rng), rng, level, binary=binary)
                advance()
        found = wilson_interval(shown, TIMES)
        assert found.interval is not None and found.estimate is not None
        at_first = found.estimate if at_first is None else at_first
        reached = norm.ppf(np.clip(found.estimate, 0.02, 0.98))
        following = min(max(2, ceil(games * ((z_alpha + z_power) / (z_alpha + reached)) ** 2)), MOST_GAMES)
        if last or following == games or found.interval.low <= power <= found.interval.high:
            break
        games = following
    assert at_first is not None and found.estimate is not None and found.interval is not None
    return Simulated(games, found.estimate, found.interval, at_first, TIMES)


def _shows(a: Values, b: Values, rng: np.random.Generator, level: float, *, binary: bool) -> bool:
    found = mcnemar_exact(a > 0, b > 0) if binary else paired_permutation(a, b, rng, resamples=_RESAMPLES)
    return found.p_value is not None and found.p_value <= 1 - level
