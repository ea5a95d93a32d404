"""Floor 10, report: heat maps: numbers by a whole number, row by row, and by the cells of a board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serpentune.report._charts import Axis, Bar, axis, bins, centred, in_bins, number_range
from serpentune.report._format import percent

_LEVELS = 12
"""Shades of a board's heat map."""


@dataclass(frozen=True)
class HeatRow:
    """One row: its bars' heights are shades in percent, `most` says where the darkest is, `count` how many things."""

    name: str
    colour: int
    bars: tuple[Bar, ...]
    most: str
    count: int


@dataclass(frozen=True)
class HeatRows:
    """Rows under one another on a common axis, with one scale of shades: `things` by `noun`."""

    axis: Axis
    rows: tuple[HeatRow, ...]
    bin_width: int
    noun: str
    things: str
    darkest: int


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


def heat_rows(rows: Sequence[tuple[str, int, NDArray[np.int64]]], noun: str, things: str) -> HeatRows:
    """Lay out `(name, colour, counts)` rows; a count stands at its number, and each row counts something."""
    width, edges = bins(max(len(counts) for _, _, counts in rows))
    scale = axis(0, float(edges[-1]))
    binned = [in_bins(counts, edges) for _, _, counts in rows]
    darkest = int(max(counts.max() for counts in binned))
    laid = []
    for (name, colour, _), counts in zip(rows, binned, strict=True):
        labels = [
            f"{number_range(noun, int(edge), width)}: {count}" for edge, count in zip(edges, counts, strict=False)
        ]
        bars = tuple(
            Bar(
                scale.place(float(edges[place])),
                round(100 * width / float(edges[-1]), 3),
                round(100 * float(counts[place]) / darkest, 1),
                f"{labels[place]} {things}",
            )
            for place in np.flatnonzero(counts).tolist()
        )
        laid.append(HeatRow(name, colour, bars, labels[int(counts.argmax())], int(counts.sum())))
    return HeatRows(centred(scale, width), tuple(laid), width, noun, things, darkest)


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
    where = f"most at {cell % width},{cell // width} with {percent(most / total)} of {total} {things}"
    return HeatBoard(
        width,
        height,
        title,
        f"darkest: {percent(most / total)}" + (f", {empty} cells empty" if empty else ""),
        f"{title} on {width} by {height} cells: {where}, {empty} cells never",
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
