"""Floor 3, logs: a run of games as one Parquet file, a row a game, written and read in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from serpentune.game import Ending, GameRecord
from serpentune.logs._refusal import Refusal

FORMAT_VERSION = 1
_FORMAT_KEY = b"serpentune.format"

SCHEMA = pa.schema(
    [
        pa.field("number", pa.int64(), nullable=False),
        pa.field("seed", pa.int64()),
        pa.field("width", pa.int16(), nullable=False),
        pa.field("height", pa.int16(), nullable=False),
        pa.field("player", pa.string(), nullable=False),
        pa.field("moves", pa.binary(), nullable=False),
        pa.field("apples", pa.list_(pa.field("element", pa.int16(), nullable=False)), nullable=False),
        pa.field("ending", pa.string(), nullable=False),
        pa.field("score", pa.int32(), nullable=False),
        pa.field("steps", pa.int64(), nullable=False),
    ],
    metadata={_FORMAT_KEY: str(FORMAT_VERSION).encode()},
)

_GROUP_GAMES = 4096
_GROUP_BYTES = 1 << 23
"""A row group ends at whichever comes first: a game is between a hundred bytes and some millions."""

_BATCH_GAMES = 256
_DAMAGE = (OSError, ValueError, OverflowError, MemoryError, pa.ArrowException)
"""What the Parquet library raises on damaged files: names that are no text, lengths beyond any memory, and the like."""

_ENDINGS = {ending.name: ending for ending in Ending if ending != Ending.RUNNING}


def write_parquet_games(path: Path, records: Iterable[GameRecord]) -> None:
    """Write games to one Parquet file as they come; memory holds one row group. The same games make the same bytes."""
    # A checksum a page, so that a damaged file is refused as such and not read as other games.
    with pq.ParquetWriter(path, SCHEMA, compression="zstd", write_page_checksum=True) as writer:
        for group in _groups(records):
            writer.write_table(_table(group), row_group_size=_GROUP_GAMES)


def read_parquet_games(path: Path) -> Iterator[GameRecord | Refusal]:
    """The games of a Parquet run in their order, not yet replayed, one row group in memory at a time.

    A file that is unreadable, cut short, or of another schema is one `Refusal`. A damaged row group is one too; the
    other groups are read all the same.
    """
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True)
        problem = _schema_problem(file.schema_arrow)
    except _DAMAGE as error:
        yield Refusal(path, None, f"not a readable Parquet file, or cut short ({_first_line(error)})")
        return
    with file:
        if problem:
            yield Refusal(path, None, problem)
            return
        for group in range(file.num_row_groups):
            yield from _read_group(path, file, group)


def _read_group(path: Path, file: Any, group: int) -> Iterator[GameRecord | Refusal]:
    batches = file.iter_batches(batch_size=_BATCH_GAMES, row_groups=[group])  # reads nothing before the first next
    while True:
        try:
            batch = next(batches, None)
            if batch is not None:
                batch.validate(full=True)
        except _DAMAGE as error:
            where = f"row group {group + 1} of {file.num_row_groups}"
            yield Refusal(
                path, None, f"{where} is damaged, its games from there on are left out ({_first_line(error)})"
            )
            return
        if batch is None:
            return
        yield from _games(path, batch)


def _groups(records: Iterable[GameRecord]) -> Iterator[list[GameRecord]]:
    group: list[GameRecord] = []
    size = 0
    for record in records:
        group.append(record)
        size += len(record.moves) + 2 * len(record.apples)
        if len(group) == _GROUP_GAMES or size >= _GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _table(records: list[GameRecord]) -> Any:
    lengths = [len(record.apples) for record in records]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    cells = np.fromiter((cell for record in records for cell in record.apples), np.int16, int(offsets[-1]))
    columns = {
        "number": [record.number for record in records],
        "seed": [record.seed for record in records],
        "width": [record.width for record in records],
        "height": [record.height for record in records],
        "player": [record.player for record in records],
        "moves": [record.moves for record in records],
        "ending": [record.ending.name for record in records],
        "score": [record.score for record in records],
        "steps": [record.steps for record in records],
    }
    arrays = [
        pa.ListArray.from_arrays(pa.array(offsets), pa.array(cells), type=field.type)
        if field.name == "apples"
        else pa.array(columns[field.name], field.type)
        for field in SCHEMA
    ]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _games(path: Path, batch: Any) -> Iterator[GameRecord | Refusal]:
    columns = {name: batch.column(name).to_pylist() for name in batch.schema.names if name != "apples"}
    offsets = batch.column("apples").offsets.to_pylist()
    cells = batch.column("apples").values.to_numpy()
    for row in range(batch.num_rows):
        number, ending = columns["number"][row], columns["ending"][row]
        if ending not in _ENDINGS:
            yield Refusal(path, number, f"its ending {ending[:40]!r} is none of: {', '.join(_ENDINGS)}")
        else:
            yield GameRecord(
                player=columns["player"][row],
                width=columns["width"][row],
                height=columns["height"][row],
                moves=columns["moves"][row],
                apples=tuple(cells[offsets[row] : offsets[row + 1]].tolist()),
                ending=_ENDINGS[ending],
                score=columns["score"][row],
                steps=columns["steps"][row],
                seed=columns["seed"][row],
                number=number,
            )


def _schema_problem(schema: Any) -> str | None:
    version = (schema.metadata or {}).get(_FORMAT_KEY)
    if version is None:
        return "a Parquet file, but no run of games (its metadata name no format version)"
    if version != SCHEMA.metadata[_FORMAT_KEY]:
        return f"its format version is {version.decode(errors='replace')[:20]}, this program reads {FORMAT_VERSION}"
    for field in SCHEMA:
        if field.name not in schema.names:
            return f"its column {field.name} is missing"
    if schema.names != SCHEMA.names:
        return f"its columns are not those of a run: {', '.join(SCHEMA.names)}"
    for field in SCHEMA:
        if schema.field(field.name) != field:
            return f"its column {field.name} is of another type than {field.type}"
    return None


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
