"""Floor 1, game: what a player sees, one state or many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serpentune.common.errors import UserError
from serpentune.game import _rules
from serpentune.game.moves import Move

MIN_SIDE = 4
MAX_SIDE = 50

_MAX_SEED = 2**63 - 1
"""What a Parquet column of whole numbers holds."""


@dataclass(frozen=True)
class State:
    """A position in a game, as the player to move sees it.

    Attributes:
        width: cells a row.
        height: cells a column.
        body: the snake's cells, head first; a cell is `y * width + x` with `(0, 0)` at the bottom left.
        apple: the apple's cell, or -1 where none is to be seen: on a full board, and under the snake in a rare game of
            another program (see `verify`).
        direction: the last move that moved the snake, or None before the first. From length 2 on the body shows it;
            a snake of one cell needs it, since reversing is no move for it either.
    """

    width: int
    height: int
    body: tuple[int, ...]
    apple: int
    direction: Move | None

    def xy(self, cell: int) -> tuple[int, int]:
        """The `(x, y)` of a cell."""
        return cell % self.width, cell // self.width

    @property
    def head(self) -> int:
        """The head's cell."""
        return self.body[0]


@dataclass(frozen=True)
class States:
    """`n` states of one board size as arrays, the currency between rules, teachers and encodings.

    Attributes:
        width: cells a row.
        height: cells a column.
        body: int16 `(n, width * height)`, head first, -1 behind the tail.
        length: int64 `(n,)`.
        apple: int64 `(n,)`, -1 where none is to be seen.
        direction: int64 `(n,)`, a `Move` code, -1 before the first move.
    """

    width: int
    height: int
    body: NDArray[np.int16]
    length: NDArray[np.int64]
    apple: NDArray[np.int64]
    direction: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.length)

    def __getitem__(self, index: int) -> State:
        direction = int(self.direction[index])
        body = tuple(int(cell) for cell in self.body[index, : self.length[index]])
        return State(self.width, self.height, body, int(self.apple[index]), None if direction < 0 else Move(direction))

    def __iter__(self) -> Iterator[State]:
        return (self[index] for index in range(len(self)))

    def take(self, indices: NDArray[np.int64] | Sequence[int]) -> States:
        """The states at `indices`, in that order."""
        chosen = np.asarray(indices, dtype=np.int64)
        return States(
            self.width,
            self.height,
            self.body[chosen],
            self.length[chosen],
            self.apple[chosen],
            self.direction[chosen],
        )

    @classmethod
    def empty(cls, count: int, width: int, height: int) -> States:
        """`count` states of nothing, to be filled in."""
        body = np.full((count, width * height), _rules.NO_CELL, np.int16)
        apple = np.full(count, _rules.NO_CELL, np.int64)
        return cls(width, height, body, np.zeros(count, np.int64), apple, np.full(count, -1, np.int64))

    @classmethod
    def unfilled(cls, count: int, width: int, height: int) -> States:
        """Room for `count` states that a kernel fills in whole; until then it holds anything."""
        numbers = (np.empty(count, np.int64) for _ in range(3))
        return cls(width, height, np.empty((count, width * height), np.int16), *numbers)

    @classmethod
    def stack(cls, states: Sequence[State]) -> States:
        """Single states of one board size as arrays.

        Raises:
            ValueError: no states, or boards of different sizes.
        """
        if len({(state.width, state.height) for state in states}) != 1:
            raise ValueError("states of exactly one board size are needed")
        result = cls.empty(len(states), states[0].width, states[0].height)
        for index, state in enumerate(states):
            result.body[index, : len(state.body)] = state.body
            result.length[index] = len(state.body)
            result.apple[index] = state.apple
            result.direction[index] = -1 if state.direction is None else state.direction
        return result


def check_board(width: int, height: int) -> None:
    """Refuse a board outside the rules.

    Raises:
        UserError: a side is below `MIN_SIDE` or above `MAX_SIDE`.
    """
    if not (MIN_SIDE <= width <= MAX_SIDE and MIN_SIDE <= height <= MAX_SIDE):
        raise UserError(f"A {width}x{height} board is not possible: each side has {MIN_SIDE} to {MAX_SIDE} cells.")


def check_seeds(first: int, games: int = 1) -> None:
    """Refuse game seeds `first` to `first + games - 1` that a log can't hold: they go from 0 to 2**63 - 1.

    Raises:
        UserError: one lies outside.
    """
    if not 0 <= first <= _MAX_SEED - games:
        raise UserError(
            f"The seed {first} is out of range; seeds of {games} games start between 0 and {_MAX_SEED - games}."
        )


def parse_board(text: str) -> tuple[int, int]:
    """`"10"` or `"12x8"` as `(width, height)`.

    Raises:
        UserError: the text is no board size, or one outside the rules.
    """
    parts = [part.strip() for part in text.lower().split("x")]
    if len(parts) > 2 or not all(part.isdecimal() and len(part) < 100 for part in parts):
        raise UserError(f"{text!r} is no board size. Write one number (10) or width x height (12x8).")
    width, height = int(parts[0]), int(parts[-1])
    check_board(width, height)
    return width, height
