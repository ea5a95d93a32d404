"""Floor 1, game: random legal states, for property tests and for pre-training without any teacher."""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from serpentune.game import _rules
from serpentune.game._jit import kernel
from serpentune.game._rules import COUNTERS_TYPE
from serpentune.game.state import States, check_board


def random_states(count: int, width: int, height: int, seed: int) -> States:
    """`count` states of one board size, each of which a game can reach.

    The distribution:

    * The length is uniform over `1 .. width * height - 1`, so long snakes are as frequent as short ones.
    * The body is a random self-avoiding walk of that length. It grows from a uniform cell by a uniform free neighbour
      of a random end (of the other one if that is stuck). While both are stuck, a random end bites back into the body
      (the backbite move of Mansfield, 1982) and the walk has another end. Where that takes more than
      `4 * width * height` bites, as it may on the fullest boards, the body is a stretch of a Hamiltonian path that as
      many bites have scrambled. Either end is the head with equal chance. Walls, pockets and trapped heads come as
      they fall. Bodies of one length are not equally likely.
    * The apple is uniform over the empty cells.
    * The direction is the one that the body shows. A snake of one cell stands at the start without direction one time
      in five, else on a uniform cell after a uniform move that can have led there.

    State `i` depends on the board, the seed and `i` alone: fewer states are the first of more.

    Every such body can occur: it belongs to the snake that ate an apple on each of its cells.

    Args:
        count: states, 0 or more.
        width: cells a row, 4 to 50.
        height: cells a column, 4 to 50.
        seed: any integer; taken modulo 2**64.

    Raises:
        UserError: the board is outside the rules.
        ValueError: `count` is negative.
    """
    check_board(width, height)
    if count < 0:
        raise ValueError(f"{count} states are not possible")
    states = States.empty(count, width, height)
    _fill(seed % 2**64, width, height, states.body, states.length, states.apple, states.direction)
    return states


_Random = NDArray[np.uint64]
_Cells = NDArray[np.int64]
_RANDOM_TYPE = types.uint64[::1]


@kernel(types.int64(_RANDOM_TYPE, types.int64))
def _below(random: _Random, bound: int) -> int:
    """A uniform integer in `[0, bound)` from SplitMix64; the bias of the multiplication is below `bound / 2**32`."""
    word = _rules.mix(random[0])
    random[0] += np.uint64(0x9E3779B97F4A7C15)
    return int(((word >> np.uint64(32)) * np.uint64(bound)) >> np.uint64(32))


@kernel(types.void(COUNTERS_TYPE, COUNTERS_TYPE, types.int64, types.int64))
def _reverse(path: _Cells, place: _Cells, low: int, high: int) -> None:
    """Turn `path[low .. high]` round, both ends included."""
    while low < high:
        first, last = path[low], path[high]
        path[low], path[high] = last, first
        place[last], place[first] = low, high
        low += 1
        high -= 1


@kernel(types.void(COUNTERS_TYPE, COUNTERS_TYPE, types.int64, types.int64, types.int64, types.int64, _RANDOM_TYPE))
def _backbite(path: _Cells, place: _Cells, low: int, high: int, width: int, height: int, random: _Random) -> None:
    """Let a random end of the walk `path[low .. high]` bite a uniform neighbour in the body, if it has one.

    The part between the end and the bitten cell turns round, so the walk covers the same cells and has a new end.
    """
    at_low = _below(random, 2) == 0
    end = path[low] if at_low else path[high]
    bitten, choices = -1, 0
    for direction in range(4):
        cell = _rules.neighbour(end, direction, width, height)
        if cell != _rules.NO_CELL and place[cell] >= 0 and abs(place[cell] - place[end]) > 1:
            choices += 1
            if _below(random, choices) == 0:
                bitten = place[cell]
    if bitten >= 0:
        if at_low:
            _reverse(path, place, low, bitten - 1)
        else:
            _reverse(path, place, bitten + 1, high)


