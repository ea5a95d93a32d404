"""Floor 1, game: a state as text for the terminal, or as pixels; all but `scene` need numpy only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from serpentune.game import _rules
from serpentune.game.moves import DIRECTIONS, Move
from serpentune.game.state import State

if TYPE_CHECKING:
    from rich.console import RenderableType

MIN_CELL_SIZE = 6

Mask = NDArray[np.bool_]

_HEADS = {None: "■", Move.UP: "▲", Move.RIGHT: "▶", Move.DOWN: "▼", Move.LEFT: "◀"}
_APPLE = "●"
_PATH = "↑→↓←"
_SEGMENTS: dict[frozenset[Move], str] = {
    frozenset(): "■",
    frozenset([Move.UP]): "╹",
    frozenset([Move.RIGHT]): "╺",
    frozenset([Move.DOWN]): "╻",
    frozenset([Move.LEFT]): "╸",
    frozenset([Move.UP, Move.DOWN]): "┃",
    frozenset([Move.RIGHT, Move.LEFT]): "━",
    frozenset([Move.UP, Move.RIGHT]): "┗",
    frozenset([Move.RIGHT, Move.DOWN]): "┏",
    frozenset([Move.DOWN, Move.LEFT]): "┓",
    frozenset([Move.LEFT, Move.UP]): "┛",
}
"""How a segment looks that is joined to neighbours in those directions: to one, the tail; to none, the whole snake."""

_DIM, _GREEN, _BRIGHT, _RED, _PLAIN = "\x1b[2m", "\x1b[32m", "\x1b[1;92m", "\x1b[1;91m", "\x1b[0m"
_YELLOW = "\x1b[33m"

NAMES_WIDTH = 14
"""Columns of the names of the facts beside a board."""


def ansi(state: State, *, colour: bool = False, path: Iterable[int] = ()) -> str:
    """The board as `height + 2` lines of `2 * width + 3` characters, the last line without a line break.

    The body is one unbroken line from the head (`▲▶▼◀`, `■` before the first move) to the tail, so that the order of
    its cells can be seen; the apple is `●`. Each cell is two characters wide, which is about square in a terminal.

    Args:
        state: the position.
        colour: add ANSI escape sequences; without them the text is plain.
        path: `Move` codes that move the snake, as far as they are to be shown: an arrow on each cell that they lead to,
            where neither apple nor body is drawn. It ends where it leaves the board.
    """
    head, body, apple, frame, way, plain = (_BRIGHT, _GREEN, _RED, _DIM, _YELLOW, _PLAIN) if colour else ("",) * 6
    symbols = {cell: f"{way}{_PATH[move]}{plain}" for cell, move in cells_along(state, path)}
    symbols |= {cell: f"{body}{_SEGMENTS[frozenset(joined)]}{plain}" for cell, joined in _joints(state).items()}
    symbols[state.head] = f"{head}{_HEADS[state.direction]}{plain}"
    if state.apple >= 0:
        symbols[state.apple] = f"{apple}{_APPLE}{plain}"
    bridged = {min(pair) for pair in pairwise(state.body) if abs(pair[0] - pair[1]) == 1}
    lines = [f"{frame}┌{'─' * (2 * state.width + 1)}┐{plain}"]
    for y in reversed(range(state.height)):
        row = range(y * state.width, (y + 1) * state.width)
        cells = (symbols.get(cell, " ") + (f"{body}━{plain}" if cell in bridged else " ") for cell in row)
        lines.append(f"{frame}│{plain} {''.join(cells)}{frame}│{plain}")
    lines.append(f"{frame}└{'─' * (2 * state.width + 1)}┘{plain}")
    return "\n".join(lines)


def cells_along(state: State, path: Iterable[int]) -> Iterator[tuple[int, int]]:
    """The cells that moves lead to from the head, each with its move."""
    cell = state.head
    for move in path:
        cell = int(_rules.neighbour(cell, move, state.width, state.height))
        if cell == _rules.NO_CELL:
            return
        yield cell, move


def scene(state: State, facts: Mapping[str, RenderableType], *, path: Iterable[int] = ()) -> RenderableType:
    """The board in colour with facts beside it, for a rich console, which leaves the colours out where it has none.

    Args:
        state: the position.
        facts: names and values, a pair a line; a value that is text is shown letter by letter.
        path: as of `ansi`.
    """
    from rich.table import Table
    from rich.text import Text

    beside = Table.grid(padding=(0, 2))
    beside.add_column(min_width=NAMES_WIDTH)
    for name, value in facts.items():
        beside.add_row(Text(name, style="dim"), Text(value) if isinstance(value, str) else value)
    both = Table.grid(padding=(0, 3))
    both.add_row(Text.from_ansi(ansi(state, colour=True, path=path)), beside)
    return both


_SHADES = 48
_BOARD, _BOARD_TOO, _APPLE_RED, _LEAF, _EYE, _FIRST_SHADE = range(6)


def _palette() -> NDArray[np.uint8]:
    named = [(27, 33, 43), (32, 39, 51), (229, 72, 77), (122, 199, 79), (12, 17, 24)]
    shades = np.linspace((190, 242, 100), (14, 116, 144), _SHADES)
    return np.concatenate([np.array(named), shades.round()]).astype(np.uint8)


PALETTE = _palette()
"""Every colour of a picture, uint8 `(colours, 3)`; the last ones shade the snake from head to tail."""


def palette_image(state: State, *, cell_size: int = 24) -> NDArray[np.uint8]:
    """The board as places in `PALETTE`, uint8 `(height * cell_size, width * cell_size)`, the top row first.

    The body is one band that grows darker from head to tail; the head is thicker and has eyes.

    Args:
        state: the position.
        cell_size: the side of a cell in pixels.

    Raises:
        ValueError: `cell_size` is below `MIN_CELL_SIZE`.
    """
    if cell_size < MIN_CELL_SIZE:
        raise ValueError(f"a cell of {cell_size} pixels is too small to be seen; {MIN_CELL_SIZE} or more are needed")
    x, y = np.meshgrid(np.arange(state.width), np.arange(state.height)[::-1])
    tiles = np.where((x + y) % 2 == 0, _BOARD, _BOARD_TOO).astype(np.uint8)
    image = np.kron(tiles, np.ones((cell_size, cell_size), np.uint8))

    def paint(cell: int, mask: Mask, colour: int) -> None:
        column, row = state.xy(cell)
        top, left = (state.height - 1 - row) * cell_size, column * cell_size
        image[top : top + cell_size, left : left + cell_size][mask] = colour

    if state.apple >= 0:
        paint(state.apple, _disc(cell_size, 0.34, down=0.05), _APPLE_RED)
        paint(state.apple, _disc(cell_size, 0.12, right=0.08, down=-0.33), _LEAF)
    joints = _joints(state)
    arms = {direction: _arm(cell_size, direction) for direction in DIRECTIONS}
    middle = _disc(cell_size, _THICKNESS)
    for place, cell in enumerate(state.body):
        mask = middle | np.any([arms[direction] for direction in joints[cell]], axis=0)
        paint(cell, mask, _FIRST_SHADE + round(place / max(len(state.body) - 1, 1) * (_SHADES - 1)))
    paint(state.head, _disc(cell_size, 0.46), _FIRST_SHADE)
    up, right = _STEPS[Move.UP if state.direction is None else state.direction]
    for side in (-0.2, 0.2):
        eye = _disc(cell_size, 0.09, right=0.14 * right + side * up, down=-0.14 * up + side * right)
        paint(state.head, eye, _EYE)
    return image


def rgb(state: State, *, cell_size: int = 24) -> NDArray[np.uint8]:
    """The board as a picture, uint8 `(height * cell_size, width * cell_size, 3)`, the top row first.

    Args:
        state: the position.
        cell_size: the side of a cell in pixels.

    Raises:
        ValueError: `cell_size` is below `MIN_CELL_SIZE`.
    """
    return PALETTE[palette_image(state, cell_size=cell_size)]


_THICKNESS = 0.36
"""Half the width of the body's band, in cells."""

