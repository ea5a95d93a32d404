"""Floor 4, datasets: records in random order without holding them all.

Each record goes to one of several files at random; later a file at a time is held and shuffled.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from serpentune.common.threads import mapped

RECORDS_AT_ONCE = 1 << 17
"""Records of one file, about: with boards of 10x10 some fifty megabytes."""

_ROW = "row"
_HELD_AT_ONCE = 1 << 15


class Spool:
    """A place for records that gives them back in a random order that the seed decides."""

    def __init__(self, folder: Path, schema: Any, expected: int, seed: int) -> None:
        """Begin with none.

        Args:
            folder: exists; the files lie there.
            schema: of the records' Arrow tables.
            expected: how many records will come, about.
            seed: decides the order.
        """
        files = max(1, -(-expected // RECORDS_AT_ONCE))
        self._paths = [folder / f"{number}.arrow" for number in range(files)]
        options = pa.ipc.IpcWriteOptions(compression="lz4" if files > 1 else None)
        spooled = schema.append(pa.field(_ROW, pa.int32()))
        self._writers = [pa.ipc.new_stream(str(path), spooled, options=options) for path in self._paths]
        self._seed = seed
        self._rng = np.random.default_rng([seed, 3])
        self._waiting: list[Any] = []
        self._held = 0
        self._rows = 0

    def add(self, table: Any) -> None:
        """Take the records of an Arrow table; they are numbered from 0 in the order in which they come."""
        rows = pa.array(np.arange(self._rows, self._rows + table.num_rows, dtype=np.int32))
        self._rows += table.num_rows
        self._waiting.append(table.append_column(_ROW, rows))
        self._held += table.num_rows
        if self._held >= _HELD_AT_ONCE:
            self._flush()

    def shuffled(
        self, kept: NDArray[np.bool_], kinds: NDArray[np.int8], finish: Callable[[Any], Any] = lambda table: table
    ) -> Iterator[tuple[int, Any]]:
        """The records that are kept in random order, as tables of one kind each, and their kind.

        Every file is removed when it has been read.

        Args:
            kept: bool `(n,)`, by the records' numbers.
            kinds: int8 `(n,)`, from 0, by the records' numbers.
            finish: makes of some records what is wanted, row for row; it is called on several threads.
        """
        self._flush()
        for writer in self._writers:
            writer.close()
        for table, bounds in mapped(lambda number: self._read(number, kept, kinds, finish), range(len(self._paths))):
            for kind, (start, stop) in enumerate(itertools.pairwise(bounds)):
                yield kind, table.slice(start, stop - start)

    def _read(
        self, number: int, kept: NDArray[np.bool_], kinds: NDArray[np.int8], finish: Callable[[Any], Any]
    ) -> tuple[Any, list[int]]:
        """The records of one file, kind by kind and in random order within each, and where the kinds begin and end."""
        with pa.memory_map(str(self._paths[number])) as source, pa.ipc.open_stream(source) as stream:
            table = stream.read_all().combine_chunks()
        self._paths[number].unlink()
        rows = table.column(_ROW).to_numpy()
        places = np.random.default_rng([self._seed, 5, number]).permutation(np.flatnonzero(kept[rows]))
        own = kinds[rows[places]]
        order = np.argsort(own, kind="stable")
        bounds = np.searchsorted(own[order], np.arange(int(kinds.max()) + 2)).tolist()
        return finish(table.drop_columns(_ROW).take(pa.array(places[order]))), bounds

    def _flush(self) -> None:
        if not self._waiting:
            return
        table = pa.concat_tables(self._waiting).combine_chunks()
        self._waiting, self._held = [], 0
        if len(self._writers) == 1:
            self._writers[0].write_table(table)
            return
        file = self._rng.integers(len(self._writers), size=table.num_rows)
        order = np.argsort(file, kind="stable")
        sorted_table = table.take(pa.array(order))
        bounds = np.searchsorted(file[order], np.arange(len(self._writers) + 1))
        for number, writer in enumerate(self._writers):
            start, stop = int(bounds[number]), int(bounds[number + 1])
            writer.write_table(sorted_table.slice(start, stop - start))
