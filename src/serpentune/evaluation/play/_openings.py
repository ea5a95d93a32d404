"""Floor 8, evaluation: games that somebody else begins, so that a player is met with states of another kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serpentune.common.errors import UserError
from serpentune.game import NO_MOVE, LockstepGames
from serpentune.teachers import get


@dataclass(frozen=True)
class Opening:
    """A teacher plays until the snake has a length; then the player takes over.

    Attributes:
        teacher: who begins.
        length: of the snake that is handed over, 2 cells or more.

    Raises:
        UserError: there is no such teacher, or the length is below 2.
    """

    teacher: str
    length: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "teacher", get(self.teacher).name)
        if self.length < 2:
            raise UserError(f"An opening ends with a snake of 2 cells or more, not {self.length}: games begin with 1.")

    @classmethod
    def parse(cls, text: str) -> Opening:
        """`TEACHER LENGTH`, such as `HAMILTONIAN 12`.

        Raises:
            UserError: something else.
        """
        teacher, _, length = text.strip().rpartition(" ")
        if not teacher or not length.isdecimal():
            raise UserError(f"{text!r} is no opening. Name a teacher and a length, such as 'HAMILTONIAN 12'.")
        return cls(teacher.strip(), int(length))

    def __str__(self) -> str:
        return f"{self.teacher} {self.length}"

    def check(self, width: int, height: int) -> None:
        """Refuse a board on which no snake can be as long and go on.

        Raises:
            UserError: it is such a board.
        """
        if self.length >= width * height:
            raise UserError(f"A snake of {self.length} cells fills a board of {width}x{height}. Choose a shorter one.")

    def play(self, games: LockstepGames, places: NDArray[np.int64]) -> None:
        """Play the opening in the games at `places`, which have just begun; a game that the teacher loses is over.

        Raises:
            UserError: no snake can be as long on this board and go on.
        """
        self.check(games.width, games.height)
        teacher = get(self.teacher)
        while True:
            places = places[np.isin(places, games.running) & (games.scores[places] + 1 < self.length)]
            if not len(places):
                return
            moves = np.full(len(games), NO_MOVE, np.int8)
            moves[places] = teacher.moves(games.states(places))
            games.step(moves)
