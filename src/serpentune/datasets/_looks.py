"""Floor 4, datasets: what one prompt and its answer are about, known by their words alone."""

from __future__ import annotations

from dataclasses import dataclass

from serpentune.datasets.completions import parse_prompt, read_moves
from serpentune.datasets.encodings import ENCODINGS
from serpentune.game import State


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
        Unreadable: the prompt begins like one of ours and shows no state.
    """
    parts = parse_prompt(prompt)
    if parts is None:
        return None
    _, text, style = parts
    encoding = next((known for known in ENCODINGS.values() if text.startswith(known.opening)), None)
    if encoding is None or not encoding.exact:
        return None
    try:
        state = encoding.decode(text)
    except ValueError as error:
        raise Unreadable("state", f"its prompt shows no state: {error}") from error
    return Reading(state, read_moves(answer), style.whole_plan)
