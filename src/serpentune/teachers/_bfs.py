"""Floor 2, teachers: BFS, a shortest path to the apple."""

from __future__ import annotations

from serpentune.game._jit import kernel
from serpentune.game._rules import APPLE, HEAD, NO_CELL, Counters, Occupied, Ring, tail_cell
from serpentune.teachers._kernel import (
    CHOOSE_TYPE,
    EQUAL_MOVES,
    MARKS,
    NODES_EXPANDED,
    PATH_LENGTH,
    SCRATCH,
    Facts,
    Work,
    begin,
    first_move,
    legal_moves,
    without_path,
)
from serpentune.teachers._teacher import Teacher


@kernel(CHOOSE_TYPE, allocates=False)
def choose(
    ring: Ring, occupied: Occupied, counters: Counters, width: int, height: int, work: Work, facts: Facts
) -> int:
    """Breadth-first search (Moore 1959) from the apple back to the head, level by level.

    Searching backwards tells the distance behind every move of the head at once, so that all first moves of shortest
    paths are known; the first of them in the fixed order is played. The body stands still during the search, except
    that the tail's cell is free: the tail leaves it with the first step, unless that step eats and ends the path.

    Cost: each cell is taken up at most once, O(cells).
    """
    cells = width * height
    stamp = begin(work, width, height)
    legal = legal_moves(ring, occupied, counters, work)
    facts[NODES_EXPANDED] = 0
    if legal == 0 or counters[APPLE] == NO_CELL:
        return without_path(legal, facts)
    head = ring[counters[HEAD]]
    tail = tail_cell(ring, counters)
    marks = MARKS * cells
    queue = SCRATCH * cells
    work[queue] = counters[APPLE]
    work[marks + counters[APPLE]] = stamp
    taken = 0
    found = 1
    distance = 0
    equal = 0
    while taken < found and equal == 0:
        level_end = found
        distance += 1
        while taken < level_end:
            cell = work[queue + taken]
            taken += 1
            for direction in range(4):
                near = work[4 * cell + direction]
                if near == head:
                    equal |= (1 << ((direction + 2) % 4)) & legal
                elif near != NO_CELL and work[marks + near] != stamp and (occupied[near] == 0 or near == tail):
                    work[marks + near] = stamp
                    work[queue + found] = near
                    found += 1
    facts[NODES_EXPANDED] = taken
    if equal == 0:
        return without_path(legal, facts)
    facts[PATH_LENGTH] = distance
    facts[EQUAL_MOVES] = equal
    return first_move(equal)


BFS = Teacher(
    name="BFS",
    summary="Breadth-first search: the first move of a shortest path to the apple, planned anew at every move.",
    guarantee="The path is a shortest one on the present board. None beyond the apple: the snake may lock itself in; "
    "without a path the first legal move is played.",
    kernel=choose,
)
