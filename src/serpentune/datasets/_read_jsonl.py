"""Floor 4, datasets: rows of JSON lines, each key held against the columns of a record."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from serpentune.datasets._faults import Fault, Faults, listed
from serpentune.datasets._lines import text_lines
from serpentune.datasets._rows import EXTRA, PIECE_BYTES, PIECE_ROWS, Rows, count_strange
from serpentune.datasets.records import RANGES, SCHEMA, TEXTS

_TYPES = {
    field.name: str if pa.types.is_string(field.type) else bool if pa.types.is_boolean(field.type) else int
    for field in SCHEMA
}
_WANTED = {str: "text", bool: "true or false", int: "a whole number"}
_KNOWN = frozenset(_TYPES)

_NO_OBJECT = "the line is no JSON object"
_ONE_LINE = "each row is an object in a line of its own, without a list around them"
_OVER_SEVERAL_LINES = (b"[", b"{", b"[{")
"""What a list or an object that is written over several lines begins with."""

MENDED_KEY = "key in other case"
MENDED_NUMBER = "number written as text, or text as a number"
MENDED_LINE_ENDS = "CR LF within a text"


def jsonl_rows(
    path: Path, split: str | None, faults: Faults, mended: Counter[str] | None, unknown: Counter[str]
) -> Iterator[Rows]:
    """The rows of a file of JSON lines, some thousand at a time; blank lines hold none.

    Keys that no record has are kept as JSON in the column `EXTRA`.

    Args:
        path: the file.
        split: whose rows these are, for the pieces.
        faults: what can't be used goes there.
        mended: counts what was put right; None makes it a fault.
        unknown: counts the rows of each key that no record has.
    """
    rows: list[dict[str, Any]] = []
    places: list[int] = []
    size = 0
    for number, line in text_lines(path, faults, mended):
        try:
            row = _parse(line)
            if mended is not None:
                row = _mend(row, mended)
            rows.append(_checked(row, unknown))
        except Fault as fault:
            faults.add(path, {"line": number}, *fault.args, text=line)
            continue
        places.append(number)
        size += len(line)
        if len(rows) == PIECE_ROWS or size >= PIECE_BYTES:
            yield Rows(path, split, _table(rows), np.array(places, np.int64))
            rows, places, size = [], [], 0
    if rows:
        yield Rows(path, split, _table(rows), np.array(places, np.int64))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise Fault("a key stands twice in one object", _shown(twice))
    return row


def _no_number(name: str) -> Any:
    raise Fault("not valid JSON", f"{name} is no number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise Fault("a number is beyond all bounds", _shown(text))
    return value


_DECODE = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_number, parse_float=_finite).decode


def _parse(line: bytes) -> dict[str, Any]:
    try:
        row = _DECODE(line.decode())
    except UnicodeDecodeError as error:
        raise Fault("not UTF-8 text", f"byte {error.start + 1} of the line") from error
    except json.JSONDecodeError as error:
        if line.strip() in _OVER_SEVERAL_LINES:
            raise Fault(_NO_OBJECT, _ONE_LINE) from error
        raise Fault("not valid JSON", f"column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise Fault("not valid JSON", "nested too deeply") from error
    except Fault:
        raise
    except ValueError as error:
        raise Fault("a number is beyond all bounds") from error
    if not isinstance(row, dict):
        raise Fault(_NO_OBJECT, f"it holds {_shown(row)}; {_ONE_LINE}")
    return row


def _checked(row: dict[str, Any], unknown: Counter[str]) -> dict[str, Any]:
    """The row, its unknown keys counted and put together in `EXTRA`."""
    others: list[str] = []
    for name in TEXTS:
        if name not in row:
            raise Fault(f"the key {name} is missing", f"it has {listed(row)}")
        text = row[name]
        if type(text) is not str:
            raise Fault(f"its {name} is no text", _shown(text))
        if not text or text.isspace():
            raise Fault(f"its {name} is empty")
    if len(row) > len(TEXTS):
        if others := [name for name in row if name not in _KNOWN]:
            extra = {name: row[name] for name in others}
            row = {name: value for name, value in row.items() if name in _KNOWN}
            row[EXTRA] = json.dumps(extra, ensure_ascii=False)
        for name, value in row.items():
            if value is None or name is EXTRA:
                continue
            wanted = _TYPES[name]
            if type(value) is not wanted:
                raise Fault(f"its {name} is not {_WANTED[wanted]}", _shown(value))
            if isinstance(value, int) and wanted is int and not RANGES[name][0] <= value <= RANGES[name][1]:
                raise Fault(f"its {name} is out of range", _shown(value))
    for value in row.values():
        if type(value) is str and not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise Fault("a text holds half a surrogate pair") from error
    count_strange(unknown, others)
    return row


def _mend(row: dict[str, Any], mended: Counter[str]) -> dict[str, Any]:
    """The row with known keys in lower case, numbers and texts where such belong, and LF for CR LF."""
    result: dict[str, Any] = {}
    for key, value in row.items():
        name = key.strip().lower()
        if name != key and name in _KNOWN:
            if name in row or name in result:
                raise Fault("a key stands twice in one object", _shown(key))
            mended[MENDED_KEY] += 1
        else:
            name = key
        wanted = _TYPES.get(name)
        if wanted is int and type(value) is str and value.strip().removeprefix("-").isdecimal() and len(value) < 20:
            value = int(value)
            mended[MENDED_NUMBER] += 1
        elif wanted is str and name not in TEXTS and type(value) is int:
            value = str(value)
            mended[MENDED_NUMBER] += 1
        if name in TEXTS and type(value) is str and "\r\n" in value:
            value = value.replace("\r\n", "\n")
            mended[MENDED_LINE_ENDS] += 1
        result[name] = value
    return result


def _table(rows: list[dict[str, Any]]) -> Any:
    present = {name for row in rows for name in row}
    fields = [field for field in SCHEMA if field.name in present]
    if EXTRA in present:
        fields.append(pa.field(EXTRA, pa.string()))
    columns = [pa.array([row.get(field.name) for row in rows], field.type) for field in fields]
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _shown(value: Any) -> str:
    """A value in a message: short, and never a walk through something deeply nested."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, int) and abs(value) >= 1 << 64:
        return "a number beyond all bounds"
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."
