"""Text that models write, and the moves that are found in it."""

from __future__ import annotations

import pytest

from serpentune.evaluation.play import Answer, find_moves, read_answer
from serpentune.game import letters


@pytest.mark.parametrize(
    ("text", "moves"),
    [
        (" U R R", "URR"),
        ("up, right\nand on", "UR"),
        ('{"moves": ["UP", "left"]}', "UL"),
        ('I think.\n```json\n{"move": "DOWN", "why": "free"}\n```', "D"),
        ('{"moves": ["UP"]} no, better: {"moves": ["RIGHT", "R"]}', "RR"),
        ('{"direction": "UP, RIGHT"}', "UR"),
        ("The best move is RIGHT, because up is blocked.", "R"),
        ("I'll go left.", "L"),
        ('{"moves": ["UP", 3]}', "U"),
        ("LEFT is free. LEFT!", "L"),
        ("\u2192 so the answer: **DOWN**", "D"),
    ],
)
def test_moves_are_found_in_text_of_any_form(text: str, moves: str) -> None:
    found, why = find_moves(text)
    assert (letters(found), why) == (moves, "")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("I can't say.", "unreadable"),
        ("\u2191 \u2192 \u4e0a", "unreadable"),
        ("supper", "unreadable"),
        ("either UP or DOWN", "contradictory"),
        ("go up, or rather down", "contradictory"),
        ('{"moves": {"first": "x"}}', "unreadable"),
        ('{"move": "nowhere"}', "unreadable"),
        ("{" * 10_000, "unreadable"),
    ],
)
def test_text_without_a_move_says_why(text: str, why: str) -> None:
    assert find_moves(text) == (b"", why)


def test_an_answer_says_what_became_of_it() -> None:
    assert read_answer(" U", tokens=2) == Answer(b"\x00", tokens=2, text=" U")
    assert read_answer(" \n") == Answer(b"", "empty", text=" \n")
    assert read_answer("hm U") == Answer(b"", "unreadable", text="hm U")
    assert read_answer("I go UP", free=True) == Answer(b"\x00", text="I go UP")
    assert read_answer("U " * 3, cut=True) == Answer(b"\x00\x00\x00", cut=True, text="U U U ")
