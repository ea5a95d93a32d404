"""Floor 10, report: where the marks of each chart lie, in percent of its width, so that templates only draw.

Positions in percent let a chart fill any width from 320 px to a printed page while its text keeps its size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serpentune.report._format import ending, finite, number


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis; `at` in percent."""

    at: float
    label: str


@dataclass(frozen=True)
class Axis:
    """A linear axis from `low` to `high` with round ticks."""

    low: float
    high: float
    ticks: tuple[Tick, ...]

    def place(self, value: float) -> float:
        """`value` in percent of the axis."""
        return round(100 * (value - self.low) / (self.high - self.low), 3)


@dataclass(frozen=True)
class ForestRow:
    """A point estimate with its interval; `low` and `high` are None where there is no interval."""

    name: str
    colour: int
    value: float
    low: float | None
    high: float | None
    at: float
    low_at: float | None
    high_at: float | None


@dataclass(frozen=True)
class Forest:
    """Estimates under one another on a common axis; `zero` in percent where the axis crosses zero.

    `level` is the coverage of their intervals.
    """

    axis: Axis
    rows: tuple[ForestRow, ...]
    zero: float | None
    level: float


@dataclass(frozen=True)
class Bar:
    """One bar; places in percent of width and height, `label` for readers who can't see it."""

    at: float
    width: float
    height: float
    label: str


@dataclass(frozen=True)
class HistogramRow:
    """One distribution, bar heights in percent; `count` things in all."""

    name: str
    colour: int
    bars: tuple[Bar, ...]
    median_at: float
    median: float
    count: int


@dataclass(frozen=True)
class Histograms:
    """Distributions of whole numbers under one another on a common axis: `things` by `noun` ("games" by "score").

    `fullest` is the most that a bar stands for.
    """

    axis: Axis
    rows: tuple[HistogramRow, ...]
    bin_width: int
    noun: str
    things: str
    fullest: int


@dataclass(frozen=True)
class Segment:
    """A share of a whole: place and width in percent."""

    kind: str
    label: str
    at: float
    width: float
    count: int


@dataclass(frozen=True)
class SharesRow:
    """What a whole is made of, such as how one model's games ended."""

    name: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class Curve:
    """One model's losses: the text of SVG `points` attributes in a 1000 x 1000 square, empty where none was logged.

    `dots`, in percent from the left and from the top, are losses of which there is only one, which make no line.
    """

    name: str
    colour: int
    training: str
    validation: str
    dots: tuple[tuple[float, float], ...]
    last: float | None
    last_validation: float | None


@dataclass(frozen=True)
class Curves:
    """Loss curves over optimiser steps."""

    x: Axis
    y: Axis
    curves: tuple[Curve, ...]


def axis(low: float, high: float, *, most_ticks: int = 6) -> Axis:
    """An axis from `low` to `high` with ticks at round values (1, 2 or 5 times a power of ten) in between."""
    if not high > low:
        low, high = low - 0.5, high + 0.5
    step = _round_step((high - low) / (most_ticks - 1))
    digits = max(0, -math.floor(math.log10(step)))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    ticks = [index * step for index in range(first, last + 1)]
    return Axis(
        low, high, tuple(Tick(round(100 * (tick - low) / (high - low), 3), number(tick, digits)) for tick in ticks)
    )


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))


def forest(rows: Sequence[tuple[str, int, float, float | None, float | None]], level: float) -> Forest:
    """Lay out `(name, colour, value, low, high)` rows, with intervals of one level, on an axis that shows zero."""
    values = [0.0, *(part for row in rows for part in row[2:] if part is not None)]
    room = 0.04 * (max(values) - min(values))
    scale = axis(min(values) - (room if min(values) < 0 else 0), max(values) + (room if max(values) > 0 else 0))
    placed = tuple(
        ForestRow(
            name,
            colour,
            value,
            low,
            high,
            scale.place(value),
            None if low is None else scale.place(low),
            None if high is None else scale.place(high),
        )
        for name, colour, value, low, high in rows
    )
    return Forest(scale, placed, scale.place(0.0) if scale.low < 0 < scale.high else None, level)


def histograms(rows: Sequence[tuple[str, int, NDArray[np.float64]]]) -> Histograms:
    """Lay out `(name, colour, scores)` rows; scores are whole numbers of apples, at least one a row."""
    counted = [(name, colour, np.bincount(scores.astype(np.int64))) for name, colour, scores in rows]
    return counted_histograms(counted, "score", "games")


