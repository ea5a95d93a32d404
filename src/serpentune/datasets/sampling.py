"""Floor 4, datasets: which moments of which games become records, balanced over teachers and split by game."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serpentune.common.errors import UserError
from serpentune.datasets.completions import CompletionStyle
from serpentune.game import GameRecord, Move, states_before

SPLITS = ("train", "validation", "test")

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
        moments: in the order of games and steps.
        candidates: moments there were to choose from, by style.
        without_apple: moves of lost games after their last apple, from which no plan can start.
        no_answer: entries of move lists from which there is nothing to learn: sentinels, which don't move the snake, and
            moves on a board without a visible apple.
    """

    moments: list[Moment]
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
    """Choose up to `count` moments of one teacher's games, an equal number for each style.

    Args:
        games: `(index, record)`.
        styles: completion styles; whole plans start at apples and, in a share of `BETWEEN_APPLES`, between them.
        count: records wanted in all.
        rng: decides which.
    """
    found = _moves_to_next_apple(games)
    moments: list[Moment] = []
    candidates: dict[str, int] = {}
    for number, style in enumerate(styles):
        wanted = count // len(styles) + (number < count % len(styles))
        usable = found.length > 0 if style.whole_plan else found.usable
        places = np.flatnonzero(usable)
        candidates[style.name] = len(places)
        if style.whole_plan:
            at_apple = places[found.at_apple[places]]
            between = places[~found.at_apple[places]]
            extra = min(len(between), max(wanted - len(at_apple), int(wanted * BETWEEN_APPLES)))
            chosen = np.concatenate([_draw(between, extra, rng), _draw(at_apple, wanted - extra, rng)])
        else:
            chosen = _draw(places, wanted, rng)
        moments += [
            Moment(int(found.game[place]), int(found.step[place]), int(found.length[place]), style)
            for place in np.sort(chosen)
        ]
    moments.sort(key=lambda moment: (moment.game, moment.step, moment.style.name))
    without = int((found.usable & (found.length == 0)).sum())
    return Selection(moments, candidates, without, int((~found.usable).sum()))


@dataclass(frozen=True)
class _Steps:
    """Every move of many games, as arrays of equal length."""

    game: NDArray[np.int64]
    step: NDArray[np.int64]
    length: NDArray[np.int64]
    """Moves to the next apple, this one included; 0 where none is eaten any more or a sentinel lies between."""
    at_apple: NDArray[np.bool_]
    usable: NDArray[np.bool_]


def _moves_to_next_apple(games: Sequence[tuple[int, GameRecord]]) -> _Steps:
    columns: list[tuple[NDArray[np.int64], ...]] = []
    for index, record in games:
        count = len(record.moves)
        moves = np.frombuffer(record.moves, np.uint8)
        steps = np.arange(count)
        states = states_before(record, np.arange(count + 1))
        eats = np.flatnonzero(np.diff(states.length))
        following = np.append(eats, -1)[np.searchsorted(eats, steps)]
        usable = (moves <= Move.LEFT) & (states.apple[:-1] >= 0)
        blocked = np.concatenate([[0], np.cumsum(~usable)])
        clear = blocked[following + 1] == blocked[steps]
        length = np.where((following >= 0) & clear, following - steps + 1, 0)
        at_apple = np.isin(steps, np.append(eats + 1, 0))
        columns.append((np.full(count, index), steps, length, at_apple, usable))
    if not columns:
        nothing = np.zeros(0, np.int64)
        return _Steps(nothing, nothing, nothing, nothing.astype(bool), nothing.astype(bool))
    game, step, length, at_apple, usable = (np.concatenate(column) for column in zip(*columns, strict=True))
    return _Steps(game, step, length, at_apple.astype(bool), usable.astype(bool))


def _draw(places: NDArray[np.int64], wanted: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return rng.choice(places, size=min(max(wanted, 0), len(places)), replace=False)
