"""How well and how fast each registered teacher plays, per board, on the same game seeds.

    python benchmarks/teachers.py [--quick] [--json]

Games are played and counted, not written. A speed is that of the median turn, teachers taking turns; compiling is in no
figure (benchmarks/generation.py states it).
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

# The root instead of this folder, whose datasets.py would hide the library of that name.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._common import Figure, run, say, taking_turns
from serpentune import teachers
from serpentune.game import Ending, GameRecord

BOARDS = ((6, 6), (8, 8), (10, 10), (7, 9), (12, 8), (16, 16))


def playing(name: str, width: int, height: int, games: int) -> Callable[[], list[GameRecord]]:
    return lambda: list(teachers.play(teachers.get(name), range(games), width, height))


def measure(quick: bool) -> Iterator[Figure]:
    """The figures of this page."""
    games, repeats, boards = (100, 3, BOARDS[:3]) if quick else (1000, 5, BOARDS)
    for width, height in boards:
        names = teachers.names()
        say(f"{width}x{height}: {games} games of {', '.join(names)}, {repeats} times ...")
        works = [playing(name, width, height, games) for name in names]
        played = [work() for work in works]
        for name, records, taken in zip(names, played, taking_turns(works, repeats), strict=True):
            subject = f"{name}, {width}x{height}"
            moves, score = sum(record.steps for record in records), sum(record.score for record in records)
            wins = sum(record.ending == Ending.WIN for record in records)
            yield Figure(subject, "games won", 100 * wins / games, "%")
            yield Figure(subject, "mean score", score / games, "apples")
            yield Figure(subject, "share of the board eaten", 100 * score / games / (width * height - 1), "%")
            yield Figure(subject, "steps per apple", moves / score, "steps", "lower")
            yield Figure(subject, "moves per second", moves / statistics.median(taken), "moves/s")


if __name__ == "__main__":
    run(__doc__ or "", measure, pivot=True)
