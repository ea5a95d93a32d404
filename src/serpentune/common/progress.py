"""The ground: progress on standard error, as bars at a terminal, as a line now and then in a log."""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections import deque
from collections.abc import Iterator
from typing import Protocol

_SECONDS_BETWEEN_LINES = 60.0


class Pace:
    """How many things a second were done of late, whatever the beginning took (compiling, filling caches).

    Counting starts with the first `note`. The speed is that of the last half minute, or of the last eight notes where
    those took longer.
    """

    _SECONDS = 30.0
    _FEWEST = 8
    _BETWEEN = 0.1

    def __init__(self) -> None:
        self._notes: deque[tuple[float, float]] = deque()

    def note(self, now: float, done: float) -> None:
        """At the time `now`, in seconds of any clock, `done` things are done in all."""
        notes = self._notes
        if len(notes) > 1 and now - notes[-2][0] < self._BETWEEN:  # a bar may move thousands of times a second
            notes.pop()
        notes.append((now, done))
        while len(notes) > self._FEWEST and notes[1][0] <= now - self._SECONDS:
            notes.popleft()

    @property
    def per_second(self) -> float | None:
        """Things a second; None before the second note."""
        if len(self._notes) < 2:
            return None
        (began, first), (now, last) = self._notes[0], self._notes[-1]
        return (last - first) / (now - began) if now > began else None

    def left(self, total: float | None) -> str:
        """The time until `total` things are done at this pace ("0:01:20"), or "-:--:--" where that isn't known."""
        if total is None or not self.per_second:
            return "-:--:--"
        minutes, seconds = divmod(math.ceil(max(0.0, total - self._notes[-1][1]) / self.per_second), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


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
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TextColumn("{task.fields[left]}", style="progress.remaining"),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:

        def add(description: str, total: int | None) -> Advance:
            done, shown, pace = 0, "", Pace()
            task = progress.add_task(description, total=total, note="", left=pace.left(total))

            def advance(steps: int = 1, note: str = "") -> None:
                nonlocal done, shown
                done, shown = done + steps, note or shown
                if steps:
                    pace.note(time.monotonic(), done)
                progress.update(task, advance=steps, left=pace.left(total), note=shown)

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
    done, said, pace = 0, time.monotonic(), Pace()

    def advance(steps: int = 1, note: str = "") -> None:
        nonlocal done, said
        done += steps
        now = time.monotonic()
        if steps:
            pace.note(now, done)
        if now - said >= _SECONDS_BETWEEN_LINES:
            said = now
            so_far = f"{done:,}" if total is None else f"{done:,} of {total:,}, {pace.left(total)} left"
            sys.stderr.write(f"{description}: {so_far}{', ' if note else ''}{note}\n")
            sys.stderr.flush()

    return advance
