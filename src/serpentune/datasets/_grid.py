"""Floor 4, datasets: the encoding `grid`, a drawing of the board."""

from __future__ import annotations

from dataclasses import dataclass

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
from serpentune.datasets._pieces import put
from serpentune.datasets.texts import BYTES_TYPE, OFFSETS_TYPE, Bytes, Offsets, Texts
from serpentune.game import State, States, _rules
from serpentune.game._jit import kernel

EMPTY, HEAD, APPLE = ".", "H", "A"
ARROWS = "^>v<"
"""`ARROWS[move]` marks a body cell whose neighbour toward the head lies in that direction."""

_EMPTY, _HEAD, _APPLE, _SPACE, _LINE_BREAK = map(ord, (EMPTY, HEAD, APPLE, " ", "\n"))
_UP, _RIGHT, _DOWN, _LEFT = map(ord, ARROWS)


@dataclass(frozen=True)
class GridEncoding(Encoding):
    """The board a row a line, the top row first, one symbol a cell, each with a space before it.

    Common tokenizers make one token of a space and a symbol, so that a cell is a token and the cell above it stands a
    fixed number of tokens before it. Body cells are arrows toward the head: the order of the body is visible, and with
    it when each cell will be free. The first line gives the size and the direction of the last move, which a snake of
    one cell doesn't show otherwise.

        Board 4x4, heading UP.
         . . A .
         . H . .
         . ^ . .
         . ^ < .
    """

    name: str = "grid"
    exact: bool = True
    opening: str = OPENING

    def write(self, states: States) -> Texts:
        """`n` states as `n` texts.

        Raises:
            ValueError: no states of the rules.
        """
        body, length, apple, direction = arrays(states)
        lines = headers(states.width, states.height)
        offsets = np.zeros(len(states) + 1, np.int64)
        np.cumsum(np.diff(lines.offsets)[direction + 1] + _size(states.width, states.height), out=offsets[1:])
        data = np.empty(offsets[-1], np.uint8)
        size = states.width, states.height
        if not _draw(body, length, apple, direction, *size, lines.data, lines.offsets, data, offsets):
            raise no_state(states)
        return Texts(data, offsets)

    def decode(self, text: str) -> State:
        """The state of which `write` makes exactly this text.

        Raises:
            ValueError: it makes it of no state of the rules.
        """
        width, height, direction, drawing = split_header(text)
        rows = [line.split() for line in drawing.splitlines()]
        if len(rows) != height or any(len(row) != width for row in rows):
            raise ValueError(f"the drawing is not {height} rows of {width} cells")
        cells = {y * width + x: rows[height - 1 - y][x] for y in range(height) for x in range(width)}
        if unknown := set(cells.values()) - set(EMPTY + HEAD + APPLE + ARROWS):
            raise ValueError(f"{sorted(unknown)[0]!r} is no symbol of the grid")
        heads = [cell for cell, symbol in cells.items() if symbol == HEAD]
        apples = [cell for cell, symbol in cells.items() if symbol == APPLE]
        if len(heads) != 1 or len(apples) > 1:
            raise ValueError(f"{len(heads)} heads and {len(apples)} apples")
        behind = {}
        for cell, symbol in cells.items():
            if symbol in ARROWS:
                toward = _rules.neighbour(cell, ARROWS.index(symbol), width, height)
                if toward == _rules.NO_CELL:
                    raise ValueError(f"an arrow at ({cell % width}, {cell // width}) points off the board")
                behind[toward] = cell
        body = heads
        while body[-1] in behind:
            body.append(behind.pop(body[-1]))
        if len(body) != 1 + sum(symbol in ARROWS for symbol in cells.values()):
            raise ValueError("the arrows don't make one body that leads to the head")
        state = State(width, height, tuple(body), apples[0] if apples else _rules.NO_CELL, direction)
        check_heading(state)
        if self.encode(States.stack([state])) != [text]:
            raise ValueError("spaces or line breaks stand where they don't belong")
        return state

    def read(self, texts: Texts, width: int, height: int) -> tuple[States, NDArray[np.bool_]]:
        """The states of `n` texts of boards of one size, and which of the texts hold one (see `Encoding.read`)."""
        states, ok = States.unfilled(len(texts), width, height), np.empty(len(texts), np.bool_)
        lines = headers(width, height)
        filled = states.body, states.length, states.apple, states.direction
        _read(texts.data, texts.offsets, lines.data, lines.offsets, width, height, *filled, ok)
        return states, ok


def _size(width: int, height: int) -> int:
    """Bytes of a drawing."""
    return height * (2 * width + 1)


