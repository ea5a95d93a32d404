"""Floor 8, evaluation: what a player answered, and how text becomes moves."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from serpentune.datasets import read_moves
from serpentune.game import Move

EMPTY = "empty"
UNREADABLE = "unreadable"
CONTRADICTORY = "contradictory"


@dataclass(frozen=True)
class Answer:
    """A player's answer to one state.

    Attributes:
        moves: `Move` codes to play, the next one first; none where the answer can't be used. Only the first may be none
            of the four directions, such as `NO_PATH_FOUND`.
        unusable: why there are none: `empty` (nothing was written), `unreadable` (no move in the text), `contradictory`
            (several, and which one is meant can't be said), or what a player calls its own failures.
        cut: the answer was ended by the most tokens that it may have.
        constrained: the player's first choice was no move at all, and the best of the moves was taken instead.
        tokens: tokens that were written for it, end tokens included.
        text: what was written, where it was text.
    """

    moves: bytes
    unusable: str = ""
    cut: bool = False
    constrained: bool = False
    tokens: int = 0
    text: str = ""


def read_answer(text: str, *, free: bool = False, cut: bool = False, tokens: int = 0) -> Answer:
    """Read the moves at the start of a text, or with `free` wherever `find_moves` finds them."""
    if not text.strip():
        return Answer(b"", EMPTY, cut, tokens=tokens, text=text)
    moves, why = find_moves(text) if free else (read_moves(text), UNREADABLE)
    return Answer(moves, "" if moves else why, cut, tokens=tokens, text=text)


_NAMES = {move.name: move for move in (Move.UP, Move.RIGHT, Move.DOWN, Move.LEFT)}
_WORDS = re.compile(r"\b(UP|RIGHT|DOWN|LEFT)\b", re.IGNORECASE)
_CAPITALS = re.compile(r"\b(UP|RIGHT|DOWN|LEFT)\b")
_OBJECT = re.compile(r"\{[^{}]*\}")
_KEYS = ("moves", "move", "direction", "action")


def find_moves(text: str) -> tuple[bytes, str]:
    """The moves that a text of any form ends up with, and else why there are none.

    The first of these that the text has decides:

    1. moves at its start, as of `datasets.read_moves`;
    2. a JSON object, the last one, with moves under `moves`, `move`, `direction` or `action`;
    3. the words UP, RIGHT, DOWN, LEFT in capitals, or else in any case, if only one of the four is named.

    Returns:
        `Move` codes and an empty text; or no moves, and `unreadable` or `contradictory` (several of the four are
        named, as in "go up, or rather down").
    """
    if moves := read_moves(text):
        return moves, ""
    for found in reversed(_OBJECT.findall(text)):
        if moves := _from_json(found):
            return moves, ""
    named = set(_CAPITALS.findall(text)) or {word.upper() for word in _WORDS.findall(text)}
    if len(named) == 1:
        return bytes([_NAMES[named.pop()]]), ""
    return b"", CONTRADICTORY if named else UNREADABLE


def _from_json(text: str) -> bytes:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return b""
    held = next((value[key] for key in _KEYS if key in value), None)
    words = [held] if isinstance(held, str) else held if isinstance(held, list) else []
    if not all(isinstance(word, str) for word in words):
        return b""
    moves = read_moves(" ".join(words))
    return moves if len(moves) == len(" ".join(words).replace(",", " ").split()) else b""
