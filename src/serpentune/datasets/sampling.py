"""Floor 4, datasets: which moments of which games become records, balanced over teachers and split by game."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serpentune.common.errors import UserError
from serpentune.datasets._replay import moves_to_next_apple
from serpentune.datasets.completions import CompletionStyle
from serpentune.datasets.records import SPLITS
from serpentune.game import GameRecord

BETWEEN_APPLES = 0.25
"""Share of plans that start between two apples; the others start where an apple has just appeared."""


@dataclass(frozen=True)
class Moment:
    """One record to be written: the state before move `step` of game `game`, answered in a style.

    `length` counts the moves from there up to and including the one that eats.
    """

    game: int
    step: int
    length: int
    style: CompletionStyle


@dataclass(frozen=True)
class Selection:
    """The chosen moments of one teacher and what was not chosen.

    Attributes:
        moments: by style, in the order of games and steps.
        candidates: moments there were to choose from, by style.
        without_apple: moves of lost games after their last apple, from which no plan can start.
        no_answer: entries of move lists from which there is nothing to learn: sentinels and reversals, which don't move
            the snake, and moves on a board without a visible apple.
    """

    moments: dict[str, list[Moment]]
    candidates: dict[str, int]
    without_apple: int
    no_answer: int


def assign_splits(keys: Sequence[str], train_share: float, seed: int) -> list[str]:
    """A split for each game; equal keys (games with the same apples) get the same one.

    What `train_share` leaves is halved between validation and test. Each split gets a game at least.

    Raises:
        UserError: `train_share` is not between 0 and 1, or there are fewer than three different games.
    """
    if not 0 < train_share < 1:
        raise UserError(f"The training share is {train_share}; it must lie between 0 and 1, such as 0.8.")
    distinct = sorted(set(keys))
    if len(distinct) < len(SPLITS):
        raise UserError(
            f"{len(distinct)} different games can't be split into {', '.join(SPLITS)}: play at least {len(SPLITS)}."
        )
    order = np.random.default_rng([seed, 0]).permutation(len(distinct))
    held_out = max(1, round(len(distinct) * (1 - train_share) / 2))
    held_out = min(held_out, (len(distinct) - 1) // 2)
    of_key = dict.fromkeys(distinct, "train")
    for name, places in (("validation", order[:held_out]), ("test", order[held_out : 2 * held_out])):
        of_key.update({distinct[place]: name for place in places})
    return [of_key[key] for key in keys]


def select(
    games: Sequence[tuple[int, GameRecord]], styles: Sequence[CompletionStyle], count: int, rng: np.random.Generator
) -> Selection:
    """Choose up to `count` moments of one teacher's games for each style.

    Args:
        games: `(index, record)`, at least one.
        styles: completion styles; whole plans start at apples and, in a share of `BETWEEN_APPLES`, between them.
        count: records wanted of each style.
        rng: decides which.
    """
    traces = [moves_to_next_apple(record) for _, record in games]
    length, at_apple, usable = (np.concatenate(column) for column in zip(*traces, strict=True))
    starts = np.cumsum([0, *(len(record.moves) for _, record in games)])
    moments: dict[str, list[Moment]] = {}
    candidates: dict[str, int] = {}
    for style in styles:
        places = np.flatnonzero(length > 0 if style.whole_plan else usable)
        candidates[style.name] = len(places)
        if style.whole_plan:
            fresh = at_apple[places]
            between = places[~fresh]
            extra = min(len(between), max(count - int(fresh.sum()), int(count * BETWEEN_APPLES)))
            chosen = np.concatenate([_draw(between, extra, rng), _draw(places[fresh], count - extra, rng)])
        else:
            chosen = _draw(places, count, rng)
        chosen.sort()
        # The game whose moves, laid end to end, hold the place; one without moves holds none.
        within = np.searchsorted(starts, chosen, side="right") - 1
        moments[style.name] = [
            Moment(games[game][0], step, moves, style)
            for game, step, moves in zip(
                within.tolist(),
                (chosen - starts[within]).tolist(),
                length[chosen].tolist(),
                strict=True,
            )
        ]
    return Selection(moments, candidates, int((usable & (length == 0)).sum()), int((~usable).sum()))


def _draw(places: NDArray[np.int64], wanted: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return rng.choice(places, size=min(wanted, len(places)), replace=False)
