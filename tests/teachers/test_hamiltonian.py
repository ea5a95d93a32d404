"""HAMILTONIAN: its promise, and the truth of its facts in states of other players."""

from __future__ import annotations

import pytest

from serpentune.game import Ending, Move, State, random_states
from serpentune.teachers import HAMILTONIAN, play
from tests.teachers.reference import after, cycle_numbers, legal_moves, next_cell

BOARDS = [(w, h) for w in range(4, 12) for h in range(4, 12)]


@pytest.mark.parametrize(("width", "height"), [*BOARDS, (49, 50), (50, 49), (50, 50), (49, 49)])
def test_the_cycle_passes_every_cell_once_and_one_of_two_twins_on_odd_boards(width: int, height: int) -> None:
    numbers = cycle_numbers(width, height)
    odd = width % 2 == 1 and height % 2 == 1
    assert len(numbers) == width * height
    assert set(numbers) == set(range(width * height - odd))
    board = State(width, height, (0,), -1, None)
    if odd:
        assert numbers[0] == numbers[width + 1]
    places: dict[int, list[int]] = {}
    for cell, number in enumerate(numbers):
        places.setdefault(number, []).append(cell)
    for number, cells in places.items():
        for cell in cells:
            for ahead in places[(number + 1) % len(places)]:
                assert ahead in [next_cell(board, cell, move) for move in Move if move < 4]


def _wins(width: int, height: int, games: int) -> None:
    cells = width * height
    for record in play(HAMILTONIAN, range(games), width, height):
        assert record.ending == Ending.WIN
        assert record.score == cells - 1
        assert record.steps <= cells * (cells - 1)


@pytest.mark.parametrize(("width", "height"), [(4, 4), (6, 7), (7, 6), (8, 5), (5, 5), (5, 7), (9, 11), (10, 10)])
def test_it_fills_every_board(width: int, height: int) -> None:
    _wins(width, height, 100)


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), BOARDS)
def test_it_fills_every_board_in_many_games(width: int, height: int) -> None:
    _wins(width, height, 2000)


def _along(state: State) -> Move:
    """The step along the cycle; where either twin may be next, the corner if the apple lies there."""
    numbers = cycle_numbers(state.width, state.height)
    ahead = (numbers[state.head] + 1) % (max(numbers) + 1)
    moves = [
        move
        for move in (Move.UP, Move.RIGHT, Move.DOWN, Move.LEFT)
        if (cell := next_cell(state, state.head, move)) is not None and numbers[cell] == ahead
    ]
    return moves[-1] if state.apple == 0 else moves[0]


@pytest.mark.parametrize(("width", "height"), [(4, 4), (5, 5), (6, 6), (7, 10), (9, 7), (9, 8)])
def test_its_path_is_the_way_that_following_the_cycle_would_take(width: int, height: int) -> None:
    blocked = 0
    for state in random_states(600, width, height, seed=11):
        decision = HAMILTONIAN.decide(state)
        assert decision.nodes_expanded == 0
        if _along(state) not in legal_moves(state):
            assert decision.path_length is None
            assert decision.equal_moves == legal_moves(state)
            continue
        assert decision.equal_moves == (decision.move,) == (_along(state),)
        walked: State | None = state
        steps = 0
        while walked is not None and walked.apple >= 0:
            walked = after(walked, _along(walked))
            steps += 1
        blocked += walked is None
        assert decision.path_length == (None if walked is None else steps)
    assert blocked > 0
