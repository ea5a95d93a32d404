"""Floor 2, teachers: after which moves the head can still reach its tail, so that the snake never locks itself in.

**The tail can be reached** when free cells lead from the head to the tail, the body standing still. A snake of up to
three cells always reaches it: no two cells side by side cut a board in two. (One of two cells may not turn back on
itself, but there is a way round.)

**Why that is enough to live.** If the tail can be reached, the first step of a shortest way there is legal, and after
it the tail can be reached again: the rest of the way stays free and ends in the cell that the tail has just left,
beside the new tail; or, where the step ate, at the tail itself. So a player who begins with one cell and never makes a
move that cuts the tail off, while there is another, always has another, and never dies.
"""

from __future__ import annotations

from numba import types

from serpentune.game._jit import kernel
from serpentune.game._rules import (
    APPLE,
    COUNTERS_TYPE,
    HEAD,
    LENGTH,
    NO_CELL,
    OCCUPIED_TYPE,
    RING_TYPE,
    Counters,
    Occupied,
    Ring,
    tail_cell,
)
from serpentune.teachers._kernel import (
    CLOCK,
    MARKS,
    SCRATCH,
    TAIL_STEPS,
    WORK_TYPE,
    Work,
    another_stamp,
)

_QUEUE = SCRATCH
_STEPS = SCRATCH + 1


@kernel(types.int64(RING_TYPE, COUNTERS_TYPE, types.int64), allocates=False)
def segment(ring: Ring, counters: Counters, behind: int) -> int:
    """The cell of the segment so many places behind the head."""
    place = counters[HEAD] + behind
    return int(ring[place - ring.shape[0] if place >= ring.shape[0] else place])


@kernel(types.int64(OCCUPIED_TYPE, WORK_TYPE, types.int64, types.int64, types.int64, types.int64), allocates=False)
def _meet(occupied: Occupied, work: Work, head: int, wanted: int, source: int, opened: int) -> int:
    """The moves of the mask `wanted` that lead to a cell from which free cells and `opened` lead to `source`."""
    cells = occupied.shape[0]
    stamp = another_stamp(work, cells)
    marks = MARKS * cells
    steps = _STEPS * cells
    queue = _QUEUE * cells
    work[queue] = source
    work[marks + source] = stamp
    work[steps + source] = 0
    taken = 0
    found = 1
    met = 0
    while taken < found and met != wanted:
        cell = work[queue + taken]
        taken += 1
        for direction in range(4):
            near = work[4 * cell + direction]
            if near == head:
                move = (direction + 2) & 3
                if wanted & (1 << move):
                    met |= 1 << move
                    work[CLOCK * cells + TAIL_STEPS + move] = work[steps + cell]
            elif near != NO_CELL and work[marks + near] != stamp and (occupied[near] == 0 or near == opened):
                work[marks + near] = stamp
                work[steps + near] = work[steps + cell] + 1
                work[queue + found] = near
                found += 1
    return met


@kernel(types.int64(RING_TYPE, OCCUPIED_TYPE, COUNTERS_TYPE, WORK_TYPE, types.int64), allocates=False)
def safe_moves(ring: Ring, occupied: Occupied, counters: Counters, work: Work, legal: int) -> int:
    """The mask of those `legal` moves after which the tail can be reached; after `begin`.

    `work[CLOCK * cells + TAIL_STEPS + move]` is then how many steps the tail is away after such a move: 0 for a snake
    of one or two cells and for the move that fills the board.

    Cost: O(cells), twice where the apple lies beside the head.
    """
    cells = ring.shape[0]
    head = ring[counters[HEAD]]
    length = counters[LENGTH]
    eating = 0
    for direction in range(4):
        work[CLOCK * cells + TAIL_STEPS + direction] = 0
        if legal & (1 << direction) and work[4 * head + direction] == counters[APPLE]:
            eating = 1 << direction
    safe = 0
    tail = tail_cell(ring, counters)
    if eating and 1 < length < cells - 1:
        safe |= _meet(occupied, work, head, eating, tail, NO_CELL)
    else:
        safe |= eating
    others = legal & ~eating
    if length > 2 and others:
        safe |= _meet(occupied, work, head, others, segment(ring, counters, length - 2), tail)
    else:
        safe |= others
    return safe
