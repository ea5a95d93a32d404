"""HAMILTONIAN: its promise, and the truth of its facts in states of other players."""

from __future__ import annotations

import pytest

from serpentune.common.errors import UserError
from serpentune.game import Ending, Move, State, random_states
from serpentune.teachers import HAMILTONIAN, play
from serpentune.teachers._hamiltonian import cycle_move
from tests.teachers.reference import after, legal_moves, next_cell

EVEN_BOARDS = [(w, h) for w in range(4, 12) for h in range(4, 12) if w % 2 == 0 or h % 2 == 0]


def _on_cycle(state: State) -> Move:
    return Move(cycle_move(*state.xy(state.head), state.width, state.height))


@pytest.mark.parametrize(("width", "height"), [*EVEN_BOARDS, (49, 50), (50, 49), (50, 50)])
def test_the_cycle_passes_every_cell_once(width: int, height: int) -> None:
    cell, seen = 0, []
    for _ in range(width * height):
        seen.append(cell)
        state = State(width, height, (cell,), -1, None)
        following = next_cell(state, cell, _on_cycle(state))
        assert following is not None
        cell = following
    assert cell == 0
    assert sorted(seen) == list(range(width * height))


def _wins(width: int, height: int, games: int) -> None:
    cells = width * height
    for record in play(HAMILTONIAN, range(games), width, height):
        assert record.ending == Ending.WIN
        assert record.score == cells - 1
        assert record.steps <= cells * (cells - 1)


@pytest.mark.parametrize(("width", "height"), [(4, 4), (6, 6), (6, 7), (7, 6), (8, 5), (5, 8), (10, 10)])
def test_it_fills_every_board_with_an_even_side(width: int, height: int) -> None:
    _wins(width, height, 100)


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [*EVEN_BOARDS, (20, 20)])
def test_it_fills_every_board_with_an_even_side_in_many_games(width: int, height: int) -> None:
    _wins(width, height, 2000 if width * height < 200 else 200)


@pytest.mark.parametrize(("width", "height"), [(4, 4), (6, 6), (7, 10), (9, 8)])
def test_its_path_is_the_way_that_following_the_cycle_would_take(width: int, height: int) -> None:
    blocked = 0
    for state in random_states(600, width, height, seed=11):
        decision = HAMILTONIAN.decide(state)
        assert decision.nodes_expanded == 0
        if _on_cycle(state) not in legal_moves(state):
            assert decision.path_length is None
            assert decision.equal_moves == legal_moves(state)
            continue
        assert decision.equal_moves == (decision.move,) == (_on_cycle(state),)
        walked: State | None = state
        steps = 0
        while walked is not None and walked.apple >= 0:
            walked = after(walked, _on_cycle(walked))
            steps += 1
        blocked += walked is None
        assert decision.path_length == (None if walked is None else steps)
    assert blocked > 0


@pytest.mark.parametrize(("width", "height"), [(5, 5), (7, 9)])
def test_a_board_with_odd_sides_is_refused_with_the_reason(width: int, height: int) -> None:
    with pytest.raises(UserError, match=rf"{width}x{height}.*even side.*Choose an even width or height"):
        HAMILTONIAN.check_board(width, height)
    with pytest.raises(UserError, match="even side"):
        play(HAMILTONIAN, [0], width, height)
    with pytest.raises(UserError, match="even side"):
        HAMILTONIAN.decide(State(width, height, (0,), 5, None))
