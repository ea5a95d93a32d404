"""Floor 4, datasets: what a record holds, and how the records of a folder are read, a piece at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from serpentune.common.errors import UserError
from serpentune.datasets._faults import Fault, in_words, listed, one_line, where_in

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

TEXTS = ("prompt", "completion")
"""The columns that no record lacks, neither null nor without a word."""

RANGES = {"seed": (0, 2**63 - 1), "step": (0, 2**31 - 1), "snake_length": (1, 2500), "symmetry": (0, 7)}
"""Least and greatest value of the columns that are numbers."""

DATA = "data"
MANIFEST = "manifest.json"
RUNS = "runs"
"""Where in a data set's folder the games lie that were played for it."""
REJECTS = "rejects.jsonl"
"""How the name of a file with rows that were left out ends."""
NAMES = ("teacher", "style", "board", "encoding")
"""Columns that hold few different texts."""
UNKNOWN = "unknown"
"""What the manifest of a data set from elsewhere calls null in one of these columns."""


def split_file(folder: Path, split: str) -> Path:
    """Where a split of the data set `folder` lies."""
    return folder / DATA / f"{split}.parquet"


def check_schema(schema: Any, needed: Sequence[str]) -> None:
    """Refuse an Arrow schema whose columns aren't those of records.

    Text may be `large_string` or a dictionary, whole numbers may be of any size, and a column may hold nothing but
    nulls; `fitted` makes them what `SCHEMA` says.

    Args:
        schema: of what was read.
        needed: columns of `SCHEMA` that must be there; others of them are checked where they are.

    Raises:
        Fault: a column is missing, stands there twice, or is of another type.
    """
    if len(set(schema.names)) < len(schema.names):
        twice = next(name for name in schema.names if schema.names.count(name) > 1)
        raise Fault("a column stands there twice", listed([twice]))
    for name in needed:
        if name not in schema.names:
            raise Fault(f"the column {name} is missing", f"it has {listed(schema.names)}")
    for field in schema:
        if field.name not in SCHEMA.names:
            continue
        wanted = SCHEMA.field(field.name).type
        found = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        same = (
            (pa.types.is_string(wanted) and (pa.types.is_string(found) or pa.types.is_large_string(found)))
            or (pa.types.is_integer(wanted) and pa.types.is_integer(found))
            or wanted == found
            or pa.types.is_null(found)
        )
        if not same:
            raise Fault(f"the column {field.name} is of another type", f"{field.type}, not {wanted}")


def fitted(table: Any) -> tuple[Any, dict[int, str]]:
    """The rows of a table in the types of records, and which of them are none.

    Args:
        table: an Arrow table of columns of `SCHEMA` that `check_schema` let pass.

    Returns:
        The table, in which a number out of its range is null; and by the places of the rows that are no records, what
        is wrong with each.

    Raises:
        pa.ArrowException: a buffer is damaged, or a text is not UTF-8.
    """
    table.validate(full=True)
    wrong: dict[int, str] = {}

    def mark(mask: Any, kind: str) -> None:
        for row in np.flatnonzero(pc.fill_null(mask, False).to_numpy()).tolist():
            wrong.setdefault(row, kind)

    columns = {}
    for name in table.column_names:
        column = table.column(name)
        wanted = SCHEMA.field(name).type
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if name in TEXTS:
            column = column.cast(wanted)
            mark(pc.is_null(column), f"its {name} is null")
            mark(_blank(column), f"its {name} is empty")
        elif name in RANGES and not pa.types.is_null(column.type):
            least, greatest = RANGES[name]
            outside = pc.or_(pc.less(column, least), pc.greater(column, greatest))
            mark(outside, f"its {name} is out of range")
            column = pc.if_else(outside, None, column)
        columns[name] = column.cast(wanted)
    return pa.table(columns), wrong


def _blank(texts: Any) -> Any:
    """Which texts hold nothing but space."""
    return pc.equal(pc.binary_length(pc.utf8_ltrim_whitespace(texts)), 0)


def iter_records(
    folder: Path, split: str, columns: Sequence[str] | None = None, *, places: NDArray[np.int64] | None = None
) -> Iterator[Any]:
    """The records of one split of a data set of ours as Arrow tables, a row group each, in their order.

    Args:
        folder: a data set's folder.
        split: one of `SPLITS`.
        columns: those to read; all without.
        places: only the records at these places of the split, ascending, from 0; other row groups are not read.

    Raises:
        UserError: the file is missing or damaged, lacks a column or has one of another type, or a row is no record.
            The message names the file, and the row group and row where there is one.
    """
    path = split_file(folder, split)
    wanted = list(columns or SCHEMA.names)
    place: dict[str, int] = {}
    first = 0
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            check_schema(file.schema_arrow, wanted)
            for group in range(file.num_row_groups):
                count = file.metadata.row_group(group).num_rows
                own = None if places is None else places[(places >= first) & (places < first + count)] - first
                first += count
                if not count or (own is not None and not len(own)):
                    continue
                place = {"row_group": group + 1}
                table, wrong = fitted(file.read_row_group(group, columns=wanted).select(wanted))
                for row, kind in sorted(wrong.items()):
                    place["row"] = row + 1
                    raise Fault(kind)
                yield table if own is None else table.take(own)
                place = {}
    except Fault as fault:
        reason = in_words(*fault.args)
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        reason = f"it can't be read ({one_line(error)})"
    else:
        return
    raise UserError(
        f"{where_in(path, place)}: {reason}. Build the data set again; `serpentune dataset validate {folder}` says "
        "what else is wrong."
    )
