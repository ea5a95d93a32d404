"""The three teachers that take shortcuts on the cycle: the order that they keep, what it promises, and their paths."""

from __future__ import annotations

import itertools
import random
from collections import deque

import numpy as np
import pytest

from serpentune.game import DIRECTIONS, Move, State, random_states, states_before
from serpentune.teachers import ASTAR_HAMILTONIAN, BFS_HAMILTONIAN, HAMILTONIAN_SHORTCUT, Teacher, play
from tests.teachers.reference import (
    after,
    cycle_numbers,
    cycle_steps,
    in_order,
    legal_moves,
    next_cell,
    safe_moves,
    tail_steps,
)

TEACHERS = [HAMILTONIAN_SHORTCUT, BFS_HAMILTONIAN, ASTAR_HAMILTONIAN]
everyone = pytest.mark.parametrize("teacher", TEACHERS, ids=lambda teacher: teacher.name)
boards = pytest.mark.parametrize(("width", "height"), [(4, 4), (5, 5), (6, 7), (7, 5), (10, 10)])


def _states_of_games(teacher: Teacher, width: int, height: int, games: int) -> list[State]:
    """Every state in which that teacher moves, in order by its promise."""
    records = play(teacher, range(games), width, height)
    return [state for record in records for state in states_before(record, np.arange(len(record.moves)))]


def _ordered(width: int, height: int, seed: int) -> State:
    """A random body in order, of another make than the games': jumps over any distance, and an apple anywhere free."""
    choose = random.Random(seed)
    count = max(cycle_numbers(width, height)) + 1
    state = State(width, height, (choose.randrange(width * height),), -1, None)
    body = list(state.body)
    spent = 0
    for _ in range(choose.randrange(width * height - 1)):
        steps = []
        for move in DIRECTIONS:
            cell = next_cell(state, body[-1], move)
            # A body of two cells whose next step ahead would turn back is the one that order doesn't help.
            if cell is not None and spent + cycle_steps(state, cell, body[-1]) < count - (len(body) == 1):
                steps.append((cycle_steps(state, cell, body[-1]), cell))
        if not steps:
            break
        # Mostly the short ones, so that long bodies occur too.
        back, cell = min(steps) if choose.random() < 0.8 else choose.choice(steps)
        body.append(cell)
        spent += back
    free = sorted(set(range(width * height)) - set(body))
    twins = [cell for cell in (0, width + 1) if cell in free and width % 2 == 1 and height % 2 == 1]
    apple = choose.choice(twins if twins and choose.random() < 0.4 else free)
    direction = next(
        (move for move in DIRECTIONS if len(body) > 1 and next_cell(state, body[1], move) == body[0]), None
    )
    return State(width, height, tuple(body), apple, direction)


@everyone
@boards
def test_its_games_keep_the_order(teacher: Teacher, width: int, height: int) -> None:
    states = _states_of_games(teacher, width, height, 4)
    assert all(in_order(state) for state in states)
    ahead = [cycle_steps(a, a.head, b.head) for a, b in itertools.pairwise(states) if a.apple == b.apple]
    assert max(ahead) > 1, "no shortcut was taken, so the test shows nothing"
    assert min(ahead) == 1


def _fills_the_board(teacher: Teacher, state: State, apples: random.Random) -> None:
    cells = state.width * state.height
    steps = 0
    while state.apple >= 0:
        following = after(state, teacher.decide(state).move)
        assert following is not None, state
        steps += 1
        assert steps <= 2 * cells, "an apple takes two rounds at most"
        free = sorted(set(range(cells)) - set(following.body))
        if following.apple < 0 and free:
            steps = 0
            following = State(state.width, state.height, following.body, apples.choice(free), following.direction)
        state = following
        assert state.apple < 0 or in_order(state)
    assert len(state.body) == cells


@everyone
@pytest.mark.parametrize(
    ("width", "height"),
    [(4, 4), *(pytest.param(*board, marks=pytest.mark.slow) for board in ((5, 5), (6, 5), (5, 7), (7, 5)))],
)
def test_from_a_body_in_order_it_fills_the_board(teacher: Teacher, width: int, height: int) -> None:
    for seed in range(40):
        _fills_the_board(teacher, _ordered(width, height, seed), random.Random(seed))


@everyone
def test_a_twin_is_not_entered_while_the_tail_would_stay_on_the_other(teacher: Teacher) -> None:
    """5x5: the head in (1, 0), the tail in (1, 1), the apple in the corner; 17 cells are free, or this one alone."""
    short = State(5, 5, (1, 2, 7, 12, 11, 10, 5, 6), 0, Move.LEFT)
    assert in_order(short)
    assert teacher.decide(short).move == Move.UP
    _fills_the_board(teacher, short, random.Random(1))
    loop = (1, 2, 7, 8, 3, 4, 9, 14, 13, 12, 11, 16, 17, 18, 19, 24, 23, 22, 21, 20, 15, 10, 5, 6)
    assert teacher.decide(State(5, 5, loop, 0, Move.LEFT)).move == Move.LEFT


