"""Floor 3, logs: a run of games as one Parquet file, a row a game, written and read in pieces."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from serpentune.game import Ending, GameBatch
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

_BYTES_AT_ONCE = 1 << 22
_GAMES_AT_ONCE = 4096
"""What a batch of games is read up to: a game is between a hundred bytes and some millions."""

_DAMAGE = (OSError, ValueError, OverflowError, MemoryError, pa.ArrowException)
"""What the Parquet library raises on damaged files: names that are no text, lengths beyond any memory, and the like."""

_NAMES = pa.array([ending.name for ending in Ending])
_ENDINGS = {ending.name: int(ending) for ending in Ending if ending != Ending.RUNNING}
_UNKNOWN = -1


def write_parquet_games(target: Path | BinaryIO, batches: Iterable[GameBatch]) -> None:
    """Write games to one Parquet file as they come, a row group a batch; memory holds one of them.

    The same batches make the same bytes.
    """
    # A checksum a page, so that a damaged file is refused as such and not read as other games. Moves and apples repeat
    # nowhere as a whole: to look for repeated ones would take longer than to play the game.
    with pq.ParquetWriter(
        target, SCHEMA, compression="zstd", write_page_checksum=True, use_dictionary=["player", "ending"]
    ) as writer:
        for batch in batches:
            writer.write_table(_table(batch), row_group_size=len(batch))


def read_parquet_games(source: Path) -> Iterator[GameBatch | Refusal]:
    """The games of a Parquet run in their order, not yet replayed, a few megabytes in memory at a time.

    Neighbours of one player on one board come as one batch. A file that is unreadable, cut short, or of another schema
    is one `Refusal`. A damaged row group is one too; the other groups are read all the same.
    """
    try:
        file = pq.ParquetFile(source, page_checksum_verification=True)
        problem = _schema_problem(file.schema_arrow)
    except _DAMAGE as error:
        yield Refusal(source, None, f"not a readable Parquet file, or cut short ({_first_line(error)})", None)
        return
    with file:
        if problem:
            yield Refusal(source, None, problem, None)
            return
        read, damaged = 0, False
        for group in range(file.num_row_groups):
            for item in _read_group(source, file, group):
                if isinstance(item, Refusal) and item.game is None:
                    damaged = True
                read += 1 if isinstance(item, Refusal) else len(item)
                yield item
        if not damaged and (lost := _promised(file.metadata) - read):
            reason = f"its metadata are damaged: {abs(lost)} games more or less than were read"
            yield Refusal(source, None, reason, abs(lost))


def _read_group(path: Path, file: Any, group: int) -> Iterator[GameBatch | Refusal]:
    tables: Any = None
    left: int | None = None
    while True:
        try:
            if tables is None:
                left = file.metadata.row_group(group).num_rows
                rows = _rows_at_once(file.metadata.row_group(group))
                tables = file.iter_batches(batch_size=rows, row_groups=[group])  # reads nothing before the first next
            table = next(tables, None)
            if table is not None:
                table.validate(full=True)
        except _DAMAGE as error:
            where = f"row group {group + 1} of {file.num_row_groups}"
            lost = "its games" if left is None else f"{left} games"
            reason = f"{where} is damaged, {lost} from there on are left out ({_first_line(error)})"
            yield Refusal(path, None, reason, left)
            return
        if table is None:
            return
        if table.num_rows:
            left = max(0, (left or 0) - table.num_rows)
            yield from _batches(path, table)


def _promised(metadata: Any) -> int:
    """How many games a file says it has, in the place that says most: no checksum guards its metadata."""
    groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
    values = sum(max(group.num_rows, group.column(0).num_values) for group in groups)
    return int(max(metadata.num_rows, values))


def _rows_at_once(group: Any) -> int:
    a_row = group.total_byte_size // max(1, group.num_rows)
    return int(min(_GAMES_AT_ONCE, max(1, _BYTES_AT_ONCE // max(1, a_row))))


def _table(batch: GameBatch) -> Any:
    games = len(batch)
    arrays = {
        "number": pa.array(batch.numbers),
        "seed": pa.array(batch.seeds, mask=~batch.seeded),
        "width": pa.repeat(pa.scalar(batch.width, pa.int16()), games),
        "height": pa.repeat(pa.scalar(batch.height, pa.int16()), games),
        "player": pa.repeat(batch.player, games),
        "moves": pa.Array.from_buffers(
            pa.binary(), games, [None, *map(pa.py_buffer, _from_zero(batch.moves, batch.move_offsets))]
        ),
        "apples": _lists(*_from_zero(batch.apples, batch.apple_offsets)),
        "ending": _NAMES.take(pa.array(batch.endings)),
        "score": pa.array(batch.scores.astype(np.int32)),
        "steps": pa.array(batch.steps),
    }
    return pa.Table.from_arrays([arrays[name] for name in SCHEMA.names], schema=SCHEMA)


def _lists(offsets: NDArray[np.int32], values: NDArray[np.int16]) -> Any:
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values), type=SCHEMA.field("apples").type)


def _from_zero(values: NDArray[Any], offsets: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Offsets that begin at 0, and the piece of the values that they mean."""
    return (offsets - offsets[0]).astype(np.int32), values[offsets[0] : offsets[-1]]


