"""What many answers say: the same that each says alone, and what probability theory says of them."""

from __future__ import annotations

from collections import Counter
from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serpentune.datasets import read_moves
from serpentune.datasets._answers import NO_MOVE, ambiguity, entropy, first_moves
from serpentune.datasets.texts import Texts

WORDS = [
    "U",
    "r",
    "up",
    "Right",
    "LEFT",
    "down",
    "D",
    "l",
    "UPS",
    "lefT",
    "downs",
    "Because",
    "",
    "ſ",
    "U\xa0R",
    "rıght",
    "É",
]
GAPS = [" ", ",", ", ", "\n", "\t\r", "\x1c", "\u2003", ""]


@given(st.lists(st.lists(st.tuples(st.sampled_from(GAPS), st.sampled_from(WORDS)), max_size=5), max_size=6))
def test_moves_of_many_answers_are_those_of_each(pieces: list[list[tuple[str, str]]]) -> None:
    texts = ["".join(gap + word for gap, word in answer) for answer in pieces]
    first, count = first_moves(Texts.of(texts))
    for text, move, moves in zip(texts, first.tolist(), count.tolist(), strict=True):
        alone = read_moves(text)
        assert (move, moves) == (alone[0] if alone else NO_MOVE, len(alone)), text


def test_entropy_of_known_distributions() -> None:
    assert entropy(np.array([5, 5, 5, 5])) == pytest.approx(2)
    assert entropy(np.array([0, 7, 0])) == entropy(np.zeros(4, np.int64)) == 0
    assert entropy(np.array([1, 3])) == pytest.approx(0.25 * log2(4) + 0.75 * log2(4 / 3))


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2), st.integers(0, 1)), min_size=1, max_size=60))
def test_what_prompts_leave_open_is_the_conditional_entropy(rows: list[tuple[int, int, int]]) -> None:
    """Two groups may have a prompt in common: each is judged by its own answers."""
    pairs = [(prompt, answer) for prompt, answer, _ in rows]
    prompts, answers = (np.array(column, np.uint64) for column in zip(*pairs, strict=True))
    found = ambiguity(prompts, answers, np.array([group for *_, group in rows]), 2)
    prompts_seen = Counter(prompt for prompt, _ in pairs)

    def bits(kept: list[tuple[int, int]]) -> float:
        asked, both = Counter(prompt for prompt, _ in kept), Counter(kept)
        return sum(log2(asked[prompt] / both[prompt, answer]) for prompt, answer in kept) / max(len(kept), 1)

    assert found.prompts == len(prompts_seen)
    assert found.several == sum(
        len({answer for other, answer in pairs if other == prompt}) > 1 for prompt in prompts_seen
    )
    assert found.bits == pytest.approx(bits(pairs))
    of_groups = [[(prompt, answer) for prompt, answer, group in rows if group == own] for own in (0, 1)]
    assert found.by_group == pytest.approx([bits(own) for own in of_groups])


def test_nothing_leaves_nothing_open() -> None:
    nothing = np.zeros(0, np.uint64)
    found = ambiguity(nothing, nothing, np.zeros(0, np.int64), 2)
    assert (found.prompts, found.several, found.bits, found.by_group) == (0, 0, 0.0, (0.0, 0.0))
