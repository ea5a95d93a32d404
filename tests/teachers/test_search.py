"""BFS, DFS and ASTAR against a breadth-first search in plain Python."""

from __future__ import annotations

import numpy as np
import pytest

from serpentune.game import Ending, Move, State, random_states
from serpentune.teachers import ASTAR, BFS, DFS, Teacher, play
from serpentune.teachers._kernel import CLOCK, WORK_PER_CELL, begin
from tests.teachers.reference import after, legal_moves, shortest

BOARDS = pytest.mark.parametrize(("width", "height"), [(4, 4), (6, 6), (7, 9), (10, 10)])


@BOARDS
@pytest.mark.parametrize("teacher", [BFS, ASTAR], ids=["BFS", "ASTAR"])
def test_paths_are_shortest_and_all_equal_moves_are_named(teacher: Teacher, width: int, height: int) -> None:
    without = 0
    for state in random_states(700, width, height, seed=3):
        decision = teacher.decide(state)
        length, first = shortest(state)
        assert decision.path_length == length
        if length is None:
            without += 1
            assert decision.equal_moves == legal_moves(state)
        else:
            assert decision.equal_moves == first
            if teacher is BFS:
                assert decision.move == first[0]
    assert 0 < without < 700


@BOARDS
def test_dfs_finds_a_path_where_there_is_one(width: int, height: int) -> None:
    longer = 0
    for state in random_states(700, width, height, seed=4):
        decision = DFS.decide(state)
        length, _ = shortest(state)
        assert (decision.path_length is None) == (length is None)
        if length is not None and decision.path_length is not None:
            assert decision.path_length >= length
            longer += decision.path_length > length
            assert decision.equal_moves == (decision.move,)
    assert longer > 0


@pytest.mark.parametrize("teacher", [BFS, DFS, ASTAR], ids=["BFS", "DFS", "ASTAR"])
def test_on_a_free_board_ties_go_up_then_right(teacher: Teacher) -> None:
    state = State(10, 10, (44,), 88, None)
    moves: list[Move] = []
    while state.apple >= 0:
        decision = teacher.decide(state)
        assert decision.path_length == 8 - len(moves)
        moves.append(decision.move)
        following = after(state, decision.move)
        assert following is not None
        state = following
    assert moves == [Move.UP] * 4 + [Move.RIGHT] * 4


@pytest.mark.parametrize("teacher", [BFS, ASTAR], ids=["BFS", "ASTAR"])
def test_a_snake_of_one_cell_goes_round_rather_than_back(teacher: Teacher) -> None:
    decision = teacher.decide(State(6, 6, (14,), 8, Move.UP))
    assert decision.path_length == 3
    assert decision.move == Move.RIGHT


@pytest.mark.parametrize("teacher", [BFS, DFS, ASTAR], ids=["BFS", "DFS", "ASTAR"])
def test_the_cell_that_the_tail_is_leaving_is_free(teacher: Teacher) -> None:
    """The head sits in the corner behind its own tail, which is the only way out."""
    state = State(4, 4, (0, 4, 5, 1), 2, Move.DOWN)
    decision = teacher.decide(state)
    assert (decision.move, decision.path_length) == (Move.RIGHT, 2)


def test_the_estimate_saves_work() -> None:
    states = random_states(500, 10, 10, seed=5)
    assert sum(ASTAR.decide(s).nodes_expanded for s in states) < 0.6 * sum(BFS.decide(s).nodes_expanded for s in states)


@pytest.mark.parametrize("teacher", [BFS, DFS, ASTAR], ids=["BFS", "DFS", "ASTAR"])
@pytest.mark.parametrize("side", [6, 10])
def test_games_end_by_locking_in_or_winning_and_not_by_circling(teacher: Teacher, side: int) -> None:
    records = list(play(teacher, range(500), side, side))
    assert {record.ending for record in records} <= {Ending.NO_PATH_FOUND, Ending.WIN}
    assert sum(record.score for record in records) / len(records) > 0.25 * side * side


def test_stamps_start_again_on_a_clean_slate_when_the_numbers_run_out() -> None:
    """One `work` array serves billions of calls."""
    cells = 36
    fresh = np.zeros(WORK_PER_CELL * cells, np.int32)
    assert begin(fresh, 6, 6) == 1
    assert begin(fresh, 6, 6) == 2
    worn = np.full(WORK_PER_CELL * cells, 1, np.int32)
    worn[CLOCK * cells] = 2**31 - 1
    assert begin(worn, 6, 6) == 1
    assert begin(worn, 6, 6) == 2
    np.testing.assert_array_equal(worn, fresh)
