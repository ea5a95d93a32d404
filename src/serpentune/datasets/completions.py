"""Floor 4, datasets: moves as text and back, and the prompt that asks for them."""

from __future__ import annotations

from dataclasses import dataclass

from serpentune.common.errors import unknown_name
from serpentune.datasets.encodings import Encoding
from serpentune.game import DIRECTIONS, MOVE_LETTERS, Move, States


@dataclass(frozen=True)
class CompletionStyle:
    """What a player is asked for.

    Attributes:
        name: how users ask for it.
        cue: the prompt's last line, which tells the student what to write.
        whole_plan: the moves up to and including the one that eats the apple, or only the next one.
    """

    name: str
    cue: str
    whole_plan: bool

    def completion(self, moves: bytes) -> str:
        """Moves (a `Move` code a byte, the next one first) as text: a letter each, with a space before it.

        Raises:
            ValueError: no moves, or one that doesn't move the snake.
        """
        chosen = moves if self.whole_plan else moves[:1]
        if not chosen or max(chosen) > Move.LEFT:
            raise ValueError("a completion needs moves that move the snake")
        return "".join(f" {MOVE_LETTERS[move]}" for move in chosen)


STYLES = {
    style.name: style for style in (CompletionStyle("move", "Move:", False), CompletionStyle("plan", "Moves:", True))
}


def get_style(name: str) -> CompletionStyle:
    """The completion style of that name.

    Raises:
        UserError: there is none; the message names the near match.
    """
    if name not in STYLES:
        raise unknown_name("completion style", name, STYLES)
    return STYLES[name]


def prompts(states: States, player: str, encoding: Encoding, style: CompletionStyle) -> list[str]:
    """`n` prompts that ask to play like `player` in each of `n` states."""
    return [f"Player {player}. {text}{style.cue}" for text in encoding.encode(states)]


_WORDS = {word: move for move in DIRECTIONS for word in (move.name, MOVE_LETTERS[move])}


def read_moves(text: str) -> bytes:
    """The moves at the start of an answer, a `Move` code a byte; empty where it starts with anything else.

    Letters and words (U, UP) are read in either case, separated by spaces, commas or line breaks. Reading stops at the
    first word that is no move.
    """
    moves = bytearray()
    for word in text.replace(",", " ").upper().split():
        if word not in _WORDS:
            break
        moves.append(_WORDS[word])
    return bytes(moves)
