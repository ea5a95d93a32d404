from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serpentune.common.errors import UserError
from serpentune.datasets import GridEncoding, get_encoding
from serpentune.game import LockstepGames, State, States, random_states

GRID = GridEncoding()

DRAWING = """Board 4x4, heading UP.
 . . A .
 . H . .
 . ^ . .
 . ^ < .
"""


@given(st.integers(4, 12), st.integers(4, 12), st.integers(0, 2**63))
def test_every_state_comes_back_from_its_text(width: int, height: int, seed: int) -> None:
    states = random_states(40, width, height, seed)
    for text, state in zip(GRID.encode(states), states, strict=True):
        assert GRID.decode(text) == state


def test_states_of_the_largest_boards_come_back() -> None:
    for width, height in ((50, 50), (4, 50), (50, 4)):
        states = random_states(8, width, height, seed=1)
        assert [GRID.decode(text) for text in GRID.encode(states)] == list(states)


def test_the_start_of_a_game_comes_back() -> None:
    states = LockstepGames(range(20), 6, 4).states()
    texts = GRID.encode(states)
    assert [GRID.decode(text) for text in texts] == list(states)
    assert all(text.startswith("Board 6x4, heading NONE.\n") for text in texts)


def test_a_full_board_and_a_board_without_an_apple_come_back() -> None:
    """A won game's last state, and the rare state of another program whose apple lies under the snake."""
    zigzag = [row * 4 + (column if row % 2 == 0 else 3 - column) for row in range(4) for column in range(4)]
    full = State(4, 4, tuple(zigzag[::-1]), -1, None)
    states = States.stack([full, State(4, 4, (5, 4), -1, None), State(4, 4, (5,), -1, None)])
    states.direction[:] = [3, 1, -1]
    texts = GRID.encode(states)
    assert [GRID.decode(text) for text in texts] == list(states)
    assert "A" not in "".join(text.split("\n", 1)[1] for text in texts)


def test_the_drawing_is_the_documented_one() -> None:
    body = (9, 5, 1, 2)
    states = States.stack([State(4, 4, body, 14, None)])
    states.direction[:] = 0
    assert GRID.encode(states) == [DRAWING]
    assert GRID.decode(DRAWING).xy(14) == (2, 3)


def test_no_states_make_no_texts() -> None:
    assert GRID.encode(random_states(3, 5, 5, 0).take([])) == []


def test_a_batch_is_written_as_its_states_alone_are() -> None:
    states = random_states(30, 7, 5, seed=3)
    assert GRID.encode(states) == [GRID.encode(states.take([index]))[0] for index in range(30)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "first line"),
        ("Board 4x4, heading up.\n", "first line"),
        (DRAWING.replace("UP", "SIDEWAYS"), "first line"),
        (DRAWING.replace("4x4", "3x4"), "outside the rules"),
        (DRAWING.replace("4x4", "99x99"), "outside the rules"),
        (DRAWING.replace("4x4", "4444444444x4"), "first line"),
        (DRAWING.replace("4x4", "5x4"), "4 rows of 5 cells"),
        (DRAWING.replace(" . . A .\n", ""), "4 rows of 4 cells"),
        (DRAWING + " . . . .\n", "4 rows of 4 cells"),
        (DRAWING + "Moves:", "4 rows of 4 cells"),
        (DRAWING.replace("A", "X"), "'X' is no symbol"),
        (DRAWING.replace("A", "HH"), "'HH' is no symbol"),
        (DRAWING.replace("A", "H"), "2 heads and 0 apples"),
        (DRAWING.replace("H", "."), "0 heads and 1 apples"),
        (DRAWING.replace(" . . A .", " A . A ."), "1 heads and 2 apples"),
        (DRAWING.replace(" . ^ < .", " . ^ . <"), "one body"),
        (DRAWING.replace(" . ^ < .", " > ^ < ."), "one body"),
        (DRAWING.replace(" . . A .", " > v A .").replace(" . H . .", " ^ H . <"), "one body"),
        (DRAWING.replace(" . . A .", " ^ . A ."), "points off the board"),
        # Read as cell numbers, the last cell of a row lies beside the first one of the next.
        ("Board 4x4, heading RIGHT.\n . . . .\n H . . .\n . . . >\n . . . .\n", "(3, 1) points off the board"),
        (DRAWING.replace("UP", "LEFT"), "heading LEFT"),
        (DRAWING.replace("UP", "NONE"), "heading NONE"),
    ],
)
def test_what_is_no_state_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        GRID.decode(text)
    assert reason in str(caught.value)


@given(st.integers(0, 2**32), st.integers(0, 5), st.text(alphabet=".HA^>v< \nx", max_size=3))
def test_damaged_text_is_a_state_or_a_reason_and_never_another_error(seed: int, place: int, junk: str) -> None:
    text = GRID.encode(random_states(1, 5, 5, seed))[0]
    at = len(text) * (place + 1) // 7
    damaged = text[:at] + junk + text[at + 1 :]
    try:
        state = GRID.decode(damaged)
    except ValueError:
        return
    again = GRID.encode(States.stack([state]))[0]
    assert again.split() == damaged.split()


def test_encodings_are_found_by_name_and_misspelt_ones_matched() -> None:
    assert get_encoding("grid") == GRID
    with pytest.raises(UserError, match="Did you mean grid"):
        get_encoding("gird")


def test_the_arrows_lead_from_the_tail_to_the_head() -> None:
    states = random_states(200, 6, 6, seed=9)
    for state in (GRID.decode(text) for text in GRID.encode(states)):
        steps = np.abs(np.diff(np.array([state.xy(cell) for cell in state.body]), axis=0)).sum(axis=1)
        assert (steps == 1).all()
