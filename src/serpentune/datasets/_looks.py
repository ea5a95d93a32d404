"""Floor 4, datasets: what one prompt and its answer are about, known by their words alone."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from serpentune.datasets._first_version import OldPrompt, parse, parse_answer
from serpentune.datasets.completions import parse_prompt, read_moves
from serpentune.datasets.encodings import ENCODINGS
from serpentune.game import MAX_SIDE, MIN_SIDE, Move, State

_STEPS = {(0, 1): Move.UP, (1, 0): Move.RIGHT, (0, -1): Move.DOWN, (-1, 0): Move.LEFT}


@dataclass(frozen=True)
class Reading:
    """A prompt and its answer, read.

    Attributes:
        state: what the prompt shows.
        moves: `Move` codes, a byte each.
        whole_plan: whether the answer must lead to the apple.
    """

    state: State
    moves: bytes
    whole_plan: bool


class Unreadable(ValueError):
    """A text that looks like a known one and is none; `check` is the check that this breaks."""

    def __init__(self, check: str, reason: str) -> None:
        super().__init__(reason)
        self.check = check


def read_by_looks(prompt: str, answer: str) -> Reading | None:
    """The state and moves of a row; None where the prompt is none that we know, or doesn't hold the whole state.

    Raises:
        Unreadable: the prompt begins like one of ours and shows no state; or it is one of the first version and shows
            none of the rules, or its answer names no move.
    """
    parts = parse_prompt(prompt)
    if parts is None:
        return _read_old(prompt, answer)
    _, text, style = parts
    exact = [encoding for encoding in ENCODINGS.values() if encoding.exact and text.startswith(encoding.opening)]
    reason = None
    for encoding in exact:
        try:
            return Reading(encoding.decode(text), read_moves(answer), style.whole_plan)
        except ValueError as error:
            reason = reason or error
    if reason is not None:
        raise Unreadable("state", f"its prompt shows no state: {reason}") from reason
    return None


def _read_old(prompt: str, answer: str) -> Reading | None:
    said = parse(prompt)
    if said is None:
        return None
    move = old_move(answer)
    if move is None:
        raise Unreadable("label", "no move can be read from its answer")
    if said.body is None:
        return None
    try:
        state = old_state(said)
    except ValueError as error:
        raise Unreadable("state", f"its prompt shows no state: {error}") from error
    return Reading(state, bytes([move]), False)


def old_move(answer: str) -> Move | None:
    """The move in an answer of the first version, in its words or as one letter or word of ours; None for none."""
    move = parse_answer(answer)
    if move is None and len(moves := read_moves(answer)) == len(answer.replace(",", " ").split()) == 1:
        return Move(moves[0])
    return move


def old_state(said: OldPrompt) -> State:
    """The state that a prompt with a body shows. An apple under the snake isn't to be seen.

    The direction is that of the last move, which a snake of one cell doesn't show.

    Raises:
        ValueError: it is none of the rules, with the reason.
    """
    if said.width is None or said.height is None or said.head is None or said.body is None:
        raise ValueError("it doesn't tell board, head and body")
    width, height = said.width, said.height
    if not (min(width, height) >= MIN_SIDE and max(width, height) <= MAX_SIDE):
        raise ValueError(f"a {width}x{height} board is outside the rules")
    cells = [said.head, *said.body]
    for x, y in [*cells, *([said.apple] if said.apple else [])]:
        if x >= width or y >= height:
            raise ValueError(f"({x}, {y}) lies outside the {width}x{height} board")
    if len(set(cells)) < len(cells):
        raise ValueError("a cell of the snake stands there twice")
    if said.length not in (None, len(cells)):
        raise ValueError(f"its snake has {len(cells)} cells, its length says {said.length}")
    moves = [_STEPS.get((ahead[0] - cell[0], ahead[1] - cell[1])) for ahead, cell in itertools.pairwise(cells)]
    if None in moves:
        raise ValueError("cells of the body that follow each other aren't neighbours")
    apple = -1
    if said.apple is not None and said.apple not in cells:
        apple = said.apple[1] * width + said.apple[0]
    elif said.apple is None and len(cells) < width * height:
        raise ValueError("it shows no apple")
    return State(width, height, tuple(y * width + x for x, y in cells), apple, moves[0] if moves else None)
