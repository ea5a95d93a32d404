"""Floor 4, datasets: rows of Parquet files of any origin."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from serpentune.datasets._faults import UNREADABLE, Fault, Faults, one_line
from serpentune.datasets._rows import Rows
from serpentune.datasets.records import SCHEMA, TEXTS, check_schema, fitted

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
            try:
                check_schema(file.schema_arrow, TEXTS)
            except Fault as fault:
                # A file without rows is none of records either, and must not pass.
                faults.add(path, {}, *fault.args, rows=max(1, file.metadata.num_rows))
                return
            names = [name for name in file.schema_arrow.names if name in SCHEMA.names]
            for name in file.schema_arrow.names:
                if name not in SCHEMA.names:
                    unknown[name] += file.metadata.num_rows
            for group in range(file.num_row_groups):
                yield from _group(path, split, file, group, names, faults)
    # The errors of Arrow, of the disk, and of footers that a library below takes for text, are all of the file.
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        of_the_disk = isinstance(error, OSError) and error.errno
        faults.add(path, {}, UNREADABLE if of_the_disk else "the file is no Parquet, or torn", one_line(error))


def _group(path: Path, split: str | None, file: Any, group: int, names: list[str], faults: Faults) -> Iterator[Rows]:
    first = 1
    expected = file.metadata.row_group(group).num_rows
    try:
        for batch in file.iter_batches(_ROWS, row_groups=[group], columns=names):
            piece = pa.Table.from_batches([batch])
            rows = _usable(path, split, piece, group + 1, first, faults)
            first += piece.num_rows
            if len(rows):
                yield rows
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        lost = max(1, expected - (first - 1))
        faults.add(path, {"row_group": group + 1}, "the row group is damaged", one_line(error), rows=lost)
        return
    if first - 1 != expected:
        lost = abs(expected - (first - 1))
        faults.add(path, {"row_group": group + 1}, "the row group has other rows than the file says", rows=lost)


def _usable(path: Path, split: str | None, table: Any, group: int, first: int, faults: Faults) -> Rows:
    """The rows of a piece that can be used, in the types of a record; the others are faults."""
    result, wrong = fitted(table)
    places = np.arange(first, first + table.num_rows)
    for row, kind in sorted(wrong.items()):
        text = json.dumps(table.slice(row, 1).to_pylist()[0], ensure_ascii=False)
        faults.add(path, {"row_group": group, "row": first + row}, kind, text=text)
    if wrong:
        kept = np.setdiff1d(np.arange(table.num_rows), list(wrong))
        result, places = result.take(kept), places[kept]
    return Rows(path, split, result, places, group)
