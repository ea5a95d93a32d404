"""Floor 4, datasets: what a record holds, and how the records of a folder are read, a piece at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from serpentune.common.errors import UserError

SPLITS = ("train", "validation", "test")

SCHEMA = pa.schema(
    [
        ("prompt", pa.string()),
        ("completion", pa.string()),
        ("teacher", pa.string()),
        ("style", pa.string()),
        ("game", pa.string()),
        ("seed", pa.int64()),
        ("step", pa.int32()),
        ("snake_length", pa.int32()),
        ("board", pa.string()),
        ("encoding", pa.string()),
        ("symmetry", pa.int8()),
        ("verified", pa.bool_()),
    ]
)
"""The columns of a record.

`prompt` and `completion` are the texts. `teacher` is the player who gave the answer, in capitals. `style` and
`encoding` are names of `STYLES` and of encodings, or null where a text of another program follows none of them. `game`
is the run folder and the number of the source game, `seed` that of its apples (null where it has none), `step` the
moves played before, `snake_length` the cells of the snake before the move, `board` is `"10x10"`. `symmetry` is the
place in `symmetries.SYMMETRIES` of what was done to state and answer, 0 for nothing. `verified` says that the state
comes from moves that were replayed through the rules.
"""

DATA = "data"
MANIFEST = "manifest.json"
NAMES = ("teacher", "style", "board", "encoding")
"""Columns that hold few different texts."""


def split_file(folder: Path, split: str) -> Path:
    """Where a split of the data set `folder` lies."""
    return folder / DATA / f"{split}.parquet"


def iter_records(folder: Path, split: str, columns: Sequence[str] | None = None) -> Iterator[Any]:
    """The records of one split as Arrow tables, a row group each, in their order.

    Args:
        folder: a data set's folder.
        split: one of `SPLITS`.
        columns: those to read; all without.

    Raises:
        UserError: the file is missing or damaged, or lacks a column.
    """
    path = split_file(folder, split)
    try:
        with pq.ParquetFile(path) as file:
            if missing := sorted(set(columns or SCHEMA.names).difference(file.schema_arrow.names)):
                raise UserError(f"{path} has no column {missing[0]!r}. Build the data set again.")
            for group in range(file.num_row_groups):
                yield file.read_row_group(group, columns=list(columns) if columns is not None else None)
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path} can't be read ({error}). Build the data set again.") from error
