"""What the benchmarks share: two options, timing after a warm-up, and one form of answer.

A script gives `run` a generator of `Figure`s; `run` prints them as a table, or with `--json` as the list of
`{"name", "value", "unit", "target", "met"}` that machines read. All else goes to standard error.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rich import box
from rich.console import Console
from rich.table import Table

from serpentune.common.errors import UserError


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Attributes:
        subject: what was measured ("BFS, 10x10").
        what: the quantity ("moves per second").
        value: its size.
        unit: of the value.
        better: the side on which the good values lie.
        target: the value to reach; None where none is set.
    """

    subject: str
    what: str
    value: float
    unit: str
    better: Literal["higher", "lower"] = "higher"
    target: float | None = None

    @property
    def met(self) -> bool | None:
        if self.target is None:
            return None
        return self.value >= self.target if self.better == "higher" else self.value <= self.target

    @property
    def quantity(self) -> str:
        return f"{self.what} ({self.better} is better)"

    def to_json(self) -> dict[str, Any]:
        return {
            "name": f"{self.subject}: {self.quantity}",
            "value": float(f"{self.value:.5g}"),
            "unit": self.unit,
            "target": self.target,
            "met": self.met,
        }


def run(
    description: str,
    measure: Callable[..., Iterable[Figure]],
    *,
    pivot: bool = False,
    options: Mapping[str, tuple[int | str, str]] | None = None,
) -> None:
    """Read the options, measure, and print; `measure` is told whether a short run is wanted.

    With `pivot` the table has a row a subject and a column a quantity. `options` are what the script takes besides:
    by name, with their defaults, whose type they have, and help; `measure` gets them by these names.
    """
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a short run: under a minute on two processor cores")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output instead of a table")
    for name, (default, text) in (options or {}).items():
        shown = "N" if isinstance(default, int) else name.upper()
        text += f" (default: {default})"
        parser.add_argument(f"--{name}", type=type(default), default=default, metavar=shown, help=text)
    arguments = parser.parse_args()
    began = time.perf_counter()
    figures = []
    try:
        for figure in measure(arguments.quick, **{name: getattr(arguments, name) for name in options or {}}):
            say(f"{figure.subject}: {figure.what}: {_number(figure.value)} {figure.unit}")
            figures.append(figure)
    except UserError as error:
        parser.exit(2, f"Error: {error}\n")
    say(f"done in {time.perf_counter() - began:.0f} s")
    if arguments.json:
        print(json.dumps([figure.to_json() for figure in figures], indent=2, allow_nan=False))
    else:
        # A pipe has no width of its own; rich's guess of 80 columns would fold the names.
        width = None if sys.stdout.isatty() else 140
        Console(highlight=False, markup=False, width=width).print(_pivot(figures) if pivot else _list(figures))


def say(text: str) -> None:
    """Tell who waits what is going on."""
    print(text, file=sys.stderr, flush=True)


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def taking_turns(works: Sequence[Callable[[], object]], repeats: int) -> list[list[float]]:
    """Wall times of each work, `repeats` each, in turns, so that a busy machine disturbs all alike."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(repeats):
        for work, taken in zip(works, times, strict=True):
            taken.append(seconds(work))
    return times


def median_ratio(times: Sequence[float], others: Sequence[float]) -> float:
    """How many times as long as `others` `times` are: the median over turns, each turn compared with itself."""
    return statistics.median(time / other for time, other in zip(times, others, strict=True))


def _list(figures: Iterable[Figure]) -> Table:
    table = _empty(("subject", "left"), ("quantity", "left"), ("value", "right"), ("unit", "left"), ("target", "left"))
    shown = None
    for figure in figures:
        subject = "" if figure.subject == shown else figure.subject
        table.add_row(subject, figure.quantity, _number(figure.value), figure.unit, _verdict(figure))
        shown = figure.subject
    return table


def _pivot(figures: Iterable[Figure]) -> Table:
    rows: dict[str, dict[str, Figure]] = {}
    columns: dict[str, tuple[str, str]] = {}
    arrows = {"higher": "↑", "lower": "↓"}
    for figure in figures:
        rows.setdefault(figure.subject, {})[figure.what] = figure
        columns[figure.what] = (f"{figure.what} {arrows[figure.better]}\n[{figure.unit}]", "right")
    table = _empty(("subject", "left"), *columns.values())
    for subject, row in rows.items():
        table.add_row(subject, *(_cell(row.get(what)) for what in columns))
    return table


def _cell(figure: Figure | None) -> str:
    """A value, with ✓ where it meets its target and the target where it misses it."""
    if figure is None:
        return ""
    mark = "" if figure.target is None else "✓ " if figure.met else f"{_verdict(figure)} ✗ "
    return mark + _number(figure.value)


def _empty(*columns: tuple[str, str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name, side in columns:
        table.add_column(name, justify="right" if side == "right" else "left")
    return table


def _number(value: float) -> str:
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 or size == 0 else f"{value:.1f}" if size >= 10 else f"{value:.3g}"


def _verdict(figure: Figure) -> str:
    if figure.target is None:
        return ""
    bound = "at least" if figure.better == "higher" else "at most"
    return f"{bound} {_number(figure.target)}: {'met' if figure.met else 'MISSED'}"
