from __future__ import annotations

import numpy as np
import pytest

from serpentune.datasets.encodings import CoordinatesEncoding
from serpentune.game import LockstepGames, State, States, random_states

COORDINATES = CoordinatesEncoding()

TEXT = """Board 4x4, heading UP.
Head 1,2. Apple 2,3.
Body 1,1 1,0 2,0
"""


def test_the_text_is_the_documented_one() -> None:
    states = States.stack([State(4, 4, (9, 5, 1, 2), 14, None)])
    states.direction[:] = 0
    assert COORDINATES.encode(states) == [TEXT]
    assert COORDINATES.__doc__ is not None
    for line in TEXT.splitlines():
        assert line in COORDINATES.__doc__


def test_a_snake_of_one_cell_has_no_body() -> None:
    (text, *_) = COORDINATES.encode(LockstepGames(range(3), 12, 5).states())
    assert text.startswith("Board 12x5, heading NONE.\nHead 6,2. Apple ")
    assert text.endswith("\nBody none\n")


def test_an_apple_that_is_not_to_be_seen_is_none() -> None:
    states = random_states(3, 5, 5, 1)
    states.apple[:] = -1
    assert all(". Apple none.\n" in text for text in COORDINATES.encode(states))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "first line"),
        (TEXT.replace("4x4", "3x4"), "outside the rules"),
        (TEXT.replace("4x4", "04x4"), "first line"),
        (TEXT.replace("Head", "head"), "Head <x,y>"),
        (TEXT.replace("1,2", "01,2"), "Head <x,y>"),
        (TEXT.replace("1,2", "1, 2"), "Head <x,y>"),
        (TEXT.replace("1,1 1,0", "1,1  1,0"), "Head <x,y>"),
        (TEXT.replace("Body 1,1 1,0 2,0", "Body"), "Head <x,y>"),
        (TEXT.replace("Body 1,1 1,0 2,0", "Body "), "Head <x,y>"),
        (TEXT.replace("2,0\n", "2,0"), "Head <x,y>"),
        (TEXT.replace("2,0\n", "2,0 \n"), "Head <x,y>"),
        (TEXT + "Moves:", "Head <x,y>"),
        (TEXT.replace("2,3", "\u0662,3"), "Head <x,y>"),
        (TEXT.replace("2,3", "4,3"), "4,3 lies outside"),
        (TEXT.replace("2,3", "2,10"), "2,10 lies outside"),
        (TEXT.replace("2,0", "1,1"), "twice"),
        (TEXT.replace("2,3", "1,0"), "1,0 lies under the snake"),
        (TEXT.replace("2,0", "3,0"), "from 1,0 at 3,0"),
        # Read as cell numbers, the last cell of a row lies beside the first one of the next.
        (TEXT.replace("1,1 1,0 2,0", "1,1 0,1 3,0"), "from 0,1 at 3,0"),
        (TEXT.replace("UP", "LEFT"), "heading LEFT"),
        (TEXT.replace("UP", "NONE"), "heading NONE"),
        ("Board 4x4, heading UP.\nHead 1,0. Apple 2,3.\nBody none\n", "beyond the wall"),
    ],
)
def test_what_is_no_state_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        COORDINATES.decode(text)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("column", "value"), [("length", 0), ("length", 37), ("apple", 36), ("apple", -2), ("direction", 4)]
)
def test_what_no_state_holds_is_refused(column: str, value: int) -> None:
    states = random_states(3, 6, 6, 0)
    getattr(states, column)[1] = value
    with pytest.raises(ValueError, match="no states of a 6x6 board"):
        COORDINATES.write(states)


def test_a_cell_outside_the_board_is_refused() -> None:
    states = random_states(3, 6, 6, 0)
    states.body[2, 0] = np.int16(36)
    with pytest.raises(ValueError, match="no states of a 6x6 board"):
        COORDINATES.write(states)
