"""Floor 1, game: the names and codes of moves and of the ways in which a game ends."""

from __future__ import annotations

from enum import IntEnum


class Move(IntEnum):
    """One entry of a game's move list.

    The first four move the snake, in the fixed tie-break order of all teachers. The others are sentinels of game
    logs: a player's answer that didn't move the snake.
    """

    UP = 0
    RIGHT = 1
    DOWN = 2
    LEFT = 3
    INVALID_REVERSAL = 4
    EMPTY = 5
    SOMETHING_IS_WRONG = 6
    NO_PATH_FOUND = 7


class Ending(IntEnum):
    """Why a game is over; `RUNNING` while it is not."""

    RUNNING = 0
    WIN = 1
    WALL = 2
    SELF = 3
    MAX_STEPS_REACHED = 4
    NO_PATH_FOUND = 5
    MAX_CONSECUTIVE_INVALID_REVERSALS_REACHED = 6
    MAX_CONSECUTIVE_EMPTY_MOVES_REACHED = 7
    MAX_CONSECUTIVE_SOMETHING_IS_WRONG_REACHED = 8


DIRECTIONS = (Move.UP, Move.RIGHT, Move.DOWN, Move.LEFT)

MOVE_LETTERS = "URDLIEWN"
"""`MOVE_LETTERS[move]` is the one-letter form of a move, used in result files and in completions."""


def letters(moves: bytes) -> str:
    """Moves (a byte each) as one string of `MOVE_LETTERS`."""
    return "".join(MOVE_LETTERS[move] for move in moves)


def from_letters(text: str) -> bytes:
    """The inverse of `letters`.

    Raises:
        ValueError: `text` holds a letter that is no move.
    """
    if strange := set(text) - set(MOVE_LETTERS):
        raise ValueError(f"{min(strange)!r} is no move; the letters of moves are {MOVE_LETTERS}")
    return bytes(MOVE_LETTERS.index(letter) for letter in text)
