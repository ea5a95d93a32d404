"""Floor 2, teachers: HAMILTONIAN, round and round on a cycle through every cell."""

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
)
from serpentune.teachers import _explanations
from serpentune.teachers._cycle import lay_cycle, step_along
from serpentune.teachers._kernel import (
    CHOOSE_TYPE,
    EQUAL_MOVES,
    NO_PATH,
    NODES_EXPANDED,
    PATH_LENGTH,
    WANTED,
    WORK_TYPE,
    Facts,
    Work,
    begin,
    legal_moves,
    without_path,
)
from serpentune.teachers._tail import segment
from serpentune.teachers._teacher import Promise, Teacher


@kernel(types.int64(RING_TYPE, OCCUPIED_TYPE, COUNTERS_TYPE, WORK_TYPE), allocates=False)
def _steps_to_apple(ring: Ring, occupied: Occupied, counters: Counters, work: Work) -> int:
    """Steps along the cycle to the apple, or `NO_PATH` where the body will be in the way."""
    cells = ring.shape[0]
    apple = counters[APPLE]
    cell = int(ring[counters[HEAD]])
    for steps in range(1, cells + 1):
        cell = work[4 * cell + step_along(work, cells, cell, apple)]
        if cell == apple:
            return steps
        if occupied[cell] != 0:
            # The segment k places behind the head leaves its cell with step `length - k`.
            behind = 0
            while segment(ring, counters, behind) != cell:
                behind += 1
            if steps < counters[LENGTH] - behind:
                break
    return NO_PATH


@kernel(CHOOSE_TYPE, allocates=False)
def choose(
    ring: Ring, occupied: Occupied, counters: Counters, width: int, height: int, work: Work, facts: Facts
) -> int:
    """Follow a Hamiltonian cycle, a closed way through every cell; `_cycle` says which, and what odd boards have.

    A snake that has always followed the cycle lies on it without gaps, so its head can only meet the cell that the tail
    is leaving: it never dies, and it meets every apple within one round. On an odd board that holds for either twin:
    the number of both is free, or the snake has every number, and then the free twin holds the last apple.

    In a state of another player the next cell may be taken; then the first legal move is played, and the cycle is taken
    up again from there. The path is the way along the cycle to the apple. There is none where a part of the body lies
    in the way that will not have moved on when the head comes. Nothing is searched, so no node is expanded.

    Cost: the move is O(1); the fact `path_length` walks to the apple, O(cells) in its own games.
    """
    cells = width * height
    begin(work, width, height)
    lay_cycle(work, width, height)
    legal = legal_moves(ring, occupied, counters, work)
    facts[NODES_EXPANDED] = 0
    move = step_along(work, cells, ring[counters[HEAD]], counters[APPLE])
    if not legal & (1 << move):
        return without_path(legal, facts)
    if facts[WANTED] != 0:
        facts[EQUAL_MOVES] = 1 << move
        facts[PATH_LENGTH] = NO_PATH if counters[APPLE] == NO_CELL else _steps_to_apple(ring, occupied, counters, work)
    return move


HAMILTONIAN = Teacher(
    name="HAMILTONIAN",
    summary="Follows one Hamiltonian cycle through all cells: slow and safe.",
    guarantee="Never dies and fills every board: its body lies on the cycle without gaps, so that the next cell is "
    "free or the tail's own; it needs at most one round of the cycle an apple.",
    promises=frozenset({Promise.NEVER_DIES, Promise.FILLS_THE_BOARD}),
    kernel=choose,
    reasons=_explanations.hamiltonian,
)
