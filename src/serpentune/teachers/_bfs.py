"""Floor 2, teachers: BFS, a shortest path to the apple, and the search behind it that others use too."""

from __future__ import annotations

from numba import types

from serpentune.game._jit import kernel
from serpentune.game._rules import APPLE, HEAD, NO_CELL, OCCUPIED_TYPE, Counters, Occupied, Ring, tail_cell
from serpentune.teachers import _explanations
from serpentune.teachers._cycle import number_after
from serpentune.teachers._kernel import (
    CHOOSE_TYPE,
    EQUAL_MOVES,
    FACTS_TYPE,
    MARKS,
    NODES_EXPANDED,
    PATH_LENGTH,
    SCRATCH,
    WORK_TYPE,
    Facts,
    Work,
    another_stamp,
    begin,
    first_move,
    legal_moves,
    without_path,
)
from serpentune.teachers._teacher import Teacher

TOWARD = SCRATCH
_QUEUE = SCRATCH + 1


@kernel(
    types.int64(
        OCCUPIED_TYPE, WORK_TYPE, FACTS_TYPE, types.int64, types.int64, types.int64, types.int64, types.boolean
    ),
    allocates=False,
)
def search_back(
    occupied: Occupied, work: Work, facts: Facts, head: int, tail: int, apple: int, legal: int, ordered: bool
) -> int:
    """Breadth-first search (Moore 1959) from the apple back to the head, level by level.

    Searching backwards tells the distance behind every move of the head at once, so that all first moves of shortest
    paths are known. The body stands still during the search, except that the tail's cell is free: the tail leaves it
    with the first step, unless that step eats and ends the path.

    Args:
        occupied: as in the rules.
        work: after `begin`, and after `lay_cycle` for `ordered`. For each cell that the search found,
            `work[TOWARD * cells + cell]` is then the next one on a shortest path from there.
        facts: told the nodes, and where there is a path its length.
        head: the head's cell.
        tail: the tail's cell.
        apple: the apple's cell.
        legal: the mask of the head's legal moves.
        ordered: take only steps that go ahead on the cycle, by any number of places, and don't pass the apple.

    Returns:
        The mask of the moves that begin a shortest path; 0 where there is no path.
    """
    cells = occupied.shape[0]
    stamp = another_stamp(work, cells)
    marks = MARKS * cells
    toward = TOWARD * cells
    queue = _QUEUE * cells
    work[queue] = apple
    work[marks + apple] = stamp
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
                    equal |= (1 << ((direction + 2) & 3)) & legal
                elif near != NO_CELL and work[marks + near] != stamp and (occupied[near] == 0 or near == tail):
                    if ordered:
                        place = number_after(work, cells, head, near)
                        if place == 0 or place >= number_after(work, cells, head, cell):
                            continue
                    work[marks + near] = stamp
                    work[toward + near] = cell
                    work[queue + found] = near
                    found += 1
    facts[NODES_EXPANDED] = taken
    if equal != 0:
        facts[PATH_LENGTH] = distance
    return equal


@kernel(CHOOSE_TYPE, allocates=False)
def choose(
    ring: Ring, occupied: Occupied, counters: Counters, width: int, height: int, work: Work, facts: Facts
) -> int:
    """The first move of a shortest path, in the fixed order where several begin one.

    Cost: each cell is taken up at most once, O(cells).
    """
    begin(work, width, height)
    legal = legal_moves(ring, occupied, counters, work)
    facts[NODES_EXPANDED] = 0
    if legal == 0 or counters[APPLE] == NO_CELL:
        return without_path(legal, facts)
    head, tail = ring[counters[HEAD]], tail_cell(ring, counters)
    equal = search_back(occupied, work, facts, head, tail, counters[APPLE], legal, False)
    if equal == 0:
        return without_path(legal, facts)
    facts[EQUAL_MOVES] = equal
    return first_move(equal)


BFS = Teacher(
    name="BFS",
    summary="Breadth-first search: the first move of a shortest path to the apple, planned anew at every move.",
    guarantee="The path is a shortest one on the present board. None beyond the apple: the snake may lock itself in; "
    "without a path the first legal move is played.",
    kernel=choose,
    reasons=_explanations.breadth_first,
)
