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
from serpentune.teachers import _explanations
from serpentune.teachers._astar import search_ahead
from serpentune.teachers._bfs import search_back
from serpentune.teachers._cycle import in_order, jump, lay_cycle, steps_between, takes_shortcuts
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

    There is one whenever the apple lies before the tail, since the cycle itself is such a path. All its steps keep the
    body in order, so what `_cycle` says of jumps holds: the snake never dies, and each step brings the apple nearer
    along the cycle. Where the apple lies behind the tail, the snake jumps after the tail as HAMILTONIAN-SHORTCUT does;
    above half the board it follows the cycle, and where the body isn't in order, it moves as carefully as that one.

    Cost: O(cells) for the search, O(1) without one in a game of its own.

    With `estimating` the search is A*, else breadth-first; the other arguments are those of every teacher's kernel.
    """
    cells = width * height
    begin(work, width, height)
    lay_cycle(work, width, height)
    facts[NODES_EXPANDED] = 0
    if not in_order(ring, counters, work):
        return careful_move(ring, occupied, counters, width, height, work, facts)
    head, tail, apple, length = ring[counters[HEAD]], tail_cell(ring, counters), counters[APPLE], counters[LENGTH]
    free = min(steps_between(work, cells, head, tail), work[CLOCK * cells + ROUND] - 1)
    to_apple = steps_between(work, cells, head, apple) if apple != NO_CELL else free
    move = TRAPPED
    if to_apple < free and takes_shortcuts(length, cells):
        legal = legal_moves(ring, occupied, counters, work)
        if estimating:
            move = search_ahead(occupied, work, facts, head, tail, apple, legal, True)
        else:
            facts[EQUAL_MOVES] = search_back(occupied, work, facts, head, tail, apple, legal, True)
            move = first_move(facts[EQUAL_MOVES])
    if move == TRAPPED:
        move = jump(work, cells, head, reversal(counters), tail, apple, length)
        if move < 0:
            return careful_move(ring, occupied, counters, width, height, work, facts)
        facts[EQUAL_MOVES] = 1 << move
        along = to_apple < free and not takes_shortcuts(length, cells)
        facts[PATH_LENGTH] = to_apple if along else NO_PATH
    work[CLOCK * cells + IN_ORDER] = 1
    return move


@kernel(CHOOSE_TYPE, allocates=False)
def choose_breadth_first(
    ring: Ring, occupied: Occupied, counters: Counters, width: int, height: int, work: Work, facts: Facts
) -> int:
    """`_choose` with the search of BFS: among equal first moves the first in the fixed order."""
    return _choose(ring, occupied, counters, width, height, work, facts, False)


@kernel(CHOOSE_TYPE, allocates=False)
def choose_estimating(
    ring: Ring, occupied: Occupied, counters: Counters, width: int, height: int, work: Work, facts: Facts
) -> int:
    """`_choose` with the search of ASTAR: among equal paths the one that it finds first, with fewer cells looked at.

    Few paths ahead on the cycle are equally short, and of those A* mostly finds the one that begins with the first move
    first. So the two teachers answer nearly every state alike, and differ in the cells that they look at.
    """
    return _choose(ring, occupied, counters, width, height, work, facts, True)


_GUARANTEE = (
    "Never dies and fills every board: the path passes neither the tail nor the apple, so that going on along the "
    "cycle stays possible and every apple is met. In a game begun by another player it lives on where it can reach its "
    "tail."
)

BFS_HAMILTONIAN = Teacher(
    name="BFS-HAMILTONIAN",
    summary="A shortest path to the apple among those that keep the body in the order of HAMILTONIAN's cycle.",
    guarantee=_GUARANTEE,
    promises=frozenset({Promise.NEVER_DIES, Promise.FILLS_THE_BOARD}),
    kernel=choose_breadth_first,
    reasons=_explanations.breadth_first_in_order,
)

ASTAR_HAMILTONIAN = Teacher(
    name="ASTAR-HAMILTONIAN",
    summary="Paths as short as those of BFS-HAMILTONIAN, found with fewer cells looked at; they differ in few moves.",
    guarantee=_GUARANTEE,
    promises=frozenset({Promise.NEVER_DIES, Promise.FILLS_THE_BOARD}),
    kernel=choose_estimating,
    reasons=_explanations.estimating_in_order,
)
