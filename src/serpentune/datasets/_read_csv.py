"""Floor 4, datasets: rows of the CSV of nineteen columns, each field held against what it can be."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from serpentune.common.errors import UserError
from serpentune.datasets._faults import Faults
from serpentune.datasets._lines import text_lines
from serpentune.datasets._rows import PIECE_ROWS, Rows
from serpentune.game import DIRECTIONS, MAX_SIDE

_SIDES = ("up", "down", "left", "right")

FEATURE_RANGES = {
    "game_id": (0, 2**62),
    "step_in_game": (0, 2**62),
    "head_x": (0, MAX_SIDE - 1),
    "head_y": (0, MAX_SIDE - 1),
    "apple_x": (-1, MAX_SIDE - 1),
    "apple_y": (-1, MAX_SIDE - 1),
    "snake_length": (1, MAX_SIDE * MAX_SIDE),
    **{f"apple_dir_{side}": (0, 1) for side in _SIDES},
    **{f"danger_{side}": (0, 1) for side in ("straight", "left", "right")},
    **{f"free_space_{side}": (0, MAX_SIDE - 1) for side in _SIDES},
}
"""Least and greatest value of each column of numbers; an apple at (-1, -1) isn't to be seen."""

TARGET = "target_move"
_MOVES = frozenset(move.name for move in DIRECTIONS)
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_NOT_PLAIN = re.compile(r"[^0-9A-Z,-]")
"""A line without any of these holds only fields that `int` reads as `_WHOLE` does, and words in capitals."""


def csv_rows(path: Path, split: str | None, faults: Faults) -> Iterator[Rows]:
    """The rows of a CSV, some thousand at a time: whole numbers, and the name of a move in `target_move`.

    The first line names the columns, in any order. Columns beyond the nineteen are passed over.

    Args:
        path: the file.
        split: whose rows these are, for the pieces.
        faults: what can't be used goes there.

    Raises:
        UserError: the first line lacks a column or names one twice.
    """
    lines = text_lines(path, faults, None)
    header = next(lines, None)
    if header is None:
        return
    order = _order(path, *header)
    names = list(FEATURE_RANGES)
    rows: list[list[int]] = []
    moves: list[str] = []
    places: list[int] = []

    def piece() -> Rows:
        table = pa.table([*map(pa.array, np.array(rows, np.int64).T.copy()), pa.array(moves)], [*names, TARGET])
        return Rows(path, split, table, np.array(places, np.int64))

    for number, line in lines:
        try:
            values, move = _parse(line, order)
        except ValueError as error:
            kind, detail = error.args
            faults.add(path, {"line": number}, kind, detail, text=line)
            continue
        rows.append(values)
        moves.append(move)
        places.append(number)
        if len(rows) == PIECE_ROWS:
            yield piece()
            rows, moves, places = [], [], []
    if rows:
        yield piece()


def _order(path: Path, number: int, header: bytes) -> dict[str, int]:
    """Where each column stands; `""` counts them."""
    try:
        names = [name.strip() for name in next(csv.reader([header.decode()], strict=True))]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}, line {number}: no line of column names in UTF-8 ({error}).") from error
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise UserError(f"{path}, line {number}: the column {twice[0]!r} stands there twice.")
    wanted = [*FEATURE_RANGES, TARGET]
    if missing := [name for name in wanted if name not in names]:
        raise UserError(
            f"{path}, line {number}: {len(missing)} of the {len(wanted)} columns are missing: {', '.join(missing)}. "
            "The first line must name them."
        )
    return {"": len(names), **{name: names.index(name) for name in wanted}}


def _parse(line: bytes, order: dict[str, int]) -> tuple[list[int], str]:
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise ValueError("not UTF-8 text", f"byte {error.start + 1} of the line") from error
    plain = _NOT_PLAIN.search(text) is None
    try:
        fields = text.split(",") if plain else next(csv.reader([text], strict=True))
    except csv.Error as error:
        raise ValueError("not valid CSV", str(error)) from error
    if len(fields) != order[""]:
        kind = "too few fields" if len(fields) < order[""] else "too many fields"
        raise ValueError(kind, f"{len(fields)}, the first line names {order['']}")
    values = []
    for name, (least, greatest) in FEATURE_RANGES.items():
        field = fields[order[name]]
        try:
            value = int(field)
        except ValueError:
            value = least - 1
        if not least <= value <= greatest or not (plain or _WHOLE.fullmatch(field)):
            kind = f"its {name} is out of range" if _WHOLE.fullmatch(field) else f"its {name} is no whole number"
            raise ValueError(kind, repr(field[:40]))
        values.append(value)
    move = fields[order[TARGET]]
    if move not in _MOVES:
        raise ValueError(f"its {TARGET} is none of {', '.join(_.name for _ in DIRECTIONS)}", repr(move[:40]))
    return values, move
