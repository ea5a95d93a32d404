"""What `training.py` measures on a GPU: SmolLM2-135M on the plans of a strong teacher on 10x10 boards."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from benchmarks._common import Figure, say
from benchmarks._ways import Task, first_version, measured, ours, trl_as_it_comes
from serpentune.datasets import Recipe, build_dataset, load_splits
from serpentune.models import open_tokenizer, token_lengths
from serpentune.training import AdvancedTrainingConfig, HyperparameterConfig
from serpentune.training.config import Strategy

BASE = "smollm2-135m"
PARAMETERS = 134_515_008
SHARED_BATCH = 32
"""The largest power of two that the first version's way has room for on a card of 80 GB."""
SHARED_STEPS = 100
_SEEDS = (0, 1, 2)


def plans(folder: Path, records: int) -> Path:
    """A data set of CELL's plans on 10×10 boards, with 500 held-out records at the least."""
    recipe = Recipe(
        generate=[{"teachers": ["CELL"], "games": max(60, records // 60), "grid_size": 10}],
        samples_per_teacher=records,
        formats=["parquet"],
    )
    build_dataset(recipe, folder)
    return folder


def task(
    strategy: Strategy, batch: int, data: Any, steps: int, *, passes: int = 1, held_out: Any = None, seed: int = 0
) -> Task:
    """`steps` optimiser steps of a strategy, in each pass over the data."""
    config = AdvancedTrainingConfig(
        training_strategy=strategy,
        base_model_name=BASE,
        hyperparameters=HyperparameterConfig(
            num_epochs=passes, batch_size=batch, gradient_accumulation_steps=1, learning_rate=5e-4
        ),
        logging_steps=1000,
        save_steps=100_000,
        seed=seed,
    )
    return Task(config, data.select(range(batch * steps)), held_out)


def measure(quick: bool, part: int) -> Iterator[Figure]:
    """The figures of one GPU; part 1, 2 or 3 of them, or with 0 all."""
    card = torch.cuda.get_device_name()
    matrix = matrix_rate()
    say(f"{card}, torch {torch.__version__}")
    yield Figure(card, "bf16 matrix product, 8192 a side", matrix / 1e12, "TFLOP/s")
    with tempfile.TemporaryDirectory() as folder:
        largest, steps = 512, 10 if quick else 20
        say("building the data set ...")
        dataset = plans(Path(folder) / "plans", int(largest * steps * 1.5) + 2000)
        splits = load_splits(dataset)
        data, held_out = splits["train"], splits["validation"].select(range(500))
        if part in (0, 1):
            yield from speeds(quick, data, steps, matrix)
        if part in (0, 2):
            yield from at_equal_batch(quick, data, held_out)
        if part in (0, 3):
            yield from to_the_tenth_step(dataset)


def speeds(quick: bool, data: Any, steps: int, matrix: float) -> Iterator[Figure]:
    """How quick each way is, and what memory it takes."""
    sample = data.select(range(2000))
    lengths = token_lengths(open_tokenizer(BASE), sample["prompt"], sample["completion"])
    tokens = float(lengths.mean())
    yield Figure("data", "tokens of a sample, padding apart", tokens, "tokens")
    say("the first version's way ...")
    first = measured(task("full", 4, data, 40), first_version)
    yield Figure("first version, batch 4", "speed", first.samples_per_second, "samples/s")
    yield Figure("first version, batch 4", "peak memory", first.peak_gigabytes, "GB", "lower")
    say("TRL's defaults ...")
    theirs = measured(task("full", 8, data, 40), trl_as_it_comes)
    yield Figure("TRL as it comes, batch 8", "speed", theirs.samples_per_second, "samples/s")
    strategies: tuple[tuple[Strategy, int], ...] = (("full", 256), ("full", 512), ("lora", 256), ("qlora", 256))
    for strategy, batch in strategies:
        subject = f"ours, {strategy}, batch {batch}"
        say(f"{subject} ...")
        found = measured(task(strategy, batch, data, steps, passes=3), ours)
        speed = found.samples_per_second
        whole = strategy == "full"
        yield Figure(subject, "speed", speed, "samples/s")
        yield Figure(subject, "tokens", speed * tokens, "tokens/s", target=340_000 if whole else None)
        yield Figure(subject, "of the matrix rate", 6 * PARAMETERS * speed * tokens / matrix, "share")
        yield Figure(subject, "peak memory", found.peak_gigabytes, "GB", "lower")
        ratio = speed / first.samples_per_second
        yield Figure(subject, "over the first version", ratio, "times", target=75 if whole else None)
        ratio = speed / theirs.samples_per_second
        yield Figure(subject, "over TRL as it comes", ratio, "times", target=3 if whole else None)
        if batch == 256:
            say(f"TRL, {strategy}, batch {batch} ...")
            same = measured(task(strategy, batch, data, 8 if quick else 16), trl_as_it_comes)
            yield Figure(subject, "over TRL at this batch", speed / same.samples_per_second, "times")


def at_equal_batch(quick: bool, data: Any, held_out: Any) -> Iterator[Figure]:
    """Memory and held-out loss after the same number of samples, in batches of one size."""
    steps = SHARED_STEPS // 3 if quick else SHARED_STEPS
    subject = f"batches of {SHARED_BATCH}, {SHARED_BATCH * steps} samples"
    ways: tuple[tuple[str, Callable[..., Any]], ...] = (("first version", first_version), ("TRL", trl_as_it_comes))
    memory = {}
    for name, way in ways:
        say(f"{subject}: {name} ...")
        found = measured(task("full", SHARED_BATCH, data, steps, held_out=held_out), way)
        memory[name] = found.peak_gigabytes
        yield Figure(subject, f"{name}: speed", found.samples_per_second, "samples/s")
        yield Figure(subject, f"{name}: peak memory", found.peak_gigabytes, "GB", "lower")
        assert found.loss is not None
        yield Figure(subject, f"{name}: held-out loss", found.loss, "nats/token", "lower")
    losses = []
    for seed in _SEEDS:
        say(f"{subject}: ours, seed {seed} ...")
        found = measured(task("full", SHARED_BATCH, data, steps, held_out=held_out, seed=seed), ours)
        assert found.loss is not None
        losses.append(found.loss)
    yield Figure(subject, "ours: speed", found.samples_per_second, "samples/s")
    share = found.peak_gigabytes / memory["first version"]
    yield Figure(subject, "ours: peak memory", found.peak_gigabytes, "GB", "lower")
    yield Figure(subject, "ours: memory over the first version's", share, "times", "lower", target=0.4)
    yield Figure(subject, "ours: held-out loss, median of 3 seeds", statistics.median(losses), "nats/token", "lower")
    yield Figure(subject, "ours: range of the 3 seeds", max(losses) - min(losses), "nats/token", "lower")


def to_the_tenth_step(dataset: Path) -> Iterator[Figure]:
    """Seconds from typing `serpentune train` to the tenth step, with nothing compiled before and again."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "TORCHINDUCTOR_CACHE_DIR": f"{folder}/kernels",
            "TRITON_CACHE_DIR": f"{folder}/triton",
        }
        for name, limit in (("cold", 90), ("warm", 45)):
            say(f"to the tenth step, {name} caches ...")
            command = [
                sys.executable, "-m", "serpentune", "train", "--dataset", str(dataset), "--base-model", BASE,
                "--output-dir", f"{folder}/{name}", "--training-strategy", "full", "--batch-size", "256",
                "--gradient-accumulation-steps", "1", "--max-steps", "10", "--logging-steps", "10", "--verbose",
            ]  # fmt: skip
            began = time.perf_counter()
            quiet, piped = subprocess.DEVNULL, subprocess.PIPE
            with subprocess.Popen(command, env=environment, stdout=quiet, stderr=piped, text=True) as process:
                assert process.stderr is not None
                said = []
                taken = None
                for line in process.stderr:
                    said.append(line)
                    if taken is None and "step 10 of 10: loss" in line:
                        taken = time.perf_counter() - began
            if taken is None:
                raise RuntimeError(f"training did not get to its tenth step:\n{''.join(said[-20:])}")
            yield Figure("ours, full, batch 256", f"command to tenth step, {name}", taken, "s", "lower", target=limit)


def matrix_rate() -> float:
    """Floating-point operations a second of a bf16 matrix product on random data, the median of ten."""
    side = 8192
    left, right = (torch.randn(side, side, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    times = []
    for turn in range(13):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        torch.matmul(left, right)
        end.record()
        torch.cuda.synchronize()
        if turn >= 3:
            times.append(start.elapsed_time(end) / 1000)
    rate: float = 2 * side**3 / statistics.median(times)
    return rate
