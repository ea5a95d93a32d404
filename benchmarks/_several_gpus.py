"""What `training.py --gpus N` measures: how much faster N GPUs are than one, and whether they learn the same."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Run by torchrun as a script, it finds the root for itself.
if __name__ == "__main__":
    sys.path.pop(0)
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from benchmarks._common import Figure, say

BATCH = 256
LOGGED = 5
"""Steps between two losses; more would make the processes wait for each other."""


def measure(quick: bool, gpus: int) -> Iterator[Figure]:
    """The figures of several GPUs."""
    from benchmarks._training_gpu import plans

    steps = 10 if quick else 30
    with tempfile.TemporaryDirectory() as folder:
        say("building the data set ...")
        dataset = plans(Path(folder) / "plans", int(gpus * BATCH * steps * 1.5) + 2000)
        one = shared(dataset, 1, BATCH, steps)
        several = shared(dataset, gpus, BATCH, steps)
        same = shared(dataset, 1, gpus * BATCH, steps)
    yield Figure("1 GPU", f"speed, batch {BATCH}", one["speed"], "samples/s")
    yield Figure("1 GPU", f"speed, batch {gpus * BATCH}", same["speed"], "samples/s")
    yield Figure(f"{gpus} GPUs", f"speed, {BATCH} each", several["speed"], "samples/s")
    yield Figure(f"{gpus} GPUs", "over one", several["speed"] / one["speed"], "times", target=0.95 * gpus)
    ratio = several["speed"] / same["speed"]
    yield Figure(f"{gpus} GPUs", f"over one at the batch of all, {gpus * BATCH}", ratio, "times")
    apart = np.abs(np.array(several["losses"]) - np.array(same["losses"]))
    yield Figure(
        f"{gpus} GPUs",
        "loss of the last ten steps",
        float(np.mean(several["losses"][-10 // LOGGED :])),
        "nats/token",
        "lower",
    )
    yield Figure(
        "1 GPU",
        "the same, one at the batch of all",
        float(np.mean(same["losses"][-10 // LOGGED :])),
        "nats/token",
        "lower",
    )
    yield Figure(
        f"{gpus} GPUs", "largest difference of the loss of five steps", float(apart.max()), "nats/token", "lower"
    )


def shared(dataset: Path, gpus: int, batch: int, steps: int) -> dict[str, Any]:
    """One run under torchrun, by `main` below."""
    say(f"{gpus} GPUs, {batch} samples each ...")
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(gpus), __file__,
            str(dataset), folder, str(batch), str(steps),
        ]  # fmt: skip
        subprocess.run(command, check=True)
        found: dict[str, Any] = json.loads((Path(folder) / "found.json").read_text())
        return found


def main(dataset: str, folder: str, batch: str, steps: str) -> None:
    """A process of a run: trains, and the first one writes what was found."""
    import os

    from benchmarks._training_gpu import task
    from benchmarks._ways import Stopwatch
    from serpentune.datasets import load_splits
    from serpentune.training import train

    processes = int(os.environ["WORLD_SIZE"])
    passes = 3
    work = task("full", int(batch), load_splits(Path(dataset))["train"], int(steps) * processes, passes=passes)
    work.config.logging_steps = LOGGED
    last = passes * int(steps)
    watch = Stopwatch((3 * last // 4, last))  # in the third pass, when all is compiled and recorded
    result = train(work.config, work.data, None, Path(folder) / "run", callbacks=[watch], quiet=True)
    if int(os.environ["RANK"]) == 0:
        losses = [entry["loss"] for entry in result.history if "loss" in entry]
        speed = int(batch) * processes / watch.seconds()
        (Path(folder) / "found.json").write_text(json.dumps({"speed": speed, "losses": losses}))


if __name__ == "__main__":
    main(*sys.argv[1:])
