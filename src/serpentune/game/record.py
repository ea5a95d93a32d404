"""Floor 1, game: a finished game as its moves and apples, and its replay.

A state is never stored where it can be replayed: every state that leaves a record comes from playing its moves
through the rules again, so that a prompt can't disagree with the game.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import types
from numpy.typing import NDArray

from serpentune.game import _rules
from serpentune.game._jit import kernel
from serpentune.game._rules import COUNTERS_TYPE, Counters
from serpentune.game.moves import Ending, Move
from serpentune.game.state import MAX_SIDE, MIN_SIDE, States

_OPEN_ENDINGS = {
    Ending.NO_PATH_FOUND,
    Ending.MAX_STEPS_REACHED,
    Ending.MAX_CONSECUTIVE_INVALID_REVERSALS_REACHED,
    Ending.MAX_CONSECUTIVE_EMPTY_MOVES_REACHED,
    Ending.MAX_CONSECUTIVE_SOMETHING_IS_WRONG_REACHED,
}
"""Endings that lie in the player or in limits, not on the board."""


@dataclass(frozen=True)
class GameRecord:
    """One finished game of one player.

    Attributes:
        player: the teacher's or model's name.
        width: cells a row.
        height: cells a column.
        moves: a `Move` code a byte, sentinels included; the fatal move of a lost game is the last one.
        apples: cells in the order in which they appeared, the one left uneaten last.
        ending: why it is over.
        score: apples eaten.
        steps: entries of `moves`, without `NO_PATH_FOUND`.
        seed: what the apples were drawn from, or None in games of other programs.
        number: the game's number within its run.
    """

    player: str
    width: int
    height: int
    moves: bytes
    apples: tuple[int, ...]
    ending: Ending
    score: int
    steps: int
    seed: int | None = None
    number: int = 0


def verify(record: GameRecord) -> str | None:
    """Replay a record; None when score, steps and ending follow from its moves, else the reason why not.

    An apple never lies on the snake, with one exception: some programs put one there by mistake, mostly onto the head
    that has just eaten, and the game ends for want of a path. A game of another program (without `seed`) may have such
    an apple, if it is the last one and never eaten.
    """
    if not (MIN_SIDE <= record.width <= MAX_SIDE and MIN_SIDE <= record.height <= MAX_SIDE):
        return f"the board {record.width}x{record.height} is outside the rules"
    if not record.apples:
        return "it has no apple"
    cells = record.width * record.height
    outside = next((index for index, cell in enumerate(record.apples) if not 0 <= cell < cells), None)
    if outside is not None:
        return f"apple {outside} lies outside the board"
    if max(record.moves, default=0) >= len(Move):
        strange = next(index for index, move in enumerate(record.moves) if move >= len(Move))
        return f"move {strange} is no move (code {record.moves[strange]})"
    moves, apples = _arrays(record)
    counters, problem, place = _replay(moves, apples, record.width, record.height, record.seed is None)
    if problem == _MOVES_AFTER_END:
        return f"move {place} comes after the game had ended ({Ending(int(counters[_rules.ENDING])).name})"
    if problem == _NO_APPLE:
        return f"apple {int(counters[_rules.SCORE])} is missing at move {place}"
    if problem == _APPLE_ON_SNAKE:
        return f"apple {place} lies on the snake"
    if counters[_rules.SCORE] != record.score:
        return f"its score is {record.score}, its moves make {int(counters[_rules.SCORE])}"
    if counters[_rules.STEPS] != record.steps:
        return f"it has {record.steps} steps, its moves make {int(counters[_rules.STEPS])}"
    eaten_all = counters[_rules.ENDING] == Ending.WIN
    if len(record.apples) > record.score + (0 if eaten_all else 1):
        return f"it has {len(record.apples)} apples for a score of {record.score}"
    reached = Ending(int(counters[_rules.ENDING]))
    if reached == Ending.RUNNING and record.ending in _OPEN_ENDINGS:
        return None
    if reached != record.ending:
        return f"its ending is {record.ending.name}, its moves end with {reached.name}"
    return None


def states_before(record: GameRecord, at: Sequence[int] | NDArray[np.int64]) -> States:
    """The states before the moves number `at` of a record that `verify` accepts.

    Where another program has put the last apple under the snake, the states show none (-1) until the snake has left it.

    Args:
        record: the game.
        at: places in `record.moves`, ascending, from 0; `len(record.moves)` is the state after the last move.

    Raises:
        ValueError: `at` is not ascending or goes beyond the moves.
    """
    moves, apples = _arrays(record)
    chosen = np.ascontiguousarray(at, dtype=np.int64)
    if chosen.size and (chosen[0] < 0 or chosen[-1] > len(moves) or (np.diff(chosen) < 0).any()):
        raise ValueError(f"places among {len(moves)} moves are needed, in ascending order")
    states = States.empty(len(chosen), record.width, record.height)
    _states(
        moves, apples, chosen, record.width, record.height, states.body, states.length, states.apple, states.direction
    )
    return states


def _arrays(record: GameRecord) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    return np.frombuffer(record.moves, np.uint8), np.asarray(record.apples, np.int64)


_MOVES_AFTER_END = 1
_NO_APPLE = 2
_APPLE_ON_SNAKE = 3

_MOVES_TYPE = types.Array(types.uint8, 1, "C", readonly=True)


_REPLAYED_TYPE = types.Tuple((COUNTERS_TYPE, types.int64, types.int64))


@kernel(_REPLAYED_TYPE(_MOVES_TYPE, COUNTERS_TYPE, types.int64, types.int64, types.boolean))
def _replay(
    moves: NDArray[np.uint8], apples: NDArray[np.int64], width: int, height: int, covered_is_allowed: bool
) -> tuple[Counters, int, int]:
    """The counters at the end, what went wrong (0: nothing), and the number of the move or apple where it did."""
    ring = np.empty(width * height, np.int16)
    occupied = np.empty(width * height, np.uint8)
    counters = np.empty(_rules.COUNTERS, np.int64)
    limits = np.zeros(_rules.LIMITS, np.int64)
    _rules.start(ring, occupied, counters, width, height)
    last = apples.shape[0] - 1
    covered = occupied[apples[0]] != 0
    if covered and not (covered_is_allowed and last == 0):
        return counters, _APPLE_ON_SNAKE, 0
    counters[_rules.APPLE] = apples[0]
    for place in range(moves.shape[0]):
        if counters[_rules.ENDING] != 0:
            return counters, _MOVES_AFTER_END, place
        if counters[_rules.APPLE] == _rules.NO_CELL:
            return counters, _NO_APPLE, place
        if _rules.advance(ring, occupied, counters, moves[place], width, height, limits):
            index = counters[_rules.SCORE]
            if covered:
                return counters, _APPLE_ON_SNAKE, last
            if index <= last:
                covered = occupied[apples[index]] != 0
                if covered and not (covered_is_allowed and index == last):
                    return counters, _APPLE_ON_SNAKE, index
                counters[_rules.APPLE] = apples[index]
    return counters, 0, 0


@kernel(
    types.void(
        _MOVES_TYPE,
        COUNTERS_TYPE,
        COUNTERS_TYPE,
        types.int64,
        types.int64,
        types.int16[:, ::1],
        COUNTERS_TYPE,
        COUNTERS_TYPE,
        COUNTERS_TYPE,
    )
)
def _states(
    moves: NDArray[np.uint8],
    apples: NDArray[np.int64],
    at: NDArray[np.int64],
    width: int,
    height: int,
    body: NDArray[np.int16],
    length: NDArray[np.int64],
    apple: NDArray[np.int64],
    direction: NDArray[np.int64],
) -> None:
    cells = width * height
    ring = np.empty(cells, np.int16)
    occupied = np.empty(cells, np.uint8)
    counters = np.empty(_rules.COUNTERS, np.int64)
    limits = np.zeros(_rules.LIMITS, np.int64)
    _rules.start(ring, occupied, counters, width, height)
    counters[_rules.APPLE] = apples[0]
    row = 0
    for place in range(moves.shape[0] + 1):
        while row < at.shape[0] and at[row] == place:
            for k in range(counters[_rules.LENGTH]):
                body[row, k] = ring[(counters[_rules.HEAD] + k) % cells]
            length[row] = counters[_rules.LENGTH]
            shown = counters[_rules.APPLE]
            apple[row] = _rules.NO_CELL if shown == _rules.NO_CELL or occupied[shown] != 0 else shown
            direction[row] = counters[_rules.DIRECTION]
            row += 1
        if row == at.shape[0] or place == moves.shape[0]:
            return
        if _rules.advance(ring, occupied, counters, moves[place], width, height, limits):
            index = counters[_rules.SCORE]
            if index < apples.shape[0]:
                counters[_rules.APPLE] = apples[index]
