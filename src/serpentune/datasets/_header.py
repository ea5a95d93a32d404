"""Floor 4, datasets: the first line of exact encodings, `Board 10x10, heading UP.`, and what holds of any state."""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
from numba import types
from numpy.typing import NDArray

from serpentune.datasets._pieces import skip
from serpentune.datasets.texts import BYTES_TYPE, OFFSETS_TYPE, Bytes, Offsets, Texts
from serpentune.game import DIRECTIONS, MAX_SIDE, MIN_SIDE, Move, State, States, _rules
from serpentune.game._jit import kernel

OPENING = "Board "

Body = NDArray[np.int16]
Numbers = NDArray[np.int64]

STATES_TYPES = (types.Array(types.int16, 2, "C", readonly=True), *(OFFSETS_TYPE,) * 3)
"""Of a kernel's parameters `body`, `length`, `apple`, `direction`, which it reads."""
FILLED_TYPES = (types.int16[:, ::1], *(types.int64[::1],) * 3)
"""Of the same, which it fills in."""

_HEADINGS = ("NONE", *(move.name for move in DIRECTIONS))
_HEADER = re.compile(rf"Board ([1-9]\d?)x([1-9]\d?), heading ({'|'.join(_HEADINGS)})\.\n", re.ASCII)


@lru_cache(maxsize=64)
def headers(width: int, height: int) -> Texts:
    """The headers of one board size, by direction: none, then those of `DIRECTIONS`."""
    return Texts.of([f"{OPENING}{width}x{height}, heading {heading}.\n" for heading in _HEADINGS])


def split_header(text: str) -> tuple[int, int, Move | None, str]:
    """Width, height, direction and the text behind the header.

    Raises:
        ValueError: no such header, or a board outside the rules.
    """
    header = _HEADER.match(text)
    if header is None:
        raise ValueError("the first line is not 'Board <width>x<height>, heading <direction>.'")
    width, height = int(header[1]), int(header[2])
    if not (MIN_SIDE <= width <= MAX_SIDE and MIN_SIDE <= height <= MAX_SIDE):
        raise ValueError(f"a {width}x{height} board is outside the rules")
    return width, height, None if header[3] == "NONE" else Move[header[3]], text[header.end() :]


def check_heading(state: State) -> None:
    """Refuse a direction that the last move can't have had.

    Raises:
        ValueError: the cell from which it led to the head lies beyond a wall, or isn't the body's next one; or the
            direction is missing though the snake has a body.
    """
    name = "NONE" if state.direction is None else state.direction.name
    behind = state.body[1] if len(state.body) > 1 else None
    if state.direction is not None:
        came_from = _rules.neighbour(state.head, (state.direction + 2) % 4, state.width, state.height)
        if came_from == _rules.NO_CELL:
            raise ValueError(f"the heading {name} leads to the head from beyond the wall")
        behind = came_from if behind is None else behind
        if came_from == behind:
            return
    if behind is not None:
        raise ValueError(f"the heading {name} is not the way the body moved")


def arrays(states: States) -> tuple[Body, Numbers, Numbers, Numbers]:
    """`body`, `length`, `apple` and `direction` for a kernel that writes them.

    Raises:
        ValueError: a length, an apple or a direction that no state of this board has; the kernel would read or write
            outside its arrays. Cells of bodies are the kernel's to check.
    """
    cells = states.width * states.height
    if (
        states.body.shape != (len(states), cells)
        or not ((states.length >= 1) & (states.length <= cells)).all()
        or not ((states.apple >= _rules.NO_CELL) & (states.apple < cells)).all()
        or not ((states.direction >= _rules.NO_DIRECTION) & (states.direction < len(DIRECTIONS))).all()
    ):
        raise no_state(states)
    return (
        np.ascontiguousarray(states.body, np.int16),
        np.ascontiguousarray(states.length, np.int64),
        np.ascontiguousarray(states.apple, np.int64),
        np.ascontiguousarray(states.direction, np.int64),
    )


def no_state(states: States) -> ValueError:
    """The error of states that can't be written."""
    return ValueError(f"no states of a {states.width}x{states.height} board: a length, cell or direction is impossible")


@kernel(types.int64(BYTES_TYPE, types.int64, types.int64, BYTES_TYPE, OFFSETS_TYPE), allocates=False)
def find_header(data: Bytes, start: int, stop: int, lines: Bytes, line_offsets: Offsets) -> int:
    """Which of `headers` the text begins with, or -1."""
    for line in range(line_offsets.shape[0] - 1):
        if skip(data, start, stop, lines, line_offsets, line) >= 0:
            return line
    return -1


@kernel(types.boolean(types.int64, types.int64, types.int64, types.int64, types.int64, types.int64), allocates=False)
def heading_fits(head: int, behind: int, length: int, direction: int, width: int, height: int) -> bool:
    """What `check_heading` checks; `behind` is the body's next cell where `length` is above 1."""
    if direction == _rules.NO_DIRECTION:
        return length == 1
    came_from = _rules.neighbour(head, (direction + 2) % 4, width, height)
    return came_from != _rules.NO_CELL and (length == 1 or came_from == behind)


@kernel(types.void(types.int64, *FILLED_TYPES), allocates=False)
def fill_in(row: int, body: Body, length: Numbers, apple: Numbers, direction: Numbers) -> None:
    """Make a row a snake of one cell, which any kernel may be given: it stands for a text that holds no state."""
    body[row] = _rules.NO_CELL
    body[row, 0] = 0
    length[row] = 1
    apple[row] = _rules.NO_CELL
    direction[row] = _rules.NO_DIRECTION
