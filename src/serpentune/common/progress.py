"""The ground: progress on standard error, as bars at a terminal, as a line now and then in a log."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import Protocol

_SECONDS_BETWEEN_LINES = 60.0


class Advance(Protocol):
    """What a running bar hands out: call it with the number of things that were done since the last call."""

    def __call__(self, steps: int = 1, note: str = "") -> None:
        """Move the bar by `steps`; a `note` ("loss 0.31") replaces the one shown at its end."""


class AddBar(Protocol):
    """What a group of bars hands out: call it for each new bar."""

    def __call__(self, description: str, total: int | None) -> Advance:
        """Add a bar that counts to `total` things, or without end when that is None."""


@contextlib.contextmanager
def progress_bar(description: str, total: int | None, *, quiet: bool) -> Iterator[Advance]:
    """Show a bar with count, speed and time left on standard error while the block runs.

    Where standard error is no terminal, a line a minute says how far it is. Nothing is written when `quiet`.

    Args:
        description: what is going on ("Playing BFS").
        total: how many things there are to do, or None when that is unknown.
        quiet: no bar in any case (`--json`).
    """
    with progress_bars(quiet=quiet) as add:
        yield add(description, total)


@contextlib.contextmanager
def progress_bars(*, quiet: bool) -> Iterator[AddBar]:
    """Show several bars below each other while the block runs, for things that go on side by side.

    Where standard error is no terminal, a line a minute of each says how far it is. Nothing is written when `quiet`.
    """
    if quiet:
        yield lambda description, total: _no_bar
        return
    if not sys.stderr.isatty():
        yield _lines
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:

        def add(description: str, total: int | None) -> Advance:
            task = progress.add_task(description, total=total, note="")

            def advance(steps: int = 1, note: str = "") -> None:
                if note:
                    progress.update(task, advance=steps, note=note)
                else:
                    progress.update(task, advance=steps)

            return advance

        yield add


class Phases(Protocol):
    """What work in several phases reports to."""

    def __call__(self, phase: str, steps: int, total: int) -> None:
        """So many more things of a phase ("Reading games") are done, of `total` in all."""


@contextlib.contextmanager
def phase_bars(*, quiet: bool) -> Iterator[Phases]:
    """Show a bar for each phase of some work, from when it is first heard of; otherwise as `progress_bars`."""
    with progress_bars(quiet=quiet) as add:
        bars: dict[str, Advance] = {}

        def advance(phase: str, steps: int, total: int) -> None:
            if phase not in bars:
                bars[phase] = add(phase, total)
            bars[phase](steps)

        yield advance


def unseen(phase: str, steps: int, total: int) -> None:
    """The progress of those who don't look."""


def _no_bar(steps: int = 1, note: str = "") -> None:
    """The bar of those who see none."""


def _lines(description: str, total: int | None) -> Advance:
    """What stands for a bar in a log."""
    done, said = 0, time.monotonic()

    def advance(steps: int = 1, note: str = "") -> None:
        nonlocal done, said
        done += steps
        if time.monotonic() - said >= _SECONDS_BETWEEN_LINES:
            said = time.monotonic()
            so_far = f"{done:,}" if total is None else f"{done:,} of {total:,}"
            sys.stderr.write(f"{description}: {so_far}{', ' if note else ''}{note}\n")
            sys.stderr.flush()

    return advance
