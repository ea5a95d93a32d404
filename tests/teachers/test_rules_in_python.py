"""Our teachers, written a second time in plain Python for the check of explanations, answer as their kernels do."""

from __future__ import annotations

import pytest

from serpentune import teachers
from serpentune.game import State, States, random_states
from serpentune.teachers._truth import RULES, Board
from tests.teachers.explained import own_states, strange_states


@pytest.mark.parametrize("name", list(RULES))
@pytest.mark.parametrize(("width", "height"), [(4, 4), (5, 5), (6, 6), (7, 10), (9, 7), (10, 10), (20, 12)])
def test_it_answers_as_the_kernel_does(name: str, width: int, height: int) -> None:
    teacher = teachers.get(name)
    states: list[State] = [*random_states(300, width, height, seed=91), *own_states(teacher, width, height, 2, 60)]
    if width * height <= 36:
        states += strange_states(width, height)
    for state, decision in zip(states, teacher.decisions(States.stack(states)), strict=True):
        board = Board(state, RULES)
        answer = board.answer(name)
        assert answer is not None
        assert answer.move == decision.move, state
        assert answer.path == decision.path_length, state
        assert answer.taken == decision.nodes_expanded, state
        assert answer.equal == decision.equal_moves, state
        assert answer.goal == decision.goal, state


def test_there_is_one_for_each_of_ours() -> None:
    assert set(RULES) == {name for name in teachers.names() if teachers.get(name).reasons is not None}


@pytest.mark.parametrize(("width", "height"), [(4, 4), (5, 5), (6, 6), (7, 9), (8, 5), (5, 8)])
def test_the_board_finds_the_facts_of_decisions(width: int, height: int) -> None:
    states = [*random_states(300, width, height, seed=92), *strange_states(width, height)[:100]]
    for state, decision in zip(states, teachers.BFS.decisions(States.stack(states)), strict=True):
        board = Board(state, RULES)
        assert board.legal == decision.legal_moves
        assert board.safe == decision.safe_moves
        assert board.distance == decision.distance
        assert board.shortest == decision.shortest_path
        assert board.regions == decision.free_regions
