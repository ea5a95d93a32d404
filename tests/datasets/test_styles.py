"""Explanations as answers, and the encodings that leave out the body."""

from __future__ import annotations

import numpy as np
import pytest

from serpentune.datasets import get_encoding, get_style, read_moves
from serpentune.datasets.completions import explanations, write_completions
from serpentune.datasets.encodings import ENCODINGS
from serpentune.game import States
from serpentune.game.random_states import random_states
from serpentune.teachers import check_explanation, get


def some_states() -> States:
    return random_states(60, 6, 6, 1)


@pytest.mark.parametrize("name", ["BFS", "CELL", "HAMILTONIAN-SHORTCUT"])
def test_an_explanation_begins_with_the_move_and_is_true(name: str) -> None:
    states = some_states()
    moves = get(name).moves(states)
    can = np.flatnonzero(moves < 4)
    said = explanations(states.take(can), moves[can].astype(np.uint8), name)
    assert len(said) == len(can) > 40
    for place, text in zip(can.tolist(), said, strict=True):
        assert text is not None
        assert read_moves(text) == bytes([moves[place]])
        assert not check_explanation(states[place], text.partition("\n")[2], teacher=get(name)).false


def test_a_move_that_the_teacher_would_not_play_has_no_explanation() -> None:
    states = some_states()
    moves = get("BFS").moves(states)
    can = np.flatnonzero(moves < 4)
    other = ((moves[can] + 1) % 4).astype(np.uint8)
    assert set(explanations(states.take(can), other, "BFS")) == {None}


def test_moves_are_written_as_styles_write_them() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 9, 50)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    moves = rng.integers(0, 4, lengths.sum()).astype(np.uint8)
    written = write_completions(moves, starts, lengths).tolist()
    plan = get_style("plan")
    assert written == [
        plan.completion(moves[start : start + length].tobytes())
        for start, length in zip(starts.tolist(), lengths.tolist(), strict=True)
    ]


@pytest.mark.parametrize("name", ["simple", "detailed", "instruction"])
def test_the_first_version_s_formats_say_head_and_apple_and_no_body(name: str) -> None:
    encoding = get_encoding(name)
    states = some_states()
    for state, text in zip(states, encoding.encode(states), strict=True):
        x, y = state.xy(state.head)
        assert text.startswith(encoding.opening) and text.endswith("\n")
        assert f"({x}, {y})" in text
        with pytest.raises(ValueError, match="doesn't say where the body lies"):
            encoding.decode(text)
    assert not encoding.exact


@pytest.mark.parametrize("size", [(4, 4), (7, 9), (10, 10), (50, 50)])
@pytest.mark.parametrize("name", [name for name, encoding in ENCODINGS.items() if encoding.exact])
def test_exact_encodings_are_read_back(name: str, size: tuple[int, int]) -> None:
    encoding = get_encoding(name)
    states = random_states(40, *size, 2)
    texts = encoding.write(states)
    read, ok = encoding.read(texts, *size)
    assert ok.all()
    for place, state in enumerate(states):
        assert encoding.decode(texts[place]) == state == read[place]
