"""Floor 4, datasets: a data set of another program, read by Hugging Face `datasets`, as one of ours."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from serpentune import __version__
from serpentune.common.errors import UserError
from serpentune.datasets._faults import Fault, in_words, listed, one_line
from serpentune.datasets.records import SCHEMA, SPLITS, TEXTS, UNKNOWN, check_schema, fitted
from serpentune.datasets.store import DatasetWriter, read_manifest, writing_dataset

_LOG = logging.getLogger(__name__)
_RECORDS_AT_ONCE = 10_000


class Contents:
    """Counts what went by, for the manifest."""

    def __init__(self) -> None:
        self.teachers: dict[str, dict[str, Any]] = {}
        self.named: dict[str, set[str]] = {"style": set(), "encoding": set()}

    def add(self, split: str, table: Any) -> None:
        """Count the records of a table of `SCHEMA`."""
        for column, names in self.named.items():
            names.update(name or UNKNOWN for name in pc.unique(table[column]).to_pylist())
        for teacher in pc.unique(table["teacher"]).to_pylist():
            own = table.filter(pc.is_null(table["teacher"]) if teacher is None else pc.equal(table["teacher"], teacher))
            about = self.teachers.setdefault(
                teacher or UNKNOWN, {"games": set(), "boards": set(), "records": dict.fromkeys(SPLITS, 0)}
            )
            about["records"][split] += own.num_rows
            about["games"].update(pc.unique(own["game"]).drop_null().to_pylist())
            about["boards"].update(name or UNKNOWN for name in pc.unique(own["board"]).to_pylist())

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
    others: Counter[str] = Counter()

    def manifest(writer: DatasetWriter) -> dict[str, Any]:
        origin = {"source": source, "revision": revision, "columns_left_out": dict(others)}
        return tally.manifest(writer.records, pulled_from=origin)

    with writing_dataset(output, manifest, formats=(), overwrite=overwrite) as writer:
        try:
            found = load_dataset(source, revision=revision, token=token, streaming=True)
            if strange := sorted(set(found) - set(SPLITS)):
                raise UserError(f"{source} has a split {strange[0]!r}; those that can be read are {', '.join(SPLITS)}.")
            for split in SPLITS:
                if split not in found:
                    _LOG.warning("%s has no split %s; it is left empty", source, split)
                    continue
                for table in _tables(found[split], split, others):
                    tally.add(split, table)
                    writer.write(split, table)
        except StopIteration as error:  # of files without a line
            raise UserError(f"{source} holds no records.") from error
        except (DatasetsError, ValueError, OSError) as error:
            if getattr(error, "errno", None) is not None:  # of the disk, which the writer explains
                raise
            hint = f" `serpentune dataset validate {source}` names the places." if Path(source).is_dir() else ""
            raise UserError(f"{source} can't be read as a data set ({one_line(error)}).{hint}") from error
        if not any(writer.records.values()):
            raise UserError(f"{source} holds no records.")
    if others:
        _LOG.warning("%s has columns that no record has room for, which are left out: %s", source, listed(others))
    return read_manifest(output)


def _tables(rows: Any, split: str, others: Counter[str]) -> Iterator[Any]:
    """The records of a split in the columns of `SCHEMA`; `others` counts the rows of other columns.

    Raises:
        Fault: a column isn't there or of another type, or a row is no record.
    """
    first = 1
    for found in rows.with_format("arrow").iter(batch_size=_RECORDS_AT_ONCE):
        own = [name for name in SCHEMA.names if name in found.column_names]
        try:
            check_schema(found.schema, TEXTS)
            table, wrong = fitted(found.select(own))
        except Fault as fault:
            raise Fault(f"{split}: {in_words(*fault.args)}") from fault
        except pa.ArrowException as error:
            raise Fault(f"{split}, rows {first} to {first + len(found) - 1}: {one_line(error)}") from error
        for row, kind in sorted(wrong.items()):
            raise Fault(f"{split}, row {first + row}: {kind}")
        others.update({name: len(found) for name in found.column_names if name not in SCHEMA.names})
        first += len(found)
        columns = {field.name: pa.nulls(len(table), field.type) for field in SCHEMA}
        columns |= dict(zip(own, table.columns, strict=True))
        columns["verified"] = pa.repeat(pa.scalar(False), len(table))
        yield pa.table(columns, schema=SCHEMA)
