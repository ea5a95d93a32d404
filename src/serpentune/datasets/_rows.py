"""Floor 4, datasets: rows as they were read, of a data set of any origin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serpentune.datasets._faults import where_in

PIECE_ROWS = 1 << 13
PIECE_BYTES = 32 << 20

EXTRA = "extra"
"""The column with what a row of JSON lines holds beyond the columns of a record: a JSON object, or null."""

FURTHER_NAMES = "further names"
_NAMES = 1000
_NAME = 100


def count_strange(counts: Counter[str], names: Iterable[str]) -> None:
    """Count columns or keys that no record has: a thousand names, each cut short, and all others as one.

    A file may have other keys in every line, and a name may be as long as a line.
    """
    for name in names:
        short = name if len(name) <= _NAME else f"{name[:_NAME]}..."
        counts[short if short in counts or len(counts) < _NAMES else FURTHER_NAMES] += 1


@dataclass(frozen=True)
class Rows:
    """Neighbouring rows of one file.

    Attributes:
        file: where they stand.
        split: one of `SPLITS` where the file's name or folder says it, else None.
        table: an Arrow table: `prompt`, `completion` and those of the other columns of `SCHEMA` that the rows have, or
            the columns of the CSV (`features.COLUMNS`).
        places: int64 `(n,)`, the line of each row, or its number within its row group, from 1.
        group: the row group of a Parquet file, from 1; None in a file of lines.
    """

    file: Path
    split: str | None
    table: Any
    places: NDArray[np.int64]
    group: int | None = None

    def __len__(self) -> int:
        return len(self.places)

    def place(self, row: int) -> Mapping[str, int]:
        """Where in its file a row stands."""
        place = int(self.places[row])
        return {"line": place} if self.group is None else {"row_group": self.group, "row": place}

    def where(self, row: int) -> str:
        """File and place of a row in words."""
        return where_in(self.file, self.place(row))
