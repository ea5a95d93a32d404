"""Floor 8, evaluation: what happens where a player's answer can't be used. It is counted in every case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serpentune.common.errors import UserError
from serpentune.game import Move, States
from serpentune.teachers import get

END, RANDOM, FALLBACK = "end", "random", "fallback"


@dataclass(frozen=True)
class Policy:
    """What is played instead of an answer without a readable move.

    Attributes:
        kind: `end`: an empty move. The state stays as it is and so does the answer, so that a few of them end the game.
            `random`: a random move that doesn't turn back, legal or not. `fallback`: a teacher's move.
        teacher: whose move is played by `fallback`.

    Raises:
        UserError: no such kind, or a teacher where there is nothing to fall back to.
    """

    kind: str = END
    teacher: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in (END, RANDOM, FALLBACK):
            raise UserError(f"{self.kind!r} is no policy for unreadable answers. There are end, random and fallback.")
        if (self.teacher is None) == (self.kind == FALLBACK):
            raise UserError("Write end, random, or fallback with a teacher, such as 'fallback BFS'.")
        if self.teacher is not None:
            object.__setattr__(self, "teacher", get(self.teacher).name)

    @classmethod
    def parse(cls, text: str) -> Policy:
        """`end`, `random`, or `fallback TEACHER` (also `fallback:TEACHER`).

        Raises:
            UserError: none of them.
        """
        kind, _, teacher = text.strip().replace(":", " ", 1).partition(" ")
        return cls(kind.lower(), teacher.strip() or None)

    def __str__(self) -> str:
        return self.kind if self.teacher is None else f"{self.kind} {self.teacher}"

    @property
    def replaces(self) -> bool:
        """Whether a move of somebody else is played."""
        return self.kind != END

    def moves(self, states: States, seeds: Sequence[int], steps: NDArray[np.int64]) -> NDArray[np.int8]:
        """What is played in each of `n` states.

        Args:
            states: where the answers couldn't be used.
            seeds: the games' seeds, which with the steps decide what is random.
            steps: int64 `(n,)`, the steps that the games have behind them.

        Returns:
            int8 `(n,)`, `Move` codes.
        """
        if self.kind == END:
            return np.full(len(states), Move.EMPTY, np.int8)
        if self.teacher is not None:
            return get(self.teacher).moves(states).astype(np.int8)
        chosen = np.empty(len(states), np.int8)
        for row, (seed, step) in enumerate(zip(seeds, steps.tolist(), strict=True)):
            chosen[row] = np.random.default_rng([seed % 2**64, step]).choice(forward(int(states.direction[row])))
        return chosen


def forward(direction: int) -> list[int]:
    """The directions that don't turn back, in the fixed order; all four before the first move (-1)."""
    return [move for move in range(4) if direction < 0 or move != (direction + 2) % 4]
