"""Floor 4, datasets: rows of the CSV of nineteen columns, each field held against what it can be."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from serpentune.datasets._faults import Fault, Faults, listed
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


def csv_rows(path: Path, split: str | None, faults: Faults, unknown: Counter[str]) -> Iterator[Rows]:
    """The rows of a CSV, some thousand at a time: whole numbers, and the name of a move in `target_move`.

    The first line names the columns, in any order. A line is a row: no field holds a line break. Where the first line
    can't be used, neither can those below it.

    Args:
        path: the file.
        split: whose rows these are, for the pieces.
        faults: what can't be used goes there.
        unknown: counts the rows of each column beyond the nineteen; nothing looks at them.
    """
    lines = text_lines(path, faults, None)
    if (found := _columns(path, lines, faults)) is None:
        return
    others = found.keys() - {*FEATURE_RANGES, TARGET}
    names = list(FEATURE_RANGES)
    rows: list[list[int]] = []
    moves: list[str] = []
    places: list[int] = []

    def piece() -> Rows:
        unknown.update(dict.fromkeys(others, len(rows)))
        table = pa.table([*map(pa.array, np.array(rows, np.int64).T.copy()), pa.array(moves)], [*names, TARGET])
        return Rows(path, split, table, np.array(places, np.int64))

    for number, line in lines:
        try:
            values, move = _parse(line, found)
        except Fault as fault:
            faults.add(path, {"line": number}, *fault.args, text=line)
            continue
        rows.append(values)
        moves.append(move)
        places.append(number)
        if len(rows) == PIECE_ROWS:
            yield piece()
            rows, moves, places = [], [], []
    if rows:
        yield piece()


def _columns(path: Path, lines: Iterator[tuple[int, bytes]], faults: Faults) -> dict[str, int] | None:
    """Where each column stands; None where nothing says it, and the rows are left out."""
    before = faults.total
    first = next(lines, None)
    if first is None:
        return None
    below = 0
    if faults.total == before:
        try:
            return _order(first[1])
        except Fault as fault:
            faults.add(path, {"line": first[0]}, *fault.args, text=first[1])
    else:  # the line with the names was left out, and this is a row
        below = 1
    below += sum(1 for _ in lines)
    if below:
        faults.add(path, {}, "the rows stand below no line that names the columns", rows=below)
    return None


def _order(header: bytes) -> dict[str, int]:
    try:
        names = [name.strip() for name in next(csv.reader([header.decode()], strict=True))]
    except (UnicodeDecodeError, csv.Error) as error:
        raise Fault("the line that names the columns is no CSV in UTF-8", str(error)) from error
    wanted = [*FEATURE_RANGES, TARGET]
    missing = [name for name in wanted if name not in names]
    if len(missing) == len(wanted):
        raise Fault(
            f"the first line must name the {len(wanted)} columns, with commas between them, and names none",
            f"it holds {listed(names)}; they are {', '.join(wanted)}",
        )
    if missing:
        raise Fault(f"some of the {len(wanted)} columns are missing", ", ".join(missing))
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise Fault("a column stands there twice", listed(twice))
    return {name: place for place, name in enumerate(names)}


def _parse(line: bytes, order: dict[str, int]) -> tuple[list[int], str]:
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise Fault("not UTF-8 text", f"byte {error.start + 1} of the line") from error
    plain = _NOT_PLAIN.search(text) is None
    try:
        fields = text.split(",") if plain else next(csv.reader([text], strict=True))
    except csv.Error as error:
        open_quote = str(error) == "unexpected end of data"
        raise Fault("not valid CSV", "a quote isn't closed in its line" if open_quote else str(error)) from error
    if len(fields) != len(order):
        kind = "too few fields" if len(fields) < len(order) else "too many fields"
        raise Fault(kind, f"{len(fields)}, the first line names {len(order)}")
    values = []
    for name, (least, greatest) in FEATURE_RANGES.items():
        field = fields[order[name]]
        try:
            value = int(field)
        except ValueError:
            value = least - 1
        if not least <= value <= greatest or not (plain or _WHOLE.fullmatch(field)):
            kind = f"its {name} is out of range" if _WHOLE.fullmatch(field) else f"its {name} is no whole number"
            raise Fault(kind, repr(field[:40]))
        values.append(value)
    move = fields[order[TARGET]]
    if move not in _MOVES:
        raise Fault(f"its {TARGET} is none of {', '.join(_.name for _ in DIRECTIONS)}", repr(move[:40]))
    return values, move
