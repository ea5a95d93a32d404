"""Floor 2, teachers: one closed way round every board, and what it means to lie on it in order.

**The cycle.** Where a side is even, it passes every cell once. Where both are odd, no way does: each step changes the
colour of a chessboard's cell, and an odd number of cells can't be half black, half white. There the cycle has one
number less than the board has cells, and two twins share a number: the corner `(0, 0)` and the cell `(1, 1)`. Both lie
beside `(1, 0)` with the number before and beside `(0, 1)` with the number after, so each round may take either of them.

**In order.** A body lies in the cycle's order when the numbers from tail to head go forward, with or without gaps, over
less than one round. Then all numbers between the head and the tail ahead are free of it. `gap` is the number of steps
along the cycle from the head to the tail: a round for a snake of one cell, else at least 1.

**Why a body in order never dies.** The step along the cycle is always legal: with a gap above 1 it leads to a free
cell, with a gap of 1 to the tail's own cell, which is being left. (It is no reversal: the cell behind the head would
have to be the next one ahead, which takes a snake of two cells whose head lies one step short of a round before its
tail. `jump` never makes one of them: it goes `round - 2` steps ahead at most.) And any step by `k` places, `1 <= k <=
gap`, keeps the order, growth included, and leaves a gap of at least 1:

* `k < gap`, no apple: the head comes `k` nearer to the tail's old place, and the tail goes on by at least 1.
* `k < gap`, an apple: the tail stays, so the gap is `gap - k`.
* `k == gap`, no apple: the head is where the tail was (or on its twin), and the tail is at least 1 further.
* `k == gap` with an apple exists on twins alone: the tail on one, the apple on the other. Eating would leave a gap of
  0, so it is done only where it fills the board.

**Why it fills the board.** No step passes the apple, so each brings it nearer along the cycle, and it is eaten within
one round. The exception again is an apple on a twin whose other twin the tail holds just when the head comes; then the
tail's cell is taken, and a second round begins. While the tail lies between the head and an apple on a twin, the snake
takes no shortcuts. So either the tail is out of the way when the head comes round, or the head has gone a whole round
without a shortcut; then the body lies on the cycle without gaps, and can reach from twin to twin only when it has every
number, which makes this apple the last one.
"""

from __future__ import annotations

from numba import types

from serpentune.game._jit import kernel
from serpentune.game._rules import COUNTERS_TYPE, HEAD, LENGTH, NO_CELL, RING_TYPE, Counters, Ring
from serpentune.teachers._kernel import (
    AHEAD,
    CLOCK,
    FOLLOWS,
    IN_ORDER,
    NUMBERS,
    ROUND,
    WORK_TYPE,
    Work,
)

_UP, _RIGHT, _DOWN, _LEFT = range(4)
_BEFORE_TWINS = 1
_CORNER = 0


