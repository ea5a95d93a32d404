"""Floor 2, teachers: BFS-SAFE-GREEDY, the shortest path to the apple if there is a way out behind it."""

from __future__ import annotations

from numba import types

from serpentune.game._jit import kernel
from serpentune.game._rules import (
    APPLE,
    COUNTERS_TYPE,
    HEAD,
    LENGTH,
    NO_CELL,
    RING_TYPE,
    Counters,
    Occupied,
    Ring,
    tail_cell,
)
from serpentune.teachers import _explanations
from serpentune.teachers._bfs import TOWARD, search_back
from serpentune.teachers._kernel import (
    CHOOSE_TYPE,
    CLOCK,
    COLUMNS,
    EQUAL_MOVES,
    MARKS,
    NO_PATH,
    NODES_EXPANDED,
    PATH_LENGTH,
    ROWS,
    SCRATCH,
    TAIL_STEPS,
    WANTED,
    WORK_TYPE,
    Facts,
    Work,
    another_stamp,
    begin,
    first_move,
    legal_moves,
    without_path,
)
from serpentune.teachers._tail import safe_moves, segment
from serpentune.teachers._teacher import Promise, Teacher

_STACK = SCRATCH + 2


@kernel(types.boolean(RING_TYPE, COUNTERS_TYPE, WORK_TYPE, types.int64, types.int64), allocates=False)
def _leads_out(ring: Ring, counters: Counters, work: Work, move: int, steps: int) -> bool:
    """Whether the tail can be reached after walking to the apple, by `move` and on by plane TOWARD, `steps` in all.

    A cell is marked where the snake lies after the walk, or where the search from its head has been.
    """
    cells = ring.shape[0]
    length = counters[LENGTH]
    if length <= 2 or length == cells - 1:
        return True
    stamp = another_stamp(work, cells)
    marks = MARKS * cells
    # The snake has one cell more then: the present body but for its last cells, if it is longer than the path, and in
    # front of it the path, but for its first cells, if that is longer than the snake.
    staying = max(0, length + 1 - steps)
    skipped = max(0, steps - length - 1)
    tail = NO_CELL
    for behind in range(staying):
        tail = segment(ring, counters, behind)
        work[marks + tail] = stamp
    cell = work[4 * ring[counters[HEAD]] + move]
    for walked in range(1, steps + 1):
        if walked > skipped:
            work[marks + cell] = stamp
            if tail == NO_CELL:
                tail = cell
        if walked < steps:
            cell = work[TOWARD * cells + cell]
    stack = _STACK * cells
    work[stack] = cell
    count = 1
    while count > 0:
        count -= 1
        cell = work[stack + count]
        for direction in range(4):
            near = work[4 * cell + direction]
            if near == tail:
                return True
            if near != NO_CELL and work[marks + near] != stamp:
                work[marks + near] = stamp
                work[stack + count] = near
                count += 1
    return False


@kernel(CHOOSE_TYPE, allocates=False)
def choose(
    ring: Ring, occupied: Occupied, counters: Counters, width: int, height: int, work: Work, facts: Facts
) -> int:
    """Walk to the apple if that is safe; else wander, within reach of the tail.

    A move is safe if the tail can be reached after it (`_tail` shows that such a player never dies). The rule:

    1. Find the shortest paths to the apple that begin with a safe move, as BFS does. Walk one for each first move, in
       the fixed order, in the mind; the first after which the tail can be reached is taken.
    2. Else, of the safe moves, one that leads farthest from the apple (Manhattan distance); of those, one from which
       the shortest way to the tail is longest; of those, the first.
    3. Else, which happens in games begun by another player alone, the first legal move.

    Rule 1 asks for both since it is applied anew at every move: a walk with a good end may begin with a step that cuts
    the tail off for a while, and the next state may show another path. The idea is that of the greedy solver in
    github.com/chuyangliu/snake, which wanders by the longest way to the tail that it finds. As the answer is a function
    of the state, the snake may wander in a circle for ever; the step limit ends that.

    Cost: O(cells), several times over.
    """
    cells = width * height
    begin(work, width, height)
    legal = legal_moves(ring, occupied, counters, work)
    facts[NODES_EXPANDED] = 0
    safe = safe_moves(ring, occupied, counters, work, legal)
    if safe == 0:
        return without_path(legal, facts)
    head, apple = ring[counters[HEAD]], counters[APPLE]
    if apple != NO_CELL:
        shortest = search_back(occupied, work, facts, head, tail_cell(ring, counters), apple, safe, False)
        equal = 0
        for move in range(4):
            if shortest & (1 << move) and _leads_out(ring, counters, work, move, facts[PATH_LENGTH]):
                equal |= 1 << move
                if facts[WANTED] == 0:
                    return move
        if equal != 0:
            facts[EQUAL_MOVES] = equal
            return first_move(equal)
    facts[PATH_LENGTH] = NO_PATH
    facts[EQUAL_MOVES] = 0
    farthest = -1
    for move in range(4):
        if safe & (1 << move):
            far = work[CLOCK * cells + TAIL_STEPS + move]
            if apple != NO_CELL:
                cell = work[4 * head + move]
                far += cells * abs(work[COLUMNS * cells + cell] - work[COLUMNS * cells + apple])
                far += cells * abs(work[ROWS * cells + cell] - work[ROWS * cells + apple])
            if far > farthest:
                farthest = far
                facts[EQUAL_MOVES] = 0
            if far == farthest:
                facts[EQUAL_MOVES] |= 1 << move
    return first_move(facts[EQUAL_MOVES])


BFS_SAFE_GREEDY = Teacher(
    name="BFS-SAFE-GREEDY",
    summary="A shortest path to the apple if the tail can be reached after it; else a detour within reach of the tail.",
    guarantee="Never dies: every move leaves a way to the tail, so there is always another. It may circle without "
    "eating, which ends by the step limit. In a game begun by another player it lives on where it can reach its tail.",
    promises=frozenset({Promise.NEVER_DIES}),
    kernel=choose,
    reasons=_explanations.safe_greedy,
)
