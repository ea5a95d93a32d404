"""How fast `nano` is trained: this project's trainer against a bare loop and against TRL as it comes.

    python benchmarks/training.py [--quick] [--json]

All three see the same boards, batches of one size and the same optimiser. The bare loop is forward pass, loss on
completions, backward pass, clipping and step, with nothing around it: what is left to gain. TRL as it comes is
`SFTTrainer` with `SFTConfig`'s own defaults (bf16, activation checkpointing, its metrics), batch size apart. A speed is
the batch size over the median time of a step, which a busy machine disturbs least.
"""

from __future__ import annotations

import logging
import statistics
import sys
import tempfile
import time
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
from torch.nn.functional import cross_entropy
from transformers import PrinterCallback, TrainerCallback

from benchmarks._common import Figure, run, say
from serpentune.datasets import get_encoding, get_style, prompts
from serpentune.game import random_states
from serpentune.models import QLoRAConfig, load_base, quiet_libraries, wrap
from serpentune.training import AdvancedTrainingConfig, HyperparameterConfig, train
from serpentune.training.data import IGNORED, Collator, LengthBatches, tokenize

BATCH = 16
WARM_UP = 2


class Stopwatch(TrainerCallback):
    """Notes the time at which each step ends."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.ends.append(time.perf_counter())

    def samples_per_second(self) -> float:
        steps = [after - before for before, after in zip(self.ends[WARM_UP:-1], self.ends[WARM_UP + 1 :], strict=True)]
        return BATCH / statistics.median(steps)


def boards(count: int) -> Any:
    """Prompts of random 6×6 boards, and plans of one to eight random moves."""
    random = np.random.default_rng(0)
    texts = prompts(random_states(count, 6, 6, 0), "BFS", get_encoding("grid"), get_style("plan"))
    plans = ["".join(f" {letter}" for letter in random.choice(list("URDL"), random.integers(1, 9))) for _ in texts]
    return Dataset.from_dict({"prompt": texts, "completion": plans})


def settings(strategy: str) -> AdvancedTrainingConfig:
    steps = HyperparameterConfig(num_epochs=1, batch_size=BATCH, gradient_accumulation_steps=1)
    return AdvancedTrainingConfig(training_strategy=strategy, hyperparameters=steps)


def bare(strategy: str, data: Any) -> float:
    config = settings(strategy)
    base = load_base("nano", quantize=config.strategy if isinstance(config.strategy, QLoRAConfig) else False)
    tokens = tokenize(data, base.tokenizer, config.max_length, "benchmark's data")
    model = wrap(base.model, config.strategy).train()
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=config.hyperparameters.learning_rate, fused=True)
    collate, order = Collator(base.tokenizer.pad_token_id), list(LengthBatches(tokens.lengths, BATCH, config.seed))
    batches = [collate(list(tokens.rows.select(order[at : at + BATCH]))) for at in range(0, len(order), BATCH)]
    watch = Stopwatch()
    for batch in batches:
        batch = {key: tensor.to(model.device) for key, tensor in batch.items()}
        targets = batch.pop("targets")
        logits = model(**batch, use_cache=False).logits
        cross_entropy(logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED).backward()
        torch.nn.utils.clip_grad_norm_(learning, config.hyperparameters.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
        watch.on_step_end()
    return watch.samples_per_second()


def ours(strategy: str, data: Any) -> float:
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        train(settings(strategy), data, None, Path(folder), callbacks=[watch], quiet=True)
    return watch.samples_per_second()


def trl_as_it_comes(strategy: str, data: Any) -> float:
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    config = settings(strategy)
    base = load_base("nano", quantize=config.strategy if isinstance(config.strategy, QLoRAConfig) else False)
    base.tokenizer.padding_side = "right"
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as folder, quiet_libraries():
        args = SFTConfig(
            output_dir=folder,
            per_device_train_batch_size=BATCH,
            num_train_epochs=1,
            save_strategy="no",
            disable_tqdm=True,
            use_cpu=not torch.cuda.is_available(),
        )
        trainer = SFTTrainer(
            model=wrap(base.model, config.strategy),
            args=args,
            train_dataset=data,
            processing_class=base.tokenizer,
            callbacks=[watch],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return watch.samples_per_second()


def measure(quick: bool) -> Iterator[Figure]:
    """The figures of this page."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    disable_progress_bars()
    say(f"{torch.get_num_threads()} threads (OMP_NUM_THREADS sets them)")
    data = boards(BATCH * (12 if quick else 60))
    for strategy in ("lora", "qlora", "full"):
        speeds = {}
        for way in (bare, ours, trl_as_it_comes):
            name = way.__name__.replace("_", " ")
            say(f"{strategy}: {name} ...")
            speeds[way] = way(strategy, data)
            yield Figure(strategy, name, speeds[way], "samples/s")
        yield Figure(strategy, "ours over bare", speeds[ours] / speeds[bare], "times", target=0.85)
        yield Figure(strategy, "ours over TRL", speeds[ours] / speeds[trl_as_it_comes], "times", target=1.5)


if __name__ == "__main__":
    run(__doc__ or "", measure)
