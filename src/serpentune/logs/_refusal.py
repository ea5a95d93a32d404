"""Floor 3, logs: what is said of a game, or a whole file, that was left out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Refusal:
    """A file, or one game of a Parquet file, that was left out.

    Attributes:
        file: the file that holds it.
        game: the game's number within a Parquet file; None where the whole file is meant.
        reason: what is wrong with it, in words.
        games: how many games that leaves out; None where the file is too damaged to say.
    """

    file: Path
    game: int | None
    reason: str
    games: int | None = 1

    @property
    def explanation(self) -> str:
        """The reason, with the game's number where a file holds many."""
        return self.reason if self.game is None else f"game {self.game}: {self.reason}"

    def __str__(self) -> str:
        return f"{self.file}: {self.explanation}"
