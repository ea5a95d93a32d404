"""Floor 4, datasets: whether the states of records are those of the games that they name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from serpentune.datasets.symmetries import inverse, state_hashes, transformed
from serpentune.game import States, states_before
from serpentune.logs import Refusal, find_logs, iter_batches

_STATES_AT_ONCE = 1 << 22
"""Cells of the states that are replayed at once."""


class AgainstLogs:
    """Keeps game, step and a hash of the state of each record, 28 bytes, and looks them up in game logs."""

    def __init__(self) -> None:
        self._games: dict[str, int] = {}
        self._game: list[NDArray[np.int64]] = []
        self._step: list[NDArray[np.int64]] = []
        self._hash: list[NDArray[np.uint64]] = []
        self._row: list[NDArray[np.int64]] = []

    def add(
        self,
        states: States,
        games: Sequence[str],
        steps: NDArray[np.int64],
        symmetries: NDArray[np.int64],
        rows: NDArray[np.int64],
    ) -> None:
        """Take `k` records.

        Args:
            states: their states.
            games: the game of each.
            steps: int64 `(k,)`, the moves played before.
            symmetries: int64 `(k,)`, what was done to the states.
            rows: int64 `(k,)`, the numbers by which `differing` speaks of them.
        """
        self._game.append(np.array([self._games.setdefault(game, len(self._games)) for game in games], np.int64))
        self._step.append(steps)
        self._hash.append(state_hashes(transformed(states, inverse(symmetries))))
        self._row.append(rows)

    def differing(self, logs: Sequence[str | Path], found: Callable[[int, str], None]) -> int:
        """Look every record up; `found` takes the number and the fault of those that are not what the logs hold.

        Returns:
            How many records were looked up.

        Raises:
            UserError: as of `serpentune.logs.find_logs`.
        """
        folders = find_logs(logs)
        if not self._row:
            return 0
        games, steps = np.concatenate(self._game), np.concatenate(self._step)
        hashes, rows = np.concatenate(self._hash), np.concatenate(self._row)
        order = np.lexsort((steps, games))
        starts = np.searchsorted(games[order], np.arange(len(self._games) + 1))
        there, same = np.zeros(len(rows), np.bool_), np.zeros(len(rows), np.bool_)
        refused: dict[str, str] = {}
        for folder in folders:
            for item in iter_batches([folder]):
                if isinstance(item, Refusal):
                    number = item.file.stem.removeprefix("game_") if item.game is None else item.game
                    refused[f"{folder.name}/{number}"] = item.reason
                    continue
                for game in item:
                    code = self._games.get(f"{folder.name}/{game.number}")
                    if code is None:
                        continue
                    own = order[starts[code] : starts[code + 1]]
                    own = own[steps[own] <= len(game.moves)]
                    there[own] = True
                    piece = max(1, _STATES_AT_ONCE // (game.width * game.height))
                    for start in range(0, len(own), piece):
                        part = own[start : start + piece]
                        same[part] |= state_hashes(states_before(game, steps[part])) == hashes[part]
        names = list(self._games)
        for row in np.flatnonzero(~same).tolist():
            name = names[games[row]]
            if there[row]:
                reason = f"its state is not the one of game {name} after {steps[row]} moves"
            elif name in refused:
                reason = f"its game {name} is refused by the logs: {refused[name]}"
            else:
                reason = f"the logs hold no game {name} with {steps[row]} moves"
            found(int(rows[row]), reason)
        return len(rows)
