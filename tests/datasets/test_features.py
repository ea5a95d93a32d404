"""The numbers of the table are those that anyone reads off the board, cell by cell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serpentune.datasets._features import FEATURES, features
from serpentune.game import LockstepGames, Move, State, States, random_states

STEPS = {"up": (0, 1), "down": (0, -1), "left": (-1, 0), "right": (1, 0)}
SIDES = {  # heading: what lies straight ahead, to the left and to the right
    Move.UP: ("up", "left", "right"),
    Move.RIGHT: ("right", "up", "down"),
    Move.DOWN: ("down", "right", "left"),
    Move.LEFT: ("left", "down", "up"),
}


def read_off(state: State) -> dict[str, int]:
    """The definition, slowly."""
    x, y = state.xy(state.head)
    body = [state.xy(cell) for cell in state.body]
    apple = state.xy(state.apple) if state.apple >= 0 else None

    def on_board(cell: tuple[int, int]) -> bool:
        return 0 <= cell[0] < state.width and 0 <= cell[1] < state.height

    def free_space(side: str) -> int:
        (dx, dy), count = STEPS[side], 0
        while on_board(ahead := (x + dx * (count + 1), y + dy * (count + 1))) and ahead not in body:
            count += 1
        return count

    def danger(side: str) -> int:
        ahead = (x + STEPS[side][0], y + STEPS[side][1])
        return int(not on_board(ahead) or ahead in body[:-1])

    sides = SIDES[state.direction if state.direction is not None else Move.UP]
    return {
        "head_x": x,
        "head_y": y,
        "apple_x": apple[0] if apple else -1,
        "apple_y": apple[1] if apple else -1,
        "snake_length": len(body),
        "apple_dir_up": int(apple is not None and apple[1] > y),
        "apple_dir_down": int(apple is not None and apple[1] < y),
        "apple_dir_left": int(apple is not None and apple[0] < x),
        "apple_dir_right": int(apple is not None and apple[0] > x),
        **{f"danger_{name}": danger(side) for name, side in zip(("straight", "left", "right"), sides, strict=True)},
        **{f"free_space_{side}": free_space(side) for side in STEPS},
    }


def check(states: States) -> None:
    found = features(states)
    assert found.shape == (len(states), 16)
    for row, state in zip(found.tolist(), states, strict=True):
        assert dict(zip(FEATURES, row, strict=True)) == read_off(state)


@given(st.integers(4, 12), st.integers(4, 12), st.integers(0, 2**63))
def test_random_states_are_read_as_the_definition_reads_them(width: int, height: int, seed: int) -> None:
    check(random_states(40, width, height, seed))


@pytest.mark.parametrize(("width", "height"), [(50, 50), (4, 50), (50, 4)])
def test_the_largest_boards(width: int, height: int) -> None:
    check(random_states(8, width, height, seed=1))


def test_before_the_first_move_the_heading_is_up() -> None:
    states = LockstepGames(range(10), 6, 4).states()
    assert (states.direction < 0).all()
    check(states)


def test_a_full_board_and_a_board_without_an_apple() -> None:
    zigzag = [row * 4 + (column if row % 2 == 0 else 3 - column) for row in range(4) for column in range(4)]
    states = States.stack(
        [
            State(4, 4, tuple(zigzag[::-1]), -1, Move.LEFT),
            State(4, 4, (5, 4), -1, Move.RIGHT),
            State(4, 4, (5,), 0, None),
        ]
    )
    check(states)
    assert (features(states)[:2, 2:4] == -1).all()


def test_the_cell_that_the_tail_leaves_is_no_danger_but_no_free_space() -> None:
    """A snake of four in a square bites its tail's place."""
    state = State(4, 4, (5, 4, 0, 1), 15, Move.RIGHT)
    row = dict(zip(FEATURES, features(States.stack([state]))[0].tolist(), strict=True))
    assert (row["danger_right"], row["free_space_down"]) == (0, 0)
    longer = State(4, 4, (5, 4, 0, 1, 2), 15, Move.RIGHT)
    row = dict(zip(FEATURES, features(States.stack([longer]))[0].tolist(), strict=True))
    assert (row["danger_right"], row["free_space_down"]) == (1, 0)


def test_the_features_are_sixteen_and_named_once() -> None:
    assert len(set(FEATURES)) == len(FEATURES) == 16
    assert features(random_states(3, 5, 5, 0).take([])).dtype == np.int64
