"""Floor 2, teachers: ASTAR, a shortest path to the apple with few cells looked at."""

from __future__ import annotations

from numba import types

from serpentune.game._jit import kernel
from serpentune.game._rules import APPLE, HEAD, NO_CELL, Counters, Occupied, Ring, tail_cell
from serpentune.teachers._kernel import (
    CHOOSE_TYPE,
    EQUAL_MOVES,
    MARKS,
    NODES_EXPANDED,
    PATH_LENGTH,
    SCRATCH,
    WORK_TYPE,
    Facts,
    Work,
    begin,
    legal_moves,
    without_path,
)
from serpentune.teachers._teacher import Teacher

_STEPS = SCRATCH
_FIRST = SCRATCH + 1
_NOW = SCRATCH + 2
_LATER = SCRATCH + 6
"""Planes of `work`: steps from the head so far; first move on that way; two stacks of up to four entries a cell."""


@kernel(types.int64(WORK_TYPE, types.int64, types.int64, types.int64, types.int64, types.int64, types.int64))
def _first_moves(work: Work, cells: int, head: int, apple: int, length: int, legal: int, stamp: int) -> int:
    """Walk back from the apple over every cell of a shortest path; the mask of the first moves of these paths."""
    steps_plane = _STEPS * cells
    stack = _NOW * cells
    work[stack] = length * cells + apple
    work[steps_plane + apple] = NO_CELL
    count = 1
    while count > 0:
        count -= 1
        entry = work[stack + count]
        steps = entry // cells
        cell = entry - steps * cells
        for direction in range(4):
            near = work[4 * cell + direction]
            if near != NO_CELL and work[MARKS * cells + near] == stamp and work[steps_plane + near] == steps - 1:
                work[stack + count] = (steps - 1) * cells + near
                work[steps_plane + near] = NO_CELL
                count += 1
    mask = 0
    for direction in range(4):
        if legal & (1 << direction) and work[steps_plane + work[4 * head + direction]] == NO_CELL:
            mask |= 1 << direction
    return mask


@kernel(CHOOSE_TYPE)
def choose(
    ring: Ring, occupied: Occupied, counters: Counters, width: int, height: int, work: Work, facts: Facts
) -> int:
    """A* (Hart, Nilsson, Raphael 1968) from the head with the Manhattan distance to the apple as the estimate.

    On a grid a step changes `steps + estimate` by 0 or 2, so two stacks replace the heap: the cells to look at now, and
    those to look at when none of the former is left. Ties go to the cell found last, which is the deepest one, and
    neighbours are found in such an order that UP comes first, then RIGHT, DOWN, LEFT. The move is the first one of the
    path found first; where other moves begin a path as short, they are named as equal. Since the path is a shortest
    one, the move differs from that of BFS only where both are equally good.

    The body stands still during the search, except that the tail's cell is free: the tail leaves it with the first step,
    unless that step eats and ends the path. An entry of a stack is `steps * cells + cell`; it is out of date when a
    shorter way to the cell has been found since. The estimate is consistent, so no cell is taken up twice.

    Cost: O(cells); on a free board only cells between head and apple are looked at.
    """
    cells = width * height
    stamp = begin(work, width, height)
    legal = legal_moves(ring, occupied, counters, width, height)
    facts[NODES_EXPANDED] = 0
    apple = counters[APPLE]
    if legal == 0 or apple == NO_CELL:
        return without_path(legal, facts)
    head = ring[counters[HEAD]]
    tail = tail_cell(ring, counters)
    apple_x = apple % width
    apple_y = apple // width
    marks = MARKS * cells
    now = _NOW * cells
    later = _LATER * cells
    now_count = 1
    later_count = 0
    work[now] = head
    work[marks + head] = stamp
    work[_STEPS * cells + head] = 0
    taken = 0
    length = 0
    while True:
        if now_count == 0:
            if length > 0 or later_count == 0:
                break
            now, later = later, now
            now_count = later_count
            later_count = 0
        now_count -= 1
        entry = work[now + now_count]
        steps = entry // cells
        cell = entry - steps * cells
        if work[_STEPS * cells + cell] != steps:
            continue
        if cell == apple:
            # Its equals are known once every cell of this sum is looked at, so the stack is emptied first.
            length = steps
            continue
        if length == 0:
            taken += 1
        x = cell % width
        y = cell // width
        for turn in range(4):
            direction = 3 - turn
            near = work[4 * cell + direction]
            if near == NO_CELL or (occupied[near] != 0 and near != tail):
                continue
            if cell == head and not legal & (1 << direction):
                continue
            if work[marks + near] == stamp and work[_STEPS * cells + near] <= steps + 1:
                continue
            if direction == 0:
                nearer = apple_y > y
            elif direction == 1:
                nearer = apple_x > x
            elif direction == 2:
                nearer = apple_y < y
            else:
                nearer = apple_x < x
            work[marks + near] = stamp
            work[_STEPS * cells + near] = steps + 1
            work[_FIRST * cells + near] = direction if cell == head else work[_FIRST * cells + cell]
            if nearer:
                work[now + now_count] = (steps + 1) * cells + near
                now_count += 1
            elif length == 0:
                work[later + later_count] = (steps + 1) * cells + near
                later_count += 1
    facts[NODES_EXPANDED] = taken
    if length == 0:
        return without_path(legal, facts)
    first = work[_FIRST * cells + apple]
    facts[PATH_LENGTH] = length
    facts[EQUAL_MOVES] = _first_moves(work, cells, head, apple, length, legal, stamp)
    return first


ASTAR = Teacher(
    name="ASTAR",
    summary="A* with the Manhattan distance: a shortest path like that of BFS, with fewer cells looked at.",
    guarantee="The path is a shortest one on the present board. None beyond the apple: the snake may lock itself in; "
    "without a path the first legal move is played.",
    kernel=choose,
)
