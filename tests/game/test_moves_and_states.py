"""Names of moves, sizes of boards, single states and arrays of states."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serpentune.common.errors import UserError
from serpentune.game import (
    DIRECTIONS,
    MAX_SIDE,
    MIN_SIDE,
    MOVE_LETTERS,
    Move,
    State,
    States,
    check_board,
    from_letters,
    letters,
    parse_board,
    random_states,
)

sides = st.integers(MIN_SIDE, MAX_SIDE)
words = st.text(max_size=12) | st.from_regex(r"\s*[0-9]{0,3}\s*[xX]?\s*[0-9]{0,3}\s*", fullmatch=True)


@given(sides, sides)
def test_every_possible_board_is_read_in_every_spelling(width: int, height: int) -> None:
    check_board(width, height)
    assert parse_board(f"{width}x{height}") == parse_board(f" {width} X {height} ") == (width, height)
    assert parse_board(str(width)) == (width, width)


@given(words)
def test_any_text_is_a_board_within_the_rules_or_refused_in_words(text: str) -> None:
    try:
        width, height = parse_board(text)
    except UserError as error:
        assert repr(text) in str(error) or "each side has 4 to 50 cells" in str(error)
    else:
        assert MIN_SIDE <= width <= MAX_SIDE
        assert MIN_SIDE <= height <= MAX_SIDE


@pytest.mark.parametrize("text", ["", "x", "10x", "x10", "10x10x10", "ten", "-6", "6.5", "1e1", "6,6", "²", "9" * 5000])
def test_what_is_no_board_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"no board size|not possible"):
        parse_board(text)


@pytest.mark.parametrize("text", ["3", "51", "3x10", "10x51", "0x0"])
def test_a_board_outside_the_rules_is_refused_with_the_range(text: str) -> None:
    with pytest.raises(UserError, match="each side has 4 to 50 cells"):
        parse_board(text)


@given(st.binary().map(lambda data: bytes(byte % len(Move) for byte in data)))
def test_moves_survive_being_written_as_letters(moves: bytes) -> None:
    text = letters(moves)
    assert len(text) == len(moves)
    assert from_letters(text) == moves


@given(st.text(alphabet=MOVE_LETTERS))
def test_letters_survive_being_read_as_moves(text: str) -> None:
    assert letters(from_letters(text)) == text


@given(st.text(min_size=1).filter(lambda text: not set(text) <= set(MOVE_LETTERS)))
def test_letters_of_no_move_are_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="is no move") as refusal:
        from_letters(text)
    assert any(repr(letter) in str(refusal.value) for letter in set(text) - set(MOVE_LETTERS))


def test_every_move_has_its_own_letter_and_the_tie_break_order_is_fixed() -> None:
    assert len(set(MOVE_LETTERS)) == len(MOVE_LETTERS) == len(Move)
    assert [move.name for move in DIRECTIONS] == ["UP", "RIGHT", "DOWN", "LEFT"]
    assert [int(move) for move in DIRECTIONS] == [0, 1, 2, 3]


@given(st.integers(4, 9), st.integers(4, 9), st.integers(1, 20), st.integers())
def test_states_survive_being_taken_apart_and_stacked(width: int, height: int, count: int, seed: int) -> None:
    states = random_states(count, width, height, seed)
    again = States.stack(list(states))
    assert (again.width, again.height, len(again)) == (width, height, count)
    for field in ("body", "length", "apple", "direction"):
        np.testing.assert_array_equal(getattr(again, field), getattr(states, field))
    order = np.arange(count)[::-1]
    assert list(states.take(order)) == list(states)[::-1]


def test_stacking_needs_states_of_one_board() -> None:
    state, other = random_states(1, 4, 5, 0)[0], random_states(1, 5, 4, 0)[0]
    for wrong in ([], [state, other]):
        with pytest.raises(ValueError, match="one board size"):
            States.stack(wrong)


def test_a_state_speaks_in_positions() -> None:
    state = State(6, 5, (8, 7), 29, Move.RIGHT)
    assert state.head == 8
    assert state.xy(state.head) == (2, 1)
    assert state.xy(state.apple) == (5, 4)


def test_states_beyond_the_last_are_refused() -> None:
    with pytest.raises(IndexError):
        random_states(2, 4, 4, 0)[2]
