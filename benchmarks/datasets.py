"""How fast a data set is built, how much memory that takes, and how both grow with its size.

    python benchmarks/datasets.py [--quick] [--json]

The games lie on 10x10, as Parquet, and are made before the clock starts. The time holds everything that `build_dataset`
does: reading and replaying every game, counting and drawing moments, writing prompts and answers, all checks, the
split by game, shuffling, and the files. Every record drawn costs the same work up to the checks; those that the checks
leave out (duplicates, states of two splits) are not written. Each size is built in a process of its own that tells its
peak of memory; kernels were compiled before.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# The root instead of this folder, whose datasets.py would hide the library of that name.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._common import Figure, run, say
from serpentune.datasets import STYLES
from serpentune.logs import generate_runs

TEACHERS = ("HAMILTONIAN-SHORTCUT", "CELL")
SIDE = 10
PER_GAME = 125
"""Records that a game gives: a hundred apples, and a quarter as many places between."""

LABELS = 20_000
"""Records that a teacher is asked for anew: each is a rollout to the apple."""

BUILD_TARGET = 250_000
LABEL_TARGET = 8_500  # a million in two minutes
EXPORT_TARGET = 150_000
MEMORY_TARGET = 1500

_BUILD = """
import json, sys, time
from pathlib import Path
from serpentune.common.memory import host_peak_bytes
from serpentune.datasets import build_dataset
logs, output, options = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
began = time.perf_counter()
stats = build_dataset([logs], output, overwrite=True, **options)
seconds = time.perf_counter() - began
drawn = sum(sum(teacher["drawn"].values()) for teacher in stats.manifest["teachers"].values())
written = sum(stats.records.values())
print(json.dumps({"drawn": drawn, "written": written, "seconds": seconds, "peak": host_peak_bytes() / 1e6}))
"""

_EXPORT = """
import json, sys, time
from pathlib import Path
from serpentune.datasets.export import export
began = time.perf_counter()
done = export(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], overwrite=True)
print(json.dumps({"records": sum(done.records.values()), "seconds": time.perf_counter() - began}))
"""


def child(code: str, *arguments: str | Path) -> dict[str, Any]:
    """What a process of its own measured."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    answer: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return answer


def measure(quick: bool) -> Iterator[Figure]:
    """The figures of this page."""
    sizes = [10_000, 30_000] if quick else [10_000, 100_000, 1_000_000, 10_000_000]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield from _building(folder, 30_000 if quick else 1_000_000, 3)
        yield from _growing(folder, sizes, bounded=not quick)


def play(folder: Path, records: int) -> Path:
    """Runs that hold enough games for so many records."""
    logs = folder / f"logs-{records}"
    if not logs.exists():
        games = max(20, records // PER_GAME // len(TEACHERS))
        say(f"{games} games of each of {', '.join(TEACHERS)} ...")
        generate_runs(TEACHERS, games, SIDE, SIDE, 0, logs)
    return logs


def options(records: int, **others: Any) -> str:
    """The settings of a build of so many records."""
    return json.dumps({"samples_per_teacher": records // len(TEACHERS), "formats": ["parquet"], **others})


def _building(folder: Path, records: int, repeats: int) -> Iterator[Figure]:
    logs, output = play(folder, records), folder / "set"
    say("warm-up ...")
    for style in STYLES:
        child(_BUILD, logs, output, options(200, styles=[style]))
    kinds: dict[str, dict[str, Any]] = {
        "plans, grid": {},
        "moves, grid": {"styles": ["move"]},
        "plans, coordinates": {"encodings": "coordinates"},
        "plans, grid, mirrored": {"symmetries": "any"},
    }
    say(f"{records} records, {repeats} times, in turns ...")
    taken: dict[tuple[str, str], list[float]] = {(kind, what): [] for kind in kinds for what in ("drawn", "written")}
    exported: dict[str, list[float]] = {"jsonl": [], "csv": []}
    for _ in range(repeats):
        for kind, settings in kinds.items():
            built = child(_BUILD, logs, folder / kind, options(records, **settings))
            for what in ("drawn", "written"):
                taken[kind, what].append(built[what] / built["seconds"])
        for format_, rates in exported.items():
            done = child(_EXPORT, folder / "plans, grid", folder / f"export-{format_}", format_)
            rates.append(done["records"] / done["seconds"])
    for (kind, what), rates in taken.items():
        target = BUILD_TARGET if (kind, what) == ("plans, grid", "drawn") else None
        yield Figure(kind, f"records {what} per second", statistics.median(rates), "records/s", target=target)
    for format_, rates in exported.items():
        target = EXPORT_TARGET if format_ == "jsonl" else None
        yield Figure(f"export to {format_}", "records per second", statistics.median(rates), "records/s", target=target)
    own = play(folder, LABELS)
    child(_BUILD, own, output, options(200, label="CELL"))
    labelled = [child(_BUILD, own, output, options(LABELS, label="CELL")) for _ in range(repeats)]
    rate = statistics.median(built["drawn"] / built["seconds"] for built in labelled)
    yield Figure("plans, grid, all by CELL", "records drawn per second", rate, "records/s", target=LABEL_TARGET)
    explained = child(_BUILD, logs, output, options(min(records, 20_000), styles=["explain"]))
    rate = explained["written"] / explained["seconds"]
    yield Figure("explanations, grid", "records written per second", rate, "records/s")


def growth(folder: Path, sizes: list[int]) -> Iterator[dict[str, Any]]:
    """For each number of records drawn: `drawn`, `written`, `seconds`, and the `peak` of memory in MB."""
    for size in sizes:
        logs = play(folder, size)
        say(f"{size} records ...")
        yield child(_BUILD, logs, folder / "set", options(size))


def _growing(folder: Path, sizes: list[int], *, bounded: bool) -> Iterator[Figure]:
    rates = []
    for built in growth(folder, sizes):
        subject = f"{built['drawn']:,} records drawn"
        rates.append(built["seconds"] / built["drawn"])
        yield Figure(subject, "time", built["seconds"], "s", "lower")
        target = MEMORY_TARGET if bounded and built["drawn"] >= sizes[-1] else None
        yield Figure(subject, "memory at the peak", built["peak"], "MB", "lower", target)
    # The smallest ones measure how long a build takes to begin.
    what = f"time a record over that at {sizes[-2]:,}"
    yield Figure(f"{sizes[-1]:,} records drawn", what, rates[-1] / rates[-2], "times", "lower")


if __name__ == "__main__":
    run(__doc__ or "", measure)
