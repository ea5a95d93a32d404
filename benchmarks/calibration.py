"""Do intervals cover as often as they say, and do tests err no more often? Counted over simulated experiments.

    python benchmarks/calibration.py [--quick] [--json] [--processes N]

The limits are 2 points below the nominal coverage of 95%, and 1 point above the nominal 5% of errors. 2,500 experiments
of each kind leave a standard error of 0.4 points. benchmarks/_experiments.py says what is played.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

# The root instead of this folder, whose datasets.py would hide the library of that name.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._common import Figure, run, say
from benchmarks._experiments import EXPERIMENTS

TIMES, QUICK_TIMES = 2_500, 100
SEED = 2026


def rate(place: int, times: int) -> float:
    """Of one kind of experiment, in percent; by its place, since a function that was made here doesn't travel."""
    return 100 * EXPERIMENTS[place].rate(times, SEED)


def measure(quick: bool, processes: int) -> Iterator[Figure]:
    """The figures of this page."""
    times = QUICK_TIMES if quick else TIMES
    say(f"{len(EXPERIMENTS)} kinds of experiments, {times:,} of each ...")
    places = range(len(EXPERIMENTS))
    with ProcessPoolExecutor(processes) as pool:
        for experiment, value in zip(EXPERIMENTS, pool.map(rate, places, [times] * len(places)), strict=True):
            coverage = experiment.kind == "coverage"
            yield Figure(
                experiment.name,
                "intervals that cover" if coverage else "false rejections",
                value,
                "%",
                "higher" if coverage else "lower",
                100 * experiment.limit,
            )


if __name__ == "__main__":
    run(__doc__ or "", measure, options={"processes": (os.cpu_count() or 1, "processes to play in")})
