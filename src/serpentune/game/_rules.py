"""Floor 1, game: the rules, as Numba kernels over plain arrays.

One running game is three arrays, so that N games are the same three arrays with a leading axis:

* `ring`, int16 `(cells,)`: the body as a ring buffer of cells. The head stands at `ring[counters[HEAD]]`; the cell `k`
  places behind the head at `ring[(counters[HEAD] + k) % cells]`.
* `occupied`, uint8 `(cells,)`: 1 where the snake lies.
* `counters`, int64 `(COUNTERS,)`: the counters named below.

A cell is `y * width + x`, `(0, 0)` bottom-left.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from serpentune.game._jit import kernel
from serpentune.game.moves import Ending, Move

HEAD = 0
LENGTH = 1
APPLE = 2
DIRECTION = 3
SCORE = 4
STEPS = 5
ENDING = 6
STEPS_SINCE_APPLE = 7
REVERSALS = 8
EMPTIES = 9
WRONGS = 10
COUNTERS = 11
"""REVERSALS, EMPTIES and WRONGS count consecutive ones; each of the four directions but a reversal sets all to 0."""

MAX_STEPS = 0
MAX_STEPS_PER_APPLE = 1
MAX_REVERSALS = 2
MAX_EMPTIES = 3
MAX_WRONGS = 4
LIMITS = 5
"""Places in the `limits` array, int64 `(LIMITS,)`; 0 means no limit."""

NO_CELL = -1
NO_DIRECTION = -1

Ring = NDArray[np.int16]
Occupied = NDArray[np.uint8]
Counters = NDArray[np.int64]

RING_TYPE = types.int16[::1]
OCCUPIED_TYPE = types.uint8[::1]
COUNTERS_TYPE = types.int64[::1]

_RUNNING = int(Ending.RUNNING)
_WIN = int(Ending.WIN)
_WALL = int(Ending.WALL)
_SELF = int(Ending.SELF)
_MAX_STEPS = int(Ending.MAX_STEPS_REACHED)
_GAVE_UP = int(Ending.NO_PATH_FOUND)
_REVERSALS_END = int(Ending.MAX_CONSECUTIVE_INVALID_REVERSALS_REACHED)
_EMPTIES_END = int(Ending.MAX_CONSECUTIVE_EMPTY_MOVES_REACHED)
_WRONGS_END = int(Ending.MAX_CONSECUTIVE_SOMETHING_IS_WRONG_REACHED)
_INVALID_REVERSAL = int(Move.INVALID_REVERSAL)
_EMPTY = int(Move.EMPTY)
_NO_PATH = int(Move.NO_PATH_FOUND)


@kernel(types.uint64(types.uint64), allocates=False)
def mix(value: int | np.uint64) -> np.uint64:
    """The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection of 64-bit words that scrambles well."""
    word = np.uint64(value) + np.uint64(0x9E3779B97F4A7C15)
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


@kernel(types.int64(types.uint64, types.int64, OCCUPIED_TYPE), allocates=False)
def apple_cell(seed: int | np.uint64, index: int, occupied: Occupied) -> int:
    """Where apple number `index` (from 0) of the game `seed` lies: the empty cell with the least hash.

    The order of the cells depends on (seed, index) alone, so two players of the same game seed meet the same
    apples as far as their boards allow: apples are common random numbers. The hash of a cell is
    `mix(mix(mix(seed) ^ index) ^ cell)`, the seed modulo 2**64. Returns `NO_CELL` on a full board.
    """
    salt = mix(mix(np.uint64(seed)) ^ np.uint64(index))
    best = NO_CELL
    least = np.uint64(0)
    for cell in range(occupied.shape[0]):
        if occupied[cell] == 0:
            value = mix(salt ^ np.uint64(cell))
            if best == NO_CELL or value < least:
                best = cell
                least = value
    return best


@kernel(types.int64(types.int64, types.int64, types.int64, types.int64), allocates=False)
def neighbour(cell: int, direction: int, width: int, height: int) -> int:
    """The cell next to `cell` in `direction`, or `NO_CELL` beyond a wall."""
    if direction == 0:
        return cell + width if cell < width * (height - 1) else NO_CELL
    if direction == 1:
        return cell + 1 if cell % width < width - 1 else NO_CELL
    if direction == 2:
        return cell - width if cell >= width else NO_CELL
    return cell - 1 if cell % width > 0 else NO_CELL


@kernel(types.int64(RING_TYPE, COUNTERS_TYPE), allocates=False)
def tail_cell(ring: Ring, counters: Counters) -> int:
    """The cell of the snake's last segment."""
    place = counters[HEAD] + counters[LENGTH] - 1  # below 2 * cells; a subtraction is quicker than a division
    return int(ring[place - ring.shape[0] if place >= ring.shape[0] else place])


