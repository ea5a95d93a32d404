"""Floor 4, datasets: single records to look at, by chance or by number, with the states that they show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from serpentune.common.errors import UserError, unknown_name
from serpentune.datasets._columns import Counts, Vocabulary, count_names, iter_names
from serpentune.datasets.completions import parse_prompt, read_moves
from serpentune.datasets.encodings import ENCODINGS
from serpentune.datasets.records import NAMES, SPLITS, split_file
from serpentune.datasets.store import ensure_dataset
from serpentune.game import State


@dataclass(frozen=True)
class Shown:
    """One record.

    Attributes:
        number: its place in its split, from 0.
        record: its columns (`SCHEMA`).
        state: what its prompt shows; None where it doesn't hold a state, or no encoding reads it.
        moves: what its answer begins with, a `Move` code a byte.
    """

    number: int
    record: dict[str, Any]
    state: State | None
    moves: bytes


@dataclass(frozen=True)
class Inspection:
    """What a data set holds, and some of its records.

    Attributes:
        counts: records by value and split, for the columns teacher, style, encoding and board.
        split: where the records come from.
        matching: records there that were asked for; the shown ones are drawn among them.
        shown: in the order of their places.
    """

    counts: dict[str, Counts]
    split: str
    matching: int
    shown: tuple[Shown, ...]


def inspect_dataset(
    folder: Path,
    *,
    split: str = "train",
    records: int = 3,
    number: int | None = None,
    teacher: str | None = None,
    style: str | None = None,
    seed: int = 0,
) -> Inspection:
    """Look at some records of a data set. Only the row groups that hold them are read whole.

    Args:
        folder: the data set's.
        split: one of `SPLITS`.
        records: how many are drawn, each with the same chance.
        number: the one at this place of the split, from 0, instead.
        teacher: only records of this player, in upper or lower case.
        style: only records of this completion style.
        seed: decides which are drawn.

    Raises:
        UserError: no data set, a file that can't be read, an unknown split, teacher or style, no such record, or a
            negative `records` or `seed`.
    """
    ensure_dataset(folder)
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    if records < 0 or seed < 0:
        raise UserError("The numbers of records and the seed are 0 or more.")
    if number is not None and (teacher is not None or style is not None):
        raise UserError("A record's number already says which one: leave teacher and style out.")
    counts = count_names(folder)
    wanted = {"teacher": teacher.upper() if teacher is not None else None, "style": style}
    for column, name in wanted.items():
        if name is not None and name not in counts[column]:
            raise unknown_name(f"{column} in {folder}", name, counts[column])
    places = _matching(folder, split, {column: name for column, name in wanted.items() if name is not None})
    if number is None:
        chosen = np.sort(np.random.default_rng(seed).choice(places, min(records, len(places)), replace=False))
    elif 0 <= number < len(places):
        chosen = np.array([number])
    elif len(places):
        raise UserError(f"There is no record {number}: {split} of {folder} has the records 0 to {len(places) - 1}.")
    else:
        raise UserError(f"There is no record {number}: {split} of {folder} holds no records.")
    rows = read_rows(folder, split, chosen)
    return Inspection(
        counts,
        split,
        len(places),
        tuple(_shown(place, row) for place, row in zip(chosen.tolist(), rows, strict=True)),
    )


def read_rows(folder: Path, split: str, places: Any) -> list[dict[str, Any]]:
    """The records at some places of a split, ascending; only their row groups are read.

    Raises:
        UserError: the file is missing or damaged.
    """
    path = split_file(folder, split)
    rows: list[dict[str, Any]] = []
    try:
        with pq.ParquetFile(path) as file:
            first = 0
            for group in range(file.num_row_groups):
                count = file.metadata.row_group(group).num_rows
                own = [place - first for place in places if first <= place < first + count]
                if own:
                    rows += file.read_row_group(group).take(own).to_pylist()
                first += count
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path} can't be read ({error}). Build the data set again.") from error
    return rows


def read_state(record: dict[str, Any]) -> State | None:
    """The state that a record's prompt shows; None where its text doesn't hold one."""
    encoding = ENCODINGS.get(record["encoding"])
    parts = parse_prompt(record["prompt"])
    if encoding is None or not encoding.exact or parts is None:
        return None
    try:
        return encoding.decode(parts[1])
    except ValueError:
        return None


def _matching(folder: Path, split: str, wanted: dict[str, str]) -> Any:
    """Places of the records with the wanted names, int64."""
    vocabularies = {name: Vocabulary() for name in NAMES}
    found, first = [np.zeros(0, np.int64)], 0
    for codes in iter_names(folder, split, vocabularies):
        fits = np.ones(len(codes["teacher"]), np.bool_)
        for column, name in wanted.items():
            fits &= codes[column] == vocabularies[column].places.get(name, -1)
        found.append(np.flatnonzero(fits) + first)
        first += len(fits)
    return np.concatenate(found)


def _shown(place: int, record: dict[str, Any]) -> Shown:
    return Shown(place, record, read_state(record), read_moves(record["completion"]))
