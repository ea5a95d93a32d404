"""Floor 1, game: a finished game as its moves and apples, and its replay.

A state is never stored where it can be replayed: every state that leaves a record comes from playing its moves
through the rules again, so that a prompt can't disagree with the game.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serpentune.game import _replay
from serpentune.game.moves import Ending
from serpentune.game.state import MAX_SIDE, MIN_SIDE, States


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
    if problem := board_problem(record.width, record.height):
        return problem
    return problem_of(record, _replayed(record))


def replayed_moves(record: GameRecord) -> tuple[int, str | None]:
    """How many moves of a record, from the first, lead from state to state, and what `verify` says of it.

    A game whose score, steps or ending are wrong has moves that do so all the same.
    """
    if problem := board_problem(record.width, record.height):
        return 0, problem
    found = _replayed(record)
    match int(found[_replay.PROBLEM]):
        case _replay.NO_APPLES | _replay.APPLE_OUTSIDE | _replay.STRANGE_MOVE:
            count = 0
        case _replay.MOVES_AFTER_END | _replay.APPLE_MISSING:
            count = int(found[_replay.PLACE])
        case _replay.APPLE_ON_SNAKE:
            count = int(found[_replay.STEPS])
        case _:
            count = len(record.moves)
    return count, problem_of(record, found)


def _replayed(record: GameRecord) -> NDArray[np.int64]:
    """What the replay of a record on a board of the rules has found, int64 `(_replay.FOUND,)`."""
    found = np.empty((1, _replay.FOUND), np.int64)
    _replay.check_games(
        np.frombuffer(record.moves, np.uint8),
        np.array([0, len(record.moves)], np.int64),
        as_cells(record.apples),
        np.array([0, len(record.apples)], np.int64),
        record.width,
        record.height,
        np.array([record.seed is not None]),
        as_counts([record.score]),
        as_counts([record.steps]),
        np.array([record.ending], np.int64),
        found,
    )
    only: NDArray[np.int64] = found[0]
    return only


def board_problem(width: int, height: int) -> str | None:
    """Why no game can be played on such a board."""
    if MIN_SIDE <= width <= MAX_SIDE and MIN_SIDE <= height <= MAX_SIDE:
        return None
    return f"the board {width}x{height} is outside the rules"


def problem_of(record: GameRecord, found: NDArray[np.int64]) -> str | None:
    """What the replay of a record has found, int64 `(_replay.FOUND,)`, in words; None where that is nothing."""
    problem, place, score, steps, ending = found.tolist()
    reached = Ending(ending).name
    match problem:
        case 0:
            return None
        case _replay.NO_APPLES:
            return "it has no apple"
        case _replay.APPLE_OUTSIDE:
            return f"apple {place} lies outside the board"
        case _replay.STRANGE_MOVE:
            return f"move {place} is no move (code {record.moves[place]})"
        case _replay.MOVES_AFTER_END:
            return f"move {place} comes after the game had ended ({reached})"
        case _replay.APPLE_MISSING:
            return f"apple {score} is missing at move {place}"
        case _replay.APPLE_ON_SNAKE:
            return f"apple {place} lies on the snake"
        case _replay.OTHER_SCORE:
            return f"its score is {record.score}, its moves make {score}"
        case _replay.OTHER_STEPS:
            return f"it has {record.steps} steps, its moves make {steps}"
        case _replay.APPLES_LEFT_OVER:
            return f"it has {len(record.apples)} apples for a score of {record.score}"
    return f"its ending is {record.ending.name}, its moves end with {reached}"


def states_before(record: GameRecord, at: Sequence[int] | NDArray[np.int64]) -> States:
    """The states before the moves number `at` of a record that `verify` accepts.

    Where another program has put the last apple under the snake, the states show none (-1) until the snake has left it.

    Args:
        record: the game.
        at: places in `record.moves`, ascending, from 0; `len(record.moves)` is the state after the last move.

    Raises:
        ValueError: `at` is not ascending or goes beyond the moves.
    """
    chosen = np.ascontiguousarray(at, dtype=np.int64)
    if chosen.size and (chosen[0] < 0 or chosen[-1] > len(record.moves) or (np.diff(chosen) < 0).any()):
        raise ValueError(f"places among {len(record.moves)} moves are needed, in ascending order")
    states = States.unfilled(len(chosen), record.width, record.height)
    _replay.fill_states(
        np.frombuffer(record.moves, np.uint8),
        np.array([0, len(record.moves)], np.int64),
        as_cells(record.apples),
        np.array([0, len(record.apples)], np.int64),
        record.width,
        record.height,
        chosen,
        np.array([0, len(chosen)], np.int64),
        states.body,
        states.length,
        states.apple,
        states.direction,
    )
    return states


def as_cells(cells: Iterable[int]) -> NDArray[np.int16]:
    """Cells as an array; what no board has is -1 there."""
    return np.array([cell if 0 <= cell <= _MAX_CELL else -1 for cell in cells], np.int16)


def as_counts(counts: Iterable[int]) -> NDArray[np.int64]:
    """Scores or steps as an array; one that no game can have is -1 there."""
    return np.array([count if 0 <= count <= _MAX_COUNT else -1 for count in counts], np.int64)


_MAX_CELL = MAX_SIDE * MAX_SIDE
_MAX_COUNT = 2**62
