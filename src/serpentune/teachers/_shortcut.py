"""Floor 2, teachers: HAMILTONIAN-SHORTCUT, round on the cycle with every shortcut that keeps the body in order."""

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
from serpentune.teachers._cycle import in_order, jump, lay_cycle, step_along
from serpentune.teachers._kernel import (
    CHOOSE_TYPE,
    CLOCK,
    EQUAL_MOVES,
    FACTS_TYPE,
    IN_ORDER,
    NO_PATH,
    NODES_EXPANDED,
    PATH_LENGTH,
    SCRATCH,
    WANTED,
    WORK_TYPE,
    Facts,
    Work,
    begin,
    first_move,
    legal_moves,
    reversal,
    without_path,
)
from serpentune.teachers._tail import safe_moves, segment
from serpentune.teachers._teacher import Promise, Teacher

_WALKED = SCRATCH


@kernel(types.int64(RING_TYPE, COUNTERS_TYPE, WORK_TYPE), allocates=False)
def _steps_to_apple(ring: Ring, counters: Counters, work: Work) -> int:
    """How many jumps lead to the apple, the body moving along; `NO_PATH` where it takes more than one round."""
    cells = ring.shape[0]
    length = counters[LENGTH]
    apple = counters[APPLE]
    head = int(ring[counters[HEAD]])
    back = reversal(counters)
    for steps in range(cells):
        left = steps - length
        tail = work[_WALKED * cells + left] if left >= 0 else segment(ring, counters, -1 - left)
        move = jump(work, cells, head, back, tail, apple, length)
        if move < 0:
            return NO_PATH
        head = work[4 * head + move]
        if head == apple:
            return steps + 1
        work[_WALKED * cells + steps] = head
        back = (move + 2) & 3
    return NO_PATH


@kernel(
    types.int64(RING_TYPE, OCCUPIED_TYPE, COUNTERS_TYPE, types.int64, types.int64, WORK_TYPE, FACTS_TYPE),
    allocates=False,
)
def careful_move(
    ring: Ring, occupied: Occupied, counters: Counters, width: int, height: int, work: Work, facts: Facts
) -> int:
    """What the teachers of the cycle answer where the body doesn't lie in its order; after `begin` and `lay_cycle`.

    The step along the cycle, if the tail can be reached after it; else the first move after which it can; else the
    step along the cycle, if it is legal; else the first legal move. So a snake that can reach its tail doesn't die
    (`_tail` says why), and one that goes along the cycle for as long as its body is comes into order.
    """
    cells = width * height
    work[CLOCK * cells + IN_ORDER] = 0
    legal = legal_moves(ring, occupied, counters, work)
    along = 1 << step_along(work, cells, ring[counters[HEAD]], counters[APPLE])
    safe = safe_moves(ring, occupied, counters, work, legal)
    move = without_path(legal, facts)
    for choice in (safe & along, safe, legal & along):
        if choice != 0:
            facts[EQUAL_MOVES] = choice
            return first_move(choice)
    return move


@kernel(CHOOSE_TYPE, allocates=False)
def choose(
    ring: Ring, occupied: Occupied, counters: Counters, width: int, height: int, work: Work, facts: Facts
) -> int:
    """Jump ahead along the cycle, to the neighbour that is farthest along without passing the tail or the apple.

    After John Tapsell, "Nokia 6110 Part 3 - Algorithms" (2015), without his margin before the tail: `_cycle` shows that
    none is needed. Above half the board it follows the cycle step by step. A body that isn't in order, in a game begun
    by another player, is brought into order by careful moves.

    Cost: O(1) in a game of its own, O(length) to look at a body for the first time, O(cells) where it isn't in order.
    The fact `path_length` walks to the apple, O(cells).
    """
    cells = width * height
    begin(work, width, height)
    lay_cycle(work, width, height)
    facts[NODES_EXPANDED] = 0
    if in_order(ring, counters, work):
        head = ring[counters[HEAD]]
        tail = tail_cell(ring, counters)
        move = jump(work, cells, head, reversal(counters), tail, counters[APPLE], counters[LENGTH])
        if move >= 0:
            work[CLOCK * cells + IN_ORDER] = 1
            if facts[WANTED] != 0:
                facts[EQUAL_MOVES] = 1 << move
                facts[PATH_LENGTH] = NO_PATH if counters[APPLE] == NO_CELL else _steps_to_apple(ring, counters, work)
            return move
    return careful_move(ring, occupied, counters, width, height, work, facts)


HAMILTONIAN_SHORTCUT = Teacher(
    name="HAMILTONIAN-SHORTCUT",
    summary="Follows the cycle of HAMILTONIAN and jumps ahead on it wherever the body stays in its order.",
    guarantee="Never dies and fills every board: no jump passes the tail or the apple, so that going on along the "
    "cycle stays possible and every apple is met. In a game begun by another player it lives on where it can reach its "
    "tail.",
    promises=frozenset({Promise.NEVER_DIES, Promise.FILLS_THE_BOARD}),
    kernel=choose,
    reasons=_explanations.shortcut,
)
