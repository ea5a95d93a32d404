"""The check of explanations finds every change in them, believes no nonsense, and is independent of the kernels."""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serpentune import teachers
from serpentune.game import DIRECTIONS, Move, State, random_states
from serpentune.teachers import ASTAR, BFS, HAMILTONIAN, ExplanationCheck, Teacher, check_explanation
from serpentune.teachers._truth import CLAIMS, RULES, Board, cycle, read
from serpentune.teachers._truth.board import STEPS
from serpentune.teachers._truth.sentences import UNITS, show
from tests.teachers.explained import TEACHERS, own_states, strange_states

STATE = State(6, 6, (14, 13, 12), 28, Move.RIGHT)
NUMBER = re.compile(r"\d+")
MOVE = re.compile("|".join(move.name for move in DIRECTIONS))
MOVES = re.compile(rf"(?:{MOVE.pattern})(?:(?:, | and )(?:{MOVE.pattern}))*")
CELL = re.compile(r"\((\d+), (\d+)\)")

everyone = pytest.mark.parametrize("teacher", TEACHERS, ids=lambda teacher: teacher.name)


def _explained(
    teacher: Teacher, boards: tuple[tuple[int, int], ...] = ((6, 6), (8, 8), (7, 9)), short: bool = False
) -> Iterator[tuple[State, str]]:
    for width, height in boards:
        states = [*random_states(25, width, height, seed=51), *own_states(teacher, width, height, 1, 15)]
        for state in states:
            yield state, teacher.explain(state, short=short)


def _all_explained(teacher: Teacher) -> list[tuple[State, str]]:
    """Whole explanations on three boards, short ones on one: most of their sentences are the same."""
    return [*_explained(teacher), *_explained(teacher, ((6, 6),), short=True)]


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=\.) ", text)


def _replaced(text: str, found: re.Match[str], value: str) -> str:
    return text[: found.start()] + value + text[found.end() :]


def _with_number(text: str, found: re.Match[str], value: int) -> str:
    """The text with another number, and what it counts in the singular or plural that goes with it."""
    rest = re.sub(rf"^ ({'|'.join(UNITS)})s?\b", r" \1" if value == 1 else r" \1s", text[found.end() :])
    return text[: found.start()] + str(value) + rest


def _with_move(text: str, found: re.Match[str], name: str) -> str:
    """The text with another move, in its list of moves in the fixed order if the list was in it."""
    changed = _replaced(text, found, name)
    for moves in MOVES.finditer(changed):
        if moves.start() <= found.start() < moves.end() and not changed[: moves.start()].endswith("in the order "):
            ordered = sorted({Move[name] for name in MOVE.findall(moves[0])})
            return _replaced(changed, moves, show("moves", tuple(ordered)))
    return changed


def _is_found(state: State, changed: str, teacher: Teacher) -> bool:
    """Whether the check finds that one sentence is no longer true; it must be able to read it."""
    check = check_explanation(state, changed, teacher)
    return len(check.false) == 1 and not check.unreadable


@pytest.mark.slow
@everyone
def test_every_changed_number_is_found(teacher: Teacher) -> None:
    chance = random.Random(1)
    tried = 0
    for state, text in _all_explained(teacher):
        for found in NUMBER.finditer(text):
            other = chance.choice([value for value in range(state.width * state.height + 1) if value != int(found[0])])
            for value in (other, int(found[0]) + 1, 10**6):
                changed = _with_number(text, found, value)
                assert _is_found(state, changed, teacher), (state, changed)
                tried += 1
    assert tried > 2000


@everyone
def test_every_changed_move_and_cell_is_found(teacher: Teacher) -> None:
    chance = random.Random(2)
    tried = 0
    for state, text in _all_explained(teacher):
        for found in MOVE.finditer(text):
            changed = _with_move(
                text, found, chance.choice([move.name for move in DIRECTIONS if move.name != found[0]])
            )
            assert _is_found(state, changed, teacher), (state, changed)
            tried += 1
        for found in CELL.finditer(text):
            swapped = f"({found[2]}, {found[1]})"
            if swapped != found[0]:
                assert _is_found(state, _replaced(text, found, swapped), teacher), (state, text, found[0])
            tried += 1
    assert tried > 500


@everyone
def test_what_is_said_of_another_state_is_found(teacher: Teacher) -> None:
    explained = list(_explained(teacher, ((6, 6),)))
    explained += [(state, teacher.explain(state)) for state in random_states(500, 6, 6, seed=53)]
    passed = sum(
        not check.false
        for (state, _), (_, other) in pairwise(explained)
        for check in [check_explanation(state, other, teacher)]
    )
    assert passed == 0


