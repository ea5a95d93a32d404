"""CELL: its streets and its tree, told apart in plain Python, and what they buy."""

from __future__ import annotations

import numpy as np
import pytest

from serpentune.game import Ending, Move, State, random_states, states_before
from serpentune.teachers import BFS_SAFE_GREEDY, CELL, HAMILTONIAN_SHORTCUT, play


def _block(state: State, cell: int) -> tuple[int, int]:
    x, y = state.xy(cell)
    return x // 2, y // 2


def _on_street(state: State, older: int, newer: int) -> bool:
    """Even rows lead to the right, odd ones to the left; even columns down, odd ones up."""
    (x, y), (to_x, to_y) = state.xy(older), state.xy(newer)
    if y == to_y:
        return to_x - x == (1 if y % 2 == 0 else -1)
    return to_y - y == (-1 if x % 2 == 0 else 1)


def _on_outline(state: State) -> bool:
    """Whether the body, from the tail on, keeps to the streets and comes into no block twice but on its way back."""
    steps = [(state.body[k], state.body[k - 1]) for k in range(len(state.body) - 1, 0, -1)]
    if not all(_on_street(state, *step) for step in steps):
        return False
    came_from: dict[tuple[int, int], tuple[int, int] | None] = {_block(state, state.body[-1]): None}
    for older, newer in steps:
        here, there = _block(state, older), _block(state, newer)
        if here == there:
            continue
        if there not in came_from:
            came_from[there] = here
        elif came_from[here] != there:
            return False
    return True


@pytest.mark.parametrize(("width", "height"), [(4, 4), (6, 6), (10, 10), (8, 12), (16, 4)])
def test_its_body_always_lies_on_the_outline_of_a_tree_of_blocks(width: int, height: int) -> None:
    for record in play(CELL, range(6), width, height):
        assert record.ending == Ending.WIN
        assert all(_on_outline(state) for state in states_before(record, np.arange(len(record.moves) + 1)))


@pytest.mark.parametrize(("side", "steps"), [(6, 190), (8, 480), (10, 1000)])
def test_it_fills_the_board_in_few_steps(side: int, steps: int) -> None:
    records = list(play(CELL, range(400), side, side))
    assert {record.ending for record in records} == {Ending.WIN}
    assert np.mean([record.steps for record in records]) < steps


@pytest.mark.slow
@pytest.mark.parametrize(("side", "games"), [(4, 20_000), (6, 40_000), (8, 20_000), (10, 20_000)])
def test_its_detours_end_in_a_great_many_games(side: int, games: int) -> None:
    assert all(record.ending == Ending.WIN for record in play(CELL, range(10**6, 10**6 + games), side, side))


@pytest.mark.parametrize(("width", "height"), [(7, 9), (7, 10), (10, 7)])
def test_with_an_odd_side_it_plays_on_the_cycle(width: int, height: int) -> None:
    ours, theirs = (list(play(teacher, range(10), width, height)) for teacher in (CELL, HAMILTONIAN_SHORTCUT))
    assert [record.moves for record in ours] == [record.moves for record in theirs]


def _after(state: State, move: Move, rng: np.random.Generator) -> State:
    step = {Move.UP: state.width, Move.RIGHT: 1, Move.DOWN: -state.width, Move.LEFT: -1}[move]
    cell = state.head + step
    if cell != state.apple:
        return State(state.width, state.height, (cell, *state.body[:-1]), state.apple, move)
    body = (cell, *state.body)
    free = sorted(set(range(state.width * state.height)) - set(body))
    return State(state.width, state.height, body, int(rng.choice(free)), move)


@pytest.mark.slow
def test_it_brings_the_snake_of_another_player_back_on_the_streets() -> None:
    """Unless it is lost already: then it dies as it does under the teacher that does nothing but stay alive."""
    rng = np.random.default_rng(1)
    states = [state for state in random_states(600, 8, 8, seed=5) if len(state.body) < 24]
    off = [state for state in states if not _on_outline(state)]
    arrived = alive = 0
    for start in off:
        state = start
        for _ in range(100):
            move = CELL.decide(state).move
            if move == Move.NO_PATH_FOUND or _on_outline(state):
                break
            state = _after(state, move, rng)
        arrived += _on_outline(state)
        state = start
        for _ in range(100):
            move = BFS_SAFE_GREEDY.decide(state).move
            if move == Move.NO_PATH_FOUND:
                break
            state = _after(state, move, rng)
        alive += move != Move.NO_PATH_FOUND
    assert alive > 100
    assert arrived > 0.8 * alive
