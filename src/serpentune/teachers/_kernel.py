"""Floor 2, teachers: the signature of a teacher's kernel, and the pieces that every kernel shares.

A kernel is `choose(ring, occupied, counters, width, height, work, facts) -> move code`. The first three are one running
game as in the rules, to be read and never written; of `counters` only HEAD, LENGTH, APPLE and DIRECTION count, since a
teacher is a function of the visible state. `facts` is filled in on every call. `work` is scratch.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import types
from numpy.typing import NDArray

from serpentune.game import _rules
from serpentune.game._jit import kernel
from serpentune.game._rules import COUNTERS_TYPE, OCCUPIED_TYPE, RING_TYPE, Counters, Occupied, Ring
from serpentune.game.moves import Move

PATH_LENGTH = 0
NODES_EXPANDED = 1
EQUAL_MOVES = 2
WANTED = 3
GOAL = 4
FACTS = 5
"""Places in `facts`, int64 `(FACTS,)`: moves to the apple along the teacher's path, or `NO_PATH`; cells that the search
took up; bit `1 << direction` for each move that the teacher holds equally good, the chosen one always among them.
WANTED is set by the caller: where it is 0, nobody reads the others, and a kernel need not work for them; else
GOAL holds `NO_CELL` at the call, and a kernel that plans a way to a cell before the apple writes that cell there."""

NO_PATH = -1
TRAPPED = int(Move.NO_PATH_FOUND)
"""What a kernel returns when, and only when, no legal move exists."""

NEIGHBOURS = 0
COLUMNS = 4
ROWS = 5
MARKS = 6
CLOCK = 7
NUMBERS = 8
AHEAD = 9
SCRATCH = 10
WORK_PER_CELL = 22
"""Planes of `work`, each of `cells` numbers; plane `p` starts at `p * cells`.

The four planes from NEIGHBOURS on are one table: `work[4 * cell + direction]` is the cell next to a cell, or `NO_CELL`.
COLUMNS and ROWS hold the x and y of each cell. A cell is marked in this call when its number in plane MARKS equals the
stamp of the search. NUMBERS and AHEAD are laid by `_cycle.lay_cycle`, once a board. SCRATCH and the planes after it
are the teacher's own: zeros first, then what its last call left."""

FOLLOWS = 1
ROUND = 2
IN_ORDER = 3
TAIL_STEPS = 4
"""Places in plane CLOCK, behind the stamp itself.

FOLLOWS is set by the caller: 1 where the state is the one that this kernel's last answer has led to, 0 where it may be
any. In a state that follows, a kernel may build on what it left in its planes; that saves work and must change no
answer. A kernel that asks another one in some states only sets it to 0 before.

ROUND is the length of the cycle, 0 until it is laid. IN_ORDER is left by kernels that keep the body in the cycle's
order: 1 where it will still be so after their last answer. TAIL_STEPS and the three places after it are what
`_tail.safe_moves` finds, one for each direction."""

Work = NDArray[np.int32]
Facts = NDArray[np.int64]
Choose = Callable[[Ring, Occupied, Counters, int, int, Work, Facts], int]

WORK_TYPE = types.int32[::1]
FACTS_TYPE = types.int64[::1]
CHOOSE_TYPE = types.int64(RING_TYPE, OCCUPIED_TYPE, COUNTERS_TYPE, types.int64, types.int64, WORK_TYPE, FACTS_TYPE)

_STAMPS_A_CALL = 16
_LAST_STAMP = 2**31 - 1


@kernel(types.int64(WORK_TYPE, types.int64), allocates=False)
def another_stamp(work: Work, cells: int) -> int:
    """A stamp for a second search in the same call, and a third: `begin` leaves room for some."""
    work[CLOCK * cells] += 1
    return int(work[CLOCK * cells])


@kernel(types.int64(WORK_TYPE, types.int64, types.int64), allocates=False)
def begin(work: Work, width: int, height: int) -> int:
    """Start a search: a stamp above 0 that stands nowhere in `work` yet, so that nothing has to be cleared.

    `work` holds zeros before its first use and stays with one board size.
    """
    cells = width * height
    clock = CLOCK * cells
    if work[clock] > _LAST_STAMP - _STAMPS_A_CALL:
        work[:] = 0
    if work[clock] == 0:
        for cell in range(cells):
            work[COLUMNS * cells + cell] = cell % width
            work[ROWS * cells + cell] = cell // width
            for direction in range(4):
                work[4 * cell + direction] = _rules.neighbour(cell, direction, width, height)
    return another_stamp(work, cells)


@kernel(types.int64(COUNTERS_TYPE), allocates=False)
def reversal(counters: Counters) -> int:
    """The direction that would turn the snake back on itself, or 4 where none would."""
    direction = counters[_rules.DIRECTION]
    return int((direction + 2) & 3 if direction != _rules.NO_DIRECTION else 4)


@kernel(types.int64(RING_TYPE, OCCUPIED_TYPE, COUNTERS_TYPE, WORK_TYPE), allocates=False)
def legal_moves(ring: Ring, occupied: Occupied, counters: Counters, work: Work) -> int:
    """Bit `1 << direction` for each legal move, 0 when the snake is trapped; after `begin`.

    The same as four calls of the rules' `is_legal`, several times as fast through the table of neighbours.
    """
    head = ring[counters[_rules.HEAD]]
    tail = _rules.tail_cell(ring, counters)
    back = reversal(counters)
    mask = 0
    for direction in range(4):
        cell = work[4 * head + direction]
        if direction != back and cell != _rules.NO_CELL and (occupied[cell] == 0 or cell == tail):
            mask |= 1 << direction
    return mask


@kernel(types.int64(types.int64), allocates=False)
def first_move(mask: int) -> int:
    """The first move of a mask in the order UP, RIGHT, DOWN, LEFT; `TRAPPED` for an empty one."""
    for direction in range(4):
        if mask & (1 << direction):
            return direction
    return TRAPPED


@kernel(types.int64(types.int64, FACTS_TYPE), allocates=False)
def without_path(legal: int, facts: Facts) -> int:
    """The answer of a teacher that has no path: the first legal move, all of them being equal to it."""
    facts[PATH_LENGTH] = NO_PATH
    facts[EQUAL_MOVES] = legal
    return first_move(legal)
