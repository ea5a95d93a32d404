"""Floor 4, datasets: the encoding `coordinates`, the cells that matter as numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numba import types
from numpy.typing import NDArray

from serpentune.datasets._encoding import Encoding
from serpentune.datasets._header import (
    FILLED_TYPES,
    OPENING,
    STATES_TYPES,
    Body,
    Numbers,
    arrays,
    check_heading,
    fill_in,
    find_header,
    headers,
    heading_fits,
    no_state,
    split_header,
)
from serpentune.datasets._pieces import put, skip
from serpentune.datasets.texts import BYTES_TYPE, OFFSETS_TYPE, Bytes, Offsets, Texts
from serpentune.game import State, States, _rules
from serpentune.game._jit import kernel

NONE = "none"
"""What stands for an apple that isn't to be seen and for a body of no cells behind the head."""

_PIECES = Texts.of(("Head", ". Apple", ".\nBody", "\n", f" {NONE}"))
_HEAD, _APPLE, _BODY, _END, _NONE = range(len(_PIECES))
"""The pieces of text around cells; a cell brings along the space before it."""

_CELL = r"(?:0|[1-9]\d?),(?:0|[1-9]\d?)"
_LINES = re.compile(rf"Head ({_CELL})\. Apple ({_CELL}|{NONE})\.\nBody ({_CELL}(?: {_CELL})*|{NONE})\n", re.ASCII)


@dataclass(frozen=True)
class CoordinatesEncoding(Encoding):
    """Head, apple and body as `x,y`, `0,0` at the bottom left; the body without its head, from there to the tail.

    It grows with the snake and not with the board: in common tokenizers three to four tokens a body cell, so that it
    is shorter than `grid` while the snake covers less than about a fifth to a third of the board. Letters for columns,
    as in chess, would take two to three tokens, but the distance of two cells couldn't be read off.

        Board 4x4, heading UP.
        Head 1,2. Apple 2,3.
        Body 1,1 1,0 2,0
    """

    name: str = "coordinates"
    exact: bool = True
    opening: str = OPENING

    def write(self, states: States) -> Texts:
        """`n` states as `n` texts.

        Raises:
            ValueError: no states of the rules.
        """
        columns = arrays(states)
        lines = headers(states.width, states.height)
        names, sizes = _names(states.width, states.height)
        offsets = np.zeros(len(states) + 1, np.int64)
        if not _measure(*columns, np.diff(lines.offsets), sizes, _PIECES.offsets, offsets):
            raise no_state(states)
        data = np.empty(offsets[-1] + _SLACK, np.uint8)
        _write(*columns, lines.data, lines.offsets, names, sizes, _PIECES.data, _PIECES.offsets, data, offsets)
        return Texts(data[: offsets[-1]], offsets)

    def decode(self, text: str) -> State:
        """The state of which `write` makes exactly this text.

        Raises:
            ValueError: it makes it of no state of the rules.
        """
        width, height, direction, rest = split_header(text)
        found = _LINES.fullmatch(rest)
        if found is None:
            raise ValueError("below the first line there is no 'Head <x,y>. Apple <x,y>.' with 'Body <x,y> ...'")
        named = [found[1], *([] if found[3] == NONE else found[3].split(" "))]
        cells = [_cell(name, width, height) for name in named]
        apple = _rules.NO_CELL if found[2] == NONE else _cell(found[2], width, height)
        if len(set(cells)) < len(cells):
            raise ValueError("the snake lies twice on one cell")
        if apple in cells:
            raise ValueError(f"the apple {found[2]} lies under the snake")
        for place, (cell, behind) in enumerate(pairwise(cells)):
            if behind not in (_rules.neighbour(cell, way, width, height) for way in range(4)):
                raise ValueError(f"the body goes on from {named[place]} at {named[place + 1]}, which is not beside it")
        state = State(width, height, tuple(cells), apple, direction)
        check_heading(state)
        return state

    def read(self, texts: Texts, width: int, height: int) -> tuple[States, NDArray[np.bool_]]:
        """The states of `n` texts of boards of one size, and which of the texts hold one (see `Encoding.read`)."""
        states, ok = States.unfilled(len(texts), width, height), np.empty(len(texts), np.bool_)
        lines = headers(width, height)
        filled = states.body, states.length, states.apple, states.direction
        _read(
            texts.data,
            texts.offsets,
            lines.data,
            lines.offsets,
            _PIECES.data,
            _PIECES.offsets,
            width,
            height,
            *filled,
            ok,
        )
        return states, ok


