"""How fast a data set is written in other formats: records per second from Parquet to a file on disk.

    python benchmarks/exports.py [--quick] [--json]

The records show random states on 10x10 with a plan of five moves; they are made before the clock starts. The clock runs
for all of `export`: reading Parquet, writing, and putting the file under its name.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

# The root instead of this folder, whose datasets.py would hide the library of that name.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import pyarrow as pa

from benchmarks._common import Figure, run, say, seconds, taking_turns
from serpentune.datasets import SCHEMA, get_encoding, get_style
from serpentune.datasets._jsonl import jsonl_lines
from serpentune.datasets.completions import write_prompts
from serpentune.datasets.export import SUFFIXES, Exported, export
from serpentune.datasets.store import writing_dataset
from serpentune.game import random_states

GROUP = 1 << 15
"""Records of a row group."""
TARGETS = {"jsonl": 150_000.0}


def records(seed: int) -> pa.Table:
    """A row group of records."""
    states = random_states(GROUP // 8, 10, 10, seed).take(np.tile(np.arange(GROUP // 8), 8))
    rng = np.random.default_rng(seed)
    texts = {
        "completion": " U R D L U",
        "teacher": "BFS",
        "style": "plan",
        "board": "10x10",
        "encoding": "grid",
    }
    columns = {name: pa.repeat(pa.scalar(text), GROUP) for name, text in texts.items()}
    columns["prompt"] = write_prompts(states, "BFS", get_encoding("grid"), get_style("plan")).arrow()
    columns["game"] = pa.array([f"heuristics-bfs_20250101_000000/{number}" for number in rng.integers(0, 5000, GROUP)])
    columns["seed"] = rng.integers(0, 5000, GROUP)
    columns["step"] = rng.integers(0, 3000, GROUP).astype(np.int32)
    columns["snake_length"] = states.length.astype(np.int32)
    columns["symmetry"] = np.zeros(GROUP, np.int8)
    columns["verified"] = pa.repeat(pa.scalar(True), GROUP)
    return pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def write(folder: Path, table: pa.Table, groups: int) -> None:
    """A data set of so many row groups, all in `train`."""
    about = {"serpentune": "", "encoding": "grid", "styles": ["plan"], "teachers": {}}
    with writing_dataset(
        folder, lambda writer: {**about, "records": writer.records}, formats=(), overwrite=False
    ) as writer:
        for _ in range(groups):
            writer.write("train", table)


def peak(folder: Path, output: Path) -> float:
    """Megabytes that a process holds at most which exports the data set as JSONL."""
    code = (
        "import sys; from pathlib import Path; from serpentune.common.memory import host_peak_bytes; "
        "from serpentune.datasets.export import export; "
        "export(Path(sys.argv[1]), Path(sys.argv[2]), 'jsonl', overwrite=True); print(host_peak_bytes())"
    )
    done = subprocess.run([sys.executable, "-c", code, folder, output], check=True, capture_output=True, text=True)
    return int(done.stdout) / 1e6


def measure(quick: bool) -> Iterator[Figure]:
    """The figures of this page."""
    groups, repeats = (4, 3) if quick else (20, 3)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        say(f"{groups * GROUP:,} records ...")
        table = records(0)
        write(folder / "set", table, groups)
        write(folder / "small", table, 1)

        def exporting(kind: str, source: str = "set") -> Callable[[], Exported]:
            output = folder / f"{kind}{SUFFIXES[kind]}"
            return lambda: export(folder / source, output, kind, splits=["train"], overwrite=True)

        say("warm-up ...")
        for kind in SUFFIXES:
            exporting(kind, "small")()
        lines = statistics.median(seconds(lambda: jsonl_lines(table)) for _ in range(7))
        yield Figure(
            "lines of JSON", "records per second, one core", GROUP / lines, "records/s", "higher", target=300_000.0
        )
        say(f"{', '.join(SUFFIXES)}, {repeats} times ...")
        for kind, taken in zip(SUFFIXES, taking_turns([exporting(kind) for kind in SUFFIXES], repeats), strict=True):
            rate = groups * GROUP / statistics.median(taken)
            yield Figure(f"export {kind}", "records per second", rate, "records/s", "higher", TARGETS.get(kind))
        for source, held in ("small", GROUP), ("set", groups * GROUP):
            yield Figure(
                f"export jsonl, {held:,} records",
                "peak memory",
                peak(folder / source, folder / "x.jsonl"),
                "MB",
                "lower",
            )


if __name__ == "__main__":
    run(__doc__ or "", measure)
