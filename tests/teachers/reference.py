"""What the tests hold against the teachers: rules and search in plain Python, written apart from the kernels."""

from __future__ import annotations

from collections import deque

from serpentune.game import DIRECTIONS, Move, State

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


def _distance(state: State, begin: int) -> int | None:
    closed = {state.head, *state.body[:-1]}
    queue = deque([(begin, 0)])
    seen = {begin}
    while queue:
        cell, steps = queue.popleft()
        if cell == state.apple:
            return steps
        for move in DIRECTIONS:
            near = next_cell(state, cell, move)
            if near is not None and near not in closed and near not in seen:
                seen.add(near)
                queue.append((near, steps + 1))
    return None
