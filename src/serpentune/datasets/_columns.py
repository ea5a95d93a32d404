"""Floor 4, datasets: columns of few different texts as numbers, and how often each of them stands in a split."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from serpentune.datasets.records import NAMES, SPLITS, iter_records

NOT_NAMED = "not named"
"""What stands for null."""

Codes = NDArray[np.int64]
Counts = dict[str, dict[str, int]]
"""Records by value and split, the values in alphabetical order."""


class Vocabulary:
    """The different texts of a column, numbered as they are met."""

    def __init__(self) -> None:
        self.places: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.places)

    @property
    def names(self) -> list[str]:
        """The texts by their numbers."""
        return list(self.places)

    def codes(self, column: Any) -> Codes:
        """An Arrow column of `n` texts as numbers, int64 `(n,)`."""
        words, which = coded(column)
        own = [self.places.setdefault(NOT_NAMED if word is None else word, len(self.places)) for word in words]
        codes: Codes = np.array(own, np.int64)[which]
        return codes


def coded(column: Any) -> tuple[list[str | None], Codes]:
    """The different texts of an Arrow column of `n`, null among them, and which of them stands where, int64 `(n,)`."""
    whole = pa.chunked_array([column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column])
    encoded = pc.dictionary_encode(whole, null_encoding="encode").combine_chunks()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)


def iter_names(folder: Path, split: str, vocabularies: dict[str, Vocabulary]) -> Iterator[dict[str, Codes]]:
    """The columns of `NAMES` of one split as numbers, a row group each.

    Raises:
        UserError: the file is missing or damaged, or lacks a column.
    """
    for table in iter_records(folder, split, NAMES):
        yield {name: vocabularies[name].codes(table.column(name)) for name in NAMES}


def count_names(folder: Path) -> dict[str, Counts]:
    """Records of a data set by value and split, for each column of `NAMES`.

    Raises:
        UserError: a file is missing or damaged, or lacks a column.
    """
    vocabularies = {name: Vocabulary() for name in NAMES}
    found = {name: dict.fromkeys(SPLITS, np.zeros(0, np.int64)) for name in NAMES}
    for split in SPLITS:
        for codes in iter_names(folder, split, vocabularies):
            for name in NAMES:
                found[name][split] = added(found[name][split], np.bincount(codes[name]))
    return {
        name: {
            word: {split: _at(found[name][split], place) for split in SPLITS}
            for word, place in sorted(vocabularies[name].places.items())
        }
        for name in NAMES
    }


def added(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sum of two lists of counts, the shorter one continued with zeros."""
    long, short = (first, second) if len(first) >= len(second) else (second, first)
    result = long.astype(np.int64)
    result[: len(short)] += short
    return result


def _at(counts: NDArray[np.int64], place: int) -> int:
    return int(counts[place]) if place < len(counts) else 0