@kernel(types.int64(COUNTERS_TYPE, COUNTERS_TYPE, types.int64, types.int64, types.int64, _RANDOM_TYPE))
def _grow(path: _Cells, place: _Cells, length: int, width: int, height: int, random: _Random) -> int:
    """Grow a walk of `length` cells into `path`, int64 `(2 * cells,)`; where it begins there, or -1 when given up."""
    cells = width * height
    place[:] = -1
    low = high = cells
    path[low] = _below(random, cells)
    place[path[low]] = low
    bites = 0
    while high - low + 1 < length:
        side = _below(random, 2)
        free, choices = _rules.NO_CELL, 0
        for _ in range(2):
            end = path[low] if side == 0 else path[high]
            for direction in range(4):
                cell = _rules.neighbour(end, direction, width, height)
                if cell != _rules.NO_CELL and place[cell] < 0:
                    choices += 1
                    if _below(random, choices) == 0:
                        free = cell
            if choices > 0:
                break
            side = 1 - side
        if choices == 0:
            if bites == 4 * cells:
                return -1
            bites += 1
            _backbite(path, place, low, high, width, height, random)
        elif side == 0:
            low -= 1
            path[low] = free
            place[free] = low
        else:
            high += 1
            path[high] = free
            place[free] = high
    return low


@kernel(types.int64(COUNTERS_TYPE, COUNTERS_TYPE, types.int64, types.int64, types.int64, _RANDOM_TYPE))
def _cut(path: _Cells, place: _Cells, length: int, width: int, height: int, random: _Random) -> int:
    """Scramble a Hamiltonian path of the board in `path`; where a uniform stretch of `length` cells begins there."""
    cells = width * height
    for index in range(cells):
        row, column = index // width, index % width
        path[index] = row * width + (column if row % 2 == 0 else width - 1 - column)
        place[path[index]] = index
    for _ in range(4 * cells):
        _backbite(path, place, 0, cells - 1, width, height, random)
    return _below(random, cells - length + 1)


@kernel(types.int64(types.int64, types.int64, types.int64, _RANDOM_TYPE))
def _direction_of_one(head: int, width: int, height: int, random: _Random) -> int:
    """The last move of a snake of one cell on `head`: uniform over those that come from within the board."""
    chosen, choices = _rules.NO_DIRECTION, 0
    for direction in range(4):
        if _rules.neighbour(head, (direction + 2) % 4, width, height) != _rules.NO_CELL:
            choices += 1
            if _below(random, choices) == 0:
                chosen = direction
    return chosen


@kernel(
    types.void(
        types.uint64,
        types.int64,
        types.int64,
        types.int16[:, ::1],
        COUNTERS_TYPE,
        COUNTERS_TYPE,
        COUNTERS_TYPE,
    )
)
def _fill(
    seed: int,
    width: int,
    height: int,
    body: NDArray[np.int16],
    length: _Cells,
    apple: _Cells,
    direction: _Cells,
) -> None:
    cells = width * height
    path = np.empty(2 * cells, np.int64)
    place = np.empty(cells, np.int64)
    random = np.empty(1, np.uint64)
    salt = _rules.mix(np.uint64(seed))
    for row in range(length.shape[0]):
        random[0] = _rules.mix(salt ^ np.uint64(row))
        size = 1 + _below(random, cells - 1)
        first = _grow(path, place, size, width, height, random)
        if first < 0:
            first = _cut(path, place, size, width, height, random)
        turned = _below(random, 2) == 1
        for k in range(size):
            body[row, k] = path[first + size - 1 - k if turned else first + k]
        length[row] = size
        if size > 1:
            for code in range(4):
                if _rules.neighbour(body[row, 1], code, width, height) == body[row, 0]:
                    direction[row] = code
        elif _below(random, 5) == 0:
            body[row, 0] = (height // 2) * width + width // 2
        else:
            direction[row] = _direction_of_one(body[row, 0], width, height, random)
        skip = _below(random, cells - size)
        place[:] = 0
        for k in range(size):
            place[body[row, k]] = 1
        for cell in range(cells):
            if place[cell] == 0:
                if skip == 0:
                    apple[row] = cell
                    break
                skip -= 1
