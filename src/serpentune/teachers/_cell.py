"""Floor 2, teachers: CELL, round a tree of 2x2 blocks that grows anew while the snake moves.

**Streets.** The board is cut into blocks of 2x2 cells. In a block the snake may only go round against the clock, and
at each cell it has two ways: it *stays* in the block and turns left, or it *leaves* for the block ahead. So every row
and every column is a one-way street, rows by turns to the right and to the left.

**The tree.** Blocks are joined where the body crosses from one to the other. The snake may leave for a block in which
no part of it will lie after the move, which becomes a new leaf, or go back to the block from which it came into this
one. So the joined blocks are a tree at all times, and the body is a piece of the way round its outline, on which a
snake that keeps left can go on for ever.

**Why it never dies.** Let the block ahead of the head be joined to the head's own by the step that the head would take
or the one beside it. The body can't have left by the cell where the head is, so it came in from there, and going back
goes on along the outline. If they aren't joined, staying does. Either way the next cell of the outline is free or the
tail's: the outline visits each cell once, and the body lies on it right behind the head.

**Where blocks don't fit.** With an odd side the board can't be cut into blocks; there CELL plays HAMILTONIAN-SHORTCUT.
"""

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
)
from serpentune.teachers import _explanations, _shortcut
from serpentune.teachers._cycle import lay_cycle
from serpentune.teachers._kernel import (
    CHOOSE_TYPE,
    CLOCK,
    COLUMNS,
    EQUAL_MOVES,
    FOLLOWS,
    GOAL,
    NO_PATH,
    NODES_EXPANDED,
    PATH_LENGTH,
    ROWS,
    SCRATCH,
    WANTED,
    WORK_TYPE,
    Facts,
    Work,
    begin,
    legal_moves,
    without_path,
)
from serpentune.teachers._tail import safe_moves
from serpentune.teachers._teacher import Promise, Teacher

_QUEUE = SCRATCH
_STEPS = SCRATCH + 1
_STAY = SCRATCH + 2
_LEAVE = SCRATCH + 3
_BACK = SCRATCH + 4
_BLOCK = SCRATCH + 5
_ENTERED = SCRATCH + 6
_LATER = SCRATCH + 7
_BLOCKS = SCRATCH + 8
_BEFORE = SCRATCH + 9
_STEPS_LATER = SCRATCH + 10
_FREE_WAY = SCRATCH + 11
"""Planes of `work`. Of the board: the cells behind the two ways; the cell of the block ahead by which the snake would
have come from there; the block. Of a state: when the head entered each cell, now and after the plan. Of a search: the
steps to each cell, the cell before, and whether all cells on the way are free already.

Plane _BLOCKS holds when the head last entered each block, now and after the plan, a quarter of the plane each; then the
time, and whether the body is known to lie on the outline of a tree."""

_STAYING = 1
_LEAVING = 2
_NEVER = -(1 << 30)
_ANY_TIME = 1 << 30


@kernel(types.int64(WORK_TYPE, types.int64, types.int64, types.boolean), allocates=False)
def _turning(work: Work, cells: int, cell: int, stay: bool) -> int:
    """The move that stays in the block of `cell`, or the one that leaves it."""
    x, y = work[COLUMNS * cells + cell] & 1, work[ROWS * cells + cell] & 1
    if (x == y) == stay:
        return int(1 + 2 * y)
    return int(2 - 2 * x)


@kernel(types.void(WORK_TYPE, types.int64, types.int64), allocates=False)
def _lay_streets(work: Work, width: int, height: int) -> None:
    """Tabulate the two ways of each cell, unless that is done; after `begin`."""
    cells = width * height
    stays, leaves = _STAY * cells, _LEAVE * cells
    if work[stays] != 0:
        return
    for cell in range(cells):
        work[stays + cell] = work[4 * cell + _turning(work, cells, cell, True)]
        work[leaves + cell] = work[4 * cell + _turning(work, cells, cell, False)]
        work[_BLOCK * cells + cell] = work[ROWS * cells + cell] // 2 * (width // 2) + work[COLUMNS * cells + cell] // 2
    for cell in range(cells):
        ahead = _turning(work, cells, cell, False)
        work[_BACK * cells + cell] = work[4 * work[stays + cell] + ahead]


