"""Floor 4, datasets: where in a game there is something to learn, found by one replay that keeps no states."""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from serpentune.game import GameRecord, _rules
from serpentune.game._jit import kernel
from serpentune.game._rules import COUNTERS_TYPE


def moves_to_next_apple(record: GameRecord) -> tuple[NDArray[np.int32], NDArray[np.bool_], NDArray[np.bool_]]:
    """What each of the `n` entries of a verified game's move list can teach.

    Returns:
        `length`, int32 `(n,)`: moves to the next apple, this one included; 0 where none is eaten any more, or where an
        entry that isn't `usable` lies between. `at_apple`, bool `(n,)`: the apple has just appeared. `usable`, bool
        `(n,)`: the entry is one of the four directions and no reversal, on a board that shows its apple.
    """
    count = len(record.moves)
    length, at_apple, usable = np.empty(count, np.int32), np.empty(count, np.bool_), np.empty(count, np.bool_)
    _trace(
        np.frombuffer(record.moves, np.uint8),
        np.asarray(record.apples, np.int64),
        record.width,
        record.height,
        length,
        at_apple,
        usable,
    )
    return length, at_apple, usable


@kernel(
    types.void(
        types.Array(types.uint8, 1, "C", readonly=True),
        COUNTERS_TYPE,
        types.int64,
        types.int64,
        types.int32[::1],
        types.boolean[::1],
        types.boolean[::1],
    )
)
def _trace(
    moves: NDArray[np.uint8],
    apples: NDArray[np.int64],
    width: int,
    height: int,
    length: NDArray[np.int32],
    at_apple: NDArray[np.bool_],
    usable: NDArray[np.bool_],
) -> None:
    ring = np.empty(width * height, np.int16)
    occupied = np.empty(width * height, np.uint8)
    counters = np.empty(_rules.COUNTERS, np.int64)
    limits = np.zeros(_rules.LIMITS, np.int64)
    _rules.start(ring, occupied, counters, width, height)
    counters[_rules.APPLE] = apples[0]
    score = -1
    for place in range(moves.shape[0]):
        at_apple[place] = counters[_rules.SCORE] > score
        score = counters[_rules.SCORE]
        apple = counters[_rules.APPLE]
        direction = counters[_rules.DIRECTION]
        moving = moves[place] < 4 and (direction == _rules.NO_DIRECTION or moves[place] != (direction + 2) % 4)
        usable[place] = moving and apple != _rules.NO_CELL and occupied[apple] == 0
        if _rules.advance(ring, occupied, counters, moves[place], width, height, limits):
            index = counters[_rules.SCORE]
            if index < apples.shape[0]:
                counters[_rules.APPLE] = apples[index]
    eats = counters[_rules.SCORE] > score
    following = 0
    for place in range(moves.shape[0] - 1, -1, -1):
        if not usable[place]:
            following = 0
        elif eats:
            following = 1
        elif following > 0:
            following += 1
        length[place] = following
        eats = at_apple[place]
