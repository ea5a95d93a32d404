"""Floor 4, datasets: the encoding `grid`, a drawing of the board."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serpentune.datasets._encoding import Encoding, read_singly
from serpentune.datasets.texts import Texts
from serpentune.game import MAX_SIDE, MIN_SIDE, Move, State, States

EMPTY, HEAD, APPLE = ".", "H", "A"
ARROWS = "^>v<"
"""`ARROWS[move]` marks a body cell whose neighbour toward the head lies in that direction."""

_SYMBOLS = np.frombuffer((EMPTY + HEAD + APPLE + ARROWS).encode(), np.uint8)
_HEAD, _APPLE, _ARROW = 1, 2, 3


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
    opening: str = "Board "

    def write(self, states: States) -> Texts:
        """`n` states as `n` texts."""
        width, height, count = states.width, states.height, len(states)
        symbols = _SYMBOLS[_grid(states)].reshape(count, height, width)[:, ::-1]
        text = np.full((count, height, 2 * width + 1), ord(" "), np.uint8)
        text[:, :, 1 : 2 * width : 2] = symbols
        text[:, :, -1] = ord("\n")
        rows = text.tobytes().decode("ascii")
        size = height * (2 * width + 1)
        return Texts.of(
            [
                f"Board {width}x{height}, heading {'NONE' if direction < 0 else Move(direction).name}.\n"
                f"{rows[index * size : (index + 1) * size]}"
                for index, direction in enumerate(states.direction.tolist())
            ]
        )

    def decode(self, text: str) -> State:
        """The state that a text describes."""
        header = re.match(r"Board (\d{1,2})x(\d{1,2}), heading (NONE|UP|RIGHT|DOWN|LEFT)\.\n", text)
        if header is None:
            raise ValueError("the first line is not 'Board <width>x<height>, heading <direction>.'")
        width, height = int(header[1]), int(header[2])
        if not (MIN_SIDE <= width <= MAX_SIDE and MIN_SIDE <= height <= MAX_SIDE):
            raise ValueError(f"a {width}x{height} board is outside the rules")
        rows = [line.split() for line in text[header.end() :].splitlines()]
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
                dx, dy = ((0, 1), (1, 0), (0, -1), (-1, 0))[ARROWS.index(symbol)]
                x, y = cell % width + dx, cell // width + dy
                if not (0 <= x < width and 0 <= y < height):
                    raise ValueError(f"an arrow at ({cell % width}, {cell // width}) points off the board")
                behind[y * width + x] = cell
        body = heads
        while body[-1] in behind:
            body.append(behind.pop(body[-1]))
        if len(body) != 1 + sum(symbol in ARROWS for symbol in cells.values()):
            raise ValueError("the arrows don't make one body that leads to the head")
        direction = None if header[3] == "NONE" else Move[header[3]]
        if len(body) > 1 and direction != ARROWS.index(cells[body[1]]):
            raise ValueError(f"the heading {header[3]} is not the way the body moved")
        state = State(width, height, tuple(body), apples[0] if apples else -1, direction)
        if self.encode(States.stack([state])) != [text]:
            raise ValueError("spaces or line breaks stand where they don't belong")
        return state

    def read(self, texts: Texts, width: int, height: int) -> tuple[States, NDArray[np.bool_]]:
        """The states of `n` texts, and which of them are states of that board."""
        return read_singly(self, texts, width, height)


def _grid(states: States) -> NDArray[np.intp]:
    """Indices into `_SYMBOLS`, `(n, cells)`."""
    count, cells = states.body.shape
    board = np.zeros((count, cells), np.intp)
    body = states.body.astype(np.int64)
    game, place = np.nonzero(body[:, 1:] >= 0)
    behind = body[game, place + 1]
    step = body[game, place] - behind
    board[game, behind] = _ARROW + np.select([step == states.width, step == 1, step == -states.width], [0, 1, 2], 3)
    rows = np.arange(count)
    board[rows, body[:, 0]] = _HEAD
    has_apple = states.apple >= 0
    board[rows[has_apple], states.apple[has_apple]] = _APPLE
    return board
