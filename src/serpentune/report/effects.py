"""Floor 10, report: the effects of an ablation as a picture: each alone, and how two factors interact."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from serpentune.common.pictures import COLOURS, check_picture, save_picture
from serpentune.comparison import FIGURES, AblationReading

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STYLES = ("o-", "s--", "^:", "D-.")
"""How the lines of an interaction are drawn, each as often as there are colours, so that no two look alike."""


def plot_effects(reading: AblationReading, path: str | Path) -> Path:
    """Draw the main effects of each figure, and a panel for each two factors of which all combinations were trained.

    A main effect is a dot with its interval, and a small mark for each training seed. In an interaction's panel each
    line is a level of one factor over the levels of the other: lines that aren't parallel show an interaction.

    Args:
        reading: of the ablation.
        path: of the picture; its suffix says the format (`.png`, `.svg`, `.pdf`).

    Raises:
        UserError: matplotlib can't write that format, or as of `save_picture`.
    """
    from matplotlib.figure import Figure

    path = Path(path)
    check_picture(path)
    factors = list(reading.variants[reading.baseline])
    together = {effect.factors for effect in reading.interactions["score"]}
    crossed = [two for two in combinations(factors, 2) if two in together]
    columns = max(len(FIGURES), min(len(crossed), 3))
    rows = 1 + -(-len(crossed) // columns)
    figure = Figure(figsize=(5 * columns, 3.6 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes, (key, unit) in zip(panels, FIGURES.items(), strict=False):
        _main(axes, reading, key, unit)
    for axes, (f, g) in zip(panels[columns:], crossed, strict=False):
        _crossed(axes, reading, f, g)
    for axes in [*panels[len(FIGURES) : columns], *panels[columns + len(crossed) :]]:
        axes.set_axis_off()
    save_picture(figure, path)
    return path


def _main(axes: Axes, reading: AblationReading, key: str, unit: str) -> None:
    effects = reading.effects[key]
    for place, effect in enumerate(effects):
        axes.plot(effect.by_seed, [place] * len(effect.by_seed), "|", color=COLOURS[5], markersize=9)
        interval = effect.found.interval
        if interval is not None:
            axes.plot([interval.low, interval.high], [place, place], color=COLOURS[0], linewidth=2)
        assert effect.found.estimate is not None
        axes.plot(effect.found.estimate, place, "o", color=COLOURS[0])
    axes.axvline(0, color="#888888", linewidth=0.8)
    axes.set_yticks(range(len(effects)), [effect.name for effect in effects])
    axes.set_ylim(len(effects) - 0.5, -0.5)
    axes.set_xlabel(f"effect on {unit}")


def _crossed(axes: Axes, reading: AblationReading, f: str, g: str) -> None:
    along = list(dict.fromkeys(levels[f] for levels in reading.variants.values()))
    for place, line in enumerate(dict.fromkeys(levels[g] for levels in reading.variants.values())):
        means = [_mean(reading, {f: level, g: line}) for level in along]
        style = _STYLES[place // len(COLOURS) % len(_STYLES)]
        axes.plot(along, means, style, color=COLOURS[place % len(COLOURS)], label=f"{g}={line}")
    axes.set(xlabel=f, ylabel=FIGURES["score"])
    axes.legend(frameon=False, fontsize=8)


def _mean(reading: AblationReading, wanted: Mapping[str, str]) -> float:
    """The mean score over the variants that have these levels."""
    found = [
        reading.means["score"][name]
        for name, levels in reading.variants.items()
        if all(levels[factor] == level for factor, level in wanted.items())
    ]
    return sum(found) / len(found)