def test_what_is_said_of_another_teacher_is_found() -> None:
    for state in random_states(100, 6, 6, seed=54):
        check = check_explanation(state, BFS.explain(state), ASTAR)
        assert check.false and all(
            "the text speaks of BFS, the move is of ASTAR" in claim.reason for claim in check.false[:1]
        )
        renamed = check_explanation(state, BFS.explain(state).replace("BFS", "ASTAR"))
        if "Level by level" in BFS.explain(state):
            assert any("what can be said of BFS only" in claim.reason for claim in renamed.false)


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("BFS plays UP, from (2, 2) to (2, 4).", "the text says next cell (2, 4), the board says (2, 3)"),
        ("BFS plays LEFT, from (2, 2) to (1, 2).", "the text says move LEFT, the board says UP"),
        ("BFS gives up: no move of the head at (2, 2) is legal.", "UP is legal on the board"),
        ("The legal moves are UP and DOWN.", "the text says legal UP and DOWN, the board says UP, RIGHT and DOWN"),
        ("There is no apple on the board.", "there is an apple at (4, 4)"),
        ("A shortest path to the apple has 6 moves.", "the text says shortest 6 moves, the board says 4 moves"),
        ("The body cuts the 33 free cells into 2 regions, the largest of 30 cells.", "33 free cells in 1 regions"),
        ("The snake fills the board, all 36 cells, and there is no apple.", "33 of 36 cells are free"),
        ("Only UP, RIGHT and DOWN is legal.", "the board has 3 legal moves"),
        ("Eating the apple at (4, 4) now would cut off (0, 0), so CELL goes there first.", "makes no detour"),
    ],
)
def test_the_reason_says_what_the_text_and_what_the_board_says(sentence: str, reason: str) -> None:
    check = check_explanation(STATE, sentence)
    assert [claim.sentence for claim in check.false] == [sentence]
    assert reason in check.false[0].reason
    assert check.share_true == 0


@pytest.mark.parametrize(
    ("written", "otherwise"),
    [
        ("A shortest path to the apple has 4 moves.", "A shortest path to the apple has 4 move."),
        ("A shortest path to the apple has 4 moves.", "A shortest path to the apple has 004 moves."),
        ("The legal moves are UP, RIGHT and DOWN.", "The legal moves are UP and RIGHT and DOWN."),
        ("The legal moves are UP, RIGHT and DOWN.", "The legal moves are DOWN, RIGHT and UP."),
        ("The legal moves are UP, RIGHT and DOWN.", "The legal moves are UP, UP, RIGHT and DOWN."),
        ("BFS plays UP, from (2, 2) to (2, 3).", "BFS plays UP, from (02, 2) to (2, 3)."),
        ("BFS plays UP, from (2, 2) to (2, 3).", "BFS plays UP and UP, from (2, 2) to (2, 3)."),
    ],
)
def test_a_sentence_is_read_only_as_it_is_written(written: str, otherwise: str) -> None:
    assert check_explanation(STATE, written).true == (written,)
    assert check_explanation(STATE, otherwise) == ExplanationCheck((), (), (otherwise,))


def _made_and_accepted(states: list[State]) -> tuple[set[tuple[str, str]], dict[tuple[str, str], tuple[State, str]]]:
    """The pairs of claim and teacher that explanations of these states make, and those that a check accepts there."""
    made: set[tuple[str, str]] = set()
    accepted: dict[tuple[str, str], tuple[State, str]] = {}
    for state in states:
        board = Board(state, RULES)
        for name in teachers.names():
            teacher = teachers.get(name)
            for sentence in _sentences(f"{teacher.explain(state)} {teacher.explain(state, short=True)}"):
                known = read(sentence, name)
                assert known is not None
                made.add((known[0].template, name))
            for claim in CLAIMS.values():
                if (claim.template, name) in accepted or "teacher" not in dict(claim.fields):
                    continue
                true = claim.says(board, {"teacher": name})
                if isinstance(true, str):
                    continue
                sentence = claim(state.width, **{**true, "teacher": name})
                if check_explanation(state, sentence, teacher).true:
                    accepted[claim.template, name] = state, sentence
    return made, accepted


@pytest.mark.slow
@pytest.mark.parametrize(
    ("width", "height"),
    [
        pytest.param(6, 6, id="with blocks for CELL"),
        pytest.param(5, 7, id="without"),
    ],
)
def test_nothing_is_true_of_a_teacher_that_its_explanations_never_say(width: int, height: int) -> None:
    states = [*random_states(300, width, height, seed=58), *strange_states(width, height)[::4]]
    states += [state for teacher in TEACHERS for state in own_states(teacher, width, height, 1, 25)]
    made, accepted = _made_and_accepted(states)
    assert len(accepted) > 30
    assert not {pair: found for pair, found in accepted.items() if pair not in made}


