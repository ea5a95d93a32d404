"""How fast a data set is built, how much memory that takes, and how both grow with its size.

    python benchmarks/datasets.py [--quick] [--json]

The games lie on 10x10, as Parquet, and are made before the clock starts. The time holds everything that `build_dataset`
does: reading and replaying every game, counting and drawing moments, writing prompts and answers, all checks, the
split by game, shuffling, and the files. Records are those that were drawn, before the checks leave some out. Each size
is built in a process of its own that tells its peak of memory; kernels were compiled before.
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

BUILD_TARGET = 250_000
EXPORT_TARGET = 150_000
MEMORY_TARGET = 1500

_BUILD = """
import json, resource, sys, time
from pathlib import Path
from serpentune.datasets import build_dataset
logs, output, options = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
began = time.perf_counter()
stats = build_dataset([logs], output, overwrite=True, **options)
seconds = time.perf_counter() - began
drawn = sum(sum(teacher["drawn"].values()) for teacher in stats.manifest["teachers"].values())
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
print(json.dumps({"records": drawn, "kept": sum(stats.records.values()), "seconds": seconds, "peak": peak}))
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
    taken: dict[str, list[float]] = {kind: [] for kind in kinds}
    exported: dict[str, list[float]] = {"jsonl": [], "csv": []}
    for _ in range(repeats):
        for kind, settings in kinds.items():
            built = child(_BUILD, logs, folder / kind, options(records, **settings))
            taken[kind].append(built["records"] / built["seconds"])
        for format_, rates in exported.items():
            done = child(_EXPORT, folder / "plans, grid", folder / f"export-{format_}", format_)
            rates.append(done["records"] / done["seconds"])
    for kind, rates in taken.items():
        target = BUILD_TARGET if kind == "plans, grid" else None
        yield Figure(kind, "records per second", statistics.median(rates), "records/s", target=target)
    for format_, rates in exported.items():
        target = EXPORT_TARGET if format_ == "jsonl" else None
        yield Figure(f"export to {format_}", "records per second", statistics.median(rates), "records/s", target=target)
    explained = child(_BUILD, logs, output, options(min(records, 20_000), styles=["explain"]))
    rate = explained["records"] / explained["seconds"]
    yield Figure("explanations, grid", "records per second", rate, "records/s")


def _growing(folder: Path, sizes: list[int], *, bounded: bool) -> Iterator[Figure]:
    rates = []
    for size in sizes:
        logs = play(folder, size)
        say(f"{size} records ...")
        built = child(_BUILD, logs, folder / "set", options(size))
        subject = f"{built['records']:,} records"
        rates.append(built["seconds"] / built["records"])
        yield Figure(subject, "time", built["seconds"], "s", "lower")
        last = bounded and size == sizes[-1]
        yield Figure(subject, "memory at the peak", built["peak"], "MB", "lower", MEMORY_TARGET if last else None)
    # The smallest ones measure how long a build takes to begin.
    yield Figure(
        f"{sizes[-1]:,} records", f"time a record over that at {sizes[-2]:,}", rates[-1] / rates[-2], "times", "lower"
    )


if __name__ == "__main__":
    run(__doc__ or "", measure)
