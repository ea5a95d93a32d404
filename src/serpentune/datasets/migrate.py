"""Floor 4, datasets: data of the first version in, a data set of ours out, and an account of every record."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from serpentune.common.errors import UserError
from serpentune.common.files import ensure_free
from serpentune.datasets._adopt import Contents
from serpentune.datasets._faults import EXAMPLES, Faults, OnError, taking_faults
from serpentune.datasets._migrate_games import migrate_game
from serpentune.datasets._migrate_lines import migrate_lines
from serpentune.datasets._spool import Spool
from serpentune.datasets.read import NO_DATA, files_below, is_ours
from serpentune.datasets.records import MANIFEST, REJECTS, SCHEMA, SPLITS
from serpentune.datasets.splits import TRAIN, assign_splits
from serpentune.datasets.store import DatasetWriter, writing_dataset

_GAME_FILE = re.compile(r"game_(\d{1,18})\.json")
_LINES = (".jsonl", ".json")
_GAMES_BESIDE = "game logs beside JSON lines, which tell the same games; name one of them or move them"
_NOT_READ = "files that are neither JSON lines (.jsonl, .json) nor game_N.json"
_BYTES_A_RECORD = 512
"""Of the source, about; it only decides into how many pieces the records are shuffled."""

_RECORDS_AT_ONCE = 1 << 13


@dataclass(frozen=True)
class Migration:
    """What became of old data.

    Attributes:
        path: the new data set's folder.
        records: records by split.
        verified: records whose game was replayed through the rules.
        unverified: the others, by what kept their game from being replayed.
        mended: what was put right, by kind.
        refused: rows and games that were left out, by reason.
        left_out: moves of games from which nothing can be learned, by reason.
        keys_left_out: values of kept rows that no record has room for, by key.
        passed_over: files that were not read, by reason.
        examples: the first few refusals and games that don't replay, each with file, place and reason.
    """

    path: Path
    records: dict[str, int]
    verified: int
    unverified: dict[str, int]
    mended: dict[str, int]
    refused: dict[str, int]
    left_out: dict[str, int]
    keys_left_out: dict[str, int]
    passed_over: dict[str, int]
    examples: tuple[str, ...]


def migrate(
    old: Path,
    new: Path,
    *,
    train_share: float = 0.8,
    seed: int = 0,
    on_error: OnError = "fail",
    overwrite: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> Migration:
    """Make a data set of ours of data of the first version; `docs/formats.md` says what is kept, mended and refused.

    Texts of JSON lines stay as they are; games become records of the style `move` in the encoding `grid`. All records
    of a game lie in one split. Where fewer than three different games are there, all records are for training.

    Args:
        old: a file of JSON lines; a folder with such files; or, where there are none, one with `game_N.json`, in it or
            in the folders below.
        new: the folder to make.
        train_share: share of the games in `train`, between 0 and 1; the rest is halved between validation and test.
        seed: decides the split and the order.
        on_error: `fail` stops at the first row or game that is refused; `skip` writes it to `rejects.jsonl` in `new`.
        overwrite: whether a data set in `new` may be replaced; a folder with other files never is.
        progress: called with the number of records done since the last call.

    Raises:
        UserError: nothing to migrate, nothing that can be kept, `new` holds files or would replace `old`, a bad share
            or seed, or a refusal with `on_error` at `fail`.
    """
    ensure_free(new, overwrite=overwrite, marker=MANIFEST)
    if old.resolve().is_relative_to(new.resolve()):
        raise UserError(f"{new} holds {old}, which would be overwritten. Choose another folder.")
    if not 0 < train_share < 1:
        raise UserError(f"The training share is {train_share}; it must lie between 0 and 1, such as 0.8.")
    if seed < 0:
        raise UserError(f"The seed is {seed}; seeds are 0 or more.")
    lines, games, passed_over = _sources(old)
    work = _Work()
    account = Contents()

    def manifest(writer: DatasetWriter) -> dict[str, Any]:
        origin = {
            "format": "JSON lines" if lines else "game_N.json",
            "files": len(lines or games),
            "verified": work.verified,
            "not_verified": dict(work.unverified),
            "mended": dict(work.mended),
            "refused": dict(faults.counts),
            "moves_left_out": dict(work.left_out),
            "keys_left_out": dict(work.keys_left_out),
        }
        about = account.manifest(writer.records, migrated_from=origin)
        return {**about, "seed": seed, "train_share": train_share}

    with writing_dataset(new, manifest, formats=(), overwrite=overwrite) as writer:
        rejects = writer.folder / REJECTS if on_error == "skip" else None
        with taking_faults(on_error, rejects) as faults, tempfile.TemporaryDirectory(dir=writer.folder) as folder:
            size = sum(file.stat().st_size for file in (*lines, *games))
            spool = Spool(Path(folder), SCHEMA, size // _BYTES_A_RECORD, seed)
            work.read(old, lines, games, spool, faults, progress)
            if not work.keys:
                raise UserError(f"{old} holds no record that can be kept.{_refusals(faults)}")
            splits = work.splits(train_share, seed)
            for split, table in spool.shuffled(np.ones(len(splits), np.bool_), splits):
                account.add(SPLITS[split], table)
                writer.write(SPLITS[split], table)
    refusals = [example for examples in faults.examples.values() for example in examples]
    return Migration(
        new,
        dict(writer.records),
        work.verified,
        dict(work.unverified),
        dict(work.mended),
        dict(faults.counts),
        {reason: count for reason, count in work.left_out.items() if count},
        dict(work.keys_left_out),
        passed_over,
        tuple((refusals + work.examples)[:EXAMPLES]),
    )


def _refusals(faults: Faults) -> str:
    """What was refused, since no rejects file will say it."""
    if not faults.total:
        return ""
    counts = "; ".join(f"{count}: {kind}" for kind, count in faults.counts.most_common(EXAMPLES))
    return f" Refused were {faults.total} rows ({counts}), the first one {next(iter(faults.examples.values()))[0]}."


def _sources(old: Path) -> tuple[list[Path], list[Path], dict[str, int]]:
    """Files of JSON lines, or else game logs; and what lies beside them and is not read."""
    if old.is_file():
        if _GAME_FILE.fullmatch(old.name):
            return [], [old], {}
        if old.suffix not in _LINES:
            raise UserError(f"{old} can't be migrated: JSON lines ({', '.join(_LINES)}) or game_N.json are needed.")
        return [old], [], {}
    if not old.is_dir():
        raise UserError(f"There is no {old}. Name a file of JSON lines, or a folder with such files or game_N.json.")
    if is_ours(old):
        raise UserError(f"{old} is a data set of serpentune already: there is nothing to migrate.")
    files = files_below(old)
    games = sorted(
        (file for file in files if _GAME_FILE.fullmatch(file.name)), key=lambda file: (file.parent, _number(file))
    )
    rest = [file for file in files if not NO_DATA.fullmatch(file.name)]
    lines = [file for file in rest if file.suffix in _LINES]
    if not lines and not games:
        raise UserError(f"{old} holds nothing to migrate: no JSON lines ({', '.join(_LINES)}) and no game_N.json.")
    passed_over = {_GAMES_BESIDE: len(games) if lines else 0, _NOT_READ: len(rest) - len(lines)}
    return lines, [] if lines else games, {reason: count for reason, count in passed_over.items() if count}


def _number(file: Path) -> int:
    match = _GAME_FILE.fullmatch(file.name)
    return int(match[1]) if match else 0


class _Work:
    """A migration under way."""

    def __init__(self) -> None:
        self.verified = 0
        self.unverified: Counter[str] = Counter()
        self.mended: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self.keys_left_out: Counter[str] = Counter()
        self.examples: list[str] = []
        self.keys: dict[str, int] = {}
        self._of_rows: list[int] = []
        self._waiting: list[dict[str, Any]] = []

    def read(
        self,
        old: Path,
        lines: list[Path],
        games: list[Path],
        spool: Spool,
        faults: Faults,
        progress: Callable[[int], None],
    ) -> None:
        """Read every file into the spool."""

        def flush() -> None:
            if self._waiting:
                spool.add(pa.Table.from_pylist(self._waiting, schema=SCHEMA))
                self._waiting.clear()

        def emit(records: list[dict[str, Any]], key: str, problem: str | None) -> None:
            for record in records:
                record["verified"] = problem is None
            if problem is None:
                self.verified += len(records)
            elif records:
                self.unverified[problem] += len(records)
            if records:
                self._of_rows += [self.keys.setdefault(key, len(self.keys))] * len(records)
            self._waiting += records
            if len(self._waiting) >= _RECORDS_AT_ONCE:
                flush()

        names = _names(lines)
        for file in lines:
            migrate_lines(file, names[file], faults, self.mended, self.keys_left_out, emit, progress)
        for file in games:
            before = len(self._of_rows)
            if problem := migrate_game(file, _number(file), faults, self.left_out, emit):
                self.examples.append(f"{file}: {problem}")
            progress(len(self._of_rows) - before)
        flush()

    def splits(self, train_share: float, seed: int) -> Any:
        """The split of each record, int8 `(n,)`, places in `SPLITS`."""
        rows = np.array(self._of_rows, np.int64)
        if len(self.keys) < len(SPLITS):
            return np.full(len(rows), TRAIN, np.int8)
        return assign_splits(list(self.keys), train_share, seed)[rows]


def _names(files: list[Path]) -> dict[Path, str]:
    """What records call their files: the name, with the folder's before it where two share a name."""
    count = Counter(file.stem for file in files)
    return {file: file.stem if count[file.stem] == 1 else f"{file.parent.name}/{file.stem}" for file in files}
