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

from serpentune.datasets._faults import Faults
from serpentune.datasets._lines import text_lines
from serpentune.datasets._rows import EXTRA, PIECE_BYTES, PIECE_ROWS, RANGES, TEXTS, Rows
from serpentune.datasets.records import SCHEMA

_TYPES = {
    field.name: str if pa.types.is_string(field.type) else bool if pa.types.is_boolean(field.type) else int
    for field in SCHEMA
}
_WANTED = {str: "text", bool: "true or false", int: "a whole number"}
_KNOWN = frozenset(_TYPES)

MENDED_KEY = "key in other case"
MENDED_NUMBER = "number written as text, or text as a number"
MENDED_LINE_ENDS = "CR LF within a text"


class _Fault(ValueError):
    """What is wrong with one row: the kind, then what is particular to it."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(kind)
        self.kind, self.detail = kind, detail


def jsonl_rows(path: Path, split: str | None, faults: Faults, mended: Counter[str] | None) -> Iterator[Rows]:
    """The rows of a file of JSON lines, some thousand at a time; blank lines hold none.

    Keys that no record has are kept as JSON in the column `EXTRA`.

    Args:
        path: the file.
        split: whose rows these are, for the pieces.
        faults: what can't be used goes there.
        mended: counts what was put right; None makes it a fault.
    """
    rows: list[dict[str, Any]] = []
    places: list[int] = []
    size = 0
    for number, line in text_lines(path, faults, mended):
        try:
            row = _parse(line)
            if mended is not None:
                row = _mend(row, mended)
            rows.append(_checked(row))
        except _Fault as fault:
            faults.add(path, {"line": number}, fault.kind, fault.detail, text=line)
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
        raise _Fault("a key stands twice in one object", _shown(twice))
    return row


def _no_number(name: str) -> Any:
    raise _Fault("not valid JSON", f"{name} is no number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _Fault("a number is beyond all bounds", _shown(text))
    return value


_DECODE = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_number, parse_float=_finite).decode


def _parse(line: bytes) -> dict[str, Any]:
    try:
        row = _DECODE(line.decode())
    except UnicodeDecodeError as error:
        raise _Fault("not UTF-8 text", f"byte {error.start + 1} of the line") from error
    except json.JSONDecodeError as error:
        raise _Fault("not valid JSON", f"column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise _Fault("not valid JSON", "nested too deeply") from error
    except _Fault:
        raise
    except ValueError as error:
        raise _Fault("a number is beyond all bounds") from error
    if not isinstance(row, dict):
        raise _Fault("the line is no JSON object", f"it holds {_shown(row)}")
    return row


def _checked(row: dict[str, Any]) -> dict[str, Any]:
    """The row, its unknown keys put together in `EXTRA`."""
    for name in TEXTS:
        if name not in row:
            raise _Fault(f"the key {name} is missing")
        text = row[name]
        if type(text) is not str:
            raise _Fault(f"its {name} is no text", _shown(text))
        if not text or text.isspace():
            raise _Fault(f"its {name} is empty")
    if len(row) > len(TEXTS):
        if unknown := row.keys() - _KNOWN:
            extra = {name: row[name] for name in row if name in unknown}
            row = {name: value for name, value in row.items() if name not in unknown}
            row[EXTRA] = json.dumps(extra, ensure_ascii=False)
        for name, value in row.items():
            if value is None or name is EXTRA:
                continue
            wanted = _TYPES[name]
            if type(value) is not wanted:
                raise _Fault(f"its {name} is not {_WANTED[wanted]}", _shown(value))
            if isinstance(value, int) and wanted is int and not RANGES[name][0] <= value <= RANGES[name][1]:
                raise _Fault(f"its {name} is out of range", _shown(value))
    for value in row.values():
        if type(value) is str and not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise _Fault("a text holds half a surrogate pair") from error
    return row


def _mend(row: dict[str, Any], mended: Counter[str]) -> dict[str, Any]:
    """The row with known keys in lower case, numbers and texts where such belong, and LF for CR LF."""
    result: dict[str, Any] = {}
    for key, value in row.items():
        name = key.strip().lower()
        if name != key and name in _KNOWN:
            if name in row or name in result:
                raise _Fault("a key stands twice in one object", _shown(key))
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
