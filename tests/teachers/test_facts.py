"""The facts of a decision that don't depend on the teacher, against plain Python."""

from __future__ import annotations

import pytest

from serpentune import teachers
from serpentune.game import DIRECTIONS, Move, State, States, random_states
from serpentune.teachers import BFS, Teacher
from tests.teachers.reference import legal_moves, next_cell, safe_moves, shortest

BOARDS = pytest.mark.parametrize(("width", "height"), [(4, 4), (6, 6), (7, 9), (10, 10), (20, 12)])


def _first_legal(state: State) -> Move:
    return next(iter(legal_moves(state)), Move.NO_PATH_FOUND)


OUTSIDE = Teacher(name="FIRST-LEGAL", summary="The first legal move.", guarantee="None.", function=_first_legal)
EVERYONE = pytest.mark.parametrize(
    "teacher", [*map(teachers.get, teachers.names()), OUTSIDE], ids=lambda teacher: teacher.name
)


def _regions(state: State) -> tuple[int, ...]:
    left = set(range(state.width * state.height)) - set(state.body)
    sizes = []
    while left:
        reached, waiting = 0, [left.pop()]
        while waiting:
            cell = waiting.pop()
            reached += 1
            near = {beyond for move in DIRECTIONS if (beyond := next_cell(state, cell, move)) in left}
            left -= near
            waiting += near
        sizes.append(reached)
    return tuple(sorted(sizes, reverse=True))


@BOARDS
def test_they_are_what_plain_python_finds(width: int, height: int) -> None:
    states = random_states(400, width, height, seed=13)
    unsafe = cut = 0
    for state, decision in zip(states, BFS.decisions(states), strict=True):
        (x, y), (to_x, to_y) = state.xy(state.head), state.xy(state.apple)
        assert decision.legal_moves == legal_moves(state)
        assert decision.safe_moves == safe_moves(state)
        assert decision.distance == abs(x - to_x) + abs(y - to_y)
        assert decision.shortest_path == shortest(state)[0]
        assert decision.free_regions == _regions(state)
        unsafe += decision.safe_moves != decision.legal_moves
        cut += len(decision.free_regions) > 1
    assert unsafe > 0 and cut > 0


@EVERYONE
def test_they_are_the_same_for_every_teacher_alone_or_among_others(teacher: Teacher) -> None:
    states = random_states(150, 8, 6, seed=14)
    decisions = teacher.decisions(states)
    assert decisions == [teacher.decide(state) for state in states]
    for decision, other in zip(decisions, BFS.decisions(states), strict=True):
        for fact in ("legal_moves", "safe_moves", "distance", "shortest_path", "free_regions"):
            assert getattr(decision, fact) == getattr(other, fact)


@EVERYONE
def test_a_full_board_has_no_apple_and_no_region(teacher: Teacher) -> None:
    closed = State(4, 4, (0, 4, 8, 12, 13, 14, 15, 11, 7, 3, 2, 6, 10, 9, 5, 1), -1, Move.DOWN)
    decision = teacher.decide(closed)
    assert (decision.distance, decision.shortest_path, decision.free_regions) == (None, None, ())
    assert decision.legal_moves == decision.safe_moves == (Move.RIGHT,)


def test_no_states_get_no_decisions() -> None:
    assert BFS.decisions(States.empty(0, 6, 6)) == []


def test_only_cell_has_a_goal_and_it_is_free() -> None:
    states = random_states(400, 10, 10, seed=15)
    goals = 0
    for state, decision in zip(states, teachers.CELL.decisions(states), strict=True):
        if decision.goal is not None:
            goals += 1
            assert decision.goal not in (*state.body, state.apple)
            assert decision.path_length is None
    assert goals > 0
    others = [teacher for name in teachers.names() if (teacher := teachers.get(name)) is not teachers.CELL]
    assert all(decision.goal is None for teacher in others for decision in teacher.decisions(states))


@EVERYONE
def test_choices_are_the_moves_of_decisions_as_arrays(teacher: Teacher) -> None:
    states = random_states(400, 8, 6, seed=16)
    moves, equal = teacher.choices(states)
    decisions = teacher.decisions(states)
    assert moves.tolist() == [decision.move for decision in decisions]
    assert equal.tolist() == [_mask(decision.equal_moves) for decision in decisions]
    assert 0 in equal


@BOARDS
def test_legal_and_safe_moves_are_those_of_decisions_as_masks(width: int, height: int) -> None:
    states = random_states(400, width, height, seed=17)
    legal, safe = teachers.legal_and_safe(states)
    decisions = BFS.decisions(states)
    assert legal.tolist() == [_mask(decision.legal_moves) for decision in decisions]
    assert safe.tolist() == [_mask(decision.safe_moves) for decision in decisions]


def test_what_is_no_state_has_no_legal_moves() -> None:
    states = random_states(3, 6, 6, seed=18)
    states.body[1, 0] = 36
    with pytest.raises(ValueError, match="no states of a 6x6 board"):
        teachers.legal_and_safe(states)


def _mask(moves: tuple[Move, ...]) -> int:
    return sum(1 << move for move in moves)
