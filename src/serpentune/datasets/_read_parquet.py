"""Floor 4, datasets: rows of Parquet files of any origin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from serpentune.datasets._faults import Faults
from serpentune.datasets._rows import RANGES, TEXTS, Rows
from serpentune.datasets.records import SCHEMA

_ROWS = 1 << 16


def parquet_rows(path: Path, split: str | None, faults: Faults, unknown: Counter[str]) -> Iterator[Rows]:
    """The rows of a Parquet file, some ten thousand at a time.

    Args:
        path: the file.
        split: whose rows these are, for the pieces.
        faults: what can't be used goes there.
        unknown: counts the rows of each column that no record has; they are not read.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True, memory_map=False) as file:
            schema = file.schema_arrow
            if problem := _schema_problem(schema):
                faults.add(path, {}, *problem, rows=file.metadata.num_rows)
                return
            names = [name for name in schema.names if name in SCHEMA.names]
            for name in schema.names:
                if name not in SCHEMA.names:
                    unknown[name] += file.metadata.num_rows
            for group in range(file.num_row_groups):
                yield from _group(path, split, file, group, names, faults)
    # The errors of Arrow, of the disk, and of footers that a library below takes for text, are all of the file.
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        faults.add(path, {}, "the file is no Parquet, or torn", _one_line(error))


def _group(path: Path, split: str | None, file: Any, group: int, names: list[str], faults: Faults) -> Iterator[Rows]:
    first = 1
    expected = file.metadata.row_group(group).num_rows
    try:
        for batch in file.iter_batches(_ROWS, row_groups=[group], columns=names):
            piece = pa.Table.from_batches([batch])
            piece.validate(full=True)
            rows = _usable(path, split, piece, group + 1, first, faults)
            first += piece.num_rows
            if len(rows):
                yield rows
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        lost = expected - (first - 1)
        faults.add(path, {"row_group": group + 1}, "the row group is damaged", _one_line(error), rows=lost)
        return
    if first - 1 != expected:
        lost = abs(expected - (first - 1))
        faults.add(path, {"row_group": group + 1}, "the row group has other rows than the file says", rows=lost)


def _schema_problem(schema: Any) -> tuple[str, str] | None:
    if len(set(schema.names)) < len(schema.names):
        return "a column stands twice in the file", ""
    for name in TEXTS:
        if name not in schema.names:
            return f"the column {name} is missing", f"it has {', '.join(schema.names[:20])}"
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
            return f"the column {field.name} is of another type", f"{field.type}, not {wanted}"
    return None


def _usable(path: Path, split: str | None, table: Any, group: int, first: int, faults: Faults) -> Rows:
    """The rows of a piece that can be used, in the types of a record; the others are faults."""
    places = np.arange(first, first + table.num_rows)
    wrong: dict[int, str] = {}
    columns = {}
    for name in table.column_names:
        column = table.column(name)
        wanted = SCHEMA.field(name).type
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if name in TEXTS:
            empty = pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(column)), 0)
            _mark(wrong, pc.is_null(column), f"its {name} is null")
            _mark(wrong, empty, f"its {name} is empty")
        elif name in RANGES:
            least, greatest = RANGES[name]
            outside = pc.or_(pc.less(column, least), pc.greater(column, greatest))
            _mark(wrong, outside, f"its {name} is out of range")
            column = pc.if_else(outside, None, column)
        columns[name] = column.cast(wanted)
    for row, kind in sorted(wrong.items()):
        text = str(table.slice(row, 1).to_pylist()[0])
        faults.add(path, {"row_group": group, "row": first + row}, kind, text=text)
    result = pa.table(columns)
    if wrong:
        kept = np.setdiff1d(np.arange(table.num_rows), list(wrong))
        result, places = result.take(kept), places[kept]
    return Rows(path, split, result, places, group)


def _mark(wrong: dict[int, str], mask: Any, kind: str) -> None:
    for row in np.flatnonzero(pc.fill_null(mask, False).to_numpy()).tolist():
        wrong.setdefault(row, kind)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
