"""Floor 4, datasets: the records of a data set as files for other programs."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from serpentune.common.errors import UserError, unknown_name
from serpentune.common.files import ensure_no_file, replacing_file
from serpentune.common.threads import mapped
from serpentune.datasets._csv import COLUMNS, COLUMNS_READ, HEADER, csv_lines, game_numbers, write_games
from serpentune.datasets._jsonl import chat_lines, jsonl_lines
from serpentune.datasets.records import SCHEMA, SPLITS, iter_records, split_file
from serpentune.datasets.store import ensure_dataset

SUFFIXES = {"jsonl": ".jsonl", "messages": ".jsonl", "csv": ".csv", "parquet": ".parquet"}
"""The formats, and how the names of their files end."""

_RECORDS_AT_ONCE = 1 << 14


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        files: in the order in which they were written.
        records: by split.
    """

    files: tuple[Path, ...]
    records: dict[str, int]


def export(
    path: Path,
    output: Path,
    format: str,  # noqa: A002 - it is what users type
    *,
    splits: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    overwrite: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> Exported:
    """Write the records of a data set in another format, piece by piece, so that memory stays flat.

    Either all files are written or none is. `docs/exports.md` describes the formats.

    Args:
        path: a data set's folder.
        output: a file, into which the splits go one after another; or, where the name has no suffix or a folder is
            there, a folder that gets a file for each split. Other files in it are left alone.
        format: `jsonl`, `messages` (JSONL in the form of chats), `csv` (numbers instead of a prompt; a file beside it
            says which game has which number) or `parquet`.
        splits: those to write, in this order; all without.
        columns: those to write, in this order; all without. Messages hold prompt and completion in any case.
        overwrite: whether files of these names may be replaced.
        progress: called with the number of records done since the last call.

    Raises:
        UserError: an unknown format, split or column, columns asked of a CSV, files that are there already or belong to
            the data set, a data set that is damaged, or a record that can't be written as CSV.
    """
    ensure_dataset(path)
    if format not in SUFFIXES:
        raise unknown_name("format", format, SUFFIXES)
    chosen = _known("split", splits or SPLITS, SPLITS)
    read = _columns_to_read(format, columns)
    in_folder = output.is_dir() or not output.suffix
    targets = {split: output / f"{split}{SUFFIXES[format]}" if in_folder else output for split in chosen}
    sidecar = output / "games.csv" if in_folder else output.with_suffix(".games.csv")
    files = (*dict.fromkeys(targets.values()), *((sidecar,) if format == "csv" else ()))
    _refuse_to_replace(files, path, overwrite)
    numbers = game_numbers(path) if format == "csv" else {}
    records = dict.fromkeys(chosen, 0)

    def pieces(split: str) -> Iterator[Any]:
        for table in iter_records(path, split, read):
            for start in range(0, table.num_rows, _RECORDS_AT_ONCE):
                piece = table.select(read).slice(start, _RECORDS_AT_ONCE)
                records[split] += piece.num_rows
                yield piece
                progress(piece.num_rows)

    lines: dict[str, Callable[[Any], bytes | memoryview]] = {
        "jsonl": jsonl_lines,
        "messages": chat_lines,
        "csv": functools.partial(csv_lines, numbers=numbers),
    }
    with contextlib.ExitStack() as stack:
        parts = {file: stack.enter_context(replacing_file(file)) for file in files}
        if format == "csv":
            write_games(parts[sidecar], numbers)
        for file in dict.fromkeys(targets.values()):
            tables = itertools.chain.from_iterable(pieces(split) for split in chosen if targets[split] == file)
            if format == "parquet":
                _write_parquet(parts[file], tables, pa.schema([SCHEMA.field(name) for name in read]))
            else:
                _write_lines(parts[file], HEADER if format == "csv" else b"", mapped(lines[format], tables))
    return Exported(files, records)


def _write_parquet(path: Path, tables: Iterable[Any], schema: Any) -> None:
    with pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True) as writer:
        for table in tables:
            writer.write_table(table.cast(schema))


def _write_lines(path: Path, header: bytes, texts: Iterable[bytes | memoryview]) -> None:
    with path.open("wb") as stream:
        stream.write(header)
        for text in texts:
            stream.write(text)


def _columns_to_read(format: str, columns: Sequence[str] | None) -> list[str]:  # noqa: A002
    if format == "csv":
        if columns:
            raise UserError(f"A CSV always has its {len(COLUMNS)} columns: leave out --columns, or choose jsonl.")
        return list(COLUMNS_READ)
    chosen = _known("column", columns or SCHEMA.names, SCHEMA.names)
    return list(dict.fromkeys(["prompt", "completion", *chosen])) if format == "messages" else chosen


def _known(kind: str, names: Sequence[str], known: Sequence[str]) -> list[str]:
    """The names, each once; all must be known."""
    for name in names:
        if name not in known:
            raise unknown_name(kind, name, known)
    return list(dict.fromkeys(names))


def _refuse_to_replace(files: Sequence[Path], path: Path, overwrite: bool) -> None:
    own = {split_file(path, split).resolve() for split in SPLITS}
    for file in files:
        if file.resolve() in own:
            raise UserError(f"{file} belongs to the data set itself. Choose another output.")
    ensure_no_file(*files, overwrite=overwrite)
