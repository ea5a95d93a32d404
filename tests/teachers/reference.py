"""What the tests hold against the teachers: rules and search in plain Python, written apart from the kernels."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import cache

import numpy as np

from serpentune.game import DIRECTIONS, Move, State
from serpentune.teachers._cycle import lay_cycle
from serpentune.teachers._kernel import NUMBERS, WORK_PER_CELL, begin

_STEPS = {Move.UP: (0, 1), Move.RIGHT: (1, 0), Move.DOWN: (0, -1), Move.LEFT: (-1, 0)}


def next_cell(state: State, cell: int, move: Move) -> int | None:
    """The cell beyond, or None behind a wall."""
    x, y = state.xy(cell)
    x, y = x + _STEPS[move][0], y + _STEPS[move][1]
    return y * state.width + x if 0 <= x < state.width and 0 <= y < state.height else None


def legal_moves(state: State) -> tuple[Move, ...]:
    """The moves after which the snake lives, in the fixed order."""
    moves = []
    for move in DIRECTIONS:
        cell = next_cell(state, state.head, move)
        reversal = state.direction is not None and (state.direction - move) % 4 == 2
        if cell is not None and not reversal and cell not in state.body[:-1]:
            moves.append(move)
    return tuple(moves)


def after(state: State, move: Move) -> State | None:
    """The state after a move, without a new apple when one was eaten; None when the snake dies."""
    if move not in legal_moves(state):
        return None
    cell = next_cell(state, state.head, move)
    assert cell is not None
    if cell == state.apple:
        return State(state.width, state.height, (cell, *state.body), -1, move)
    return State(state.width, state.height, (cell, *state.body[:-1]), state.apple, move)


_IMAGES: dict[str, Callable[[int, int, int, int], tuple[int, int]]] = {
    "identity": lambda x, y, right, top: (x, y),
    "reflection-x": lambda x, y, right, top: (right - x, y),
    "reflection-y": lambda x, y, right, top: (x, top - y),
    "rotation-180": lambda x, y, right, top: (right - x, top - y),
    "transpose": lambda x, y, right, top: (y, x),
    "rotation-90": lambda x, y, right, top: (top - y, x),
    "rotation-270": lambda x, y, right, top: (y, right - x),
    "anti-transpose": lambda x, y, right, top: (top - y, right - x),
}
"""Where each symmetry takes `(x, y)` on a board with the last cell `(right, top)`; rotations go against the clock."""


def symmetries(width: int, height: int) -> tuple[str, ...]:
    """The names of the symmetries that map a board onto itself."""
    return tuple(_IMAGES)[: 8 if width == height else 4]


def image_of_move(move: Move, symmetry: str) -> Move:
    """Where a symmetry turns a move."""
    (x, y), (to_x, to_y) = _IMAGES[symmetry](0, 0, 0, 0), _IMAGES[symmetry](*_STEPS[move], 0, 0)
    (image,) = (each for each, step in _STEPS.items() if step == (to_x - x, to_y - y))
    return image


def image(state: State, symmetry: str) -> State:
    """A state under a symmetry of its board."""

    def image_of_cell(cell: int) -> int:
        x, y = _IMAGES[symmetry](*state.xy(cell), state.width - 1, state.height - 1)
        return y * state.width + x

    return State(
        state.width,
        state.height,
        tuple(image_of_cell(cell) for cell in state.body),
        -1 if state.apple < 0 else image_of_cell(state.apple),
        None if state.direction is None else image_of_move(state.direction, symmetry),
    )


def shortest(state: State) -> tuple[int | None, tuple[Move, ...]]:
    """The length of a shortest way to the apple past a body that stands still, and all moves that begin one."""
    lengths = {}
    for move in legal_moves(state):
        begin = next_cell(state, state.head, move)
        assert begin is not None
        lengths[move] = _distance(state, begin)
    known = [length for length in lengths.values() if length is not None]
    if not known:
        return None, ()
    return min(known) + 1, tuple(move for move, length in lengths.items() if length == min(known))


def tail_steps(state: State) -> int | None:
    """The steps of a shortest way from the head to the tail, the body standing still; None when it is cut off."""
    begins = [cell for move in legal_moves(state) if (cell := next_cell(state, state.head, move)) is not None]
    lengths = [length for begin in begins if (length := _distance(state, begin, state.body[-1])) is not None]
    return 0 if len(state.body) == 1 else min(lengths, default=-1) + 1 or None


def safe_moves(state: State) -> tuple[Move, ...]:
    """The moves after which the tail can be reached, or the board is full."""
    safe = []
    for move in legal_moves(state):
        following = after(state, move)
        assert following is not None
        full = len(following.body) == state.width * state.height
        if full or tail_steps(following) is not None:
            safe.append(move)
    return tuple(safe)


def _distance(state: State, begin: int, goal: int | None = None) -> int | None:
    goal = state.apple if goal is None else goal
    closed = {state.head, *state.body[:-1]}
    queue = deque([(begin, 0)])
    seen = {begin}
    while queue:
        cell, steps = queue.popleft()
        if cell == goal:
            return steps
        for move in DIRECTIONS:
            near = next_cell(state, cell, move)
            if near is not None and near not in closed and near not in seen:
                seen.add(near)
                queue.append((near, steps + 1))
    return None


@cache
def cycle_numbers(width: int, height: int) -> tuple[int, ...]:
    """The number of each cell on the teachers' cycle."""
    cells = width * height
    work = np.zeros(WORK_PER_CELL * cells, np.int32)
    begin(work, width, height)
    lay_cycle(work, width, height)
    return tuple(work[NUMBERS * cells : (NUMBERS + 1) * cells].tolist())


def cycle_steps(state: State, start: int, stop: int) -> int:
    """Steps along the cycle from one cell to another, 1 to a round."""
    numbers = cycle_numbers(state.width, state.height)
    count = max(numbers) + 1
    return (numbers[stop] - numbers[start]) % count or count


def in_order(state: State) -> bool:
    """Whether the numbers from tail to head go forward over less than one round."""
    count = max(cycle_numbers(state.width, state.height)) + 1
    pairs = zip(state.body[1:], state.body[:-1], strict=True)
    return sum(cycle_steps(state, behind, ahead) for behind, ahead in pairs) < count
