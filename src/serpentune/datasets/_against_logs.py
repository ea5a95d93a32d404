"""Floor 4, datasets: whether records say what was played in the games that they name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from serpentune import teachers as registry
from serpentune.datasets._understand import Known
from serpentune.datasets.symmetries import inverse, state_hashes, transformed, transformed_moves
from serpentune.datasets.texts import Texts
from serpentune.game import GameRecord, states_before
from serpentune.logs import Refusal, find_logs, iter_batches
from serpentune.teachers import PLAYER

_STATES_AT_ONCE = 1 << 22
"""Cells of the states that are replayed at once."""

_NO_GAME, _OTHER_STATE, _OTHER_ANSWER, _OTHER_NAMES, _FINE = range(5)
"""What a record is at best, where several games have the name of its game."""


@dataclass(frozen=True)
class Source:
    """The game that a record names.

    Attributes:
        game: its run folder and number.
        teacher: in capitals; None where the record doesn't say it.
        seed: of its apples; None where the record doesn't say it.
    """

    game: str
    teacher: str | None
    seed: int | None

    def other_than(self, game: GameRecord, label: str | None) -> str | None:
        """What the record, whose answer is that of a label, says of its game that isn't so."""
        player = game.player.upper()
        teacher = registry.behind(player) if label == PLAYER else None
        # Whether a row names the one teacher who answers in all of them, whatever was played, is a check of its own.
        if label in (None, PLAYER) and self.teacher not in (None, teacher.name if teacher else player):
            return f"its teacher is {self.teacher}, game {self.game} was played by {player}"
        if self.seed not in (None, game.seed):
            return f"its seed is {self.seed}, that of game {self.game} is {game.seed}"
        return None


class AgainstLogs:
    """Keeps game, step and hashes of state and answer of each record, 40 bytes, and looks them up in game logs."""

    def __init__(self, label: str | None = None) -> None:
        """Look up the records' states, and without a label, by whose answers they go, their answers too."""
        self._label = label
        self._sources: dict[Source, int] = {}
        self._columns: list[tuple[NDArray[np.int64 | np.uint64 | np.int32], ...]] = []

    def add(
        self,
        known: Known,
        named: NDArray[np.int64],
        sources: Sequence[Source],
        steps: NDArray[np.int64],
        symmetries: NDArray[np.int64],
        rows: NDArray[np.int64],
    ) -> None:
        """Take `k` records.

        Args:
            known: `n` rows of known states, the records among them.
            named: int64 `(k,)`, the places of the records in `known`.
            sources: the game of each record.
            steps: int64 `(k,)`, the moves played before.
            symmetries: int64 `(n,)`, what was done to states and answers.
            rows: int64 `(k,)`, the numbers by which `differing` speaks of the records.
        """
        back = inverse(symmetries)
        counts = np.diff(known.offsets)
        moves = Texts(transformed_moves(known.moves, np.repeat(back, counts)), known.offsets)
        self._columns.append(
            (
                np.array([self._sources.setdefault(source, len(self._sources)) for source in sources], np.int64),
                steps,
                state_hashes(transformed(known.states.take(named), back[named])),
                moves.hashes()[named],
                counts[named].astype(np.int32),
                rows,
            )
        )

    def differing(self, logs: Sequence[str | Path], found: Callable[[int, str], None]) -> int:
        """Look every record up; `found` takes the number and the fault of those that are not what the logs hold.

        Returns:
            How many records were looked up.

        Raises:
            UserError: as of `serpentune.logs.find_logs`.
        """
        folders = find_logs(logs)
        if not self._columns:
            return 0
        of_source, steps, states, answers, counts, rows = map(np.concatenate, zip(*self._columns, strict=True))
        order = np.lexsort((steps, of_source))
        starts = np.searchsorted(of_source[order], np.arange(len(self._sources) + 1))
        by_game: dict[str, list[tuple[int, Source]]] = {}
        for source, code in self._sources.items():
            by_game.setdefault(source.game, []).append((code, source))
        verdict = np.full(len(rows), _NO_GAME, np.int8)
        refused: dict[str, str] = {}
        wrong_names: dict[int, str] = {}
        runs = {game.rpartition("/")[0] for game in by_game}
        for folder in folders:
            parts = folder.absolute().parts
            # Records name a run by more of its path where the name alone was ambiguous.
            called = runs.intersection("/".join(parts[-depth:]) for depth in range(1, len(parts)))
            name = max(called, key=len, default=folder.name)
            for item in iter_batches([folder]):
                if isinstance(item, Refusal):
                    number = item.file.stem.removeprefix("game_") if item.game is None else item.game
                    refused[f"{name}/{number}"] = item.reason
                    continue
                for game in item:
                    for code, source in by_game.get(f"{name}/{game.number}", ()):
                        names = source.other_than(game, self._label)
                        if names is not None:
                            wrong_names[code] = names
                        own = order[starts[code] : starts[code + 1]]
                        own = own[steps[own] <= len(game.moves)]
                        piece = max(1, _STATES_AT_ONCE // (game.width * game.height))
                        for start in range(0, len(own), piece):
                            part = own[start : start + piece]
                            best = np.full(len(part), _FINE if names is None else _OTHER_NAMES, np.int8)
                            if self._label is None:
                                other = _played(game, steps[part], counts[part]) != answers[part]
                                best[other] = _OTHER_ANSWER
                            best[state_hashes(states_before(game, steps[part])) != states[part]] = _OTHER_STATE
                            verdict[part] = np.maximum(verdict[part], best)
        sources = list(self._sources)
        for row in np.flatnonzero(verdict != _FINE).tolist():
            code = int(of_source[row])
            name, after = sources[code].game, f"after {steps[row]} moves"
            if verdict[row] == _OTHER_STATE:
                reason = f"its state is not the one of game {name} {after}"
            elif verdict[row] == _OTHER_ANSWER:
                reason = f"its answer is not what was played in game {name} {after}"
            elif verdict[row] == _OTHER_NAMES:
                reason = wrong_names[code]
            elif name in refused:
                reason = f"its game {name} is refused by the logs: {refused[name]}"
            else:
                reason = f"the logs hold no game {name} with {steps[row]} moves"
            found(int(rows[row]), reason)
        return len(rows)


def _played(game: GameRecord, steps: NDArray[np.int64], counts: NDArray[np.int32]) -> NDArray[np.uint64]:
    """Hashes of so many moves of a game from so many steps on, uint64 `(k,)`; of fewer where it ends before."""
    lengths = np.minimum(counts, len(game.moves) - steps)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    at = np.arange(offsets[-1]) + np.repeat(steps - offsets[:-1], lengths)
    return Texts(np.frombuffer(game.moves, np.uint8)[at], offsets).hashes()
