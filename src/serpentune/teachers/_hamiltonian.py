"""Floor 2, teachers: HAMILTONIAN, round and round on a cycle through every cell."""

from __future__ import annotations

from numba import types

from serpentune.game._jit import kernel
from serpentune.game._rules import APPLE, HEAD, LENGTH, NO_CELL, Counters, Occupied, Ring, neighbour
from serpentune.teachers._kernel import (
    CHOOSE_TYPE,
    EQUAL_MOVES,
    NO_PATH,
    NODES_EXPANDED,
    PATH_LENGTH,
    SCRATCH,
    Facts,
    Work,
    begin,
    legal_moves,
    without_path,
)
from serpentune.teachers._teacher import Teacher


@kernel(types.int64(types.int64, types.int64, types.int64, types.int64))
def cycle_move(x: int, y: int, width: int, height: int) -> int:
    """The move that the Hamiltonian cycle makes from `(x, y)`, on a board with an even side.

    With an even height the cycle runs along the bottom row to the right, winds upward through columns 1 and above, row
    by row, and comes down in column 0. With an odd height and an even width it is the same with x and y exchanged.
    """
    swapped = height % 2 == 1
    if swapped:
        x, y = y, x
        width, height = height, width
    if x == 0:
        along = y == 0
        ahead = along
    elif y % 2 == 0:
        along = x < width - 1
        ahead = True
    else:
        along = x > 1 or y == height - 1
        ahead = not along
    if along != swapped:
        return 1 if ahead else 3
    return 0 if ahead else 2


@kernel(CHOOSE_TYPE)
def choose(
    ring: Ring, occupied: Occupied, counters: Counters, width: int, height: int, work: Work, facts: Facts
) -> int:
    """Follow a Hamiltonian cycle: a closed way through every cell, known by arithmetic from the cell alone.

    A snake that has always followed the cycle lies on it in one piece, so its head can only meet the cell that the
    tail is leaving: it never dies, and it meets every apple within one round. In a state of another player the next
    cell may be taken; then the first legal move is played, and the cycle is taken up again from there.

    The path is the way along the cycle to the apple. There is none where a part of the body lies in the way that will
    not have moved on when the head comes. Nothing is searched, so no node is expanded.

    Cost: the move is O(1); the fact `path_length` walks to the apple, O(cells).
    """
    cells = width * height
    begin(work, width, height)
    legal = legal_moves(ring, occupied, counters, work)
    facts[NODES_EXPANDED] = 0
    cell = int(ring[counters[HEAD]])
    move = cycle_move(cell % width, cell // width, width, height)
    if not legal & (1 << move):
        return without_path(legal, facts)
    facts[EQUAL_MOVES] = 1 << move
    facts[PATH_LENGTH] = NO_PATH
    if counters[APPLE] == NO_CELL:
        return move
    following = SCRATCH * cells
    if work[following] == 0:
        # No cell follows itself, so a 0 for cell 0 means that the table has still to be made.
        for place in range(cells):
            turn = cycle_move(place % width, place // width, width, height)
            work[following + place] = neighbour(place, turn, width, height)
    for steps in range(1, cells + 1):
        cell = work[following + cell]
        if cell == counters[APPLE]:
            facts[PATH_LENGTH] = steps
            break
        if occupied[cell] != 0:
            # The segment k places behind the head leaves its cell with step `length - k`.
            place = 0
            while ring[(counters[HEAD] + place) % cells] != cell:
                place += 1
            if steps < counters[LENGTH] - place:
                break
    return move


def _no_cycle(width: int, height: int) -> str | None:
    if width % 2 == 1 and height % 2 == 1:
        return (
            "a cycle through every cell needs an even side: each step changes the colour of a chessboard's cell, and "
            f"{width * height} cells can't be half black, half white. Choose an even width or height"
        )
    return None


HAMILTONIAN = Teacher(
    name="HAMILTONIAN",
    summary="Follows one Hamiltonian cycle through all cells: slow and safe.",
    guarantee="Never dies and fills any board with an even side; it needs at most one round of the cycle an apple.",
    kernel=choose,
    refuses=_no_cycle,
)
