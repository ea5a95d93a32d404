"""Floor 3, logs: runs of games played by teachers, one folder a teacher."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from serpentune import teachers
from serpentune.common.errors import UserError
from serpentune.common.files import ensure_free
from serpentune.game import GameRecord, Limits, check_board
from serpentune.logs._write import Format, check_format, write_run

_MAX_SEED = 2**63 - 1
"""What a Parquet column of whole numbers holds."""


def generate_runs(
    algorithms: Sequence[str],
    games: int,
    width: int,
    height: int,
    seed: int,
    output_dir: Path,
    *,
    format: Format = "parquet",  # noqa: A002 - it is what the command line calls it
    limits: Limits | None = None,
    overwrite: bool = False,
    timestamp: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[Path]:
    """Let each teacher play `games` games and write a run folder for each; the folders, in the order of `algorithms`.

    Every teacher plays the game seeds `seed` to `seed + games - 1`, so all meet the same apples. A folder is named
    `heuristics-<teacher>_<timestamp>`, the teacher in lower case; the time is nowhere else, so the same arguments make
    the same bytes inside it. Everything that can be checked is checked before the first folder is written.

    Args:
        algorithms: teachers' names; one that stands twice is played once.
        games: how many, at least 1.
        width: cells a row.
        height: cells a column.
        seed: the first game's seed, from 0.
        output_dir: where the run folders go.
        format: `"parquet"` or `"json"`.
        limits: when a game is stopped; the default of the rules without.
        overwrite: replace run folders that hold something.
        timestamp: `YYYYMMDD_HHMMSS`, the present local time without.
        progress: called with 1 after each game (`common.progress.progress_bar` hands out such a function).

    Raises:
        UserError: no or unknown teachers, a board outside the rules, no games, a seed out of range, an
            unknown format, a timestamp of another form, a folder that is taken, or no room on the disk.
    """
    if not algorithms:
        raise UserError(f"No teacher was named. Known: {', '.join(teachers.names())}.")
    players = list({teacher.name: teacher for teacher in map(teachers.get, algorithms)}.values())
    check_board(width, height)
    if games < 1:
        raise UserError(f"{games} games can't be played; ask for at least 1.")
    if not 0 <= seed <= _MAX_SEED - games:
        raise UserError(
            f"The seed {seed} is out of range; seeds of {games} games start between 0 and {_MAX_SEED - games}."
        )
    check_format(format)
    stamp = datetime.now().strftime("%Y%m%d_%H%M%S") if timestamp is None else timestamp
    if not re.fullmatch(r"\d{8}_\d{6}", stamp):
        raise UserError(f"{stamp!r} is no timestamp of the form YYYYMMDD_HHMMSS.")
    folders = [output_dir / f"heuristics-{_slug(player.name)}_{stamp}" for player in players]
    if output_dir.is_file():
        raise UserError(f"{output_dir} is a file; a folder for the runs is needed. Choose another path.")
    for folder in folders:
        ensure_free(folder, overwrite=overwrite)
    bounds = limits or Limits()
    for player, folder in zip(players, folders, strict=True):
        records = teachers.play(player, range(seed, seed + games), width, height, bounds)
        write_run(
            _reporting(records, progress),
            folder,
            metadata={"max_games": games, "seed": seed, "limits": bounds.as_dict()},
            format=format,
            overwrite=overwrite,
        )
    return folders


def _reporting(records: Iterable[GameRecord], progress: Callable[[int], None] | None) -> Iterator[GameRecord]:
    for record in records:
        yield record
        if progress:
            progress(1)


def _slug(name: str) -> str:
    """A teacher's name as part of a folder's: other packages may name theirs as they like."""
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower())
