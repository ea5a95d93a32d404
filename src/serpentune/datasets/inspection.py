"""Floor 4, datasets: single records to look at, by chance or by number, with the states that they show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from serpentune.common.errors import UserError, unknown_name
from serpentune.datasets._columns import Counts, Vocabulary, count_names, iter_names
from serpentune.datasets._looks import Unreadable, read_by_looks
from serpentune.datasets.completions import read_moves
from serpentune.datasets.records import NAMES, SPLITS, iter_records
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
    rows = [row for table in iter_records(folder, split, places=chosen) for row in table.to_pylist()]
    return Inspection(
        counts,
        split,
        len(places),
        tuple(_shown(place, row) for place, row in zip(chosen.tolist(), rows, strict=True)),
    )


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
    try:
        reading = read_by_looks(record["prompt"], record["completion"])
    except Unreadable:
        reading = None
    if reading is None:
        return Shown(place, record, None, read_moves(record["completion"]))
    return Shown(place, record, reading.state, reading.moves)
