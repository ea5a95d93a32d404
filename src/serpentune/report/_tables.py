"""Floor 10, report: tables as values, which one template draws and the reader's browser sorts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serpentune.report import _format
from serpentune.report._format import NOT_MEASURED, Show, finite


@dataclass(frozen=True)
class Cell:
    """One cell: its text, a smaller second line (an interval), and what sorting compares (None sorts last).

    `shade`, 0 to 1, colours it as a field of a heat map.
    """

    text: str
    detail: str = ""
    order: float | str | None = None
    shade: float | None = None

    @property
    def missing(self) -> bool:
        """Whether the text only says that there is no figure."""
        return self.order is None


@dataclass(frozen=True)
class Column:
    """One column: its head, a hint that explains it, and whether it holds figures (aligned right)."""

    head: str
    hint: str = ""
    figures: bool = True


@dataclass(frozen=True)
class Row:
    """One row: its head cell with the colour of its model (None for none) and a smaller line, and the other cells."""

    name: str
    cells: tuple[Cell, ...]
    colour: int | None = None
    detail: str = ""


@dataclass(frozen=True)
class Table:
    """A table whose first column names the rows; `titled` where a heading above it already says its caption."""

    caption: str
    name_head: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    titled: bool = False


def figure(value: object, show: Show, detail: str = "", *, missing: str = NOT_MEASURED) -> Cell:
    """A cell for one figure, or the word `missing` where it is no finite number."""
    known = finite(value)
    return Cell(missing) if known is None else Cell(show(known), detail, known)


def words(text: str) -> Cell:
    """A cell for text."""
    return Cell(text, order=text.lower())


def between(low: float | None, high: float | None, show: Show) -> str:
    """An interval as `[low, high]`, empty where there is none."""
    return "" if low is None or high is None else f"[{show(low)}, {show(high)}]"


def without_empty_columns(table: Table) -> Table:
    """The table less the columns in which no row has a figure, so that a reader sees what was measured."""
    kept = [index for index in range(len(table.columns)) if any(not row.cells[index].missing for row in table.rows)]
    return Table(
        table.caption,
        table.name_head,
        tuple(table.columns[index] for index in kept),
        tuple(Row(row.name, tuple(row.cells[index] for index in kept), row.colour, row.detail) for row in table.rows),
    )


def training_table(training: Mapping[str, Mapping[str, Any]], colours: Mapping[str, int]) -> Table:
    """How each model was trained: strategy, parameters, time, last loss."""
    rows = []
    for name, entry in training.items():
        trainable, total = finite(entry.get("trainable_parameters")), finite(entry.get("parameters"))
        share = _format.percent(trainable / total) + " of all" if trainable is not None and total else ""
        losses = [loss for step in entry.get("history", ()) if (loss := finite(step.get("loss"))) is not None]
        rows.append(
            Row(
                name,
                (
                    words(str(entry.get("strategy") or NOT_MEASURED)),
                    figure(trainable, _format.count, share),
                    figure(total, _format.count),
                    figure(entry.get("seconds"), _format.duration),
                    figure(losses[-1] if losses else None, _format.significant),
                ),
                colours.get(name),
            )
        )
    columns = (
        Column("Strategy", figures=False),
        Column("Trained parameters"),
        Column("All parameters"),
        Column("Time"),
        Column("Last loss", "mean over the last logged steps, on completions only"),
    )
    return without_empty_columns(Table("Training runs", "Model", columns, tuple(rows)))


def dataset_tables(dataset: Mapping[str, Any]) -> tuple[list[Table], list[tuple[str, str]]]:
    """Counts a player and split as tables, everything else as (name, value) facts.

    A value that maps names to mappings is a table (rows, columns); one that maps names to plain values is one row
    of facts; the mapping itself may be such a table.
    """
    if dataset and all(isinstance(value, Mapping) for value in dataset.values()):
        if any(_is_table(value) for value in dataset.values()):
            parts = dict(dataset)
        else:
            return [_counts("Samples", dataset)], []
    else:
        parts = dict(dataset)
    tables: list[Table] = []
    facts: list[tuple[str, str]] = []
    for key, value in parts.items():
        label = key.replace("_", " ")
        if _is_table(value):
            tables.append(_counts(label.capitalize(), value))
        elif isinstance(value, Mapping):
            facts.extend((f"{label}: {inner}", plain(item)) for inner, item in value.items())
        else:
            facts.append((label, plain(value)))
    return tables, facts


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(isinstance(item, Mapping) for item in value.values())


def _counts(caption: str, rows: Mapping[str, Mapping[str, Any]]) -> Table:
    columns = list(dict.fromkeys(str(key) for row in rows.values() for key in row))
    drawn = tuple(
        Row(
            str(name),
            tuple(
                figure(row.get(key), _format.significant if isinstance(row.get(key), float) else _format.count)
                if finite(row.get(key)) is not None
                else words(plain(row.get(key)))
                for key in columns
            ),
        )
        for name, row in rows.items()
    )
    return Table(caption, "Games of", tuple(Column(key.replace("_", " ")) for key in columns), drawn)


def plain(value: object) -> str:
    """Any value of a manifest as one line of text."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _format.significant(value, 4)
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) > 8 and all(isinstance(item, int) for item in value):
            return _format.seeds(sorted(value))
        return ", ".join(plain(item) for item in value) or "none"
    return str(value)
