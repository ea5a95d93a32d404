"""Pictures of states: what is drawn is the state, and nothing of it gets lost."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest

from serpentune.game import Move, State, random_states
from serpentune.game.render import MIN_CELL_SIZE, ansi, rgb
from tests.game.reference_rules import DELTAS

HEADS = {"■": None, "▲": Move.UP, "▶": Move.RIGHT, "▼": Move.DOWN, "◀": Move.LEFT}
ARMS = {
    "╹": "U", "╺": "R", "╻": "D", "╸": "L", "┃": "UD", "━": "RL", "┗": "UR", "┏": "RD", "┓": "DL", "┛": "LU",
}  # fmt: skip
BOARDS = [(4, 4), (10, 10), (5, 12), (12, 5), (20, 20)]


def read(text: str) -> State:
    """The state that a drawing shows, read by following the line from the head."""
    rows = [line[2:-1] for line in text.splitlines()[1:-1]]
    width, height = len(rows[0]) // 2, len(rows)
    drawn = {(x, height - 1 - row): rows[row][2 * x] for row in range(height) for x in range(width)}
    (head,) = [place for place, symbol in drawn.items() if symbol in HEADS]
    apples = [place for place, symbol in drawn.items() if symbol == "●"]
    direction = HEADS[drawn[head]]
    body, came = [head], direction
    # The segment behind the head lies against its direction, unless the snake is that head.
    while came is not None:
        dx, dy = DELTAS[came]
        behind = (body[-1][0] - dx, body[-1][1] - dy)
        arms = ARMS.get(drawn.get(behind, " "), "")
        if came.name[0] not in arms:
            assert len(body) == 1, "the line breaks off"
            break
        body.append(behind)
        rest = arms.replace(came.name[0], "")
        came = next((Move((move + 2) % 4) for move in DELTAS if move.name[0] == rest), None)
    assert len(body) + len(apples) == sum(symbol != " " for symbol in drawn.values())
    (apple,) = apples or [None]
    number = -1 if apple is None else apple[1] * width + apple[0]
    return State(width, height, tuple(y * width + x for x, y in body), number, direction)


@pytest.mark.parametrize(("width", "height"), BOARDS)
def test_the_text_shows_the_whole_state(width: int, height: int) -> None:
    for state in random_states(200, width, height, seed=3):
        text = ansi(state)
        assert {len(line) for line in text.splitlines()} == {2 * width + 3}
        assert read(text) == state


@pytest.mark.parametrize(("width", "height"), BOARDS)
def test_the_text_joins_exactly_the_cells_that_follow_each_other(width: int, height: int) -> None:
    for state in random_states(50, width, height, seed=4):
        joined = {frozenset(pair) for pair in pairwise(state.body)}
        rows = ansi(state).splitlines()[-2:0:-1]
        for cell in range(width * height - 1):
            x, y = state.xy(cell)
            bridge = rows[y][3 + 2 * x]
            assert (bridge == "━") == (frozenset([cell, cell + 1]) in joined)


def test_colour_adds_escape_sequences_and_nothing_else() -> None:
    for state in random_states(20, 8, 6, seed=5):
        coloured = ansi(state, colour=True)
        assert "\x1b" not in ansi(state)
        assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == ansi(state)
        assert "\x1b[1;91m●" in coloured and coloured.count("\x1b[1;92m") == 1
        assert coloured.endswith("\x1b[0m")


def test_an_empty_place_for_the_apple_and_a_full_board() -> None:
    covered = State(5, 4, body=(12, 11), apple=-1, direction=Move.RIGHT)
    assert "●" not in ansi(covered) and read(ansi(covered)) == covered
    full = State(4, 4, body=(0, 1, 2, 3, 7, 6, 5, 4, 8, 9, 10, 11, 15, 14, 13, 12), apple=-1, direction=Move.LEFT)
    assert read(ansi(full)) == full
    assert rgb(full, cell_size=10).shape == (40, 40, 3)


def is_snake(colour: np.ndarray) -> np.bool_:
    """Whether a colour is one of the body's: more green than red and blue, and not dark."""
    return colour[1] > 100 and colour[1] >= colour[0] and colour[2] < 160