@kernel(
    types.int64(WORK_TYPE, types.int64, types.int64, types.int64, types.int64, types.int64, types.int64),
    allocates=False,
)
def _ways(work: Work, cells: int, entered: int, blocks: int, cell: int, left: int, apple: int) -> int:
    """The mask of ways that keep the joined blocks a tree.

    Args:
        work: with the streets laid.
        cells: cells of the board.
        entered: where the times begin at which the head entered each cell.
        blocks: the same for blocks.
        cell: where the head is then.
        left: cells entered at this time or before will have been left by the tail when the head makes its move.
        apple: the apple's cell: eaten, it holds the tail back, so that the block ahead must be empty a move earlier.
    """
    stay = work[_STAY * cells + cell]
    ahead = work[_LEAVE * cells + cell]
    came = work[entered + stay]
    mask = _STAYING if came <= left else 0
    if ahead == NO_CELL or work[entered + ahead] > left:
        return mask
    if work[blocks + work[_BLOCK * cells + ahead]] <= (left - 1 if ahead == apple else left):
        return mask | _LEAVING
    # The block is part of the tree. The way back into it is open while the body shows that it came from there.
    if came - 1 > left and work[entered + work[_BACK * cells + cell]] == came - 1:
        mask |= _LEAVING
    return mask