def _cell(name: str, width: int, height: int) -> int:
    x, y = map(int, name.split(","))
    if not (x < width and y < height):
        raise ValueError(f"{name} lies outside a {width}x{height} board")
    return y * width + x


_SLACK = 8
"""Bytes that a name takes when it is written; those behind its end are written over by what follows."""


@lru_cache(maxsize=64)
def _names(width: int, height: int) -> tuple[NDArray[np.uint64], Numbers]:
    """What is written for each cell, the space before it included, and last for none: 8 bytes in a number, and size."""
    names = [f" {cell % width},{cell // width}".encode() for cell in range(width * height)]
    names.append(f" {NONE}".encode())
    packed = np.array([int.from_bytes(name, "little") for name in names], np.uint64)
    return packed, np.array([len(name) for name in names], np.int64)


@kernel(types.boolean(*STATES_TYPES, OFFSETS_TYPE, OFFSETS_TYPE, OFFSETS_TYPE, types.int64[::1]), allocates=False)
def _measure(
    body: Body,
    length: Numbers,
    apple: Numbers,
    direction: Numbers,
    line_sizes: Numbers,
    sizes: Numbers,
    piece_at: Numbers,
    offsets: Numbers,
) -> bool:
    """Fill in where each text begins; false where a body lies outside the board."""
    none = sizes.shape[0] - 1
    for row in range(length.shape[0]):
        size = piece_at[_NONE] + line_sizes[direction[row] + 1]
        size += sizes[apple[row] if apple[row] >= 0 else none]
        if length[row] == 1:
            size += sizes[none]
        for part in range(length[row]):
            cell = int(body[row, part])
            if not 0 <= cell < none:
                return False
            size += sizes[cell]
        offsets[row + 1] = offsets[row] + size
    return True


@kernel(types.void(types.uint8[::1], types.int64, types.uint64), allocates=False)
def _put_name(data: Bytes, at: int, name: np.uint64) -> None:
    for place in range(_SLACK):
        data[at + place] = np.uint8(name >> np.uint64(8 * place) & np.uint64(255))


@kernel(
    types.void(
        *STATES_TYPES,
        BYTES_TYPE,
        OFFSETS_TYPE,
        types.Array(types.uint64, 1, "C", readonly=True),
        OFFSETS_TYPE,
        BYTES_TYPE,
        OFFSETS_TYPE,
        types.uint8[::1],
        OFFSETS_TYPE,
    ),
    allocates=False,
)
def _write(
    body: Body,
    length: Numbers,
    apple: Numbers,
    direction: Numbers,
    lines: Bytes,
    line_at: Offsets,
    names: NDArray[np.uint64],
    sizes: Numbers,
    pieces: Bytes,
    piece_at: Numbers,
    data: Bytes,
    offsets: Offsets,
) -> None:
    none = sizes.shape[0] - 1
    for row in range(length.shape[0]):
        at = put(data, offsets[row], lines, line_at, direction[row] + 1)
        at = put(data, at, pieces, piece_at, _HEAD)
        _put_name(data, at, names[body[row, 0]])
        at = put(data, at + sizes[body[row, 0]], pieces, piece_at, _APPLE)
        shown = apple[row] if apple[row] >= 0 else none
        _put_name(data, at, names[shown])
        at = put(data, at + sizes[shown], pieces, piece_at, _BODY)
        if length[row] == 1:
            _put_name(data, at, names[none])
            at += sizes[none]
        for part in range(1, length[row]):
            cell = body[row, part]
            _put_name(data, at, names[cell])
            at += sizes[cell]
        put(data, at, pieces, piece_at, _END)


