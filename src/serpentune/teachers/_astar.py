"""Floor 2, teachers: ASTAR, a shortest path to the apple with few cells looked at."""

from __future__ import annotations

from numba import types

from serpentune.game._jit import kernel
from serpentune.game._rules import APPLE, HEAD, NO_CELL, OCCUPIED_TYPE, Counters, Occupied, Ring, tail_cell
from serpentune.teachers import _explanations
from serpentune.teachers._cycle import number_after
from serpentune.teachers._kernel import (
    CHOOSE_TYPE,
    COLUMNS,
    EQUAL_MOVES,
    FACTS_TYPE,
    MARKS,
    NODES_EXPANDED,
    PATH_LENGTH,
    ROWS,
    SCRATCH,
    TRAPPED,
    WANTED,
    WORK_TYPE,
    Facts,
    Work,
    another_stamp,
    begin,
    legal_moves,
    without_path,
)
from serpentune.teachers._teacher import Teacher

_STEPS = SCRATCH
_FIRST = SCRATCH + 1
_TAKEN = SCRATCH + 2
_NOW = SCRATCH + 3
_LATER = SCRATCH + 7
"""Planes of `work`: steps from the head so far; the first move on that way; the stamp of the call that took the cell
up, negative once the walk back has passed it; two stacks of up to four entries a cell, one from each neighbour."""


@kernel(
    types.int64(WORK_TYPE, types.int64, types.int64, types.int64, types.int64, types.int64, types.boolean),
    allocates=False,
)
def _first_moves(work: Work, cells: int, head: int, apple: int, legal: int, stamp: int, ordered: bool) -> int:
    """Walk back from the apple over every cell of a shortest path; the mask of the first moves of these paths."""
    steps = _STEPS * cells
    marks = MARKS * cells
    taken = _TAKEN * cells
    stack = _NOW * cells
    work[stack] = apple
    work[taken + apple] = -stamp
    count = 1
    while count > 0:
        count -= 1
        cell = work[stack + count]
        for direction in range(4):
            near = work[4 * cell + direction]
            if near == NO_CELL or work[marks + near] != stamp or work[taken + near] == -stamp:
                continue
            if ordered and number_after(work, cells, head, near) >= number_after(work, cells, head, cell):
                continue
            if work[steps + near] == work[steps + cell] - 1:
                work[stack + count] = near
                work[taken + near] = -stamp
                count += 1
    mask = 0
    for direction in range(4):
        if legal & (1 << direction) and work[taken + work[4 * head + direction]] == -stamp:
            mask |= 1 << direction
    return mask


@kernel(
    types.int64(
        OCCUPIED_TYPE, WORK_TYPE, FACTS_TYPE, types.int64, types.int64, types.int64, types.int64, types.boolean
    ),
    allocates=False,
)
def search_ahead(
    occupied: Occupied, work: Work, facts: Facts, head: int, tail: int, apple: int, legal: int, ordered: bool
) -> int:
    """A* (Hart, Nilsson, Raphael 1968) from the head with the Manhattan distance to the apple as the estimate.

    On a grid a step changes `steps + estimate` by 0 or 2, so two stacks replace the heap: the cells to look at now, and
    those to look at when none of the former is left. Ties go to the cell found last, which is the deepest one, and
    neighbours are found in such an order that UP comes first, then RIGHT, DOWN, LEFT. The body stands still during the
    search, except that the tail's cell is free, as in `_bfs.search_back`.

    Cost: O(cells), since the estimate is consistent and no cell is taken up twice; on a free board only cells between
    head and apple are looked at. The arguments are those of `_bfs.search_back`.

    Returns:
        The first move of the path found first; `TRAPPED` where there is none. Where that path's fellows are asked for
        (`facts[WANTED]`), `facts[EQUAL_MOVES]` is the mask of the first moves of all paths as short.
    """
    cells = occupied.shape[0]
    stamp = another_stamp(work, cells)
    columns = COLUMNS * cells
    rows = ROWS * cells
    apple_x = work[columns + apple]
    apple_y = work[rows + apple]
    marks = MARKS * cells
    steps = _STEPS * cells
    first = _FIRST * cells
    taken = _TAKEN * cells
    now = _NOW * cells
    later = _LATER * cells
    now_count = 1
    later_count = 0
    work[now] = head
    work[marks + head] = stamp
    work[steps + head] = 0
    nodes = 0
    found = False
    while True:
        if now_count == 0:
            if found or later_count == 0:
                break
            now, later = later, now
            now_count = later_count
            later_count = 0
        now_count -= 1
        cell = work[now + now_count]
        if work[taken + cell] == stamp:
            continue
        work[taken + cell] = stamp
        if cell == apple:
            if facts[WANTED] == 0:
                return int(work[first + apple])
            # The paths of the same length are known once this stack is empty, so the search goes on for so long.
            found = True
            continue
        if not found:
            nodes += 1
        x = work[columns + cell]
        y = work[rows + cell]
        reach = work[steps + cell] + 1
        for turn in range(4):
            direction = 3 - turn
            near = work[4 * cell + direction]
            if near == NO_CELL or (occupied[near] != 0 and near != tail):
                continue
            if work[marks + near] == stamp and work[steps + near] <= reach:
                continue
            if cell == head and not legal & (1 << direction):
                continue
            if ordered:
                place = number_after(work, cells, head, near)
                if place <= number_after(work, cells, head, cell):
                    continue
                if near != apple and place >= number_after(work, cells, head, apple):
                    continue
            if direction == 0:
                nearer = apple_y > y
            elif direction == 1:
                nearer = apple_x > x
            elif direction == 2:
                nearer = apple_y < y
            else:
                nearer = apple_x < x
            if found and not nearer:
                continue
            work[marks + near] = stamp
            work[steps + near] = reach
            work[first + near] = direction if cell == head else work[first + cell]
            if nearer:
                work[now + now_count] = near
                now_count += 1
            else:
                work[later + later_count] = near
                later_count += 1
    facts[NODES_EXPANDED] = nodes
    if not found:
        return TRAPPED
    facts[PATH_LENGTH] = work[steps + apple]
    facts[EQUAL_MOVES] = _first_moves(work, cells, head, apple, legal, stamp, ordered)
    return int(work[first + apple])


@kernel(CHOOSE_TYPE, allocates=False)
def choose(
    ring: Ring, occupied: Occupied, counters: Counters, width: int, height: int, work: Work, facts: Facts
) -> int:
    """The first move of the shortest path that A* finds first; where other moves begin one as short, they are equal.

    Since the path is a shortest one, the move differs from that of BFS only where both are equally good.

    Cost: O(cells).
    """
    begin(work, width, height)
    legal = legal_moves(ring, occupied, counters, work)
    facts[NODES_EXPANDED] = 0
    if legal == 0 or counters[APPLE] == NO_CELL:
        return without_path(legal, facts)
    head, tail = ring[counters[HEAD]], tail_cell(ring, counters)
    move = search_ahead(occupied, work, facts, head, tail, counters[APPLE], legal, False)
    return without_path(legal, facts) if move == TRAPPED else move


ASTAR = Teacher(
    name="ASTAR",
    summary="A* with the Manhattan distance: a shortest path like that of BFS, with fewer cells looked at.",
    guarantee="The path is a shortest one on the present board. None beyond the apple: the snake may lock itself in; "
    "without a path the first legal move is played.",
    kernel=choose,
    reasons=_explanations.estimating,
)