@kernel(types.boolean(RING_TYPE, OCCUPIED_TYPE, COUNTERS_TYPE, types.int64, types.int64, types.int64), allocates=False)
def is_legal(ring: Ring, occupied: Occupied, counters: Counters, direction: int, width: int, height: int) -> bool:
    """Whether `direction` moves the snake without ending the game: no reversal, no wall, no body.

    The cell that the tail is leaving counts as free.
    """
    if counters[DIRECTION] != NO_DIRECTION and direction == (counters[DIRECTION] + 2) % 4:
        return False
    cell = neighbour(ring[counters[HEAD]], direction, width, height)
    if cell == NO_CELL:
        return False
    return bool(occupied[cell] == 0 or cell == tail_cell(ring, counters))


@kernel(types.void(RING_TYPE, OCCUPIED_TYPE, COUNTERS_TYPE, types.int64, types.int64), allocates=False)
def start(ring: Ring, occupied: Occupied, counters: Counters, width: int, height: int) -> None:
    """Lay a snake of one cell at `(width // 2, height // 2)` without direction; the first apple is not placed."""
    counters[:] = 0
    occupied[:] = 0
    counters[LENGTH] = 1
    counters[DIRECTION] = NO_DIRECTION
    counters[APPLE] = NO_CELL
    ring[0] = (height // 2) * width + width // 2
    occupied[ring[0]] = 1


@kernel(types.void(COUNTERS_TYPE, COUNTERS_TYPE), allocates=False)
def _end_at_step_limit(counters: Counters, limits: Counters) -> None:
    total = limits[MAX_STEPS] > 0 and counters[STEPS] >= limits[MAX_STEPS]
    since = limits[MAX_STEPS_PER_APPLE] > 0 and counters[STEPS_SINCE_APPLE] >= limits[MAX_STEPS_PER_APPLE]
    if total or since:
        counters[ENDING] = _MAX_STEPS


@kernel(
    types.boolean(RING_TYPE, OCCUPIED_TYPE, COUNTERS_TYPE, types.int64, types.int64, types.int64, COUNTERS_TYPE),
    allocates=False,
)
def advance(
    ring: Ring, occupied: Occupied, counters: Counters, move: int, width: int, height: int, limits: Counters
) -> bool:
    """Play one entry of a move list; true when an apple was eaten and the caller must place the next one.

    Sentinels and reversals count as steps but leave the snake alone; giving up (`NO_PATH_FOUND`) is no step. A game
    that is over stays as it is.
    """
    if counters[ENDING] != _RUNNING:
        return False
    if move == _NO_PATH:
        counters[ENDING] = _GAVE_UP
        return False
    counters[STEPS] += 1
    counters[STEPS_SINCE_APPLE] += 1
    reversal = move < 4 and counters[DIRECTION] != NO_DIRECTION and move == (counters[DIRECTION] + 2) & 3
    if move >= 4 or reversal:
        counter = REVERSALS if reversal or move == _INVALID_REVERSAL else (EMPTIES if move == _EMPTY else WRONGS)
        counters[counter] += 1
        limit = limits[MAX_REVERSALS + counter - REVERSALS]
        if limit > 0 and counters[counter] >= limit:
            counters[ENDING] = _REVERSALS_END + counter - REVERSALS
        else:
            _end_at_step_limit(counters, limits)
        return False
    counters[REVERSALS] = 0
    counters[EMPTIES] = 0
    counters[WRONGS] = 0
    cell = neighbour(ring[counters[HEAD]], move, width, height)
    if cell == NO_CELL:
        counters[ENDING] = _WALL
        return False
    tail = tail_cell(ring, counters)
    if occupied[cell] != 0 and cell != tail:
        counters[ENDING] = _SELF
        return False
    eaten = cell == counters[APPLE]
    if eaten:
        counters[LENGTH] += 1
        counters[SCORE] += 1
        counters[STEPS_SINCE_APPLE] = 0
    else:
        occupied[tail] = 0
    counters[HEAD] = (counters[HEAD] if counters[HEAD] > 0 else ring.shape[0]) - 1
    ring[counters[HEAD]] = cell
    occupied[cell] = 1
    counters[DIRECTION] = move
    if eaten:
        counters[APPLE] = NO_CELL
        if counters[LENGTH] == ring.shape[0]:
            counters[ENDING] = _WIN
            return False
    _end_at_step_limit(counters, limits)
    return bool(eaten)
