"""Floor 12, cli: what commands print: tables and lines for people, or one JSON document for machines."""

from __future__ import annotations

import json
import math
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from serpentune.cli._columns import column_widths, wrapped

if TYPE_CHECKING:
    from rich.console import Console

    from serpentune.game import State

NOT_MEASURED = "not measured"

_VALUES_WIDTH = 24
"""Columns that the values of facts beside a board need at least."""


@dataclass(frozen=True)
class Output:
    """Where a command's result goes.

    Attributes:
        json: one JSON document is wanted instead of text.
        quiet: no progress bars; always so with `json`.
        typed: the command's own options that the user wrote, as they are written (`--games`).
    """

    json: bool = False
    quiet: bool = False
    _stream: IO[str] = field(default_factory=lambda: sys.stdout)
    typed: frozenset[str] = frozenset()

    def document(self, value: Any) -> None:
        """Print the JSON document: dataclasses as objects, paths as text, what is no finite number as null."""
        print(json.dumps(plain_values(value), indent=2, allow_nan=False), file=self._stream)

    def line(self, text: str = "") -> None:
        """Print one line as it is, however long: paths must stay whole."""
        self._print(text, soft_wrap=True)

    def note(self, text: str) -> None:
        """Say on standard error what has been done, unless only the result is wanted."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def paragraph(self, text: str) -> None:
        """Print a text wrapped at the terminal's width."""
        indent = "  " if text.startswith("- ") else ""
        self.line(textwrap.fill(text, self._console().width, subsequent_indent=indent, break_on_hyphens=False))

    def terminal(self) -> Console | None:
        """A console for moving pictures; None where the result goes elsewhere or nothing but it is wanted."""
        console = self._console()
        return console if self._stream.isatty() and not console.is_dumb_terminal and not self.quiet else None

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str | None = None) -> None:
        """Print a table; columns after the first whose entries are numbers are set to the right.

        Where the terminal is so narrow that words would have to be broken, each row becomes a list of names and values.
        """
        widths = column_widths(columns, rows, self._console().width)
        if widths is None:
            self._lists(columns, rows, title)
            return
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(
            box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False, show_edge=False
        )
        for index, name in enumerate(columns):
            figures = index > 0 and all(_is_figure(row[index]) for row in rows)
            head = wrapped(name, widths[index])
            table.add_column(head, justify="right" if figures else "left", width=widths[index], no_wrap=True)
        for row in rows:
            table.add_row(*(Text(wrapped(cell, width)) for cell, width in zip(row, widths, strict=True)))
        self._print(table)

    def _lists(self, columns: Sequence[str], rows: Sequence[Sequence[str]], title: str | None) -> None:
        """The rows of a table, each as a list."""
        from rich.text import Text

        if title is not None:
            self._print(Text(title, style="bold"))
        width = max(map(len, columns))
        for place, row in enumerate(rows):
            if place:
                self.line()
            for name, value in zip(columns, row, strict=True):
                self.line(f"{name:<{width}}  {value}".rstrip())

    def facts(self, facts: Mapping[str, str]) -> None:
        """Print names and values, a pair a line."""
        width = max(map(len, facts))
        for name, value in facts.items():
            self.line(f"{name:<{width}}  {value}")

    def rule(self, title: str) -> None:
        """Print a line across the terminal that begins with a title."""
        from rich.rule import Rule
        from rich.text import Text

        self._print(Rule(Text(title, style="bold"), align="left", style="dim"))

    def board(self, state: State, facts: Mapping[str, str], path: bytes) -> None:
        """Print a board with the arrows of a path, and facts beside it, or below where the terminal is too narrow."""
        from serpentune.game import ansi, scene
        from serpentune.game.render import NAMES_WIDTH

        console = self._console()
        if console.width >= 2 * state.width + 3 + 3 + NAMES_WIDTH + 2 + _VALUES_WIDTH:
            self._print(scene(state, dict(facts), path=path))
        else:
            self.line(ansi(state, colour=console.color_system is not None and not console.no_color, path=path))
            self.facts(facts)

    def _print(self, what: Any, *, soft_wrap: bool = False) -> None:
        console = self._console()
        # Written by us, since rich ends the process itself when the reader of a pipe has gone.
        with console.capture() as captured:
            console.print(what, soft_wrap=soft_wrap)
        self._stream.write(captured.get())

    def _console(self) -> Console:
        from rich.console import Console

        return Console(file=self._stream, highlight=False, markup=False, emoji=False)


def plain_values(value: Any) -> Any:
    """A value in what JSON knows."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain_values(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_values(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def number(value: float | None, digits: int = 2) -> str:
    """A figure with thousands separated; what is no finite number was not measured."""
    if value is None or not math.isfinite(value):
        return NOT_MEASURED
    text = f"{value:,.{digits}f}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0 else text


def percent(value: float | None, digits: int = 1) -> str:
    """A share of 1 in percent."""
    shown = number(None if value is None else 100 * value, digits)
    return shown if shown == NOT_MEASURED else f"{shown}%"


def seconds(value: float | None) -> str:
    """A duration as `8.3 s` or `3 min 05 s`."""
    if value is None or not math.isfinite(value):
        return NOT_MEASURED
    return f"{value:.1f} s" if value < 60 else f"{round(value) // 60} min {round(value) % 60:02d} s"


def _is_figure(text: str) -> bool:
    return text in ("", "-", NOT_MEASURED) or text.lstrip("-+<").replace(",", "").replace(".", "").rstrip("%").isdigit()
