"""Floor 10, report: what the length of the snake does to a model: where games are lost, and how it plays there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from serpentune.evaluation.judging import LENGTHS
from serpentune.report import _bands, _format
from serpentune.report._models import LEVEL, Model
from serpentune.report._tables import Cell, Column, Row, Table, between

_NOT_REACHED = "–"

_FIGURES: dict[str, tuple[str, _format.Show]] = {
    "accuracy": ("Accuracy by length: decisions that are the teacher's move", _format.percent),
    "fatal_per_1000_moves": ("Fatal moves per 1,000 by length", _format.significant),
}
"""Captions by the name of a figure."""


def describe(models: Sequence[Model]) -> dict[str, Any] | None:
    """What the section shows; None where no model has games."""
    played = [model for model in models if model.games]
    if not played:
        return None
    won = [model for model in played if model.result.wins.any()]
    profiles = [_bands.wins_from(model.name, model.colour, model.result.scores, model.result.wins) for model in won]
    top = max(int(model.result.scores.max()) + 1 for model in played)
    starts = [start for start in LENGTHS if start <= top]
    return {
        "wins": _bands.bands(profiles, "length", "games won, of those that got there") if profiles else None,
        "wins_note": _bands.WINS_FROM,
        "wins_table": _bands.bands_table(profiles, "Games won, of those that reached a length", "Length {}")
        if profiles
        else None,
        "caveats": [*_never_won(played), *_intervals(played)],
        "tables": [
            _lost(played, starts, top),
            *_by_length(played, starts, top),
        ],
    }


def _never_won(played: Sequence[Model]) -> list[str]:
    names = [model.name for model in played if not model.result.wins.any()]
    if len(names) > 1:
        return [f"Without a won game: {', '.join(names)}."]
    return [f"{name} won no game." for name in names]


def _intervals(played: Sequence[Model]) -> list[str]:
    """By what the intervals of accuracy and of fatal moves were found; what another one begins with is part of it."""
    rows = [row for model in played for row in model.result.play["by_length"]]
    found = {row["methods"][name] for row in rows for name in _FIGURES if name in row["methods"]}
    methods = "; or ".join(sorted(how for how in found if not any(other.startswith(f"{how};") for other in found)))
    return [f"Intervals in brackets are of {_format.level(LEVEL)}, by {methods}."] if methods else []


def _lost(models: Sequence[Model], starts: Sequence[int], top: int) -> Table:
    """Games that were lost at lengths of a bin, of those that got into it, with the most frequent cause."""
    rows = tuple(
        Row(model.name, tuple(_lost_cell(model, start, stop) for start, stop in _bins(starts)), model.colour)
        for model in models
    )
    return Table(
        "Games lost at a length, of those that reached it, and the most frequent cause",
        "Model",
        _columns(starts, top),
        rows,
    )


def _lost_cell(model: Model, start: int, stop: int | None) -> Cell:
    lengths = model.result.scores + 1
    reached = int((lengths >= start).sum())
    if not reached:
        return Cell(_NOT_REACHED)
    inside = (lengths >= start) & (lengths < (np.inf if stop is None else stop)) & ~model.result.wins
    lost = Counter(
        game.record.ending.name for game, ended in zip(model.result.games, inside.tolist(), strict=True) if ended
    )
    share = lost.total() / reached
    mostly = "".join(f"\n{_format.ending(kind)} {count}" for kind, count in lost.most_common(1))
    return Cell(_format.percent(share), f"{lost.total()} of {reached}{mostly}", share, share)


def _by_length(models: Sequence[Model], starts: Sequence[int], top: int) -> list[Table]:
    """Accuracy and fatal moves by length, as far as a model has them."""
    tables = []
    for name, (caption, show) in _FIGURES.items():
        of_models = [{row["length_from"]: row for row in model.result.play["by_length"]} for model in models]
        known = [
            value for rows in of_models for row in rows.values() if (value := _format.finite(row[name])) is not None
        ]
        if known:
            rows = tuple(
                Row(
                    model.name,
                    tuple(_figure_cell(rows.get(start, {}), name, show, max(known)) for start in starts),
                    model.colour,
                )
                for model, rows in zip(models, of_models, strict=True)
            )
            tables.append(Table(caption, "Model", _columns(starts, top), rows))
    return tables


def _figure_cell(row: Mapping[str, Any], name: str, show: _format.Show, most: float) -> Cell:
    value = _format.finite(row.get(name))
    if value is None:
        return Cell(_NOT_REACHED)
    interval = between(row.get(f"{name}_low"), row.get(f"{name}_high"), show)
    return Cell(show(value), interval, value, value / most if most else None)


def _bins(starts: Sequence[int]) -> list[tuple[int, int | None]]:
    return list(zip(starts, [*starts[1:], None], strict=True))


def _columns(starts: Sequence[int], top: int) -> tuple[Column, ...]:
    lasts = [top if stop is None else stop - 1 for _, stop in _bins(starts)]
    return tuple(
        Column(f"{start} to {last}" if start < last else str(start)) for start, last in zip(starts, lasts, strict=True)
    )