@kernel(types.int64(types.int64, types.int64, types.int64, types.int64), allocates=False)
def _move_on_even_board(x: int, y: int, width: int, height: int) -> int:
    """With an even height: along the bottom row to the right, upward row by row in columns 1 and above, down column 0.

    With an odd height and an even width it is the same with x and y exchanged.
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
        return _RIGHT if ahead else _LEFT
    return _UP if ahead else _DOWN


@kernel(types.int64(types.int64, types.int64, types.int64, types.int64), allocates=False)
def _move_on_odd_board(x: int, y: int, width: int, height: int) -> int:
    """Up column 0; downward row by row in columns 1 and above; left in the two bottom rows, up and down by turns.

    That ends in `(1, 0)`; from there by `(1, 1)` to `(0, 1)`. The corner leads to `(0, 1)` as well.
    """
    if x == 0:
        return _UP if y < height - 1 else _RIGHT
    if y >= 2:
        if y % 2 == 0:
            return _RIGHT if x < width - 1 else _DOWN
        return _LEFT if x > 1 else _DOWN
    if x == 1:
        return _UP if y == 0 else _LEFT
    if x % 2 == 0:
        return _DOWN if y == 1 else _LEFT
    return _UP if y == 0 else _LEFT


@kernel(types.void(WORK_TYPE, types.int64, types.int64), allocates=False)
def lay_cycle(work: Work, width: int, height: int) -> None:
    """Tabulate the cycle of this board in `work`, unless that is done; after `begin`.

    `work[NUMBERS * cells + cell]` is the number of a cell, from 0; `work[AHEAD * cells + cell]` the move along the
    cycle from there; `work[CLOCK * cells + ROUND]` the count of numbers.
    """
    cells = width * height
    if work[CLOCK * cells + ROUND] != 0:
        return
    odd = width % 2 == 1 and height % 2 == 1
    for cell in range(cells):
        x, y = cell % width, cell // width
        move = _move_on_odd_board(x, y, width, height) if odd else _move_on_even_board(x, y, width, height)
        work[AHEAD * cells + cell] = move
    count = cells - 1 if odd else cells
    cell = width + 1
    for number in range(count):
        work[NUMBERS * cells + cell] = number
        cell = work[4 * cell + work[AHEAD * cells + cell]]
    if odd:
        work[NUMBERS * cells + _CORNER] = work[NUMBERS * cells + width + 1]
    work[CLOCK * cells + ROUND] = count


@kernel(types.int64(WORK_TYPE, types.int64, types.int64, types.int64), allocates=False)
def step_along(work: Work, cells: int, cell: int, apple: int) -> int:
    """The move along the cycle from `cell`; where either twin may be next, it is the corner if the apple lies there."""
    if cell == _BEFORE_TWINS and apple == _CORNER and work[CLOCK * cells + ROUND] < cells:
        return _LEFT
    return int(work[AHEAD * cells + cell])


@kernel(types.int64(WORK_TYPE, types.int64, types.int64, types.int64), allocates=False)
def number_after(work: Work, cells: int, start: int, cell: int) -> int:
    """The number of a cell, counted from that of `start`: 0 for `start` and its twin, below a round for all others."""
    number = work[NUMBERS * cells + cell] - work[NUMBERS * cells + start]
    return int(number if number >= 0 else number + work[CLOCK * cells + ROUND])


@kernel(types.int64(WORK_TYPE, types.int64, types.int64, types.int64), allocates=False)
def steps_between(work: Work, cells: int, start: int, stop: int) -> int:
    """Steps along the cycle from one cell to another, 1 to a round; a round from a cell to itself or to its twin."""
    steps = number_after(work, cells, start, stop)
    return steps if steps > 0 else int(work[CLOCK * cells + ROUND])


@kernel(types.boolean(RING_TYPE, COUNTERS_TYPE, WORK_TYPE), allocates=False)
def in_order(ring: Ring, counters: Counters, work: Work) -> bool:
    """Whether the body lies in the cycle's order, as the module says.

    Cost: O(length); O(1) in a state that follows one from which the order was kept.
    """
    cells = ring.shape[0]
    if work[CLOCK * cells + FOLLOWS] != 0 and work[CLOCK * cells + IN_ORDER] != 0:
        return True
    total = 0
    place = counters[HEAD]
    for _ in range(counters[LENGTH] - 1):
        nearer = ring[place]
        place = place + 1 if place + 1 < cells else 0
        total += steps_between(work, cells, ring[place], nearer)
    return bool(total < work[CLOCK * cells + ROUND])


@kernel(types.boolean(types.int64, types.int64), allocates=False)
def takes_shortcuts(length: int, cells: int) -> bool:
    """Whether a snake of this length leaves the cycle for an apple: up to half the board.

    The numbers that a shortcut leaves out come to lie among those of the body, and an apple there is out of reach until
    the tail has passed. A long snake leaves more of them behind than it saves in steps. Tapsell (see `_shortcut`) stops
    at half the board too.
    """
    return 2 * length <= cells


@kernel(
    types.int64(WORK_TYPE, types.int64, types.int64, types.int64, types.int64, types.int64, types.int64),
    allocates=False,
)
def jump(work: Work, cells: int, head: int, back: int, tail: int, apple: int, length: int) -> int:
    """The move that leads farthest along the cycle without passing the tail or the apple, for a body in order.

    Args:
        work: with the cycle laid.
        cells: cells of the board.
        head: the head's cell.
        back: the direction of a reversal, or 4.
        tail: the tail's cell.
        apple: the apple's cell, or `NO_CELL`.
        length: the snake's length in cells.

    Returns:
        The move. -1 where a snake of one or two cells has come backward along the cycle, so that each step ahead would
        be a reversal or pass something; that happens in a game begun by another player alone.
    """
    count = work[CLOCK * cells + ROUND]
    numbers = NUMBERS * cells
    here = work[numbers + head]
    gap = steps_between(work, cells, head, tail)
    to_apple = steps_between(work, cells, head, apple) if apple != NO_CELL else count
    most = min(gap, count - 2) if takes_shortcuts(length, cells) else 1
    if count == cells and most == 1:
        ahead = work[AHEAD * cells + head]
        return int(ahead if ahead != back else -1)
    if count < cells and to_apple >= gap and apple != NO_CELL and work[numbers + apple] == work[numbers + _CORNER]:
        most = 1
    best = -1
    far = 0
    for direction in range(4):
        near = work[4 * head + direction]
        if near == NO_CELL or direction == back:
            continue
        steps = work[numbers + near] - here
        if steps < 0:
            steps += count
        if steps > most or steps > to_apple:
            continue
        if near == apple:
            if steps < gap or length == cells - 1:
                return direction
        elif steps > far and (steps < to_apple or near == tail):
            far = steps
            best = direction
    return best
