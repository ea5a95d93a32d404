"""Draws docs/images/dataset-growth.png: how time and memory of a build grow with the number of records.

python scripts/plot_dataset_growth.py            # some minutes on two cores; needs 5 GB of disk
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.datasets import MEMORY_TARGET, growth

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "images" / "dataset-growth.png"
SIZES = [10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000]


def main() -> None:
    """Measure each size in a process of its own, print the figures and draw them."""
    with tempfile.TemporaryDirectory() as name:
        built = list(growth(Path(name), SIZES))
    for each in built:
        print("{drawn:>11,} drawn {written:>11,} written {seconds:8.2f} s {peak:7,.0f} MB".format(**each))
    drawn = [each["drawn"] for each in built]
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    time, memory = figure.subplots(1, 2)
    time.loglog(drawn, [each["seconds"] for each in built], "o-", label="measured")
    rate = built[-1]["seconds"] / drawn[-1]
    time.loglog(drawn, [rate * count for count in drawn], ":", color="gray", label="in proportion to the last one")
    time.set(xlabel="records drawn", ylabel="time of the build [s]")
    time.legend()
    memory.semilogx(drawn, [each["peak"] for each in built], "o-")
    memory.axhline(MEMORY_TARGET, linestyle=":", color="gray")
    memory.set(xlabel="records drawn", ylabel="memory at the peak [MB]", ylim=(0, None))
    for axes in (time, memory):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3)
    figure.savefig(PICTURE, dpi=120)


if __name__ == "__main__":
    main()
