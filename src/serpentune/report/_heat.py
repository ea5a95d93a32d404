"""Floor 10, report: heat maps of boards: how often something lay on each cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serpentune.report._format import percent

_LEVELS = 12
"""Shades of a board's heat map."""


@dataclass(frozen=True)
class Level:
    """The cells of one shade, as an SVG path in units of cells."""

    opacity: float
    path: str


@dataclass(frozen=True)
class HeatBoard:
    """How often something lay on each cell of a board, in shades of its own."""

    width: int
    height: int
    title: str
    detail: str
    label: str
    levels: tuple[Level, ...]


def heat_board(counts: NDArray[np.int64], width: int, height: int, title: str, things: str) -> HeatBoard:
    """Lay out counts by cell, int64 `(width * height,)`; a cell is `y * width + x` with `(0, 0)` at the bottom left."""
    total, most = int(counts.sum()), int(counts.max())
    if not total:
        return HeatBoard(width, height, title, f"no {things}", f"{title}: no {things}", ())
    shades = np.ceil(_LEVELS * counts / most).astype(np.int64).reshape(height, width)[::-1]
    levels = tuple(
        Level(round(shade / _LEVELS, 2), _path(shades == shade)) for shade in np.unique(shades[shades > 0]).tolist()
    )
    cell = int(counts.argmax())
    empty = int((counts == 0).sum())
    cells = "1 cell" if empty == 1 else f"{empty} cells"
    where = f"most at {cell % width},{cell // width} with {percent(most / total)} of {total} {things}"
    return HeatBoard(
        width,
        height,
        title,
        f"most: {percent(most / total)}" + (f", {cells} empty" if empty else ""),
        f"{title} on {width} by {height} cells: {where}, {cells} never",
        levels,
    )


def _path(marked: NDArray[np.bool_]) -> str:
    """Marked cells, the top row first, as runs along their rows."""
    parts = []
    for y, row in enumerate(marked):
        changes = np.flatnonzero(np.diff(row, prepend=False, append=False)).tolist()
        parts += [
            f"M{start} {y}h{stop - start}v1H{start}z" for start, stop in zip(changes[::2], changes[1::2], strict=True)
        ]
    return "".join(parts)
