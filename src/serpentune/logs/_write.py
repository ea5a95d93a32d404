"""Floor 3, logs: one run of one player as a folder of games and their summary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

import serpentune
from serpentune.common.errors import unknown_name
from serpentune.common.files import replacing_folder, write_json
from serpentune.game import Ending, GameBatch, GameRecord
from serpentune.logs._find import GAMES_FILE, SUMMARY_FILE
from serpentune.logs._json import game_text, grid_size
from serpentune.logs._parquet import FORMAT_VERSION, write_parquet_games

Format = Literal["parquet", "json"]
FORMATS: tuple[Format, ...] = get_args(Format)

_GROUP_GAMES = 4096
_GROUP_BYTES = 1 << 23
"""A row group of records ends at whichever comes first: a game is between a hundred bytes and some millions."""


def write_run(
    records: Iterable[GameRecord],
    folder: Path,
    *,
    metadata: dict[str, Any],
    format: Format = "parquet",  # noqa: A002 - it is what the command line calls it
    overwrite: bool = False,
) -> Path:
    """Write one player's games on one board as a run folder, and return it.

    The folder holds `games.parquet` (a row a game) or a `game_N.json` a game, and `summary.json`. It appears under
    its name only when it is complete. Records are taken as they come and not kept: memory doesn't grow with their
    number. The same records and metadata make the same bytes.

    Args:
        records: finished games of one player on one board, their numbers ascending; each is replayed before it is
            written, so that no run holds a game that its own reader refuses.
        folder: the run folder.
        metadata: further entries of the summary's `configuration` (the limits, say); JSON values.
        format: `"parquet"` or `"json"`.
        overwrite: replace a folder that holds something.

    Raises:
        UserError: an unknown format, `folder` is taken, the disk is full, or the folder can't be written.
        ValueError: no records, records of several players or boards, numbers out of order, or one that `verify`
            refuses.
    """
    check_format(format)
    with replacing_folder(folder, overwrite=overwrite) as part:
        write_games(_batches(records), part, metadata, format)
    return folder


def write_games(batches: Iterable[GameBatch], folder: Path, metadata: dict[str, Any], kind: Format) -> None:
    """Write one player's games on one board, replayed already, into an empty folder, and their summary.

    The same batches and metadata make the same bytes.

    Raises:
        OSError: the disk is full, or the folder can't be written.
        ValueError: no games, games of several players or boards, or numbers out of order.
    """
    tally = _Tally()
    games = tally.counting(batches)
    if kind == "parquet":
        write_parquet_games(folder / GAMES_FILE, games)
    else:
        for batch in games:
            for record in batch:
                (folder / f"game_{record.number}.json").write_text(game_text(record), encoding="utf-8")
    write_json(folder / SUMMARY_FILE, tally.summary(metadata))


def replayed(batch: GameBatch) -> GameBatch:
    """The batch, once every game of it is over and follows from its moves.

    Raises:
        ValueError: one isn't.
    """
    for game in np.flatnonzero(batch.endings == Ending.RUNNING).tolist():
        raise ValueError(f"game {batch.numbers[game]} is not over")
    for game, problem in batch.verify().items():
        raise ValueError(f"game {batch.numbers[game]}: {problem}")
    return batch


def _batches(records: Iterable[GameRecord]) -> Iterator[GameBatch]:
    """Neighbours of one player and board as batches of some thousand games or some megabytes, replayed."""
    group: list[GameRecord] = []
    size = 0
    for record in records:
        full = len(group) == _GROUP_GAMES or size >= _GROUP_BYTES
        if group and (full or _kind(record) != _kind(group[0])):
            yield replayed(GameBatch.from_records(group))
            group, size = [], 0
        group.append(record)
        size += len(record.moves) + 2 * len(record.apples)
    if group:
        yield replayed(GameBatch.from_records(group))


def _kind(games: GameRecord | GameBatch) -> tuple[str, int, int]:
    return games.player, games.width, games.height


def check_format(name: str) -> None:
    """Refuse a format that runs are not written in.

    Raises:
        UserError: it is none of `FORMATS`.
    """
    if name not in FORMATS:
        raise unknown_name("log format", name, FORMATS)


class _Tally:
    """What the summary says of games that were seen batch after batch and not kept."""

    def __init__(self) -> None:
        self._first: GameRecord | None = None
        self._last: GameRecord | None = None
        self._games = 0
        self._score = 0
        self._steps = 0
        self._endings = np.zeros(len(Ending), np.int64)

    def counting(self, batches: Iterable[GameBatch]) -> Iterator[GameBatch]:
        """Check and count each batch on its way through."""
        for batch in batches:
            self._check(batch)
            self._first = self._first or batch[0]
            self._last = batch[-1]
            self._games += len(batch)
            self._score += int(batch.scores.sum())
            self._steps += int(batch.steps.sum())
            self._endings += np.bincount(batch.endings, minlength=len(Ending))
            yield batch

    def summary(self, metadata: dict[str, Any]) -> dict[str, Any]:
        """The summary; no clock is in it, so that the same games make the same bytes."""
        first, last = self._first, self._last
        if first is None or last is None:
            raise ValueError("a run needs at least one game")
        seeded = first.seed is not None and last.seed is not None
        endings = {ending.name: int(self._endings[ending]) for ending in Ending if self._endings[ending]}
        return {
            "algorithm": first.player,
            "total_games": self._games,
            "total_score": self._score,
            "average_score": self._score / self._games,
            "total_steps": self._steps,
            "average_steps": self._steps / self._games,
            "wins": endings.get(Ending.WIN.name, 0),
            "endings": dict(sorted(endings.items())),
            "seeds": {"first": first.seed, "last": last.seed} if seeded else None,
            "configuration": {"grid_size": grid_size(first.width, first.height), **metadata},
            "format_version": FORMAT_VERSION,
            "serpentune_version": serpentune.__version__,
        }

    def _check(self, batch: GameBatch) -> None:
        first, last = self._first, self._last
        if first and _kind(batch) != _kind(first):
            raise ValueError(f"game {batch.numbers[0]} is of another player or board than game {first.number}")
        numbers = batch.numbers if last is None else np.concatenate([[last.number], batch.numbers])
        for place in np.flatnonzero(np.diff(numbers) <= 0).tolist():
            raise ValueError(f"game {numbers[place + 1]} comes after game {numbers[place]}")
