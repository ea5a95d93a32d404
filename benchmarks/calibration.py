"""Do intervals cover as often as they say, and do tests err no more often? Counted over simulated experiments.

    python benchmarks/calibration.py [--quick] [--json] [--processes N] [--of ours|rejected]

The limits are 2 points below the nominal coverage of 95%, and 1 point above the nominal 5% of errors. 2,500 experiments
of each kind leave a standard error of 0.4 points, 1,000 of what was rejected 0.7. benchmarks/_experiments.py says what
is played, and benchmarks/_rejected.py what else was tried and is too sure; docs/statistics.md has the tables.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Literal

if __name__ == "__main__":
    # The root instead of this folder, whose datasets.py would hide the library of that name.
    sys.path.pop(0)
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._common import Figure, run, say
from benchmarks._experiments import EXPERIMENTS, Rate
from benchmarks._rejected import REJECTED

TIMES, QUICK_TIMES = 2_500, 100
REJECTED_TIMES = 1_000
SEED = 2026
CORES = os.cpu_count() or 1


KINDS = {"ours": EXPERIMENTS, "rejected": REJECTED}


def rates(times: int, processes: int = CORES, of: str = "ours") -> Iterator[Rate]:
    """The rate of each of these experiments, in their order, as soon as it is there."""
    places = range(len(KINDS[of]))
    # statsmodels collects garbage at every correction, which takes a tenth of a second with all libraries loaded.
    with ProcessPoolExecutor(processes, initializer=gc.freeze) as pool:
        yield from pool.map(_rate, [of] * len(places), places, [times] * len(places))


def _rate(of: str, place: int, times: int) -> Rate:
    """Of one experiment by its place, since functions that are made as they are don't travel."""
    return KINDS[of][place].rate(times, SEED)


def measure(quick: bool, processes: int, of: str) -> Iterator[Figure]:
    """The figures of this page."""
    times = QUICK_TIMES if quick else TIMES if of == "ours" else REJECTED_TIMES
    say(f"{len(KINDS[of])} kinds of experiments, {times:,} of each ...")
    for experiment, rate in zip(KINDS[of], rates(times, processes, of), strict=True):
        covers = experiment.kind == "coverage"
        what = "coverage" if covers else "false rejections"
        better: Literal["higher", "lower"] = "higher" if covers else "lower"
        if rate.answers < times:
            say(f"{experiment.name}: {rate.answers:,} of {times:,} gave an interval; the others count neither way")
        yield Figure(experiment.name, what, 100 * rate.share, "%", better, 100 * experiment.limit)


if __name__ == "__main__":
    run(
        __doc__ or "",
        measure,
        options={"processes": (CORES, "processes to play in"), "of": ("ours", "ours or rejected")},
    )
