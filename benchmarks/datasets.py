"""How fast a data set is built: records per second from Parquet runs to the finished folder.

    python benchmarks/datasets.py [--quick] [--json]

The time holds everything that `build_dataset` does: reading and replaying every game, drawing the records, writing
their prompts, splitting by game, Parquet and JSONL. The games lie on 10x10 and are made before the clock starts.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

# The root instead of this folder, whose datasets.py would hide the library of that name.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._common import Figure, run, say, seconds, taking_turns
from serpentune.datasets import STYLES, DatasetStats, build_dataset
from serpentune.logs import LogReading, generate_runs, read_logs

TEACHERS = ("BFS", "ASTAR", "HAMILTONIAN")
SIDE = 10


def measure(quick: bool) -> Iterator[Figure]:
    """The figures of this page."""
    games, samples, repeats = (100, 2000, 3) if quick else (500, 10_000, 5)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        say(f"{games} games of each of {', '.join(TEACHERS)} ...")
        runs = generate_runs(TEACHERS, games, SIDE, SIDE, 0, folder / "logs")

        def building(style: str, limit: int = samples) -> Callable[[], DatasetStats]:
            return lambda: build_dataset(
                runs, folder / style, styles=[style], samples_per_teacher=limit, overwrite=True
            )

        def reading() -> LogReading:
            return read_logs(runs)

        say("warm-up ...")
        yield Figure("warm-up", "a data set of 3 records", seconds(building("plan", 1)), "s", "lower")
        say(f"{samples} records of each teacher, {' and '.join(STYLES)}, {repeats} times ...")
        *built, read = taking_turns([*map(building, STYLES), reading], repeats)
        for style, taken in zip(STYLES, built, strict=True):
            records = sum(building(style)().records.values())
            yield Figure(f"style {style}", "records per second", records / statistics.median(taken), "records/s")
        moves = sum(record.steps for record in reading().games)
        middle = statistics.median(read)
        yield Figure("reading and replaying", "games per second", len(TEACHERS) * games / middle, "games/s")
        yield Figure("reading and replaying", "moves per second", moves / middle, "moves/s")


if __name__ == "__main__":
    run(__doc__ or "", measure)
