"""Floor 10, report: the rounds of a student that learns from its own mistakes, as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serpentune.common.pictures import COLOURS, check_picture, save_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANELS = (("win_rate", "games won, %", 100.0), ("score_mean", "apples a game", 1.0))


def plot_rounds(rounds: Sequence[Mapping[str, Any]], path: str | Path) -> Path:
    """Draw the win rate by round, and beside it the mean score, with their intervals.

    Args:
        rounds: as in `pipeline.ImproveResult`, round 0 first: `round`, and `win_rate` and `score_mean` with `…_low` and
            `…_high`, which may be None.
        path: of the picture; its suffix says the format (`.png`, `.svg`, `.pdf`).

    Raises:
        UserError: matplotlib can't write that format, or as of `save_picture`.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    path = Path(path)
    check_picture(path)
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, (name, label, scale), colour in zip(figure.subplots(1, 2), _PANELS, COLOURS, strict=False):
        _draw(axes, rounds, name, scale, colour)
        axes.set(xlabel="round", ylabel=label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    save_picture(figure, path)
    return path


def _draw(axes: Axes, rounds: Sequence[Mapping[str, Any]], name: str, scale: float, colour: str) -> None:
    numbers = [row["round"] for row in rounds]
    means = [scale * row[name] for row in rounds]
    for row in rounds:
        if row[f"{name}_low"] is not None:
            ends = [scale * row[f"{name}_low"], scale * row[f"{name}_high"]]
            axes.plot([row["round"]] * 2, ends, color=colour, linewidth=2)
    axes.plot(numbers, means, "o-", color=colour, linewidth=1, markersize=6)
    axes.axhline(means[0], color="#888888", linewidth=0.8, linestyle="--")  # the student as it was given
    for number, mean in zip(numbers, means, strict=True):
        axes.annotate(f"{mean:.3g}", (number, mean), (7, -11), textcoords="offset points", fontsize=8)
    axes.set_xlim(-0.4, numbers[-1] + 0.6)
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e6e9ec", linewidth=0.8)
    axes.set_axisbelow(True)
