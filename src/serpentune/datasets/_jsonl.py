"""Floor 4, datasets: records as lines of JSON, written column by column into one piece of memory."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import types
from numpy.typing import NDArray

from serpentune.datasets.texts import BYTES_TYPE, OFFSETS_TYPE, Bytes, Offsets, Texts
from serpentune.game._jit import kernel

_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_MARKS_TYPE = types.Array(types.uint8, 1, "C", readonly=True)
_PLAIN, _LONG = 0, 1
"""What a byte becomes in a string: itself, or `\\u00` and two digits; anything else is the letter after a backslash."""

_ESCAPES = np.zeros(256, np.uint8)
_ESCAPES[:32] = _LONG
for _letter, _byte in zip(b'"\\bfnrt', b'"\\\b\f\n\r\t', strict=True):
    _ESCAPES[_byte] = _letter


def jsonl_lines(table: Any) -> memoryview:
    """The rows of an Arrow table as JSON, a line each, in UTF-8; the keys stand in the order of the columns.

    The bytes are those of `json.dumps(row, ensure_ascii=False)` and a line break for each row. The interpreter lock is
    released.

    Args:
        table: its columns hold strings, whole numbers, truth values or nothing but nulls.

    Raises:
        TypeError: a column of another type.
    """
    return _rows(table, [f"{', ' if place else '{'}{_key(name)}" for place, name in enumerate(table.column_names)])


def chat_lines(table: Any) -> memoryview:
    """The rows of an Arrow table as lines of JSON in the form of chats: the user says the prompt.

        {"messages": [{"role": "user", "content": …}, {"role": "assistant", "content": …}], "teacher": …}

    The spaces with which the completion begins are left out. Other columns follow under their names.

    Args:
        table: as for `jsonl_lines`; its first two columns are `prompt` and `completion`.

    Raises:
        TypeError: a column of another type.
    """
    answer = pc.utf8_ltrim(table["completion"], characters=" ")
    others = table.column_names[2:]
    closed = "}]"
    keys = ['{"messages": [{"role": "user", "content": ', '}, {"role": "assistant", "content": ']
    keys += [f"{'' if place else closed}, {_key(name)}" for place, name in enumerate(others)]
    return _rows(table.set_column(1, "completion", answer), keys, "}" if others else f"{closed}}}")


def _key(name: str) -> str:
    return f"{json.dumps(name, ensure_ascii=False)}: "


def _rows(table: Any, keys: list[str], end: str = "}") -> memoryview:
    """Each row as its values, each behind what stands in `keys` for its column, and `end` and a line break."""
    columns = [
        (*_as_text(name, column), np.frombuffer(key.encode(), np.uint8))
        for key, name, column in zip(keys, table.column_names, table.columns, strict=True)
    ]
    last = f"{end if columns else '{' + end}\n".encode()
    sizes = np.full(table.num_rows, len(last), np.int64)
    for texts, known, quoted, key in columns:
        _add_sizes(texts.data, texts.offsets, known, quoted, len(key), _ESCAPES, sizes)
    ends = np.cumsum(sizes)
    result = np.empty(int(sizes.sum()), np.uint8)
    cursors = ends - sizes
    for texts, known, quoted, key in columns:
        _put_column(texts.data, texts.offsets, known, quoted, key, _ESCAPES, _HEX, cursors, result)
    for place, byte in enumerate(last):
        result[cursors + place] = byte
    return result.data


def _as_text(name: str, column: Any) -> tuple[Texts, NDArray[np.uint8], bool]:
    """A column's values as texts, which of them are no nulls, and whether they stand in quotes."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    quoted = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    if not (quoted or pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind)):
        raise TypeError(f"the column {name!r} holds {column.type}, which is not written as JSON")
    known = pc.is_valid(column).to_numpy().astype(np.uint8)
    return Texts.of_arrow(column.cast(pa.large_string())), known, quoted


@kernel(
    types.void(BYTES_TYPE, OFFSETS_TYPE, _MARKS_TYPE, types.boolean, types.int64, _MARKS_TYPE, types.int64[::1]),
    allocates=False,
)
def _add_sizes(
    data: Bytes,
    offsets: Offsets,
    known: NDArray[np.uint8],
    quoted: bool,
    key: int,
    escapes: NDArray[np.uint8],
    sizes: NDArray[np.int64],
) -> None:
    for row in range(sizes.shape[0]):
        size = key
        if not known[row]:
            size += 4
        else:
            size += offsets[row + 1] - offsets[row]
            if quoted:
                size += 2
                for at in range(offsets[row], offsets[row + 1]):
                    mark = escapes[data[at]]
                    if mark != _PLAIN:
                        size += 5 if mark == _LONG else 1
        sizes[row] += size


@kernel(
    types.void(
        BYTES_TYPE,
        OFFSETS_TYPE,
        _MARKS_TYPE,
        types.boolean,
        BYTES_TYPE,
        _MARKS_TYPE,
        BYTES_TYPE,
        types.int64[::1],
        types.uint8[::1],
    ),
    allocates=False,
)
def _put_column(
    data: Bytes,
    offsets: Offsets,
    known: NDArray[np.uint8],
    quoted: bool,
    key: Bytes,
    escapes: NDArray[np.uint8],
    digits: Bytes,
    cursors: NDArray[np.int64],
    result: Bytes,
) -> None:
    for row in range(cursors.shape[0]):
        place = cursors[row]
        for at in range(key.shape[0]):
            result[place] = key[at]
            place += 1
        if not known[row]:
            for letter in (110, 117, 108, 108):  # null
                result[place] = letter
                place += 1
        elif not quoted:
            for at in range(offsets[row], offsets[row + 1]):
                result[place] = data[at]
                place += 1
        else:
            result[place] = 34
            place += 1
            for at in range(offsets[row], offsets[row + 1]):
                byte = data[at]
                mark = escapes[byte]
                if mark == _PLAIN:
                    result[place] = byte
                    place += 1
                    continue
                result[place] = 92
                if mark != _LONG:
                    result[place + 1] = mark
                    place += 2
                    continue
                result[place + 1] = 117
                result[place + 2] = 48
                result[place + 3] = 48
                result[place + 4] = digits[byte >> 4]
                result[place + 5] = digits[byte & 15]
                place += 6
            result[place] = 34
            place += 1
        cursors[row] = place
