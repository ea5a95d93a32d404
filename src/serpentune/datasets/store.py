"""Floor 4, datasets: a data set on disk: Parquet for Hugging Face `datasets`, other formats beside it, and a card."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from serpentune.common.errors import UserError, unknown_name
from serpentune.common.files import read_json, replacing_folder, sha256, write_json, write_text
from serpentune.datasets._card import card
from serpentune.datasets._jsonl import jsonl_lines
from serpentune.datasets.records import DATA, MANIFEST, NAMES, SCHEMA, SPLITS, iter_records, split_file

if TYPE_CHECKING:
    from datasets import Dataset

_TABLES: dict[str, type] = {"records": int, "sha256": str, "checks": dict, "teachers": dict}
"""Of a manifest's keys that commands rely on, what the values of their tables are."""

FORMATS = ("parquet", "jsonl")
"""What a data set's folder may hold; Parquet always."""


class DatasetWriter:
    """Writes a data set's folder piece by piece; made by `writing_dataset`."""

    def __init__(self, folder: Path, formats: Collection[str]) -> None:
        """Write to `folder`, which exists and is empty."""
        self.folder = folder
        self.records = dict.fromkeys(SPLITS, 0)
        (folder / DATA).mkdir()
        self._parquet = {
            split: pq.ParquetWriter(
                split_file(folder, split),
                SCHEMA,
                compression="zstd",
                compression_level=1,
                use_dictionary=list(NAMES),
                write_page_checksum=True,
            )
            for split in SPLITS
        }
        self._jsonl = {}
        if "jsonl" in formats:
            (folder / "jsonl").mkdir()
            self._jsonl = {split: (folder / "jsonl" / f"{split}.jsonl").open("wb") for split in SPLITS}

    def write(self, split: str, table: Any) -> None:
        """Append the records of an Arrow table of `SCHEMA` to a split, as one row group."""
        if not table.num_rows:
            return
        self.records[split] += table.num_rows
        self._parquet[split].write_table(table, row_group_size=table.num_rows)
        if self._jsonl:
            self._jsonl[split].write(jsonl_lines(table))

    def close(self) -> None:
        """End the files."""
        for file in (*self._parquet.values(), *self._jsonl.values()):
            file.close()


@contextlib.contextmanager
def writing_dataset(
    output: Path, manifest: Callable[[DatasetWriter], Mapping[str, Any]], *, formats: Collection[str], overwrite: bool
) -> Iterator[DatasetWriter]:
    """Make the data set's folder `output`, atomically: on failure nothing of it is left.

    It holds `data/<split>.parquet`, which `datasets.load_dataset(folder)` reads, with `"jsonl"` in `formats` also
    `jsonl/<split>.jsonl` with the same records, `README.md` (the data card) and `manifest.json`.

    Args:
        output: the folder to make.
        manifest: what the manifest says, asked for at the end; the SHA-256 of each Parquet file is added.
        formats: some of `FORMATS`.
        overwrite: whether a folder that holds files may be replaced.

    Raises:
        UserError: `output` holds files and `overwrite` is false, an unknown format, or the disk is full.
    """
    for name in formats:
        if name not in FORMATS:
            raise unknown_name("format of a data set", name, FORMATS)
    with replacing_folder(output, overwrite=overwrite) as folder:
        writer = DatasetWriter(folder, formats)
        try:
            yield writer
        finally:
            writer.close()
        about = dict(manifest(writer))
        about["sha256"] = {split: sha256(split_file(folder, split)) for split in SPLITS}
        write_text(folder / "README.md", card(about))
        write_json(folder / MANIFEST, about)


def ensure_dataset(folder: Path) -> None:
    """Refuse what is no data set's folder.

    Raises:
        UserError: it has no manifest.
    """
    if not (folder / MANIFEST).is_file():
        raise UserError(f"{folder} is no data set: it has no {MANIFEST}. Make one with `serpentune dataset build`.")


def load_splits(folder: Path) -> dict[str, Dataset]:
    """The splits of a data set folder as Hugging Face datasets, held in memory.

    Raises:
        UserError: the folder is no data set of ours, or as of `iter_records`.
    """
    from datasets import Dataset

    ensure_dataset(folder)
    splits = {}
    for split in SPLITS:
        tables = list(iter_records(folder, split))
        splits[split] = Dataset(pa.concat_tables(tables) if tables else SCHEMA.empty_table())
    return splits


def read_manifest(folder: Path) -> dict[str, Any]:
    """What `manifest.json` of a data set says.

    Raises:
        UserError: it is missing or damaged, or holds something else.
    """
    manifest = read_json(folder / MANIFEST)
    if not isinstance(manifest, dict):
        raise UserError(f"{folder / MANIFEST}: no manifest of a data set. Build the data set again.")
    for name, kind in _TABLES.items():
        if not _is_table(manifest.get(name, {}), kind):
            raise UserError(f"{folder / MANIFEST}: {name!r} isn't what a manifest holds. Build the data set again.")
    return manifest


def _is_table(value: Any, kind: type) -> bool:
    return isinstance(value, dict) and all(isinstance(item, kind) for item in value.values())
