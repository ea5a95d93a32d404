"""Simulated players of which the truth is known: rare wins, capped scores, ties, games of many decisions, few seeds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rng = np.random.Generator
Pair = tuple[Array, Array]

CAP = 35
"""Most apples of a game on 6x6."""


def scores(rng: Rng, games: int, chance: float, slip: float = 0.0) -> Pair:
    """Apples of two players on the same games; part of each game's difficulty is shared, and many tie at the cap.

    `chance` is the chance to die at an apple, the second player's is `slip` higher.
    """
    difficulty = rng.gamma(4, 0.25, games)
    a, b = (np.minimum(rng.geometric(np.clip(difficulty * (chance + extra), 0, 1)) - 1.0, CAP) for extra in (0, slip))
    return a, b


def nearly_full(rng: Rng, games: int, lost: float, also: float | None = None) -> Pair:
    """Apples of two players that fill the board, but for a share of lost games with any score below."""
    a, b = (np.where(rng.random(games) < share, rng.integers(0, CAP, games), CAP) for share in (lost, also or lost))
    return a.astype(float), b.astype(float)


def steps(rng: Rng, games: int) -> Array:
    """Steps a game: early deaths and long games."""
    return np.where(rng.random(games) < 0.3, rng.gamma(2, 10, games), rng.normal(350, 40, games)).round()


def wins(
    rng: Rng, games: int, first: float, second: float, common: float = 0.5
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Paired wins; a share of the games has its luck in common."""
    luck = rng.random(games)
    a, b = (np.where(rng.random(games) < common, luck, rng.random(games)) for _ in range(2))
    return a < first, b < second


def decisions(rng: Rng, games: int, share: float, alike: float, short: bool) -> Pair:
    """Right decisions and all of each game; a game has its own rate, the nearer to `share` the greater `alike`."""
    asked = 1 + (rng.geometric(0.05, games) if short else rng.binomial(200, rng.beta(2, 2, games)))
    right = rng.binomial(asked, rng.beta(share * alike, (1 - share) * alike, games))
    return right.astype(float), asked.astype(float)


@dataclass(frozen=True)
class Method:
    """What training by a method does: students differ, and some games suit it and not another method.

    Attributes:
        strength: of the average student, a logit of wins or the size of log chances to survive.
        students: standard deviation between training seeds.
        games: standard deviation of what a game is to this method alone.
        failing: share of training runs that go wrong.
    """

    strength: float = 0.8
    students: float = 0.4
    games: float = 0.3
    failing: float = 0.0

    def play(self, rng: Rng, seeds: int, common: Array, *, win: bool) -> Array:
        """`(seeds, games)` wins or scores on games of the difficulty `common`."""
        skill = self.strength + rng.normal(0, self.students, (seeds, 1)) - 2.5 * (rng.random((seeds, 1)) < self.failing)
        logits = skill + common + rng.normal(0, self.games, len(common))
        if win:
            return (rng.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(float)
        return np.asarray(np.minimum(rng.geometric(np.clip(0.05 * np.exp(-logits), 1e-4, 1)) - 1.0, CAP))


def difficulty(rng: Rng, games: int) -> Array:
    """What each game is to every student."""
    return rng.normal(0, 0.7, games)


@cache
def mean_of(method: Method, win: bool) -> float:
    """The mean over all training runs and games."""
    rng = np.random.default_rng(7)
    return float(np.mean([method.play(rng, 200, difficulty(rng, 1), win=win).mean() for _ in range(10_000)]))