@kernel(
    types.boolean(*STATES_TYPES, types.int64, types.int64, BYTES_TYPE, OFFSETS_TYPE, types.uint8[::1], OFFSETS_TYPE)
)
def _draw(
    body: Body,
    length: Numbers,
    apple: Numbers,
    direction: Numbers,
    width: int,
    height: int,
    lines: Bytes,
    line_offsets: Offsets,
    data: Bytes,
    offsets: Offsets,
) -> bool:
    """Write the texts; false where a body isn't one cell beside the other."""
    cells, row_size = width * height, 2 * width + 1
    blank = np.full(height * row_size, _SPACE, np.uint8)
    places = np.empty(cells, np.int64)
    for cell in range(cells):
        places[cell] = (height - 1 - cell // width) * row_size + 2 * (cell % width) + 1
        blank[places[cell]] = _EMPTY
    for y in range(height):
        blank[y * row_size + 2 * width] = _LINE_BREAK
    arrows = np.zeros(2 * cells, np.uint8)
    arrows[cells + width], arrows[cells + 1], arrows[cells - width], arrows[cells - 1] = _UP, _RIGHT, _DOWN, _LEFT
    for row in range(length.shape[0]):
        at = put(data, offsets[row], lines, line_offsets, direction[row] + 1)
        drawing = data[at : at + blank.shape[0]]
        drawing[:] = blank
        before = int(body[row, 0])
        if not 0 <= before < cells:
            return False
        drawing[places[before]] = _HEAD
        for part in range(1, length[row]):
            cell = int(body[row, part])
            if not 0 <= cell < cells:
                return False
            arrow = arrows[cells + before - cell]
            if arrow == 0:
                return False
            drawing[places[cell]] = arrow
            before = cell
        if apple[row] >= 0:
            drawing[places[apple[row]]] = _APPLE
    return True


@kernel(
    types.void(
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
    line_offsets: Offsets,
    width: int,
    height: int,
    body: Body,
    length: Numbers,
    apple: Numbers,
    direction: Numbers,
    ok: NDArray[np.bool_],
) -> None:
    cells = width * height
    # One addition counts each symbol in 16 bits of its own: empty cells, heads, apples, arrows.
    weights = np.zeros(256, np.int64)
    weights[_EMPTY], weights[_HEAD], weights[_APPLE] = 1, 1 << 16, 1 << 32
    # A board with a border: a column beside it, a row below and one above. An arrow notes where it stands at the place
    # that it points to; each other symbol notes it at place 0, a corner, which nothing points to.
    stride = width + 1
    cell_at = np.full(stride * (height + 2), _rules.NO_CELL, np.int64)
    moves, keeps = np.zeros(256, np.int64), np.zeros(256, np.int64)
    for arrow, way in ((_UP, stride), (_RIGHT, 1), (_DOWN, -stride), (_LEFT, -1)):
        weights[arrow], moves[arrow], keeps[arrow] = 1 << 48, way, 1
    for cell in range(cells):
        cell_at[(cell // width + 1) * stride + cell % width + 1] = cell
    behind = np.empty(cell_at.shape[0] + 1, np.int64)
    for row in range(ok.shape[0]):
        ok[row] = False
        fill_in(row, body, length, apple, direction)
        at, stop = offsets[row], offsets[row + 1]
        line = find_header(data, at, stop, lines, line_offsets)
        if line < 0:
            continue
        at += line_offsets[line + 1] - line_offsets[line]
        if stop - at != height * (2 * width + 1):
            continue
        counts, spaces, head, apple_at = 0, 0, 0, 0
        behind[:] = 0
        for y in range(height, 0, -1):
            for place in range(y * stride + 1, (y + 1) * stride):
                spaces += data[at] == _SPACE
                symbol = data[at + 1]
                counts += weights[symbol]
                behind[keeps[symbol] * place + moves[symbol]] = place
                if symbol == _HEAD:
                    head = place
                elif symbol == _APPLE:
                    apple_at = place
                at += 2
            spaces += data[at] == _LINE_BREAK
            at += 1
        heads, apples, parts = counts >> 16 & 0xFFFF, counts >> 32 & 0xFFFF, counts >> 48
        if spaces != cells + height or (counts & 0xFFFF) + heads + apples + parts != cells or heads != 1 or apples > 1:
            continue
        # Every step back from the head comes to another cell, since an arrow points to one cell only and the head to
        # none; so all arrows lie in one body if there are as many steps as arrows.
        body[row, 0] = cell_at[head]
        found, place = 1, behind[head]
        while place:
            body[row, found] = cell_at[place]
            found += 1
            place = behind[place]
        if found != 1 + parts or not heading_fits(body[row, 0], body[row, 1], found, line - 1, width, height):
            fill_in(row, body, length, apple, direction)
            continue
        length[row], apple[row], direction[row], ok[row] = found, cell_at[apple_at], line - 1, True
