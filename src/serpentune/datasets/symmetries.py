"""Floor 4, datasets: the symmetries of a board on states and answers, which states are the same, and who answers alike.

A symmetry is a number from 0 to 7 and a place in `SYMMETRIES`. Its bits say what it does, in this order: 4 transposes,
1 reflects left and right, 2 reflects up and down. Boards that aren't square have the first four only: the transpose of
a 7x9 board is another board.
"""

from __future__ import annotations

from functools import cache
from typing import overload

import numpy as np
from numba import types
from numpy.typing import NDArray

from serpentune.common.threads import mapped
from serpentune.game import DIRECTIONS, Move, States, check_board
from serpentune.game._jit import kernel
from serpentune.game._rules import mix
from serpentune.teachers import Teacher

SYMMETRIES = (
    "identity",
    "reflection-x",
    "reflection-y",
    "rotation-180",
    "transpose",
    "rotation-90",
    "rotation-270",
    "anti-transpose",
)
"""The names of the symmetries of a square. `reflection-x` turns x round, so RIGHT becomes LEFT; rotations go against
the clock, so RIGHT becomes UP by `rotation-90`; `transpose` swaps x and y, so UP becomes RIGHT, and by `anti-transpose`
LEFT."""

_REFLECTS_X, _REFLECTS_Y, _TRANSPOSES = 1, 2, 4

_INVERSES = np.array([0, 1, 2, 3, 4, 6, 5, 7])

_CELLS_AT_ONCE = 1 << 20
"""Cells of the states of which a teacher is asked in one piece: two megabytes of bodies."""

Symmetry = NDArray[np.int64] | int
"""One symmetry for all, or one for each, int64 `(n,)`."""


def _move_table() -> NDArray[np.uint8]:
    table = np.tile(np.arange(len(Move), dtype=np.uint8), (len(SYMMETRIES), 1))
    for symmetry in range(len(SYMMETRIES)):
        for move in DIRECTIONS:
            image = move ^ 1 if symmetry & _TRANSPOSES else int(move)
            if symmetry & _REFLECTS_X:
                image = -image % 4
            if symmetry & _REFLECTS_Y:
                image = (2 - image) % 4
            table[symmetry, move] = image
    table.setflags(write=False)
    return table


MOVE_TABLE = _move_table()
"""uint8 `(8, 8)`, read-only: by symmetry and `Move` code the image of a move; a sentinel is its own."""


def board_symmetries(width: int, height: int) -> tuple[int, ...]:
    """The symmetries that map a board onto itself: all eight of a square, the first four of another board.

    Raises:
        UserError: the board is outside the rules.
    """
    check_board(width, height)
    return tuple(range(8 if width == height else 4))


@overload
def inverse(symmetry: int) -> int: ...
@overload
def inverse(symmetry: NDArray[np.int64]) -> NDArray[np.int64]: ...
def inverse(symmetry: Symmetry) -> Symmetry:
    """The symmetry that takes every image back."""
    return int(_INVERSES[symmetry]) if isinstance(symmetry, int) else _INVERSES[symmetry]


@cache
def cell_table(width: int, height: int) -> NDArray[np.int16]:
    """int16 `(symmetries, cells)`, read-only: by symmetry of the board and cell the image of the cell.

    Raises:
        UserError: the board is outside the rules.
    """
    y, x = np.divmod(np.arange(width * height), width)
    table = np.empty((len(board_symmetries(width, height)), width * height), np.int16)
    for symmetry, row in enumerate(table):
        to_x, to_y = (y, x) if symmetry & _TRANSPOSES else (x, y)
        if symmetry & _REFLECTS_X:
            to_x = width - 1 - to_x
        if symmetry & _REFLECTS_Y:
            to_y = height - 1 - to_y
        row[:] = to_y * width + to_x
    table.setflags(write=False)
    return table


def transformed(states: States, symmetry: Symmetry) -> States:
    """The image of each state: body, apple and direction together; what isn't there (-1) stays away.

    Args:
        states: `n` states.
        symmetry: one for all, or one for each, int64 `(n,)`. The lengths are shared with `states`.

    Raises:
        UserError: the board is outside the rules.
        ValueError: a symmetry that the board doesn't have, or no states of the rules.
    """
    table = cell_table(states.width, states.height)
    symmetries = np.ascontiguousarray(np.broadcast_to(np.asarray(symmetry, np.int64), len(states)))
    if len(symmetries) and (symmetries.min() < 0 or symmetries.max() >= len(table)):
        raise ValueError(f"a {states.width}x{states.height} board has the symmetries 0 to {len(table) - 1} only")
    body = np.empty((len(states), table.shape[1]), np.int16)
    apple, direction = np.empty(len(states), np.int64), np.empty(len(states), np.int64)
    _refuse(states, _transform(*_columns(states), symmetries, table, MOVE_TABLE, body, apple, direction))
    return States(states.width, states.height, body, states.length, apple, direction)