@boards
def test_shortcut_goes_as_far_ahead_as_the_rule_allows(width: int, height: int) -> None:
    for state in _states_of_games(HAMILTONIAN_SHORTCUT, width, height, 3):
        count = max(cycle_numbers(width, height)) + 1
        gap = cycle_steps(state, state.head, state.body[-1])
        to_apple = cycle_steps(state, state.head, state.apple)
        cells = {move: next_cell(state, state.head, move) for move in legal_moves(state)}
        ahead = {move: cycle_steps(state, state.head, cell) for move, cell in cells.items() if cell is not None}
        limit = min(gap, to_apple, count - 2) if 2 * len(state.body) <= width * height else 1
        move = HAMILTONIAN_SHORTCUT.decide(state).move
        if count == width * height:
            assert ahead[move] == max(steps for steps in ahead.values() if steps <= limit)
        else:
            assert ahead[move] <= limit


@boards
def test_the_path_of_shortcut_is_the_one_that_it_walks(width: int, height: int) -> None:
    states = [_ordered(width, height, seed) for seed in range(150)]
    states += _states_of_games(HAMILTONIAN_SHORTCUT, width, height, 1)[::7]
    known = 0
    for state in states:
        length = HAMILTONIAN_SHORTCUT.decide(state).path_length
        if length is None:
            continue
        known += 1
        walked, steps = state, 0
        while walked.apple >= 0:
            following = after(walked, HAMILTONIAN_SHORTCUT.decide(walked).move)
            assert following is not None
            walked = following
            steps += 1
        assert steps == length
    assert known > len(states) // 2


def _shortest_ahead(state: State) -> tuple[int | None, tuple[Move, ...]]:
    """Length and first moves of the shortest paths whose every step goes ahead and doesn't pass the apple."""
    goal = cycle_steps(state, state.head, state.apple)
    steps = {state.apple: 0}
    queue = deque([state.apple])
    while queue:
        cell = queue.popleft()
        at = cycle_steps(state, state.head, cell)
        for move in DIRECTIONS:
            near = next_cell(state, cell, move)
            if near is None or near in steps or near in state.body:
                continue
            if cycle_steps(state, state.head, near) < at <= goal:
                steps[near] = steps[cell] + 1
                queue.append(near)
    lengths = {move: steps.get(next_cell(state, state.head, move) or 0) for move in legal_moves(state)}
    lengths = {move: length for move, length in lengths.items() if next_cell(state, state.head, move) in steps}
    known = [length for length in lengths.values() if length is not None]
    if not known:
        return None, ()
    return min(known) + 1, tuple(move for move, length in lengths.items() if length == min(known))


@boards
@pytest.mark.parametrize("teacher", [BFS_HAMILTONIAN, ASTAR_HAMILTONIAN], ids=lambda teacher: teacher.name)
def test_paths_in_order_are_shortest_and_all_equal_moves_are_named(teacher: Teacher, width: int, height: int) -> None:
    tested = 0
    for state in [_ordered(width, height, seed) for seed in range(300)]:
        count = max(cycle_numbers(width, height)) + 1
        to_apple = cycle_steps(state, state.head, state.apple)
        if to_apple >= min(cycle_steps(state, state.head, state.body[-1]), count - 1):
            assert teacher.decide(state).path_length is None
            continue
        decision = teacher.decide(state)
        if 2 * len(state.body) > width * height:
            assert decision.path_length == to_apple
            continue
        tested += 1
        assert (decision.path_length, decision.equal_moves) == _shortest_ahead(state)
    assert tested > 10


def test_the_two_searches_differ_in_work_and_in_few_moves() -> None:
    """Their paths are equally long; the estimate saves work, and seldom leads to another one of several."""
    states = _states_of_games(BFS_HAMILTONIAN, 7, 9, 8)
    breadth = [BFS_HAMILTONIAN.decide(state) for state in states]
    estimate = [ASTAR_HAMILTONIAN.decide(state) for state in states]
    assert [one.path_length for one in breadth] == [other.path_length for other in estimate]
    assert sum(one.nodes_expanded for one in estimate) < 0.7 * sum(one.nodes_expanded for one in breadth)
    different = sum(one.move != other.move for one, other in zip(breadth, estimate, strict=True))
    assert 0 < different < 0.01 * len(states)


@everyone
@boards
def test_out_of_order_it_keeps_its_tail_in_reach(teacher: Teacher, width: int, height: int) -> None:
    """The games of others: the step along the cycle if it is safe, else the first safe move."""
    numbers = cycle_numbers(width, height)
    safely = 0
    for state in random_states(400, width, height, seed=5):
        if in_order(state) or not legal_moves(state):
            continue
        move, safe = teacher.decide(state).move, safe_moves(state)
        along = [
            m for m in legal_moves(state) if cycle_steps(state, state.head, next_cell(state, state.head, m) or 0) == 1
        ]
        if not safe:
            assert move == (along or legal_moves(state))[0]
            continue
        safely += 1
        assert move in safe
        if not set(along) & set(safe):
            assert move == safe[0]
        elif len(along) == 1:
            assert move == along[0]
        following = after(state, move)
        assert following is not None
        assert tail_steps(following) is not None or len(following.body) == width * height
        assert len(numbers) == width * height
    assert safely > 20


@pytest.mark.parametrize(("teacher", "most"), [(HAMILTONIAN_SHORTCUT, 1486), (BFS_HAMILTONIAN, 1486)])
def test_shortcuts_save_two_steps_in_five(teacher: Teacher, most: int) -> None:
    """HAMILTONIAN takes 2,520 steps on average."""
    steps = [record.steps for record in play(teacher, range(1000), 10, 10)]
    assert sum(steps) / len(steps) <= most