def counted_histograms(
    rows: Sequence[tuple[str, int, NDArray[np.int64]]],
    noun: str,
    things: str,
    *,
    from_zero: bool = True,
    common: bool = False,
) -> Histograms:
    """Lay out `(name, colour, counts)` rows; a count stands at its number, and each row counts something.

    Args:
        rows: from top to bottom.
        noun: what the numbers are, in the singular ("score").
        things: what is counted ("games").
        from_zero: whether the axis begins at 0, or near the least number that was counted.
        common: whether heights are in percent of the tallest bar of all rows, or of each row's own.
    """
    width, edges = bins([counts for _, _, counts in rows], from_zero=from_zero)
    scale = axis(float(edges[0]), float(edges[-1]))
    of_rows = [in_bins(counts, edges) for _, _, counts in rows]
    fullest = max(int(binned.max()) for binned in of_rows)
    laid = []
    for (name, colour, counts), binned in zip(rows, of_rows, strict=True):
        tallest = fullest if common else int(binned.max())
        bars = tuple(
            Bar(
                scale.place(float(edge)),
                round(100 * width / (scale.high - scale.low), 3),
                round(100 * float(count) / tallest, 2),
                f"{number_range(noun, int(edge), width)}: {count} of {counts.sum()} {things}",
            )
            for edge, count in zip(edges[:-1], binned, strict=True)
            if count
        )
        median = median_of(counts)
        laid.append(HistogramRow(name, colour, bars, scale.place(median + 0.5), median, int(counts.sum())))
    return Histograms(centred(scale), tuple(laid), width, noun, things, fullest)


def bins(rows: Sequence[NDArray[np.int64]], most: int = 40, *, from_zero: bool = True) -> tuple[int, NDArray[np.int64]]:
    """The width and the edges of at most about `most` bins for all numbers that were counted in any row."""
    top = max(map(len, rows))
    low = 0 if from_zero else min(int(np.flatnonzero(counts)[0]) for counts in rows)
    width = max(1, int(_round_step((top - low) / most)))
    return width, np.arange(low - low % width, top + width, width)


def in_bins(counts: NDArray[np.int64], edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """Counts by number as counts by bin."""
    padded = np.zeros(edges[-1], np.int64)
    padded[: len(counts)] = counts
    binned: NDArray[np.int64] = np.add.reduceat(padded, edges[:-1])
    return binned


def centred(scale: Axis) -> Axis:
    """An axis of whole numbers on which the label of one stands below the middle of its unit."""
    middle = 50 / (scale.high - scale.low)
    ticks = tuple(Tick(round(tick.at + middle, 3), tick.label) for tick in scale.ticks if tick.at + middle < 100)
    return Axis(scale.low, scale.high, ticks)


def median_of(counts: NDArray[np.int64]) -> float:
    """The median of numbers that were counted; a count stands at its number."""
    below, total = np.cumsum(counts), int(counts.sum())
    low, high = np.searchsorted(below, [(total + 1) // 2, total // 2 + 1])
    return float(low + high) / 2


def number_range(noun: str, low: int, width: int) -> str:
    """The numbers of a bin in words."""
    return f"{noun} {low}" if width == 1 else f"{noun}s {low} to {low + width - 1}"


def shares(rows: Sequence[tuple[str, Mapping[str, int]]], order: Sequence[str]) -> tuple[SharesRow, ...]:
    """Lay out `(name, counts by kind)` rows, such as games by ending, with the kinds in the same `order` in each."""
    laid = []
    for name, counts in rows:
        total, at, segments = sum(counts.values()), 0.0, []
        for kind in order:
            if count := counts.get(kind, 0):
                width = 100 * count / total
                segments.append(Segment(kind, ending(kind), round(at, 3), round(width, 3), count))
                at += width
        laid.append(SharesRow(name, tuple(segments)))
    return tuple(laid)


def curves(rows: Sequence[tuple[str, int, Sequence[Mapping[str, Any]]]]) -> Curves | None:
    """Lay out `(name, colour, history)` rows, training loss and validation loss apart; None without any loss."""
    lines = [(name, colour, _losses(history, "loss"), _losses(history, "eval_loss")) for name, colour, history in rows]
    lines = [line for line in lines if line[2] or line[3]]
    points = [point for *_, training, validation in lines for point in training + validation]
    if not points:
        return None
    x = axis(0, max(step for step, _ in points), most_ticks=5)
    y = axis(0, 1.04 * max(loss for _, loss in points), most_ticks=5)

    def drawn(line: list[tuple[float, float]]) -> str:
        return " ".join(f"{10 * x.place(step):.1f},{1000 - 10 * y.place(loss):.1f}" for step, loss in thin(line))

    def dots(*both: list[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
        return tuple((x.place(line[0][0]), round(100 - y.place(line[0][1]), 3)) for line in both if len(line) == 1)

    return Curves(
        x,
        y,
        tuple(
            Curve(
                name,
                colour,
                drawn(training),
                drawn(validation),
                dots(training, validation),
                _last(training),
                _last(validation),
            )
            for name, colour, training, validation in lines
        ),
    )


def _losses(history: Sequence[Mapping[str, Any]], key: str) -> list[tuple[float, float]]:
    known = [(finite(entry.get("step")), finite(entry.get(key))) for entry in history]
    return [(step, loss) for step, loss in known if step is not None and loss is not None]


def _last(line: Sequence[tuple[float, float]]) -> float | None:
    return line[-1][1] if line else None


def thin(points: Sequence[tuple[float, float]], most: int = 400) -> list[tuple[float, float]]:
    """At most about `most` points: means of neighbours, the last point as it is."""
    if len(points) <= most:
        return list(points)
    parts = np.array_split(np.asarray(points, np.float64), most - 1)
    return [(float(part[:, 0].mean()), float(part[:, 1].mean())) for part in parts] + [points[-1]]