_ZERO, _COMMA, _SPACE = ord("0"), ord(","), ord(" ")


@kernel(types.UniTuple(types.int64, 2)(BYTES_TYPE, types.int64, types.int64, types.int64), allocates=False)
def _number(data: Bytes, at: int, stop: int, bound: int) -> tuple[int, int]:
    """The number below `bound` at `at`, without a zero before it, and where it ends; -1 where there is none."""
    value, start = 0, at
    while at < stop and at < start + 2 and _ZERO <= data[at] <= _ZERO + 9:
        value = 10 * value + data[at] - _ZERO
        at += 1
    if at == start or value >= bound or (at > start + 1 and data[start] == _ZERO):
        return -1, -1
    return value, at


@kernel(types.UniTuple(types.int64, 2)(BYTES_TYPE, types.int64, types.int64, types.int64, types.int64), allocates=False)
def _place(data: Bytes, at: int, stop: int, width: int, height: int) -> tuple[int, int]:
    """The cell whose name stands at `at` behind a space, and where it ends; -1 where there is none."""
    if at < 0 or at >= stop or data[at] != _SPACE:
        return -1, -1
    x, at = _number(data, at + 1, stop, width)
    if x < 0 or at >= stop or data[at] != _COMMA:
        return -1, -1
    y, at = _number(data, at + 1, stop, height)
    if y < 0:
        return -1, -1
    return y * width + x, at


@kernel(
    types.void(
        BYTES_TYPE,
        OFFSETS_TYPE,
        BYTES_TYPE,
        OFFSETS_TYPE,
        BYTES_TYPE,
        OFFSETS_TYPE,
        types.int64,
        types.int64,
        *FILLED_TYPES,
        types.boolean[::1],
    )
)
def _read(
    data: Bytes,
    offsets: Offsets,
    lines: Bytes,
    line_at: Offsets,
    pieces: Bytes,
    piece_at: Numbers,
    width: int,
    height: int,
    body: Body,
    length: Numbers,
    apple: Numbers,
    direction: Numbers,
    ok: NDArray[np.bool_],
) -> None:
    cells = width * height
    taken = np.zeros(cells, np.int64)
    for row in range(ok.shape[0]):
        ok[row] = False
        fill_in(row, body, length, apple, direction)
        at, stop = offsets[row], offsets[row + 1]
        line = find_header(data, at, stop, lines, line_at)
        if line < 0:
            continue
        at = skip(data, at + line_at[line + 1] - line_at[line], stop, pieces, piece_at, _HEAD)
        head, at = _place(data, at, stop, width, height)
        at = skip(data, at, stop, pieces, piece_at, _APPLE)
        apple_cell = _rules.NO_CELL
        none = skip(data, at, stop, pieces, piece_at, _NONE)
        if none >= 0:
            at = none
        else:
            apple_cell, at = _place(data, at, stop, width, height)
        at = skip(data, at, stop, pieces, piece_at, _BODY)
        if at < 0:
            continue
        # Each row leaves its own number on the cells of its snake.
        taken[head] = row + 1
        body[row, 0] = head
        found, cell = 1, head
        none = skip(data, at, stop, pieces, piece_at, _NONE)
        if none >= 0:
            at = none
        else:
            while found == 1 or 0 <= at < stop - 1:
                behind, at = _place(data, at, stop, width, height)
                beside = (abs(behind - cell) == 1 and behind // width == cell // width) or abs(behind - cell) == width
                if behind < 0 or not beside or taken[behind] == row + 1:
                    at = -1
                    break
                taken[behind] = row + 1
                body[row, found] = behind
                found, cell = found + 1, behind
        at = skip(data, at, stop, pieces, piece_at, _END)
        apple_taken = apple_cell >= 0 and taken[apple_cell] == row + 1
        fits = heading_fits(head, body[row, 1], found, line - 1, width, height)
        if at != stop or apple_taken or not fits:
            fill_in(row, body, length, apple, direction)
            continue
        length[row], apple[row], direction[row], ok[row] = found, apple_cell, line - 1, True
