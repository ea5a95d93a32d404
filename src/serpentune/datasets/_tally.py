"""Floor 4, datasets: what can be said of a row only when all others are known, found with a few numbers a row."""

from __future__ import annotations

from bisect import bisect_right
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from serpentune.datasets._faults import EXAMPLES, where_in
from serpentune.datasets._rows import Rows
from serpentune.datasets.records import SPLITS

Hashes = NDArray[np.uint64]
Pairs = tuple[int, list[tuple[int, int]]]
"""How many rows there are, and the first few, each with the one that it is held against."""

_TRAIN = SPLITS.index("train")


class Tally:
    """Keeps three hashes and a split of each row, 25 bytes, and finds rows that don't go together."""

    def __init__(self) -> None:
        self._prompts: list[Hashes] = []
        self._answers: list[Hashes] = []
        self._states: list[Hashes] = []
        self._splits: list[NDArray[np.int8]] = []
        self._starts: list[int] = []
        self._places: list[tuple[Path, int | None, int | NDArray[np.int64]]] = []
        self.rows = 0

    def add(self, rows: Rows, prompts: Hashes, answers: Hashes, states: Hashes) -> None:
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
        """Rows that ask and answer what another one does; one of them is counted as the first."""
        return self._pairs(same_answer=True)

    def contradicting(self) -> Pairs:
        """Rows that ask what another one does and answer something else.

        What a prompt with several answers counts is one less than there are different ones.
        """
        return self._pairs(same_answer=False)

    def _pairs(self, *, same_answer: bool) -> Pairs:
        if not self.rows:
            return 0, []
        prompts, answers = np.concatenate(self._prompts), np.concatenate(self._answers)
        order = np.lexsort((answers, prompts))  # stable: of equal rows the first one comes first
        chosen = prompts[order[1:]] == prompts[order[:-1]]
        chosen &= (answers[order[1:]] == answers[order[:-1]]) == same_answer
        count = int(chosen.sum())
        shown = np.flatnonzero(chosen)[:EXAMPLES]
        pairs = zip(order[shown].tolist(), order[shown + 1].tolist(), strict=True)
        return count, [(max(pair), min(pair)) for pair in pairs]

    def leaking(self) -> Pairs:
        """Rows of validation and test whose state stands in train too, with the first such row of train."""
        if not self.has_splits:
            return 0, []
        states, splits = np.concatenate(self._states), np.concatenate(self._splits)
        train, held_out = np.flatnonzero(splits == _TRAIN), np.flatnonzero(splits > _TRAIN)
        known, first = np.unique(states[train], return_index=True)
        at = np.minimum(np.searchsorted(known, states[held_out]), len(known) - 1)
        leaks = np.flatnonzero(known[at] == states[held_out])
        shown = leaks[:EXAMPLES]
        return len(leaks), list(zip(held_out[shown].tolist(), train[first[at[shown]]].tolist(), strict=True))

    @property
    def has_splits(self) -> bool:
        """Whether there are rows to train on and others."""
        found = {int(split) for piece in self._splits for split in np.unique(piece)}
        return _TRAIN in found and max(found) > _TRAIN
