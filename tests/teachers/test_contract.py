"""The contract of `Teacher`, held against every registered teacher and against one that isn't registered.

Teachers of installed packages are registered, so this file tests them as well: `pytest tests/teachers/test_contract.py
-k NAME`. The last test does that with the teacher of CONTRIBUTING.md.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from serpentune import teachers
from serpentune.game import (
    DIRECTIONS,
    Ending,
    Limits,
    LockstepGames,
    Move,
    State,
    States,
    random_states,
    states_before,
    verify,
)
from serpentune.teachers import Promise, Teacher
from tests.teachers.reference import image, image_of_move, legal_moves, symmetries

BOARDS = [(4, 4), (5, 5), (7, 10), (10, 10)]
MORE_BOARDS = [(6, 6), (9, 7)]
PROMISED_BOARDS = [(6, 6), (8, 8), (10, 10), (7, 9), (20, 20)]


def _last_legal(state: State) -> Move:
    return legal_moves(state)[-1] if legal_moves(state) else Move.NO_PATH_FOUND


OUTSIDE = Teacher(name="LAST-LEGAL", summary="The last legal move.", guarantee="None.", function=_last_legal)


def _last_legal_of_the_least_image(state: State) -> Move:
    """The same answer however the board is turned: that of one of the images, turned back."""

    def order(symmetry: str) -> tuple[tuple[int, ...], int, int]:
        turned = image(state, symmetry)
        return turned.body, turned.apple, -1 if turned.direction is None else turned.direction

    least = min(symmetries(state.width, state.height), key=order)
    answers = [move for move in DIRECTIONS if image_of_move(move, least) == _last_legal(image(state, least))]
    return answers[0] if answers else Move.NO_PATH_FOUND


TURNED = Teacher(
    name="LAST-LEGAL-TURNED",
    summary="The last legal move of the least image.",
    guarantee="None.",
    function=_last_legal_of_the_least_image,
    symmetric=True,
)
TEACHERS = [*(teachers.get(name) for name in teachers.names()), OUTSIDE, TURNED]
PROMISING = [teacher for teacher in TEACHERS if teacher.promises]
SYMMETRIC = [teacher for teacher in TEACHERS if teacher.symmetric]

everyone = pytest.mark.parametrize("teacher", TEACHERS, ids=lambda teacher: teacher.name)
promising = pytest.mark.parametrize("teacher", PROMISING, ids=lambda teacher: teacher.name)
boards = pytest.mark.parametrize(
    ("width", "height"), [*BOARDS, *(pytest.param(*board, marks=pytest.mark.slow) for board in MORE_BOARDS)]
)


def _states(width: int, height: int, count: int = 2000) -> States:
    return random_states(count, width, height, seed=7)


@everyone
@boards
def test_it_moves_legally_and_gives_up_only_when_trapped(teacher: Teacher, width: int, height: int) -> None:
    states = _states(width, height)
    moves = teacher.moves(states)
    assert moves.dtype == np.int8
    trapped = 0
    for state, move in zip(states, moves, strict=True):
        legal = legal_moves(state)
        assert move in legal if legal else move == Move.NO_PATH_FOUND
        trapped += not legal
    assert trapped > 0, "the states hold no trapped snake, so the test shows nothing about one"


@everyone
@boards
def test_the_same_state_gets_the_same_move_alone_or_among_others(teacher: Teacher, width: int, height: int) -> None:
    states = _states(width, height, 300)
    moves = teacher.moves(states)
    turned = np.arange(len(states))[::-1]
    np.testing.assert_array_equal(teacher.moves(states.take(turned)), moves[turned])
    assert [teacher.decide(state).move for state in states] == moves.tolist()


@everyone
@boards
def test_facts_fit_the_move(teacher: Teacher, width: int, height: int) -> None:
    for state in _states(width, height, 500):
        decision = teacher.decide(state)
        legal = legal_moves(state)
        assert set(decision.equal_moves) <= set(legal)
        assert list(decision.equal_moves) == sorted(decision.equal_moves)
        assert (decision.move in decision.equal_moves) == bool(legal)
        assert 0 <= decision.nodes_expanded <= width * height
        if decision.path_length is not None:
            x, y = state.xy(state.head)
            to_x, to_y = state.xy(state.apple)
            far = abs(x - to_x) + abs(y - to_y)
            assert far <= decision.path_length <= width * height
            assert (decision.path_length - far) % 2 == 0


@everyone
@boards
def test_its_games_are_those_that_its_answers_make(teacher: Teacher, width: int, height: int) -> None:
    """No hidden plan: the compiled games, lockstep games and single answers to replayed states agree."""
    seeds = range(40, 52)
    played = list(teachers.play(teacher, seeds, width, height))
    games = LockstepGames(seeds, width, height)
    while games.running.size:
        games.step(teacher.moves(games.states()))
    assert played == games.records(teacher.name)
    for record in played:
        assert verify(record) is None
        states = states_before(record, np.arange(len(record.moves)))
        np.testing.assert_array_equal(teacher.moves(states), np.frombuffer(record.moves, np.uint8))


def _keeps_its_promises(teacher: Teacher, width: int, height: int, games: int) -> None:
    for record in teachers.play(teacher, range(games), width, height):
        if Promise.FILLS_THE_BOARD in teacher.promises:
            assert record.ending == Ending.WIN, record.seed
            assert record.score == width * height - 1
        if Promise.NEVER_DIES in teacher.promises:
            assert record.ending in (Ending.WIN, Ending.MAX_STEPS_REACHED), record.seed


@promising
@pytest.mark.parametrize(("width", "height"), PROMISED_BOARDS)
def test_it_keeps_its_promises(teacher: Teacher, width: int, height: int) -> None:
    _keeps_its_promises(teacher, width, height, games=100 if width * height <= 100 else 10)


@promising
@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), PROMISED_BOARDS)
def test_it_keeps_its_promises_in_2000_games(teacher: Teacher, width: int, height: int) -> None:
    _keeps_its_promises(teacher, width, height, games=2000)


@promising
@pytest.mark.parametrize("side", [4, 5])
def test_it_keeps_its_promises_on_the_smallest_boards(teacher: Teacher, side: int) -> None:
    _keeps_its_promises(teacher, side, side, games=300)


@pytest.mark.slow
@promising
@pytest.mark.parametrize("side", [49, 50])
def test_it_keeps_its_promises_on_the_largest_boards(teacher: Teacher, side: int) -> None:
    _keeps_its_promises(teacher, side, side, games=1)


def _is_symmetric(teacher: Teacher, width: int, height: int) -> None:
    names = symmetries(width, height)
    compared = 0
    for state in _states(width, height, 300):
        images = [image(state, name) for name in names]
        if state in images[1:]:
            continue  # where no answer may fit
        moves = teacher.moves(States.stack(images)).tolist()
        expected = moves[:1] * len(names)
        if moves[0] in DIRECTIONS:
            expected = [image_of_move(Move(moves[0]), name) for name in names]
        assert moves == expected, f"{teacher.name} says that it is symmetric: {state}"
        compared += 1
    assert compared > 100, "most states are their own image, so the test shows little"


@pytest.mark.parametrize("teacher", SYMMETRIC, ids=lambda teacher: teacher.name)
@boards
def test_it_is_symmetric_if_it_says_so(teacher: Teacher, width: int, height: int) -> None:
    _is_symmetric(teacher, width, height)


def test_a_teacher_that_wrongly_says_that_it_is_symmetric_is_found_out() -> None:
    for teacher in (OUTSIDE, teachers.BFS, teachers.CELL):
        for width, height in BOARDS:
            with pytest.raises(AssertionError, match="says that it is symmetric"):
                _is_symmetric(replace(teacher, symmetric=True), width, height)


@everyone
def test_it_stops_where_the_limits_say(teacher: Teacher) -> None:
    for record in teachers.play(teacher, range(5), 6, 6, Limits(max_steps=3)):
        assert record.steps == 3
        assert record.ending.name == "MAX_STEPS_REACHED"


@everyone
def test_it_answers_a_full_board_where_no_apple_lies(teacher: Teacher) -> None:
    closed = State(4, 4, (0, 4, 8, 12, 13, 14, 15, 11, 7, 3, 2, 6, 10, 9, 5, 1), -1, Move.DOWN)
    decision = teacher.decide(closed)
    assert (decision.move, decision.path_length, decision.equal_moves) == (Move.RIGHT, None, (Move.RIGHT,))
    trapped = State(4, 4, (0, 1, 2, 3, 7, 6, 5, 4, 8, 9, 10, 11, 15, 14, 13, 12), -1, Move.LEFT)
    decision = teacher.decide(trapped)
    assert (decision.move, decision.path_length, decision.equal_moves) == (Move.NO_PATH_FOUND, None, ())


@everyone
def test_it_answers_the_smallest_and_the_largest_board(teacher: Teacher) -> None:
    for side in (4, 50):
        moves = teacher.moves(random_states(30, side, side, seed=1))
        assert set(moves.tolist()) <= {*DIRECTIONS, Move.NO_PATH_FOUND}


@everyone
def test_it_says_what_it_does_and_promises(teacher: Teacher) -> None:
    assert teacher.summary.endswith(".") and "\n" not in teacher.summary
    assert teacher.guarantee.endswith(".")


@everyone
def test_states_outside_the_board_are_refused(teacher: Teacher) -> None:
    for state in (State(6, 6, (36,), 0, None), State(6, 6, (0,), 36, None), State(6, 6, (-1,), 3, None)):
        with pytest.raises(ValueError, match="outside"):
            teacher.moves(States.stack([state]))


ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_a_teacher_of_another_package_falls_under_this_suite(tmp_path: Path) -> None:
    """The example of CONTRIBUTING.md, installed as a package beside this one."""
    blocks = re.findall(r"```(\w+)\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)
    (code,) = [text for language, text in blocks if language == "python"]
    (points,) = [text for language, text in blocks if language == "toml"]
    (tmp_path / "greedy_teacher.py").write_text(code)
    info = tmp_path / "greedy-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: greedy\nVersion: 1.0\n")
    ((name, where),) = tomllib.loads(points)["project"]["entry-points"]["serpentune.teachers"].items()
    (info / "entry_points.txt").write_text(f"[serpentune.teachers]\n{name} = {where}\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, "-k", f"{name} and not SAFE"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT / "src")])},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None and int(passed[1]) >= 20, done.stdout
