from __future__ import annotations

import hashlib

import numpy as np
import pytest

from serpentune.datasets import GridEncoding
from serpentune.game import LockstepGames, State, States, random_states

GRID = GridEncoding()

DRAWING = """Board 4x4, heading UP.
 . . A .
 . H . .
 . ^ . .
 . ^ < .
"""


def test_the_start_of_a_game_has_no_heading() -> None:
    states = LockstepGames(range(20), 6, 4).states()
    texts = GRID.encode(states)
    assert all(text.startswith("Board 6x4, heading NONE.\n") for text in texts)


def test_the_drawing_is_the_documented_one() -> None:
    body = (9, 5, 1, 2)
    states = States.stack([State(4, 4, body, 14, None)])
    states.direction[:] = 0
    assert GRID.encode(states) == [DRAWING]
    assert GRID.decode(DRAWING).xy(14) == (2, 3)


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
        (DRAWING.replace("heading UP", "heading  UP"), "first line"),
        (DRAWING.replace(" . H", ". H"), "spaces or line breaks"),
        (DRAWING.replace(". .\n", ". .\r\n"), "spaces or line breaks"),
        (DRAWING[:-1], "spaces or line breaks"),
        (DRAWING + "\n", "4 rows of 4 cells"),
        ("Board 4x4, heading UP.\n . . . .\n . . . .\n . . . .\n . H . A\n", "beyond the wall"),
    ],
)
def test_what_is_no_state_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        GRID.decode(text)
    assert reason in str(caught.value)


def test_the_text_is_the_one_that_the_built_in_model_was_trained_on() -> None:
    """The digest was taken of the code that wrote its texts."""
    digest = hashlib.sha256()
    for width, height in ((4, 4), (7, 9), (10, 10), (12, 5), (50, 50)):
        digest.update("".join(GRID.encode(random_states(200, width, height, 1))).encode())
    assert digest.hexdigest()[:16] == "2fe9d2fce08f742f"


@pytest.mark.parametrize("cell", [-1, 36, 3])
def test_a_body_that_no_snake_has_is_refused(cell: int) -> None:
    states = States.stack([State(6, 6, (7, 1, 0), 20, None)])
    states.body[0, 1] = cell
    with pytest.raises(ValueError, match="no states of a 6x6 board"):
        GRID.write(states)


def test_the_arrows_lead_from_the_tail_to_the_head() -> None:
    states = random_states(200, 6, 6, seed=9)
    for state in (GRID.decode(text) for text in GRID.encode(states)):
        steps = np.abs(np.diff(np.array([state.xy(cell) for cell in state.body]), axis=0)).sum(axis=1)
        assert (steps == 1).all()