def test_cell_is_said_to_go_by_the_cycle_only_where_it_does() -> None:
    for state in own_states(teachers.CELL, 8, 8, games=5, each=60):
        ring = cycle.cycle_of(8, 8)
        move = teachers.CELL.decide(state).move
        if move == Move.NO_PATH_FOUND:
            continue
        x, y = state.xy(state.head)
        dx, dy = STEPS[move]
        number = ring.number[(y + dy) * 8 + x + dx]
        skipped = (number - ring.number[state.head] - 1) % 64
        text = (
            "The body lies in the order of the Hamiltonian cycle, but no step ahead is open to CELL. "
            f"CELL jumps to number {number}, skips {skipped} number{'s' * (skipped != 1)} and passes neither the tail "
            f"nor the apple. CELL goes one step along the cycle, to number {number}."
        )
        check = check_explanation(state, text, teachers.CELL)
        assert len(check.false) == 3, (state, text)


def test_a_mixed_text_is_sorted_sentence_by_sentence() -> None:
    check = check_explanation(
        STATE,
        "I think about it.\nBFS plays UP, from (2, 2)  to (2, 3). The legal moves are UP and RIGHT. "
        "ZIGZAG plays UP, from (2, 2) to (2, 3). bfs plays up. There is no apple on the board! BFS plays UP, from (2",
    )
    assert check.true == ("BFS plays UP, from (2, 2) to (2, 3).",)
    assert [claim.sentence for claim in check.false] == ["The legal moves are UP and RIGHT."]
    assert check.unreadable == (
        "I think about it.",
        "ZIGZAG plays UP, from (2, 2) to (2, 3).",
        "bfs plays up.",
        "There is no apple on the board!",
        "BFS plays UP, from (2",
    )
    assert check.share_true == 0.5
    assert check_explanation(STATE, " \n") == ExplanationCheck((), (), ())
    assert check_explanation(STATE, "").share_true is None


def _assert_sorted(state: State, text: str, teacher: Teacher | None) -> None:
    check = check_explanation(state, text, teacher)
    sentences = [*check.true, *(claim.sentence for claim in check.false), *check.unreadable]
    assert sorted("".join(sentences).replace(" ", "")) == sorted("".join(text.split()))
    assert all(claim.reason for claim in check.false)


@given(st.text(), st.sampled_from([None, *TEACHERS]))
def test_any_text_can_be_checked_and_nothing_is_dropped(text: str, teacher: Teacher | None) -> None:
    _assert_sorted(STATE, text, teacher)
    assert not check_explanation(STATE, text, teacher).true


VALUES = st.one_of(
    st.integers(-(10**12), 10**12).map(str),
    st.tuples(st.integers(-3, 60), st.integers(-3, 60)).map(str),
    st.lists(st.sampled_from([move.name for move in DIRECTIONS]), min_size=1).map(" and ".join),
    st.sampled_from([*teachers.names(), "ZIGZAG", "NO_PATH_FOUND", "\x01", "\x02", "٣"]),
)


@given(st.data(), st.sampled_from(sorted({claim.template for claim in CLAIMS.values()})), st.integers(0, 299))
def test_claims_with_any_values_can_be_checked(data: st.DataObject, template: str, number: int) -> None:
    state = random_states(300, 6, 6, seed=55)[number]
    text = re.sub(r"\{\w+:\w+\}", lambda field: data.draw(VALUES), template)
    _assert_sorted(state, text, data.draw(st.sampled_from([None, BFS, HAMILTONIAN])))


@given(st.data(), st.sampled_from(teachers.names()), st.integers(0, 299))
def test_claims_of_one_teacher_about_another_can_be_checked(data: st.DataObject, name: str, number: int) -> None:
    state = random_states(300, 6, 6, seed=56)[number]
    other = data.draw(st.sampled_from(teachers.names()))
    text = re.sub(rf"(?<![\w-]){name}(?![\w-])", other, teachers.get(name).explain(state))
    _assert_sorted(state, text, None)


@given(st.data(), st.integers(0, 99))
def test_damaged_explanations_can_be_checked(data: st.DataObject, number: int) -> None:
    state = random_states(100, 6, 6, seed=57)[number]
    text = data.draw(st.sampled_from(TEACHERS)).explain(state)
    start, stop = sorted((data.draw(st.integers(0, len(text))), data.draw(st.integers(0, len(text)))))
    _assert_sorted(state, text[:start] + data.draw(st.text(max_size=8)) + text[stop:], None)


def test_the_truth_is_found_without_the_kernels() -> None:
    folder = Path(teachers.__file__).parent
    modules = sorted((folder / "_truth").glob("*.py"))
    assert len(modules) >= 10
    for module in modules:
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            imported = (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [name.name for name in node.names]
                if isinstance(node, ast.Import)
                else []
            )
            for name in imported:
                ours = name.startswith("serpentune")
                assert not ours or name == "serpentune.game" or name.startswith("serpentune.teachers._truth"), module
                assert name.split(".")[0] not in ("numba", "numpy"), module
