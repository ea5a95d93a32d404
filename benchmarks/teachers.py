"""How well and how fast each registered teacher plays, per board, on the same game seeds.

    python benchmarks/teachers.py [--quick] [--json]

Games are played and counted, not written. A speed is that of one run over all games, rules and apples included;
compiling is in no figure (benchmarks/generation.py states it). `scripts/make_teachers_page.py` makes docs/teachers.md
of the same games.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

# The root instead of this folder, whose datasets.py would hide the library of that name.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._common import Figure, run, say
from serpentune.pipeline import LeagueRow, play_league

GAMES = {"6x6": 2000, "8x8": 2000, "7x9": 2000, "10x10": 5000, "20x20": 2000}
QUICK_GAMES = {"6x6": 200, "10x10": 200}

ALWAYS_WIN = ("BFS-HAMILTONIAN", "ASTAR-HAMILTONIAN", "HAMILTONIAN", "HAMILTONIAN-SHORTCUT", "CELL")
STEPS = {("CELL", "10x10"): 1034.0, ("HAMILTONIAN-SHORTCUT", "10x10"): 1486.0}
"""Targets: the best published mean, 1,033.5 (twanvl/snake, cell-variant), and that of a cycle with shortcuts."""


def figures(row: LeagueRow) -> Iterator[Figure]:
    """What one teacher did on one board."""
    subject = f"{row.teacher}, {row.grid}"
    target = 100.0 if row.teacher in ALWAYS_WIN else None
    yield Figure(subject, "games won", 100 * row.wins / row.games, "%", target=target)
    yield Figure(subject, "games won, lower end of the 95% Wilson interval", 100 * row.win_rate_low, "%")
    yield Figure(subject, "mean score", row.score_mean, "apples")
    if row.steps_to_win_mean is not None:
        target = STEPS.get((row.teacher, row.grid))
        yield Figure(subject, "steps to win", row.steps_to_win_mean, "steps", "lower", target)
    yield Figure(subject, "moves per second", row.moves_per_second, "moves/s")


def measure(quick: bool) -> Iterator[Figure]:
    """The figures of this page."""
    for board, games in (QUICK_GAMES if quick else GAMES).items():
        width, height = map(int, board.split("x"))
        say(f"{board}: {games} games of every teacher ...")
        for row in play_league(None, games, width, height):
            yield from figures(row)


if __name__ == "__main__":
    run(__doc__ or "", measure, pivot=True)
