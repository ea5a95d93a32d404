"""Floor 4, datasets: what one prompt and its answer are about, known by their words alone."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from serpentune.datasets._first_version import OldPrompt, parse, parse_answer
from serpentune.datasets.completions import CompletionStyle, parse_prompt, read_moves
from serpentune.datasets.encodings import ENCODINGS
from serpentune.game import MAX_SIDE, MIN_SIDE, Move, State

_STEPS = {(0, 1): Move.UP, (1, 0): Move.RIGHT, (0, -1): Move.DOWN, (-1, 0): Move.LEFT}


@dataclass(frozen=True)
class Reading:
    """A prompt and its answer, read.

    Attributes:
        state: what the prompt shows; None where its encoding doesn't hold the state.
        moves: what the answer begins with, `Move` codes, a byte each.
        goes_on: whether the answer says more than its moves.
        player: who is to answer; None in prompts of the first version, as in the next two.
        style: what is asked for.
        encoding: how the board is written.
        board: the board's text.
    """

    state: State | None
    moves: bytes
    goes_on: bool
    player: str | None = None
    style: CompletionStyle | None = None
    encoding: str | None = None
    board: str = ""


class Unreadable(ValueError):
    """A text that looks like a known one and is none; `check` is the check that this breaks."""

    def __init__(self, check: str, reason: str) -> None:
        super().__init__(reason)
        self.check = check


def read_by_looks(prompt: str, answer: str) -> Reading | None:
    """What a row says; None where the prompt is none that we know, or one of the first version without the body.

    Raises:
        Unreadable: the prompt begins like one of ours and shows no board; or it is one of the first version and shows
            none of the rules, or its answer names no move.
    """
    parts = parse_prompt(prompt)
    if parts is None:
        return _read_old(prompt, answer)
    player, text, style = parts
    moves = read_moves(answer)
    goes_on = len(moves) < len(answer.replace(",", " ").split())
    state, reason = None, None
    for encoding in (encoding for encoding in ENCODINGS.values() if text.startswith(encoding.opening)):
        try:
            if encoding.exact:
                state = encoding.decode(text)
            else:
                summary_of(text, encoding.name)
        except ValueError as error:
            reason = reason or error
        else:
            return Reading(state, moves, goes_on, player, style, encoding.name, text)
    raise Unreadable("state", f"its prompt shows no state: {reason}") from reason


def summary_of(text: str, encoding: str) -> OldPrompt:
    """What a board's text says in an encoding that doesn't hold the state.

    Raises:
        ValueError: it is no text of that encoding.
    """
    said = parse(text)
    if said is None or said.template != encoding:
        raise ValueError(f"it is no text of the encoding {encoding}")
    return said


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
    return Reading(state, bytes([move]), goes_on=True)


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