def _batches(path: Path, table: Any) -> Iterator[GameBatch | Refusal]:
    """The rows of a table, neighbours of one player and board together; a row of no known ending is refused."""
    players, endings = (table.column(name).dictionary_encode() for name in ("player", "ending"))
    names = endings.dictionary.to_pylist()
    codes = np.array([_ENDINGS.get(name, _UNKNOWN) for name in names], np.int64)[endings.indices.to_numpy()]
    kinds = np.stack(
        [players.indices.to_numpy(), *(table.column(name).to_numpy() for name in ("width", "height"))]
    ).astype(np.int64)
    unknown = codes == _UNKNOWN
    apart = (np.diff(kinds) != 0).any(axis=0) | unknown[1:] | unknown[:-1]
    bounds = [0, *(np.flatnonzero(apart) + 1).tolist(), table.num_rows]
    columns = _columns(table)
    for first, stop in itertools.pairwise(bounds):
        if unknown[first]:
            ending = names[endings.indices[first].as_py()]
            reason = f"its ending {ending[:40]!r} is none of: {', '.join(_ENDINGS)}"
            yield Refusal(path, int(columns["numbers"][first]), reason)
            continue
        player, width, height = kinds[:, first].tolist()
        piece = {
            name: column[first : stop + 1 if name.endswith("offsets") else stop] if name not in _FLAT else column
            for name, column in columns.items()
        }
        yield GameBatch(players.dictionary[player].as_py(), width, height, endings=codes[first:stop], **piece)


_FLAT = ("moves", "apples")


def _columns(table: Any) -> dict[str, NDArray[Any]]:
    seeds, moves, apples = (table.column(name) for name in ("seed", "moves", "apples"))
    return {
        "numbers": table.column("number").to_numpy(),
        "seeds": seeds.fill_null(0).to_numpy(),
        "seeded": np.ascontiguousarray(seeds.is_valid().to_numpy(zero_copy_only=False)),
        "moves": np.frombuffer(moves.buffers()[2] or b"", np.uint8),
        "move_offsets": _offsets(moves),
        "apples": apples.values.to_numpy(),
        "apple_offsets": apples.offsets.to_numpy().astype(np.int64),
        "scores": table.column("score").to_numpy().astype(np.int64),
        "steps": table.column("steps").to_numpy(),
    }


def _offsets(binaries: Any) -> NDArray[np.int64]:
    """Where the bytes of an array of binaries begin in its buffer, and where those of the last one end."""
    offsets = np.frombuffer(binaries.buffers()[1], np.int32)
    return offsets[binaries.offset : binaries.offset + len(binaries) + 1].astype(np.int64)


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