def transformed_moves(moves: NDArray[np.uint8], symmetry: Symmetry) -> NDArray[np.uint8]:
    """The image of each `Move` code, uint8 `(n,)`; sentinels are their own.

    Args:
        moves: uint8 `(n,)`.
        symmetry: one for all, or one for each, int64 `(n,)`.
    """
    result: NDArray[np.uint8] = MOVE_TABLE[symmetry, moves]
    return result


def state_hashes(states: States, *, symmetric: bool = False) -> NDArray[np.uint64]:
    """A hash of what a player sees of each state, uint64 `(n,)`: board size, body in order, apple, direction.

    Of ten million different states two share one with odds of 1 to 370,000.

    Args:
        states: `n` states.
        symmetric: hash the least image of each state under its board's symmetries, so that states that are images of
            each other share a hash. A 7x9 state and its transpose on 9x7 are not: their boards differ.

    Raises:
        UserError: the board is outside the rules.
        ValueError: no states of the rules.
    """
    table = cell_table(states.width, states.height)
    result = np.empty(len(states), np.uint64)
    _refuse(
        states,
        _hash_states(
            *_columns(states), states.width, states.height, table if symmetric else table[:1], MOVE_TABLE, result
        ),
    )
    return result


def agreements(
    teacher: Teacher, states: States, moves: NDArray[np.uint8], *, threads: int | None = None
) -> NDArray[np.bool_]:
    """Whether the teacher, asked in the image of each state, answers the image of the move; bool `(n, 8)`.

    Column 0 says whether it answers the move itself. Symmetries that the board doesn't have count as disagreement. In a
    state that is its own image under a symmetry no teacher agrees unless its move is its own image too.

    Args:
        teacher: who is asked, once for each state and symmetry.
        states: `n` states.
        moves: uint8 `(n,)`, a `Move` code for each.
        threads: how many ask at the same time; those of `common.threads.processors` without. A Python function is asked
            by one.

    Raises:
        UserError: the board is outside the rules, or the teacher broke its contract.
        ValueError: no states of the rules.
    """
    symmetries = board_symmetries(states.width, states.height)
    piece = max(1, _CELLS_AT_ONCE // (states.width * states.height))
    result = np.zeros((len(states), len(SYMMETRIES)), np.bool_)

    def ask(start: int) -> None:
        own = _between(states, start, start + piece)
        labels = moves[start : start + piece]
        for symmetry in symmetries:
            answers = teacher.moves(transformed(own, symmetry))
            result[start : start + piece, symmetry] = answers == transformed_moves(labels, symmetry)

    starts = range(0, len(states), piece)
    for _ in mapped(ask, starts, 1 if teacher.kernel is None or len(starts) == 1 else threads):
        pass
    return result


def all_along(agree: NDArray[np.bool_], starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether every move of each plan agrees, bool `(k, 8)`.

    Args:
        agree: bool `(n, 8)`, the `agreements` of all moves of a game, or of several one after another, in order.
        starts: int64 `(k,)`, where each plan begins.
        lengths: int64 `(k,)`, its moves; a plan of none agrees.
    """
    disagreed = np.zeros((len(agree) + 1, agree.shape[1]), np.int64)
    np.cumsum(~agree, axis=0, out=disagreed[1:])
    result: NDArray[np.bool_] = disagreed[starts + lengths] == disagreed[starts]
    return result


def _between(states: States, start: int, stop: int) -> States:
    """Some neighbours, which share these arrays."""
    return States(
        states.width,
        states.height,
        states.body[start:stop],
        states.length[start:stop],
        states.apple[start:stop],
        states.direction[start:stop],
    )


def _columns(
    states: States,
) -> tuple[NDArray[np.int16], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    if states.body.shape != (len(states), states.width * states.height):
        raise ValueError(f"bodies of {states.body.shape} are no states of a {states.width}x{states.height} board")
    return (
        np.ascontiguousarray(states.body, np.int16),
        np.ascontiguousarray(states.length, np.int64),
        np.ascontiguousarray(states.apple, np.int64),
        np.ascontiguousarray(states.direction, np.int64),
    )


def _refuse(states: States, wrong: int) -> None:
    if wrong >= 0:
        raise ValueError(
            f"state {wrong} is no state of a {states.width}x{states.height} board: a length, cell or direction lies "
            "outside, or cells of the body that follow each other aren't neighbours"
        )


_NUMBERS_TYPE = types.Array(types.int64, 1, "C", readonly=True)
_BODIES_TYPE = types.Array(types.int16, 2, "C", readonly=True)
_MOVES_TYPE = types.Array(types.uint8, 2, "C", readonly=True)


@kernel(
    types.int64(
        _BODIES_TYPE,
        _NUMBERS_TYPE,
        _NUMBERS_TYPE,
        _NUMBERS_TYPE,
        _NUMBERS_TYPE,
        _BODIES_TYPE,
        _MOVES_TYPE,
        types.int16[:, ::1],
        types.int64[::1],
        types.int64[::1],
    ),
    allocates=False,
)
def _transform(
    body: NDArray[np.int16],
    length: NDArray[np.int64],
    apple: NDArray[np.int64],
    direction: NDArray[np.int64],
    symmetries: NDArray[np.int64],
    table: NDArray[np.int16],
    moves: NDArray[np.uint8],
    to_body: NDArray[np.int16],
    to_apple: NDArray[np.int64],
    to_direction: NDArray[np.int64],
) -> int:
    """Fill in the images; the first row that is no state of the rules, or -1."""
    cells = table.shape[1]
    for row in range(length.shape[0]):
        symmetry = symmetries[row]
        if not (1 <= length[row] <= cells and -1 <= apple[row] < cells and -1 <= direction[row] < 4):
            return row
        for place in range(length[row]):
            cell = body[row, place]
            if cell < 0 or cell >= cells:
                return row
            to_body[row, place] = table[symmetry, cell]
        for place in range(length[row], cells):
            to_body[row, place] = -1
        to_apple[row] = table[symmetry, apple[row]] if apple[row] >= 0 else -1
        to_direction[row] = moves[symmetry, direction[row]] if direction[row] >= 0 else -1
    return -1


@kernel(types.UniTuple(types.uint64, 2)(types.int64, types.uint64, types.uint64, types.uint64), allocates=False)
def _turned(symmetry: int, backward: np.uint64, sideways: np.uint64, used: np.uint64) -> tuple[np.uint64, np.uint64]:
    """The image of up to 64 directions in two words, a bit each: whether it is DOWN or LEFT, and RIGHT or LEFT."""
    if symmetry & 4:
        sideways ^= used
    if symmetry & 1:
        backward ^= sideways
    if symmetry & 2:
        backward ^= sideways ^ used
    return backward, sideways


@kernel(
    types.int64(
        _BODIES_TYPE,
        _NUMBERS_TYPE,
        _NUMBERS_TYPE,
        _NUMBERS_TYPE,
        types.int64,
        types.int64,
        _BODIES_TYPE,
        _MOVES_TYPE,
        types.uint64[::1],
    )
)
def _hash_states(
    body: NDArray[np.int16],
    length: NDArray[np.int64],
    apple: NDArray[np.int64],
    direction: NDArray[np.int64],
    width: int,
    height: int,
    table: NDArray[np.int16],
    moves: NDArray[np.uint8],
    result: NDArray[np.uint64],
) -> int:
    """Hash the least image under the symmetries of `table`; the first row that is no state of the rules, or -1.

    A body is its head and the directions from each cell to the one before it, whose images are a few operations on
    whole words. Images are compared by head, apple and direction first, which decides for nearly every state.
    """
    cells = width * height
    backward = np.empty(cells // 64 + 1, np.uint64)
    sideways = np.empty(cells // 64 + 1, np.uint64)
    for row in range(length.shape[0]):
        steps = length[row] - 1
        head = body[row, 0]
        if not (0 <= steps < cells and 0 <= head < cells and -1 <= apple[row] < cells and -1 <= direction[row] < 4):
            return row
        words = (steps + 63) // 64
        for word in range(words):
            back, side, strange = np.uint64(0), np.uint64(0), np.uint64(0)
            for place in range(64 * word, min(64 * word + 64, steps)):
                step = np.int64(body[row, place]) - np.int64(body[row, place + 1])
                strange |= np.uint64(abs(step) != 1) & np.uint64(abs(step) != width)
                back |= np.uint64(step < 0) << np.uint64(place - 64 * word)
                side |= np.uint64(abs(step) == 1) << np.uint64(place - 64 * word)
            if strange:
                return row
            backward[word], sideways[word] = back, side
        last = np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(64 * words - steps)

        least, chosen = np.uint64(0), -1
        for symmetry in range(table.shape[0]):
            first = np.uint64(table[symmetry, head]) << np.uint64(12)
            if apple[row] >= 0:
                first |= np.uint64(table[symmetry, apple[row]] + 1)
            if direction[row] >= 0:
                first |= np.uint64(moves[symmetry, direction[row]] + 1) << np.uint64(24)
            less = bool(chosen < 0 or first < least)
            if not less and first == least:
                for word in range(words):
                    used = last if word == words - 1 else np.uint64(0xFFFFFFFFFFFFFFFF)
                    own = _turned(symmetry, backward[word], sideways[word], used)
                    other = _turned(chosen, backward[word], sideways[word], used)
                    if own != other:
                        less = bool(own < other)
                        break
            if less:
                least, chosen = first, symmetry

        shape = np.uint64((width << 6 | height) << 12 | length[row]) << np.uint64(27)
        value = mix(least | shape)
        for word in range(words):
            used = last if word == words - 1 else np.uint64(0xFFFFFFFFFFFFFFFF)
            back, side = _turned(chosen, backward[word], sideways[word], used)
            value = mix(value ^ back)
            value = mix(value ^ side)
        result[row] = value
    return -1