@kernel(types.boolean(RING_TYPE, COUNTERS_TYPE, WORK_TYPE, types.int64), allocates=False)
def _enter_body(ring: Ring, counters: Counters, work: Work, cells: int) -> bool:
    """Write down when the body entered its cells, the head at time 0; whether it lies on the outline of a tree.

    That is so where each of its steps, beginning at the tail, was one of `_ways`.
    """
    entered, blocks = _ENTERED * cells, _BLOCKS * cells
    work[entered : entered + cells] = _NEVER
    work[blocks : blocks + cells // 4] = _NEVER
    length = counters[LENGTH]
    place = (counters[HEAD] + length - 1) % cells
    on_outline = True
    older = -1
    for behind in range(length - 1, -1, -1):
        cell = int(ring[place])
        if older >= 0 and on_outline:
            ways = _ways(work, cells, entered, blocks, older, -length, NO_CELL)
            stayed = ways & _STAYING and work[_STAY * cells + older] == cell
            on_outline = bool(stayed or (ways & _LEAVING and work[_LEAVE * cells + older] == cell))
        work[entered + cell] = -behind
        work[blocks + work[_BLOCK * cells + cell]] = -behind
        older = cell
        place = place - 1 if place > 0 else cells - 1
    return on_outline


@kernel(
    types.int64(
        WORK_TYPE,
        types.int64,
        types.int64,
        types.int64,
        types.int64,
        types.int64,
        types.int64,
        types.int64,
        types.int64,
        types.int64,
    ),
    allocates=False,
)
def _search(
    work: Work,
    cells: int,
    entered: int,
    blocks: int,
    steps: int,
    head: int,
    first: int,
    left: int,
    patience: int,
    apple: int,
) -> int:
    """Breadth-first search over ways, the tail moving on meanwhile; how many cells it took up.

    The steps to each cell go to the plane that begins at `steps`, -1 where none lead. The arguments are those of
    `_ways`, and: `first`, the mask of the head's ways; `patience`, how many moves of the tail it may wait for.
    """
    before, queue, free_way = _BEFORE * cells, _QUEUE * cells, _FREE_WAY * cells
    work[steps : steps + cells] = -1
    work[queue] = head
    work[steps + head] = 0
    if steps == _STEPS * cells:
        work[free_way + head] = 1
    taken = 0
    found = 1
    while taken < found:
        cell = work[queue + taken]
        reach = work[steps + cell] + 1
        vacated = left + min(reach, patience)
        ways = _ways(work, cells, entered, blocks, cell, vacated, apple)
        if taken == 0:
            ways &= first
        taken += 1
        for way in range(2):
            near = work[(_STAY + way) * cells + cell]
            if ways & (1 << way) and work[steps + near] < 0:
                work[steps + near] = reach
                work[queue + found] = near
                found += 1
                if steps == _STEPS * cells:
                    work[before + near] = cell
                    work[free_way + near] = work[free_way + cell] if work[entered + near] <= left else 0
    return taken


@kernel(types.int64(WORK_TYPE, types.int64, types.int64, types.int64, types.int64, types.int64), allocates=False)
def _goal(work: Work, cells: int, apple: int, now: int, length: int, patience: int) -> int:
    """Where to go: the apple, or first the nearest cell that eating it by the way found would cut off.

    Cut off is a free cell that the head, having eaten, can't reach within `patience` moves of the tail. Only cells to
    which free cells lead are gone for; else the snake might follow its own tail for ever.
    """
    steps, entered, later = _STEPS * cells, _ENTERED * cells, _LATER * cells
    blocks = _BLOCKS * cells
    blocks_later = blocks + cells // 4
    for place in range(cells):
        work[later + place] = work[entered + place]
    for place in range(cells // 4):
        work[blocks_later + place] = work[blocks + place]
    cell = apple
    eaten = now + work[steps + apple]
    while work[steps + cell] > 0:
        time = now + work[steps + cell]
        work[later + cell] = time
        block = blocks_later + work[_BLOCK * cells + cell]
        work[block] = max(work[block], time)
        cell = work[_BEFORE * cells + cell]
    left = eaten - length - 1
    after = _STEPS_LATER * cells
    _search(work, cells, later, blocks_later, after, apple, _STAYING | _LEAVING, left, patience, NO_CELL)
    goal = apple
    nearest = _ANY_TIME
    for place in range(cells):
        cut_off = work[after + place] < 0 and work[later + place] <= left
        if cut_off and 0 < work[steps + place] < nearest and work[_FREE_WAY * cells + place] != 0:
            nearest = work[steps + place]
            goal = place
    return goal


@kernel(CHOOSE_TYPE, allocates=False)
def choose(
    ring: Ring, occupied: Occupied, counters: Counters, width: int, height: int, work: Work, facts: Facts
) -> int:
    """Go to the apple by the shortest way over the streets, but first to the cells that eating it would cut off.

    The search knows when the tail will have left each cell. Of its way to the apple it asks what the board will be like
    after the last step; if a free cell can't be reached from there, it goes to the nearest such cell instead, and plans
    anew. Thus the free cells stay together, and late apples near.

    In a game of another player the body may lie off the streets. There, ways after which the tail can be reached are
    taken as if it didn't, until it lies on them; where there is none, the answer is that of HAMILTONIAN.

    Streets, tree and going first to what would be cut off are ideas of Twan van Laarhoven (the cell tree agent of his
    project `snake`). That the search knows when the tail leaves each cell, and counts nothing as cut off that will be
    open soon, is ours.

    Cost: O(cells), two searches where there are two ways; O(1) where there is one.
    """
    cells = width * height
    if width % 2 == 1 or height % 2 == 1:
        return int(_shortcut.choose(ring, occupied, counters, width, height, work, facts))
    begin(work, width, height)
    legal = legal_moves(ring, occupied, counters, work)
    facts[NODES_EXPANDED] = 0
    length = counters[LENGTH]
    apple = counters[APPLE]
    clock = _BLOCKS * cells + cells // 2
    if legal == 0 or apple == NO_CELL:
        work[clock + 1] = 0
        return without_path(legal, facts)
    _lay_streets(work, width, height)
    head = int(ring[counters[HEAD]])
    if work[CLOCK * cells + FOLLOWS] != 0 and work[clock + 1] != 0:
        work[clock] += 1
        work[_ENTERED * cells + head] = work[clock]
        work[_BLOCKS * cells + work[_BLOCK * cells + head]] = work[clock]
    else:
        work[clock] = 0
        work[clock + 1] = _enter_body(ring, counters, work, cells)
    now = work[clock]
    stay, leave = _turning(work, cells, head, True), _turning(work, cells, head, False)
    ways = _ways(work, cells, _ENTERED * cells, _BLOCKS * cells, head, now - length + 1, apple)
    usable = legal if work[clock + 1] != 0 else safe_moves(ring, occupied, counters, work, legal)
    if usable & (1 << stay) == 0:
        ways &= _LEAVING
    if usable & (1 << leave) == 0:
        ways &= _STAYING
    if ways == 0:
        work[clock + 1] = 0
        lay_cycle(work, width, height)
        return int(_shortcut.careful_move(ring, occupied, counters, width, height, work, facts))
    if ways == _STAYING | _LEAVING or facts[WANTED] != 0:
        left = now - length
        steps = _STEPS * cells
        facts[NODES_EXPANDED] = _search(
            work, cells, _ENTERED * cells, _BLOCKS * cells, steps, head, ways, left, _ANY_TIME, apple
        )
        facts[PATH_LENGTH] = NO_PATH
        if work[steps + apple] > 0:
            goal = _goal(work, cells, apple, now, length, max(width, height))
            if goal == apple:
                facts[PATH_LENGTH] = work[steps + apple]
            else:
                facts[GOAL] = goal
            while work[steps + goal] > 1:
                goal = work[_BEFORE * cells + goal]
            ways = _STAYING if goal == work[_STAY * cells + head] else _LEAVING
    move = stay if ways & _STAYING else leave
    facts[EQUAL_MOVES] = 1 << move
    return move


CELL = Teacher(
    name="CELL",
    summary="Keeps to the outline of a tree of 2x2 blocks that grows while it moves: few steps, and safe.",
    guarantee="Never dies: its body is a piece of the way round a tree, on which it can always go on. It has filled "
    "the board in every game of the tests, but there is no proof that its detours always come to an end. On "
    "boards with an odd side it plays HAMILTONIAN-SHORTCUT. From a state that another player has left off "
    "the streets it promises nothing.",
    promises=frozenset({Promise.NEVER_DIES}),
    kernel=choose,
    reasons=_explanations.cell,
)
