"""Floor 9, comparison: whether a plan holds on games like those that were really played, by playing it often."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

from serpentune.common.progress import progress_bar
from serpentune.statistics import Finding, Interval, mcnemar_exact, paired_permutation, wilson_interval

TIMES = 400
"""Comparisons that are simulated of each number of games: the power is then known to 4 points."""

MOST_GAMES = 5_000
"""Beyond that many theory is good, and playing them hundreds of times takes minutes."""

_FEWEST_PATTERNS = 199
_STRICTER = 5
"""With that many times the fewest sign patterns that could reach the level, their own chance hardly costs power."""

_MOST_FLIPS = 2_500_000
"""Games times sign patterns of one test, beyond which hundreds of tests take minutes."""

_ROUNDS = 12
_LEAST_STEP = 1.04
"""By how much more games are tried than what fell short: below that the next power is the same but for chance."""

_GRID = 20_000

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Simulated:
    """The plan, tried on resampled games.

    Attributes:
        games: that the simulation asks for; the fewest that were tried and met the power.
        power: how often these showed the difference, at least the wanted share unless no number met it.
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
    """Games to be drawn: the values of both models, and how they go together.

    Each model's values are those of earlier games, raised or lowered to the mean of the plan: now and then one is
    replaced by the best or the worst one there can be, as a better player wins games that the other loses; where values
    have no bounds all are shifted. Replacing keeps caps and ties.

    Pairs have the correlation of the plan: some games are as hard for both models, whose values then have the same rank
    among their own, and in the others they have nothing to do with each other (or, for a correlation below 0, ranks
    from opposite ends).

    Attributes:
        a: `(n,)`, values of the one model.
        b: `(m,)`, of the other one.
        means: that both models shall have.
        bounds: the least and greatest value of a game; None where nothing is known.
        correlation: that pairs shall have.
    """

    a: Values
    b: Values
    means: tuple[float, float]
    bounds: tuple[float, float] | None
    correlation: float

    @cached_property
    def possible(self) -> float:
        """The correlation that pairs have: that of the plan, or the nearest one that values like these can have."""
        return self.correlation if abs(self.correlation) <= abs(self._most) else self._most

    @cached_property
    def _most(self) -> float:
        """The correlation of games that are as hard for both, or where it shall be below 0 of the opposite."""
        ranks = (np.arange(_GRID) + 0.5) / _GRID
        a, b = self._ranked(self.a, ranks, 0), self._ranked(self.b, self._other(ranks), 1)
        return float(np.corrcoef(a, b)[0, 1]) if np.ptp(a) > 0 and np.ptp(b) > 0 else 0.0

    def draw(self, games: int, rng: np.random.Generator) -> tuple[Values, Values]:
        """Values of `games` games of both."""
        ranks, own = rng.random(games), rng.random(games)
        together = rng.random(games) < (self.possible / self._most if self._most else 0.0)
        return self._ranked(self.a, ranks, 0), self._ranked(self.b, np.where(together, self._other(ranks), own), 1)

    def _other(self, ranks: Values) -> Values:
        return ranks if self.correlation >= 0 else 1 - ranks

    def _ranked(self, values: Values, ranks: Values, side: int) -> Values:
        """The values of these ranks, 0 to 1, after they were brought to the mean of the plan."""
        mean, ordered = float(values.mean()), np.sort(values)
        missing = self.means[side] - mean
        if self.bounds is None or missing == 0:
            return _at(ordered, ranks) + missing
        up = missing > 0
        end = self.bounds[1] if up else self.bounds[0]
        replaced = missing / (end - mean)
        if replaced >= 1:
            return np.full(len(ranks), end)
        # What is replaced has the highest ranks, or the lowest, and the others share the rest.
        kept = ranks < 1 - replaced if up else ranks >= replaced
        rest = (ranks if up else ranks - replaced) / (1 - replaced)
        return np.where(kept, _at(ordered, rest), end)


def _at(ordered: Values, ranks: Values) -> Values:
    at = np.clip((ranks * len(ordered)).astype(np.int64), 0, len(ordered) - 1)
    return np.asarray(ordered[at])


def too_large(games: int, level: float, *, binary: bool) -> bool:
    """Whether so many games, or a test as strict as that, take too long to be simulated."""
    return games > MOST_GAMES or (not binary and games * _patterns(level) > _MOST_FLIPS)


def _patterns(level: float) -> int:
    """Sign patterns of a permutation test: with too few of them no p-value could be at most `1 - level`."""
    return max(_FEWEST_PATTERNS, ceil(_STRICTER / (1 - level)) - 1)


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
    """How many games does it really take? Begins with `games` and goes up or down by theory.

    A number of games meets the power where at least that share of its `TIMES` comparisons shows the difference. The
    search ends where one meets it that can't be told from just meeting it, the lower end of its interval being no
    higher; the fewest games that met it are taken. Where none did, up to the most that are simulated, these are. Each
    step aims a standard error above the power, since half of the steps that aim at it fall short by chance.

    The tests are those of a comparison: exact McNemar for wins, the paired permutation test for values.

    Args:
        population: what games are like.
        games: to begin with, not `too_large`.
        rng: where games are drawn from.
        power: the wanted chance of showing the difference.
        level: tests are at `1 - level`.
        binary: values are wins.
        quiet: no progress bar.
    """
    from scipy.stats import norm

    aim = min(power + sqrt(power * (1 - power) / TIMES), (1 + power) / 2)
    z_alpha, z_aim = norm.isf((1 - level) / 2), norm.ppf(aim)
    most = MOST_GAMES if binary else min(MOST_GAMES, _MOST_FLIPS // _patterns(level))
    tried: dict[int, Finding] = {}
    at_first = games
    for _ in range(_ROUNDS):
        found = tried[games] = _power(population, games, rng, level, binary=binary, quiet=quiet)
        assert found.interval is not None and found.estimate is not None
        if found.interval.low <= power <= found.estimate:
            break
        reached = norm.ppf(np.clip(found.estimate, 0.02, 0.98))
        factor = ((z_alpha + z_aim) / max(z_alpha + reached, 0.5)) ** 2
        enough = min((number for number in tried if _met(tried[number], power)), default=most + 1)
        few = max((number for number in tried if number < enough and not _met(tried[number], power)), default=1)
        games = min(max(2, ceil(games * (factor if found.estimate >= power else max(factor, _LEAST_STEP)))), most)
        if not few < games < enough:  # theory leads out of what is still open
            games = (few + enough) // 2
        if games in tried or games > most:
            break
    games = min((number for number in tried if _met(tried[number], power)), default=max(tried))
    found, first = tried[games], tried[at_first]
    assert found.estimate is not None and found.interval is not None and first.estimate is not None
    return Simulated(games, found.estimate, found.interval, first.estimate, TIMES)


def _met(found: Finding, power: float) -> bool:
    return found.estimate is not None and found.estimate >= power


def _power(
    population: Population, games: int, rng: np.random.Generator, level: float, *, binary: bool, quiet: bool
) -> Finding:
    """How often so many games show the difference."""
    shown = 0
    with progress_bar(f"Simulating {games:,} games", TIMES, quiet=quiet) as advance:
        for _ in range(TIMES):
            shown += _shows(*population.draw(games, rng), rng, level, binary=binary)
            advance()
    return wilson_interval(shown, TIMES)


def _shows(a: Values, b: Values, rng: np.random.Generator, level: float, *, binary: bool) -> bool:
    found = mcnemar_exact(a > 0, b > 0) if binary else paired_permutation(a, b, rng, resamples=_patterns(level))
    return found.p_value is not None and found.p_value <= 1 - level
