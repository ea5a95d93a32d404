"""Floor 4, datasets: the rows of data sets that nobody may be trusted with, ours among them, a piece at a time."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from serpentune.common.errors import UserError
from serpentune.datasets._faults import Faults
from serpentune.datasets._read_csv import csv_rows
from serpentune.datasets._read_jsonl import jsonl_rows
from serpentune.datasets._read_parquet import parquet_rows
from serpentune.datasets._rows import Rows
from serpentune.datasets.records import DATA, MANIFEST, REJECTS, SPLITS

SUFFIXES = (".parquet", ".jsonl", ".json", ".csv")

_NAMES = r"(train|training|validation|valid|val|dev|test)"
_SPLIT_NAME = re.compile(_NAMES, re.IGNORECASE)
_SPLIT = re.compile(rf"(?:.*[._-])?{_NAMES}(?:[._-].*)?", re.IGNORECASE)
NO_DATA = re.compile(
    rf"game_\d+\.json|(summary|manifest|dataset_infos?)\.json|README\.md|(.*\.)?games\.csv|.*{re.escape(REJECTS)}"
)
"""Files beside data: game logs, what describes a folder, the list of games beside a CSV, and what was left out."""


def data_files(path: Path) -> tuple[list[Path], list[Path]]:
    """The files with rows behind a path, sorted; and those beside them that are passed over.

    Files with rows are the file itself, the Parquet files of a data set of ours, or all of a folder and the folders in
    it. Hidden ones, game logs and descriptions are no data and not passed over either; nor is what else lies in a data
    set of ours.

    Raises:
        UserError: there is nothing, nothing with rows, or a folder that can't be read.
    """
    if path.is_file():
        if path.suffix not in SUFFIXES:
            raise UserError(f"{path}: no data set; files with rows end in {', '.join(SUFFIXES)}.")
        return [path], []
    if not path.is_dir():
        raise UserError(f"There is no {path}. Name a data set's folder or a file of {', '.join(SUFFIXES)}.")
    if is_ours(path):
        files, others = [file for file in files_below(path / DATA) if file.suffix == ".parquet"], []
    else:
        found = [file for file in files_below(path) if not NO_DATA.fullmatch(file.name)]
        files = [file for file in found if file.suffix in SUFFIXES]
        others = [file for file in found if file.suffix not in SUFFIXES]
    if not files:
        raise UserError(f"{path} holds no data set: no file in it ends in {', '.join(SUFFIXES)}.")
    return files, others


def is_ours(path: Path) -> bool:
    """Whether a path is the folder of a data set that serpentune made."""
    return (path / MANIFEST).is_file() and (path / DATA).is_dir()


def files_below(folder: Path) -> list[Path]:
    """The files in a folder and the folders in it, sorted, without hidden ones.

    Raises:
        UserError: a folder can't be read.
    """

    def refuse(error: OSError) -> None:
        raise UserError(f"{error.filename} can't be read ({error.strerror or error}).") from error

    files: list[Path] = []
    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [file for name in names if not name.startswith(".") and (file := Path(place, name)).is_file()]
    return sorted(files)


def split_of(file: Path) -> str | None:
    """The split that a file's name, or its folder's, says: `train.jsonl`, `data/test-00000.parquet`, `val/a.csv`."""
    found = _SPLIT.fullmatch(file.stem) or _SPLIT_NAME.fullmatch(file.parent.name)
    if found is None:
        return None
    word = found[1].lower()
    return next((split for split in SPLITS if word.startswith(split)), "validation")


def read_rows(
    path: Path, faults: Faults, *, mended: Counter[str] | None = None, unknown: Counter[str] | None = None
) -> Iterator[Rows]:
    """The rows of a data set of any origin, a piece at a time.

    `docs/formats.md` says what is read and what is a fault.

    Args:
        path: a data set's folder of ours, or a file or folder of Parquet, JSON lines (`.jsonl`, `.json`) or the CSV of
            nineteen columns.
        faults: what can't be used goes there; `taking_faults` decides whether the first one stops.
        mended: JSON lines: counts by kind what was put right (`docs/formats.md` lists it). None: that is a fault too.
        unknown: gets the columns and keys that no record has, with the number of rows.

    Raises:
        UserError: there is nothing to read, or a fault on the policy `fail`.
    """
    others: Counter[str] = Counter() if unknown is None else unknown
    for file in data_files(path)[0]:
        split = split_of(file)
        if file.suffix == ".parquet":
            yield from parquet_rows(file, split, faults, others)
        elif file.suffix == ".csv":
            yield from csv_rows(file, split, faults, others)
        else:
            yield from jsonl_rows(file, split, faults, mended, others)
