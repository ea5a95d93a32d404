"""Explanations say nothing that the board contradicts, for every teacher, in all kinds of states."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from serpentune import teachers
from serpentune.game import Move, State, random_states
from serpentune.teachers import BFS, Teacher, check_explanation
from serpentune.teachers._truth import CLAIMS, RULES, Board, claims, read, split
from serpentune.teachers._truth import claims_cycle as of_cycle
from serpentune.teachers._truth.sentences import show
from tests.teachers.explained import FULL, FULL_AND_TRAPPED, OUTSIDE, TEACHERS, own_states, strange_states

BOARDS = [(6, 6), (10, 10), (7, 9), (20, 12)]
DOCUMENT = Path(__file__).parents[2] / "docs" / "explanations.md"

everyone = pytest.mark.parametrize("teacher", TEACHERS, ids=lambda teacher: teacher.name)
boards = pytest.mark.parametrize(("width", "height"), BOARDS)


def _assert_true(teacher: Teacher, state: State, text: str) -> None:
    check = check_explanation(state, text, teacher)
    assert not check.false, (state, text)
    assert not check.unreadable, (state, text)
    assert 2 <= len(check.true) <= 5, text
    assert check.share_true == 1
    assert " ".join(check.true) == text


@everyone
@boards
def test_they_are_true_in_random_states(teacher: Teacher, width: int, height: int) -> None:
    states = random_states(150, width, height, seed=31)
    for state, decision in zip(states, teacher.decisions(states), strict=True):
        text = teacher.explain(state, decision)
        assert text == teacher.explain(state)
        _assert_true(teacher, state, text)


@everyone
@boards
def test_they_are_true_in_its_own_games(teacher: Teacher, width: int, height: int) -> None:
    for state in own_states(teacher, width, height, games=2, each=50):
        _assert_true(teacher, state, teacher.explain(state))


@everyone
@pytest.mark.parametrize(
    ("width", "height"), [(4, 4), *(pytest.param(*board, marks=pytest.mark.slow) for board in ((5, 5), (6, 4)))]
)
def test_they_are_true_of_short_and_long_snakes_and_without_an_apple(teacher: Teacher, width: int, height: int) -> None:
    for state in strange_states(width, height):
        _assert_true(teacher, state, teacher.explain(state))


@everyone
@pytest.mark.parametrize(("width", "height"), [(6, 6), (7, 9)])
def test_short_ones_are_true_as_well(teacher: Teacher, width: int, height: int) -> None:
    states = [*random_states(60, width, height, seed=33), *own_states(teacher, width, height, games=1, each=30)]
    for state in [*states, *strange_states(width, height)[::8], FULL, FULL_AND_TRAPPED]:
        text, short = teacher.explain(state), teacher.explain(state, short=True)
        _assert_true(teacher, state, short)
        known = [(read(sentence, teacher.name), sentence) for sentence in split(text)]
        kept = [sentence for claim, sentence in known if claim is not None and claim[0].short is None]
        said = split(short)
        assert [sentence for sentence in said if sentence in kept] == kept  # and in this order


@pytest.mark.parametrize("name", ["BFS", "BFS-SAFE-GREEDY", "DFS", "ASTAR"])
def test_short_ones_give_no_count_of_a_search(name: str) -> None:
    teacher = teachers.get(name)
    for state in random_states(200, 6, 6, seed=34):
        short = teacher.explain(state, short=True)
        if "the Manhattan distance is" not in short:  # of two cells that the text names; said before giving up
            assert not re.search(r"\d", re.sub(r"\(\d, \d\)", "", short)), short
        decision = teacher.decide(state)
        if name in ("BFS", "ASTAR") and "finds a shortest path." in short:
            assert decision.path_length == decision.shortest_path is not None


def test_the_cycle_is_said_to_take_more_moves_only_where_it_does() -> None:
    teacher, equal = teachers.get("BFS-HAMILTONIAN"), 0
    for state in random_states(2000, 6, 6, seed=35):
        short = teacher.explain(state, short=True)
        if "the cycle itself would take no more moves" in short:
            moves = show("move", teacher.decide(state).path_length or 0)
            more = f"Step by step the cycle itself would take {moves}, more than the path of {teacher.name}."
            assert len(check_explanation(state, more, teacher).false) == 1
            equal += 1
    assert equal > 10


@everyone
def test_they_are_true_on_full_boards(teacher: Teacher) -> None:
    for state in (FULL, FULL_AND_TRAPPED):
        _assert_true(teacher, state, teacher.explain(state))
    assert teacher.explain(FULL).startswith(f"{teacher.name} plays RIGHT, from (0, 0) to (1, 0).")
    assert teacher.explain(FULL_AND_TRAPPED) == (
        f"{teacher.name} gives up: no move of the head at (0, 0) is legal. "
        "The snake fills the board, all 16 cells, and there is no apple."
    )


@pytest.mark.slow
@everyone
def test_none_of_very_many_is_wrong(teacher: Teacher) -> None:
    for width, height, count in ((6, 6, 25_000), (8, 8, 10_000), (10, 10, 8_000), (7, 9, 4_000), (9, 6, 3_000)):
        states = random_states(count, width, height, seed=2**40)
        for state, decision in zip(states, teacher.decisions(states), strict=True):
            _assert_true(teacher, state, teacher.explain(state, decision))
            _assert_true(teacher, state, teacher.explain(state, decision, short=True))
    for width, height in ((8, 8), (10, 10), (7, 9)):
        for state in own_states(teacher, width, height, games=40, each=100):
            _assert_true(teacher, state, teacher.explain(state))


@pytest.mark.slow
def test_every_claim_of_the_table_is_made_somewhere_and_has_been_read_back() -> None:
    def sentences(states: Iterable[State]) -> Iterable[str]:
        for state in states:
            for teacher in TEACHERS:
                yield from check_explanation(state, teacher.explain(state), teacher).true
                yield from split(teacher.explain(state, short=True))

    states = [FULL, FULL_AND_TRAPPED, *strange_states(6, 6)[::3], *random_states(300, 8, 8, seed=5)]
    states += random_states(20, 7, 6, seed=5)
    states += [state for teacher in TEACHERS for state in own_states(teacher, 8, 8, games=1, each=20)]
    made = set()
    for sentence in sentences(states):
        known = read(sentence, OUTSIDE.name if OUTSIDE.name in sentence else None)
        assert known is not None
        made.add(known[0].template)
    assert made == {claim.template for claim in CLAIMS.values()}


def test_one_teacher_explains_itself_as_its_documentation_says() -> None:
    state = State(6, 6, (14, 13, 12), 28, Move.RIGHT)
    assert BFS.explain(state) == (
        "BFS plays UP, from (2, 2) to (2, 3). "
        # 1, 4, 6 and 6 cells of the board are 0 to 3 steps away from the apple.
        "Level by level from the apple at (4, 4), BFS takes 17 cells from its queue until it meets the head on level "
        "4: a shortest path has 4 moves. "
        "The Manhattan distance is 4 too, so no detour is needed. "
        "UP and RIGHT begin such paths, and BFS takes the first in the order UP, RIGHT, DOWN and LEFT. "
        "The legal moves are UP, RIGHT and DOWN, and the tail, now at (0, 2), stays within reach after each of them."
    )


def test_an_answer_that_breaks_the_contract_is_not_explained() -> None:
    into_the_wall = Teacher(name="WALL", summary="Left.", guarantee="None.", function=lambda state: Move.LEFT)
    with pytest.raises(ValueError, match="WALL answered LEFT, which is not legal"):
        into_the_wall.explain(State(6, 6, (0,), 5, None))


def _with_reasons(reasons: list[str]) -> Teacher:
    return Teacher("TALKER", "As BFS.", "None.", kernel=BFS.kernel, reasons=lambda name, state, decision: reasons)


@pytest.mark.parametrize("reasons", [["So."] * 6, ["One. Two!", "Three? Four."], ["no stop"] * 4])
def test_more_than_three_sentences_of_its_own_are_refused(reasons: list[str]) -> None:
    with pytest.raises(ValueError, match=rf"teacher TALKER gives its reasons in {max(4, len(reasons))} sentences"):
        _with_reasons(reasons).explain(State(6, 6, (14, 13, 12), 28, Move.RIGHT))


@pytest.mark.parametrize("reasons", [[], ["One."], ["One. Two!", "Three?"]])
def test_two_to_five_sentences_are_said_with_reasons_from_outside(reasons: list[str]) -> None:
    teacher = _with_reasons(reasons)
    own = sum(len(split(reason)) for reason in reasons)
    for state in random_states(200, 6, 6, seed=32):
        check = check_explanation(state, teacher.explain(state), teacher)
        trapped = teacher.decide(state).move == Move.NO_PATH_FOUND
        assert not check.false
        assert len(check.unreadable) == (0 if trapped else own)
        assert 2 <= len(check.true) + len(check.unreadable) <= 5
        assert check_explanation(state, teacher.explain(state, short=True), teacher).unreadable == check.unreadable


RULE_OF_THE_CYCLE = {
    "jump": {of_cycle.jumps, of_cycle.steps_on},
    "safe along": {of_cycle.careful_along},
    "safe": {of_cycle.careful},
    "lost along": {of_cycle.lost_along},
    "lost": {claims.lost},
    "trapped": {claims.gives_up},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["HAMILTONIAN-SHORTCUT", "CELL"])
def test_each_names_the_rule_by_which_the_move_was_chosen(name: str) -> None:
    teacher = teachers.get(name)
    states = random_states(20_000, 5, 5, seed=2)
    met = set()
    for state, decision in zip(states, teacher.decisions(states), strict=True):
        answer = Board(state, RULES).answer(name)
        assert answer is not None
        said = [read(sentence, name) for sentence in split(teacher.explain(state, decision))]
        assert any(known[0] in RULE_OF_THE_CYCLE[answer.how] for known in said if known is not None), state
        met.add(answer.how)
    assert met == set(RULE_OF_THE_CYCLE)


def test_the_examples_of_the_document_are_what_its_snippet_prints() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    snippets = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    shown = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
    names: dict[str, object] = {}
    for snippet, expected in zip(snippets, shown, strict=True):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(snippet, str(DOCUMENT), "exec"), names)
        assert printed.getvalue().split() == expected.split()
    assert len(shown) == 2
    for teacher in TEACHERS[:-1]:
        assert f"{teacher.name} plays" in shown[-1]
