"""What every exact encoding promises."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serpentune.common.errors import UserError
from serpentune.datasets.encodings import ENCODINGS, Encoding, get_encoding
from serpentune.datasets.texts import Texts
from serpentune.game import LockstepGames, Move, State, States, random_states

EXACT = [encoding for encoding in ENCODINGS.values() if encoding.exact]

exact = pytest.mark.parametrize("encoding", EXACT, ids=lambda encoding: encoding.name)
sides = st.integers(4, 12)


def assert_comes_back(encoding: Encoding, states: States) -> None:
    """Through the text of each state alone and through all at once."""
    texts = encoding.write(states)
    assert [encoding.decode(text) for text in texts.tolist()] == list(states)
    read, ok = encoding.read(texts, states.width, states.height)
    assert ok.all()
    assert np.array_equal(read.body, states.body)
    assert list(read) == list(states)


def assert_read_agrees(encoding: Encoding, texts: list[str], width: int, height: int) -> int:
    """`read` takes a text where `decode` does, as the same state, and only what `write` makes; how many it takes."""
    read, ok = encoding.read(Texts.of(texts), width, height)
    for place, text in enumerate(texts):
        try:
            state = encoding.decode(text)
        except ValueError:
            assert not ok[place], text
            continue
        assert encoding.encode(States.stack([state])) == [text]
        assert ok[place] == ((state.width, state.height) == (width, height)), text
        if ok[place]:
            assert read[place] == state
    return int(ok.sum())


@exact
@given(width=sides, height=sides, seed=st.integers(0, 2**63))
def test_every_state_comes_back_from_its_text(encoding: Encoding, width: int, height: int, seed: int) -> None:
    assert_comes_back(encoding, random_states(40, width, height, seed))


@exact
@pytest.mark.parametrize(("width", "height"), [(4, 4), (7, 9), (50, 50), (4, 50), (50, 4)])
def test_states_of_boards_of_every_form_come_back(encoding: Encoding, width: int, height: int) -> None:
    assert_comes_back(encoding, random_states(60, width, height, seed=1))


@exact
def test_the_start_of_a_game_comes_back(encoding: Encoding) -> None:
    assert_comes_back(encoding, LockstepGames(range(20), 6, 4).states())


@exact
def test_a_snake_of_one_cell_comes_back_with_its_heading(encoding: Encoding) -> None:
    states = States.stack([State(5, 5, (12,), 3, direction) for direction in (*list(Move)[:4], None)])
    assert_comes_back(encoding, states)


@exact
def test_a_full_board_and_a_board_without_an_apple_come_back(encoding: Encoding) -> None:
    """A won game's last state, and the rare state of another program whose apple lies under the snake."""
    zigzag = [row * 4 + (column if row % 2 == 0 else 3 - column) for row in range(4) for column in range(4)]
    full = State(4, 4, tuple(zigzag[::-1]), -1, Move.LEFT)
    assert_comes_back(encoding, States.stack([full, State(4, 4, (5, 4), -1, Move.RIGHT), State(4, 4, (5,), -1, None)]))


@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=lambda encoding: encoding.name)
def test_a_batch_is_written_as_its_states_alone_are(encoding: Encoding) -> None:
    states = random_states(30, 7, 5, seed=3)
    texts = encoding.encode(states)
    assert texts == [encoding.encode(states.take([index]))[0] for index in range(30)]
    assert all(text.startswith(encoding.opening) and text.endswith("\n") for text in texts)
    assert encoding.encode(states.take([])) == []


@exact
def test_no_texts_hold_no_states(encoding: Encoding) -> None:
    states, ok = encoding.read(Texts.of([]), 5, 5)
    assert len(states) == len(ok) == 0


@exact
def test_texts_of_another_board_are_not_read(encoding: Encoding) -> None:
    texts = [*encoding.encode(random_states(5, 6, 7, 0)), *encoding.encode(random_states(5, 7, 6, 0)), "", "x" * 300]
    assert assert_read_agrees(encoding, texts, 6, 7) == 5


@exact
def test_a_row_that_was_not_read_can_be_given_to_any_kernel(encoding: Encoding) -> None:
    texts = encoding.encode(random_states(50, 6, 6, 0))
    damaged = Texts.of([text.replace("heading", "Heading") for text in texts] + [text + " " for text in texts])
    states, ok = encoding.read(damaged, 6, 6)
    assert not ok.any()
    for other in ENCODINGS.values():
        assert len(other.write(states)) == 100


@exact
@pytest.mark.parametrize(("width", "height"), [(4, 4), (5, 4), (10, 10), (12, 11)])
def test_of_damaged_texts_those_are_read_that_are_texts_of_states(encoding: Encoding, width: int, height: int) -> None:
    chance = random.Random(width)
    texts = encoding.encode(random_states(2500, width, height, 5))
    letters = sorted({letter for text in texts[:100] for letter in text} | {"x", "\t", "\r", "é", "0"})
    for place, text in enumerate(texts):
        for _ in range(chance.choice((0, 1, 1, 2))):
            at, other = (chance.randrange(len(text) + 1) for _ in range(2))
            text = chance.choice(
                (
                    text[:at] + chance.choice(letters) + text[at + 1 :],  # another letter
                    text[:at] + chance.choice(letters) + text[at:],  # one more
                    text[:at] + text[at + 1 :],  # one less
                    text[: min(at, other)] + text[max(at, other) :],  # a piece less
                    text[:at],  # cut off
                    text[:at] + text[at:][::-1],
                    text.replace("heading UP", "heading LEFT"),
                    text[:at] + text[other : other + 1] + text[at + 1 : other] + text[at : at + 1] + text[other + 1 :],
                )
            )
        texts[place] = text
    whole = assert_read_agrees(encoding, texts, width, height)
    assert 2500 / 4 < whole < 2500 * 0.7


@exact
def test_one_cell_drawn_or_named_otherwise_makes_another_state_or_none(encoding: Encoding) -> None:
    """Every single letter of a text, in turn, as every letter that texts hold."""
    (text,) = encoding.encode(States.stack([State(4, 4, (9, 5, 1, 2), 14, Move.UP)]))
    letters = sorted(set(text) | set(".HA^>v< \n0123456789,"))
    changed = [
        text[:at] + letter + text[at + 1 :] for at in range(len(text)) for letter in letters if letter != text[at]
    ]
    taken = assert_read_agrees(encoding, changed, 4, 4)
    assert 0 < taken < len(changed) / 20


def test_encodings_are_found_by_name_and_misspelt_ones_matched() -> None:
    assert all(get_encoding(name).name == name for name in ENCODINGS)
    with pytest.raises(UserError, match="Did you mean grid"):
        get_encoding("gird")