def is_board(colour: np.ndarray) -> np.bool_:
    return colour.max() < 60


@pytest.mark.parametrize("size", [MIN_CELL_SIZE, 13, 24])
@pytest.mark.parametrize(("width", "height"), [(4, 4), (9, 6)])
def test_the_picture_shows_body_apple_and_empty_cells_where_they_are(width: int, height: int, size: int) -> None:
    for state in random_states(40, width, height, seed=6):
        picture = rgb(state, cell_size=size)
        assert picture.dtype == np.uint8 and picture.shape == (height * size, width * size, 3)
        for cell in range(width * height):
            x, y = state.xy(cell)
            middle = picture[(height - 1 - y) * size + size // 2, x * size + size // 2]
            if cell in state.body:
                assert is_snake(middle)
            elif cell == state.apple:
                assert middle[0] > 200 and middle[1] < 100
            else:
                assert is_board(middle)


def test_the_picture_is_open_between_cells_that_only_touch() -> None:
    size = 24
    for state in random_states(40, 7, 7, seed=7):
        picture = rgb(state, cell_size=size)
        joined = {frozenset(pair) for pair in pairwise(state.body)}
        for cell in state.body:
            x, y = state.xy(cell)
            middle = (6 - y) * size + size // 2
            if x < 6 and cell + 1 in state.body:
                edge = picture[middle, (x + 1) * size - 1 : (x + 1) * size + 1]
                expected = is_snake if frozenset([cell, cell + 1]) in joined else is_board
                assert all(expected(pixel) for pixel in edge)


def test_the_picture_grows_darker_from_head_to_tail() -> None:
    (state,) = [state for state in random_states(500, 6, 6, seed=8) if len(state.body) == 20][:1]
    picture = rgb(state, cell_size=24).astype(int)
    middles = [picture[(5 - cell // 6) * 24 + 12, cell % 6 * 24 + 12].sum() for cell in state.body]
    assert middles[0] == max(middles) and middles == sorted(middles, reverse=True) and len(set(middles)) == 20


def test_the_eyes_look_where_the_snake_goes() -> None:
    for move, (dx, dy) in DELTAS.items():
        picture = rgb(State(5, 5, body=(12,), apple=0, direction=move), cell_size=40)[80:120, 80:120]
        rows, columns = np.nonzero(picture.max(axis=2) < 26)  # darker than the board
        assert len(rows) > 10
        ahead = (columns.mean() - 19.5) * dx - (rows.mean() - 19.5) * dy
        aside = (columns.mean() - 19.5) * dy + (rows.mean() - 19.5) * dx
        assert ahead > 3 and abs(aside) < 0.5


def test_cells_too_small_to_be_seen_are_refused() -> None:
    with pytest.raises(ValueError, match="too small"):
        rgb(State(4, 4, body=(5,), apple=0, direction=None), cell_size=MIN_CELL_SIZE - 1)


def test_a_path_is_drawn_with_arrows_where_nothing_else_lies() -> None:
    state = State(5, 4, (6, 5, 0), 13, Move.RIGHT)
    moves = [Move.RIGHT, Move.UP, Move.RIGHT]
    assert ansi(state, path=moves).splitlines() == [
        "┌───────────┐",
        "│           │",
        "│     ↑ ●   │",
        "│ ┏━▶ →     │",
        "│ ╹         │",
        "└───────────┘",
    ]
    assert re.sub(r"\x1b\[[0-9;]*m", "", ansi(state, colour=True, path=moves)) == ansi(state, path=moves)


def test_a_path_hides_no_body_and_ends_at_the_wall() -> None:
    state = State(4, 4, (3, 2, 1), 12, Move.RIGHT)
    assert ansi(state, path=[Move.RIGHT, Move.UP]) == ansi(state)
    assert ansi(state, path=[Move.LEFT, Move.LEFT, Move.LEFT]).splitlines()[-2] == "│ ← ╺━━━▶ │"
