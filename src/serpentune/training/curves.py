"""Floor 6, training: the losses of runs as a table and as a picture."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serpentune.common.errors import UserError
from serpentune.common.files import replacing_file
from serpentune.common.pictures import COLOURS, check_picture, save_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

History = Sequence[Mapping[str, Any]]
"""Entries as in `TrainingResult.history`."""

_Line = list[tuple[float, float]]
_Losses = tuple[_Line, _Line]  # training, validation

COLUMNS = ("step", "epoch", "loss", "eval_loss", "learning_rate", "grad_norm")

_GREY = "#c9ced3"


def write_history(history: History, path: Path) -> None:
    """Write the history as CSV: a line for each entry, a column for each of `COLUMNS`, empty where it has no value."""
    with replacing_file(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)


def read_history(path: Path) -> list[dict[str, float]]:
    """The entries of what `write_history` wrote, without what has no value.

    Raises:
        UserError: the file can't be read, has other columns, or holds what is no number.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            if tuple(rows.fieldnames or ()) != COLUMNS:
                raise UserError(f"{path}: its columns aren't those of a training history, {', '.join(COLUMNS)}.")
            return [_entry(row) for row in rows]
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{path} can't be read as a training history ({error}).") from error


def _entry(row: Mapping[str | None, Any]) -> dict[str, float]:
    if None in row:
        raise ValueError("a line has more values than there are columns")
    entry = {str(name): float(value) for name, value in row.items() if value}
    return {name: int(value) if name == "step" else value for name, value in entry.items()}


def plot_losses(histories: Mapping[str, History], path: str | Path) -> Path:
    """Draw loss over optimiser steps, training solid and validation dashed, and return the picture's path.

    Up to seven runs share one pair of axes. More get a small panel each, where the others stand in grey behind it,
    since nobody can follow eighteen colours.

    Args:
        histories: `TrainingResult.history` by the name of the run.
        path: of the picture; its suffix says the format (`.png`, `.svg`, `.pdf`).

    Raises:
        UserError: no history holds a loss, or matplotlib can't write that format.
    """
    from matplotlib.figure import Figure

    path = Path(path)
    lines = {name: (_points(history, "loss"), _points(history, "eval_loss")) for name, history in histories.items()}
    lines = {name: both for name, both in lines.items() if any(both)}
    if not lines:
        raise UserError(f"{path}: there is no loss to draw.")
    check_picture(path)
    if len(lines) <= len(COLOURS):
        figure = Figure(figsize=(8, 4.5), layout="constrained")
        axes = figure.subplots()
        for colour, (name, both) in zip(COLOURS, lines.items(), strict=False):
            _draw(axes, both, colour, name)
        axes.set(xlabel="optimiser step", ylabel="loss per completion token")
        axes.legend(frameon=False)
        _frame(axes, lines)
    else:
        columns = math.ceil(math.sqrt(len(lines)))
        rows = math.ceil(len(lines) / columns)
        figure = Figure(figsize=(2.2 * columns, 1.7 * rows), layout="constrained")
        figure.supxlabel("optimiser step")
        figure.supylabel("loss per completion token, validation dashed")
        panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flatten()
        for axes, (own, both) in zip(panels, lines.items(), strict=False):
            for other in lines.values():
                axes.plot(*zip(*(other[0] or other[1]), strict=True), color=_GREY, linewidth=0.6)
            _draw(axes, both, COLOURS[0], own)
            axes.set_title(own, fontsize=8)
            _frame(axes, lines)
        for axes in panels[len(lines) :]:
            axes.set_visible(False)
        for axes in panels[len(lines) - columns : len(lines)]:  # the lowest of each column
            axes.tick_params(labelbottom=True)
    save_picture(figure, path)
    return path


def _points(history: History, key: str) -> _Line:
    return [(entry["step"], entry[key]) for entry in history if key in entry and math.isfinite(entry[key])]


def _draw(axes: Axes, both: _Losses, colour: str, name: str) -> None:
    for points, style, label in zip(both, ("-", "--"), (name, f"{name}, validation"), strict=True):
        if points:
            mark = "o" if len(points) == 1 else None
            axes.plot(*zip(*points, strict=True), style, color=colour, linewidth=1.5, marker=mark, label=label)


def _frame(axes: Axes, lines: Mapping[str, _Losses]) -> None:
    """Axes from zero: a loss that halves has to look like it."""
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0, top=1.05 * max(loss for both in lines.values() for points in both for _, loss in points))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e6e9ec", linewidth=0.8)
    axes.set_axisbelow(True)
