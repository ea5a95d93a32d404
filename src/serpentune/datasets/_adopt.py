"""Floor 4, datasets: a data set of another program, read by Hugging Face `datasets`, as one of ours."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from serpentune import __version__
from serpentune.common.errors import UserError
from serpentune.datasets.records import SCHEMA, SPLITS
from serpentune.datasets.store import DatasetWriter, read_manifest, writing_dataset

_LOG = logging.getLogger(__name__)
_RECORDS_AT_ONCE = 10_000
_UNKNOWN = "unknown"


class Contents:
    """Counts what went by, for the manifest."""

    def __init__(self) -> None:
        self.teachers: dict[str, dict[str, Any]] = {}
        self.named: dict[str, set[str]] = {"style": set(), "encoding": set()}

    def add(self, split: str, table: Any) -> None:
        """Count the records of a table of `SCHEMA`."""
        for column, names in self.named.items():
            names.update(name or _UNKNOWN for name in pc.unique(table[column]).to_pylist())
        for teacher in pc.unique(table["teacher"]).to_pylist():
            own = table.filter(pc.is_null(table["teacher"]) if teacher is None else pc.equal(table["teacher"], teacher))
            about = self.teachers.setdefault(
                teacher or _UNKNOWN, {"games": set(), "boards": set(), "records": dict.fromkeys(SPLITS, 0)}
            )
            about["records"][split] += own.num_rows
            about["games"].update(pc.unique(own["game"]).drop_null().to_pylist())
            about["boards"].update(name or _UNKNOWN for name in pc.unique(own["board"]).to_pylist())

    def manifest(self, records: dict[str, int], **origin: Any) -> dict[str, Any]:
        """The manifest of the records that were counted; `origin` says where they come from."""
        return {
            "serpentune": __version__,
            **origin,
            "encodings": sorted(self.named["encoding"]),
            "styles": sorted(self.named["style"]),
            "records": records,
            "teachers": {
                name: {**about, "games": len(about["games"]), "boards": sorted(about["boards"])}
                for name, about in sorted(self.teachers.items())
            },
        }


def adopt(
    source: str, output: Path, *, revision: str | None = None, token: str | None = None, overwrite: bool = False
) -> dict[str, Any]:
    """Make a data set folder of the records of any data set with prompts and completions.

    Args:
        source: what `datasets.load_dataset` takes.
        output: the folder to make.
        revision: of a repository of the hub.
        token: of the hub.
        overwrite: whether what the folder holds may be replaced.

    Returns:
        The manifest.

    Raises:
        UserError: the source can't be read, has other splits than `SPLITS`, lacks prompts or completions, or has a
            column with the name of one of ours and another type.
    """
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError

    tally = Contents()

    def manifest(writer: DatasetWriter) -> dict[str, Any]:
        return tally.manifest(writer.records, pulled_from={"source": source, "revision": revision})

    with writing_dataset(output, manifest, formats=(), overwrite=overwrite) as writer:
        try:
            found = load_dataset(source, revision=revision, token=token, streaming=True)
            if strange := sorted(set(found) - set(SPLITS)):
                raise UserError(f"{source} has a split {strange[0]!r}; those that can be read are {', '.join(SPLITS)}.")
            for split in SPLITS:
                if split not in found:
                    _LOG.warning("%s has no split %s; it is left empty", source, split)
                    continue
                for table in _tables(found[split], f"{source}, {split}"):
                    tally.add(split, table)
                    writer.write(split, table)
        except (DatasetsError, ValueError, OSError) as error:
            if getattr(error, "errno", None) is not None:  # of the disk, which the writer explains
                raise
            raise UserError(f"{source} can't be read as a data set ({error}).") from error
        if not any(writer.records.values()):
            raise UserError(f"{source} holds no records.")
    return read_manifest(output)


def _tables(split: Any, where: str) -> Iterator[Any]:
    for found in split.with_format("arrow").iter(batch_size=_RECORDS_AT_ONCE):
        if missing := [name for name in ("prompt", "completion") if name not in found.column_names]:
            raise UserError(
                f"{where}: there is no column {missing[0]!r}. A data set of prompts and completions has both."
            )
        columns = []
        for field in SCHEMA:
            if field.name == "verified":
                columns.append(pa.repeat(pa.scalar(False), found.num_rows))
            elif field.name not in found.column_names:
                columns.append(pa.nulls(found.num_rows, field.type))
            else:
                try:
                    columns.append(found[field.name].cast(field.type))
                except pa.ArrowException as error:
                    raise UserError(f"{where}: the column {field.name!r} is no {field.type} ({error}).") from error
        for name in ("prompt", "completion"):
            if found[name].null_count:
                raise UserError(f"{where}: there are records without a {name}.")
        yield pa.table(columns, schema=SCHEMA)
