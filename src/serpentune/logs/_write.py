"""Floor 3, logs: one run of one player as a folder of games and their summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args

import serpentune
from serpentune.common.errors import unknown_name
from serpentune.common.files import replacing_folder, write_json
from serpentune.game import Ending, GameRecord, verify
from serpentune.logs._find import GAMES_FILE, SUMMARY_FILE
from serpentune.logs._json import game_text, grid_size
from serpentune.logs._parquet import FORMAT_VERSION, write_parquet_games

Format = Literal["parquet", "json"]
FORMATS: tuple[Format, ...] = get_args(Format)


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
    tally = _Tally()
    with replacing_folder(folder, overwrite=overwrite) as part:
        games = tally.counting(records)
        if format == "parquet":
            write_parquet_games(part / GAMES_FILE, games)
        else:
            for record in games:
                (part / f"game_{record.number}.json").write_text(game_text(record), encoding="utf-8")
        write_json(part / SUMMARY_FILE, tally.summary(metadata))
    return folder


def check_format(name: str) -> None:
    """Refuse a format that runs are not written in.

    Raises:
        UserError: it is none of `FORMATS`.
    """
    if name not in FORMATS:
        raise unknown_name("log format", name, FORMATS)


class _Tally:
    """What the summary says of games that were seen one after another and not kept."""

    def __init__(self) -> None:
        self._first: GameRecord | None = None
        self._last: GameRecord | None = None
        self._games = 0
        self._score = 0
        self._steps = 0
        self._endings: Counter[str] = Counter()

    def counting(self, records: Iterable[GameRecord]) -> Iterator[GameRecord]:
        """Check and count each record on its way through."""
        for record in records:
            self._check(record)
            self._first = self._first or record
            self._last = record
            self._games += 1
            self._score += record.score
            self._steps += record.steps
            self._endings[record.ending.name] += 1
            yield record

    def summary(self, metadata: dict[str, Any]) -> dict[str, Any]:
        """The summary; no clock is in it, so that the same games make the same bytes."""
        first, last = self._first, self._last
        if first is None or last is None:
            raise ValueError("a run needs at least one game")
        seeded = first.seed is not None and last.seed is not None
        return {
            "algorithm": first.player,
            "total_games": self._games,
            "total_score": self._score,
            "average_score": self._score / self._games,
            "total_steps": self._steps,
            "average_steps": self._steps / self._games,
            "wins": self._endings[Ending.WIN.name],
            "endings": dict(sorted(self._endings.items())),
            "seeds": {"first": first.seed, "last": last.seed} if seeded else None,
            "configuration": {"grid_size": grid_size(first.width, first.height), **metadata},
            "format_version": FORMAT_VERSION,
            "serpentune_version": serpentune.__version__,
        }

    def _check(self, record: GameRecord) -> None:
        first, last = self._first, self._last
        if first and (record.player, record.width, record.height) != (first.player, first.width, first.height):
            raise ValueError(f"game {record.number} is of another player or board than game {first.number}")
        if last and record.number <= last.number:
            raise ValueError(f"game {record.number} comes after game {last.number}")
        if record.ending == Ending.RUNNING:
            raise ValueError(f"game {record.number} is not over")
        if problem := verify(record):
            raise ValueError(f"game {record.number}: {problem}")