_STEPS = {Move.UP: (1, 0), Move.RIGHT: (0, 1), Move.DOWN: (-1, 0), Move.LEFT: (0, -1)}
"""How far each move leads up and to the right."""


def _joints(state: State) -> dict[int, list[Move]]:
    """For each cell of the body, in which directions the segments before and behind it lie."""
    joints: dict[int, list[Move]] = {cell: [] for cell in state.body}
    ways = {state.width: Move.UP, 1: Move.RIGHT, -state.width: Move.DOWN, -1: Move.LEFT}
    for ahead, behind in pairwise(state.body):
        joints[ahead].append(ways[behind - ahead])
        joints[behind].append(ways[ahead - behind])
    return joints


def _offsets(cell_size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far each pixel of a cell lies to the right of its middle and below it, in cells."""
    place = (np.arange(cell_size) + 0.5) / cell_size - 0.5
    return place[None, :], place[:, None]


def _disc(cell_size: int, radius: float, *, right: float = 0, down: float = 0) -> Mask:
    x, y = _offsets(cell_size)
    return (x - right) ** 2 + (y - down) ** 2 <= radius**2


def _arm(cell_size: int, direction: Move) -> Mask:
    """The band from the middle of a cell to its edge."""
    x, y = _offsets(cell_size)
    up, right = _STEPS[direction]
    along, across = right * x - up * y, right * y + up * x
    return (along >= 0) & (np.abs(across) <= _THICKNESS)
