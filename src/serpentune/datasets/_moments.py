"""Floor 4, datasets: where in games there is something to learn, found by one replay that keeps no states."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import types
from numpy.typing import NDArray

from serpentune.game import GameBatch, _rules
from serpentune.game._jit import kernel
from serpentune.game._replay import APPLES_TYPE, COLUMN_TYPE, MOVES_TYPE
from serpentune.game._rules import Ring

USABLE, LEGAL, AT_APPLE, NEW_STATE = 1, 2, 4, 8
"""Bits of `Moments.flags`."""


@dataclass(frozen=True)
class Moments:
    """What each of the `m` entries of the move lists of a batch can teach, in the order of the batch.

    Attributes:
        plan: int32 `(m,)`, moves to the next apple, this one included; 0 where none is eaten any more, or where an
            entry that isn't `USABLE` lies between.
        flags: uint8 `(m,)`: `USABLE`: the entry is one of the four directions and no reversal, on a board that shows
            its apple; `LEGAL`: it also runs into nothing; `AT_APPLE`: the apple has just appeared; `NEW_STATE`: the
            board shows its apple and is not the one of the entry before, so that somebody can be asked about it.
        length: int16 `(m,)`, cells of the snake before the move.
        head: int16 `(m,)`, the head's cell before the move.
        step: int32 `(m,)`, entries of the game's list before this one.
        left: int32 `(m,)`, entries of the game's list from this one to the last.
    """

    plan: NDArray[np.int32]
    flags: NDArray[np.uint8]
    length: NDArray[np.int16]
    head: NDArray[np.int16]
    step: NDArray[np.int32]
    left: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.plan)


def moments(games: GameBatch) -> Moments:
    """What the moves of games that were verified can teach."""
    count = int(games.move_offsets[-1] - games.move_offsets[0])
    found = Moments(
        plan=np.empty(count, np.int32),
        flags=np.empty(count, np.uint8),
        length=np.empty(count, np.int16),
        head=np.empty(count, np.int16),
        step=np.empty(count, np.int32),
        left=np.empty(count, np.int32),
    )
    _trace(
        games.moves,
        games.move_offsets,
        games.apples,
        games.apple_offsets,
        games.width,
        games.height,
        found.plan,
        found.flags,
        found.length,
        found.head,
        found.step,
        found.left,
    )
    return found


@kernel(
    types.void(
        MOVES_TYPE,
        COLUMN_TYPE,
        APPLES_TYPE,
        COLUMN_TYPE,
        types.int64,
        types.int64,
        types.int32[::1],
        types.uint8[::1],
        types.int16[::1],
        types.int16[::1],
        types.int32[::1],
        types.int32[::1],
    )
)
def _trace(
    moves: NDArray[np.uint8],
    move_offsets: NDArray[np.int64],
    apples: Ring,
    apple_offsets: NDArray[np.int64],
    width: int,
    height: int,
    plan: NDArray[np.int32],
    flags: NDArray[np.uint8],
    length: NDArray[np.int16],
    head: NDArray[np.int16],
    step: NDArray[np.int32],
    left: NDArray[np.int32],
) -> None:
    ring = np.empty(width * height, np.int16)
    occupied = np.empty(width * height, np.uint8)
    counters = np.empty(_rules.COUNTERS, np.int64)
    limits = np.zeros(_rules.LIMITS, np.int64)
    base = move_offsets[0]
    for game in range(move_offsets.shape[0] - 1):
        first, stop = move_offsets[game], move_offsets[game + 1]
        _rules.start(ring, occupied, counters, width, height)
        counters[_rules.APPLE] = apples[apple_offsets[game]]
        score = -1
        moved = True
        for place in range(first, stop):
            row = place - base
            apple = counters[_rules.APPLE]
            direction = counters[_rules.DIRECTION]
            move = moves[place]
            bits = AT_APPLE if counters[_rules.SCORE] > score else 0
            score = counters[_rules.SCORE]
            head[row] = ring[counters[_rules.HEAD]]
            length[row] = counters[_rules.LENGTH]
            step[row] = place - first
            left[row] = stop - place
            moving = move < 4 and (direction == _rules.NO_DIRECTION or move != (direction + 2) % 4)
            shows = apple != _rules.NO_CELL and occupied[apple] == 0
            usable = moving and shows
            if shows and moved:
                bits |= NEW_STATE
            moved = moving
            if usable:
                bits |= USABLE
                if _rules.is_legal(ring, occupied, counters, move, width, height):
                    bits |= LEGAL
            if _rules.advance(ring, occupied, counters, move, width, height, limits):
                at = apple_offsets[game] + counters[_rules.SCORE]
                if at < apple_offsets[game + 1]:
                    counters[_rules.APPLE] = apples[at]
            flags[row] = bits
        eats = counters[_rules.SCORE] > score
        following = 0
        for place in range(stop - 1, first - 1, -1):
            row = place - base
            if not flags[row] & USABLE:
                following = 0
            elif eats:
                following = 1
            elif following > 0:
                following += 1
            plan[row] = following
            eats = (flags[row] & AT_APPLE) != 0
