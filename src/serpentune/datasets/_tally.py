"""Floor 4, datasets: what can be said of a row only when all others are known, found with a few numbers a row."""

from __future__ import annotations

from bisect import bisect_right
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from serpentune.datasets._faults import EXAMPLES, where_in
from serpentune.datasets._groups import Keys, Places, first_places, sharing, together
from serpentune.datasets._rows import Rows
from serpentune.datasets.records import SPLITS

Pairs = tuple[int, list[tuple[int, int]]]
"""How many rows there are, and the first few, each with the one that it is held against."""


class Tally:
    """Keeps three hashes and a split of each row, 25 bytes, and finds rows that don't go together."""

    def __init__(self) -> None:
        self._prompts: list[Keys] = []
        self._answers: list[Keys] = []
        self._states: list[Keys] = []
        self._splits: list[NDArray[np.int8]] = []
        self._starts: list[int] = []
        self._places: list[tuple[Path, int | None, int | NDArray[np.int64]]] = []
        self.rows = 0

    def add(self, rows: Rows, prompts: Keys, answers: Keys, states: Keys) -> None:
        """Take the `n` rows of a piece.

        Args:
            rows: the piece.
            prompts: uint64 `(n,)`, hashes of what is asked.
            answers: uint64 `(n,)`, hashes of what is answered.
            states: uint64 `(n,)`, hashes of the states.
        """
        if not len(rows):
            return
        self._prompts.append(prompts)
        self._answers.append(answers)
        self._states.append(states)
        self._splits.append(np.full(len(rows), SPLITS.index(rows.split) if rows.split else -1, np.int8))
        first, last = int(rows.places[0]), int(rows.places[-1])
        neighbours = last - first == len(rows) - 1
        self._starts.append(self.rows)
        self._places.append((rows.file, rows.group, first if neighbours else rows.places))
        self.rows += len(rows)

    def where(self, row: int) -> str:
        """File and place in words of a row, counted over all pieces."""
        piece = bisect_right(self._starts, row) - 1
        file, group, places = self._places[piece]
        within = row - self._starts[piece]
        place = places + within if isinstance(places, int) else int(places[within])
        return where_in(file, {"line": place} if group is None else {"row_group": group, "row": place})

    def repeated(self) -> Pairs:
        """Rows that ask and answer what an earlier one does."""
        if not self.rows:
            return 0, []
        _, said = self._answered()
        rows = np.flatnonzero(said != np.arange(self.rows))
        return self._pairs(rows, said)

    def contradicting(self) -> Pairs:
        """Rows that answer to a prompt what none before them did, though some answered something else.

        What a prompt with several answers counts is one less than there are different ones.
        """
        if not self.rows:
            return 0, []
        asked, said = self._answered()
        rows = np.flatnonzero((said == np.arange(self.rows)) & (asked != said))
        return self._pairs(rows, asked)

    def _answered(self) -> tuple[Places, Places]:
        """The first rows with the prompts of all rows, and those with their prompts and answers."""
        prompts, everything = np.concatenate(self._prompts), np.ones(self.rows, np.bool_)
        both = together(prompts, np.concatenate(self._answers))
        return first_places(prompts, everything), first_places(both, everything)

    def _pairs(self, rows: NDArray[np.int64], against: Places) -> Pairs:
        shown = rows[:EXAMPLES]
        return len(rows), list(zip(shown.tolist(), against[shown].tolist(), strict=True))

    def leaking(self) -> Pairs:
        """Rows whose state stands in an earlier split of `SPLITS` too, with the first such row there."""
        if not self.has_splits:
            return 0, []
        states, splits = np.concatenate(self._states), np.concatenate(self._splits)
        first = first_places(states, splits >= 0)
        leaked = np.zeros(self.rows, np.bool_)
        for split in range(1, len(SPLITS)):
            leaked |= (splits == split) & sharing(first, (splits >= 0) & (splits < split))
        rows = np.flatnonzero(leaked)
        shown = rows[:EXAMPLES].tolist()
        others = [np.flatnonzero((first == first[row]) & (splits >= 0) & (splits < splits[row]))[0] for row in shown]
        return len(rows), list(zip(shown, map(int, others), strict=True))

    @property
    def has_splits(self) -> bool:
        """Whether there are rows of two splits."""
        return len({int(split) for piece in self._splits for split in np.unique(piece)} - {-1}) > 1
