"""Floor 2, teachers: DFS, the first path that depth-first search finds."""

from __future__ import annotations

from serpentune.game._jit import kernel
from serpentune.game._rules import APPLE, HEAD, NO_CELL, Counters, Occupied, Ring, tail_cell
from serpentune.teachers import _explanations
from serpentune.teachers._kernel import (
    CHOOSE_TYPE,
    COLUMNS,
    EQUAL_MOVES,
    MARKS,
    NODES_EXPANDED,
    PATH_LENGTH,
    ROWS,
    SCRATCH,
    Facts,
    Work,
    begin,
    legal_moves,
    without_path,
)
from serpentune.teachers._teacher import Teacher


@kernel(CHOOSE_TYPE, allocates=False)
def choose(
    ring: Ring, occupied: Occupied, counters: Counters, width: int, height: int, work: Work, facts: Facts
) -> int:
    """Depth-first search (Tarjan 1972) from the head; the first move of the path on which it meets the apple.

    A depth-first search that tries neighbours in a fixed order and is planned anew at every move never arrives: its
    path winds through the whole board, and the head circles on the path's beginning. So neighbours nearer to the apple
    (Manhattan distance) come first, and only among equals the fixed order decides. The path is still no shortest one:
    a cell once left for a dead end is not looked at again.

    The body stands still during the search, except that the tail's cell is free: the tail leaves it with the first
    step, unless that step eats and ends the path. No other move is held equal: a depth-first search compares nothing.

    Cost: each cell is taken up at most once, O(cells).
    """
    cells = width * height
    stamp = begin(work, width, height)
    legal = legal_moves(ring, occupied, counters, work)
    facts[NODES_EXPANDED] = 0
    apple = counters[APPLE]
    if legal == 0 or apple == NO_CELL:
        return without_path(legal, facts)
    tail = tail_cell(ring, counters)
    apple_x = apple % width
    apple_y = apple // width
    columns = COLUMNS * cells
    rows = ROWS * cells
    marks = MARKS * cells
    path = SCRATCH * cells
    work[path] = ring[counters[HEAD]]
    work[marks + work[path]] = stamp
    depth = 0
    first = 0
    taken = 1
    while depth >= 0:
        cell = work[path + depth]
        x = work[columns + cell]
        y = work[rows + cell]
        nearer = 0
        if apple_y > y:
            nearer |= 1
        if apple_x > x:
            nearer |= 2
        if apple_y < y:
            nearer |= 4
        if apple_x < x:
            nearer |= 8
        open_moves = 0
        for direction in range(4):
            near = work[4 * cell + direction]
            if near != NO_CELL and work[marks + near] != stamp and (occupied[near] == 0 or near == tail):
                open_moves |= 1 << direction
        if depth == 0:
            open_moves &= legal
        if open_moves == 0:
            depth -= 1
            continue
        if open_moves & nearer:
            open_moves &= nearer
        move = 0
        while open_moves & (1 << move) == 0:
            move += 1
        if depth == 0:
            first = move
        depth += 1
        taken += 1
        near = work[4 * cell + move]
        work[marks + near] = stamp
        work[path + depth] = near
        if near == apple:
            facts[PATH_LENGTH] = depth
            facts[NODES_EXPANDED] = taken
            facts[EQUAL_MOVES] = 1 << first
            return first
    facts[NODES_EXPANDED] = taken
    return without_path(legal, facts)


DFS = Teacher(
    name="DFS",
    summary="Depth-first search, neighbours nearer to the apple first: the first move of the first path that it finds.",
    guarantee="None: the path leads to the apple on the present board but may be long, and planning anew at every move "
    "may circle; without a path the first legal move is played.",
    kernel=choose,
    reasons=_explanations.depth_first,
)
