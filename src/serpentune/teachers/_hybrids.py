"""Floor 2, teachers: BFS-HAMILTONIAN and ASTAR-HAMILTONIAN, shortest paths that keep the body in the cycle's order."""

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
from serpentune.teachers._astar import search_ahead
from serpentune.teachers._bfs import search_back
from serpentune.teachers._cycle import in_order, jump, lay_cycle, steps_between
from serpentune.teachers._kernel import (
    CHOOSE_TYPE,
    CLOCK,
    EQUAL_MOVES,
    FACTS_TYPE,
    IN_ORDER,
    NO_PATH,
    NODES_EXPANDED,
    PATH_LENGTH,
    ROUND,
    TRAPPED,
    WORK_TYPE,
    Facts,
    Work,
    begin,
    first_move,
    legal_moves,
    reversal,
)
from serpentune.teachers._shortcut import careful_move
from serpentune.teachers._teacher import Promise, Teacher


@kernel(
    types.int64(
        RING_TYPE, OCCUPIED_TYPE, COUNTERS_TYPE, types.int64, types.int64, WORK_TYPE, FACTS_TYPE, types.boolean
    ),
    allocates=False,
)
def _choose(
    ring: Ring,
    occupied: Occupied,
    counters: Counters,
    width: int,
    height: int,
    work: Work,
    facts: Facts,
    estimating: bool,
) -> int:
    """The first move of a shortest path whose every step goes ahead on the cycle and passes neither tail nor apple.

    There is one whenever the apple lies before the tail: the cycle itself. Where it lies behind, the snake jumps after
    the tail as HAMILTONIAN-SHORTCUT does; where the body isn't in order, it moves as carefully as that one.

    Args:
        ring, occupied, counters, width, height, work, facts: as for every kernel of a teacher.
        estimating: search with A* instead of breadth-first.
    """
    cells = width * height
    begin(work, width, height)
    lay_cycle(work, width, height)
    facts[NODES_EXPANDED] = 0
    work_in_order = in_order(ring, counters, work)
    work[CLOCK * cells + IN_ORDER] = 0
    if not work_in_order:
        return careful_move(ring, occupied, counters, width, height, work, facts)
    head, tail, apple, length = ring[counters[HEAD]], tail_cell(ring, counters), counters[APPLE], counters[LENGTH]
    move = TRAPPED
    if apple != NO_CELL and 2 * length <= cells:
        to_apple = steps_between(work, cells, head, apple)
        if to_apple < min(steps_between(work, cells, head, tail), work[CLOCK * cells + ROUND] - 1):
            legal = legal_moves(ring, occupied, counters, work)
            if estimating:
                move = search_ahead(occupied, work, facts, head, tail, apple, legal, True)
            else:
                equal = search_back(occupied, work, facts, head, tail, apple, legal, True)
                facts[EQUAL_MOVES] = equal
                move = first_move(equal)
    if move == TRAPPED:
        move = jump(work, cells, head, reversal(counters), tail, apple, length)
        if move < 0:
            return careful_move(ring, occupied, counters, width, height, work, facts)
        facts[EQUAL_MOVES] = 1 << move
        facts[PATH_LENGTH] = NO_PATH
    work[CLOCK * cells + IN_ORDER] = 1
    return move


@kernel(CHOOSE_TYPE, allocates=False)
def choose_breadth_first(
    ring: Ring, occupied: Occupied, counters: Counters, width: int, height: int, work: Work, facts: Facts
) -> int:
    return _choose(ring, occupied, counters, width, height, work, facts, False)


@kernel(CHOOSE_TYPE, allocates=False)
def choose_estimating(
    ring: Ring, occupied: Occupied, counters: Counters, width: int, height: int, work: Work, facts: Facts
) -> int:
    return _choose(ring, occupied, counters, width, height, work, facts, True)


BFS_HAMILTONIAN = Teacher(
    name="BFS-HAMILTONIAN",
    summary="Breadth-first search for a shortest path to the apple that keeps the body in the order of a Hamiltonian cycle.",
    guarantee="Never dies and fills every board.",
    promises=frozenset({Promise.NEVER_DIES, Promise.FILLS_THE_BOARD}),
    kernel=choose_breadth_first,
)

ASTAR_HAMILTONIAN = Teacher(
    name="ASTAR-HAMILTONIAN",
    summary="The paths of BFS-HAMILTONIAN, found by A*.",
    guarantee="Never dies and fills every board.",
    promises=frozenset({Promise.NEVER_DIES, Promise.FILLS_THE_BOARD}),
    kernel=choose_estimating,
)
