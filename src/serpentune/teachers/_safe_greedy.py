"""Floor 2, teachers: BFS-SAFE-GREEDY, the shortest path to the apple if there is a way out behind it."""

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
from serpentune.teachers._bfs import TOWARD, search_back
from serpentune.teachers._kernel import (
    CHOOSE_TYPE,
    CLOCK,
    EQUAL_MOVES,
    MARKS,
    NO_PATH,
    NODES_EXPANDED,
    PATH_LENGTH,
    SCRATCH,
    TAIL_STEPS,
    WORK_TYPE,
    Facts,
    Work,
    another_stamp,
    begin,
    first_move,
    legal_moves,
    without_path,
)
from serpentune.teachers._tail import safe_moves, segment
from serpentune.teachers._teacher import Promise, Teacher

_STACK = SCRATCH + 2


@kernel(
    types.boolean(RING_TYPE, OCCUPIED_TYPE, COUNTERS_TYPE, WORK_TYPE, types.int64, types.int64), allocates=False
)
def _leads_out(ring: Ring, occupied: Occupied, counters: Counters, work: Work, move: int, steps: int) -> bool:
    """Whether the tail can be reached after walking to the apple, by `move` and on by plane TOWARD, `steps` in all.

    A cell counts as marked where the snake lies after the walk, or where the search from its head has been.
    """
    cells = ring.shape[0]
    length = counters[LENGTH]
    if length <= 2 or length == cells - 1:
        return True
    stamp = another_stamp(work, cells)
    marks = MARKS * cells
    # Then the snake has one cell more: the last ones of the path, and behind them what is left of the present body.
    staying = length + 1 - steps
    for behind in range(staying):
        work[marks + segment(ring, counters, behind)] = stamp
    tail = segment(ring, counters, staying - 1) if staying > 0 else NO_CELL
    cell = work[4 * ring[counters[HEAD]] + move]
    for left_out in range(steps):
        if left_out >= -staying:
            work[marks + cell] = stamp
            if left_out == -staying and staying <= 0:
                tail = cell
        if left_out < steps - 1:
            cell = work[TOWARD * cells + cell]
    stack = _STACK * cells
    work[stack] = cell
    count = 1
    while count > 0:
        count -= 1
        cell = work[stack + count]
        for direction in range(4):
            near = work[4 * cell + direction]
            if near == tail:
                return True
            if near != NO_CELL and work[marks + near] != stamp:
                work[marks + near] = stamp
                work[stack + count] = near
                count += 1
    return False


@kernel(CHOOSE_TYPE, allocates=False)
def choose(
    ring: Ring, occupied: Occupied, counters: Counters, width: int, height: int, work: Work, facts: Facts
) -> int:
    cells = width * height
    begin(work, width, height)
    legal = legal_moves(ring, occupied, counters, work)
    facts[NODES_EXPANDED] = 0
    safe = safe_moves(ring, occupied, counters, work, legal)
    apple = counters[APPLE]
    if safe == 0:
        return without_path(legal, facts)
    if apple != NO_CELL:
        head, tail = ring[counters[HEAD]], tail_cell(ring, counters)
        equal = search_back(occupied, work, facts, head, tail, apple, safe, False)
        for move in range(4):
            if equal & (1 << move) and _leads_out(ring, occupied, counters, work, move, facts[PATH_LENGTH]):
                facts[EQUAL_MOVES] = 1 << move
                return move
    facts[PATH_LENGTH] = NO_PATH
    farthest = 0
    for move in range(4):
        if safe & (1 << move):
            farthest = max(farthest, work[CLOCK * cells + TAIL_STEPS + move])
    equal = 0
    for move in range(4):
        if safe & (1 << move) and work[CLOCK * cells + TAIL_STEPS + move] == farthest:
            equal |= 1 << move
    facts[EQUAL_MOVES] = equal
    return first_move(equal)


BFS_SAFE_GREEDY = Teacher(
    name="BFS-SAFE-GREEDY",
    summary="The shortest path to the apple if the tail can be reached behind it; else a detour near the tail.",
    guarantee="Never dies.",
    promises=frozenset({Promise.NEVER_DIES}),
    kernel=choose,
)
