"""The ways of fine-tuning that `training.py` compares, each on the same model, data and number of samples.

All are told to imitate on completions only, so that their losses can be compared. What they differ in is what this
project's first version did (`first_version`), what TRL does unless it is told otherwise (`trl_as_it_comes`), what
`serpentune.training` does (`ours`), and what would be left without a trainer (`bare`).
"""

from __future__ import annotations

import gc
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from serpentune.models import QLoRAConfig, load_base, load_student, quiet_libraries, wrap
from serpentune.training import AdvancedTrainingConfig, train
from serpentune.training._batches import IGNORED, Collator, StepOrder
from serpentune.training.data import Tokens, tokenize

FIRST_VERSION_LENGTH = 512
_WARM_UP = 3


@dataclass(frozen=True)
class Task:
    """What is to be learnt.

    Attributes:
        config: strategy, base model, batch size, learning rate, and passes over the data.
        data: prompts and completions; as many optimiser steps are taken in a pass as it holds batches.
        held_out: other ones, to measure the loss on afterwards; None leaves that out.
    """

    config: AdvancedTrainingConfig
    data: Any
    held_out: Any | None = None

    @property
    def batch(self) -> int:
        return self.config.hyperparameters.batch_size

    @property
    def steps(self) -> int:
        return len(self.data) // self.batch * int(self.config.hyperparameters.num_epochs)


@dataclass(frozen=True)
class Measured:
    """What a way did.

    Attributes:
        samples_per_second: batch size over the time of a step.
        peak_gigabytes: most memory of a GPU that was in use; 0 without one.
        loss: mean per completion token of the held-out data; None where there are none.
    """

    samples_per_second: float
    peak_gigabytes: float
    loss: float | None


@dataclass
class Stopwatch(TrainerCallback):
    """Notes when steps end: all of them on a processor; on a GPU, which runs ahead, only where `marks` says."""

    marks: Sequence[int] = ()
    ends: list[float] = field(default_factory=list)

    def on_step_end(self, args: Any = None, state: Any = None, control: Any = None, **_: Any) -> None:
        if torch.cuda.is_available():
            if state.global_step not in self.marks:
                return
            torch.cuda.synchronize()
        self.ends.append(time.perf_counter())

    def seconds(self) -> float:
        """Of a step: the mean between two marks, or the median, which a busy machine disturbs least."""
        if torch.cuda.is_available():
            first, last = self.marks
            return (self.ends[-1] - self.ends[0]) / (last - first)
        pairs = zip(self.ends[_WARM_UP - 1 : -2], self.ends[_WARM_UP:-1], strict=True)
        return statistics.median(after - before for before, after in pairs)


Way = Callable[[Task, Stopwatch, Path], Any]
"""Learns a task, with a folder for what it writes, and returns the model or a student's folder."""


def measured(task: Task, way: Way) -> Measured:
    """Do it, and say how quickly it went."""
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        torch.compiler.reset()
    # What compiles makes three passes, so that all is compiled and recorded when the clock starts.
    watch = Stopwatch((3 * task.steps // 4, task.steps))
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        learnt = way(task, watch, Path(folder))
        peak = torch.cuda.max_memory_allocated() / 1e9 if on_gpu else 0.0
        loss = None
        if task.held_out is not None:
            model = load_student(learnt, dtype=torch.float32).model if isinstance(learnt, Path) else learnt
            loss = held_out_loss(model, task)
    return Measured(task.batch / watch.seconds(), peak, loss)


def first_version(task: Task, watch: Stopwatch, folder: Path) -> Any:
    """transformers' trainer, every sample padded to 512 tokens, logits of every token, 32-bit numbers."""
    base = load_base(task.config.base_model_name, dtype=torch.float32)
    tokens = tokenize(task.data, base.tokenizer, task.config.max_length, "benchmark's data")
    steps = task.config.hyperparameters

    def collate(samples: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        ids = torch.full((len(samples), FIRST_VERSION_LENGTH), base.tokenizer.pad_token_id)
        labels = torch.full_like(ids, IGNORED)
        mask = torch.zeros_like(ids)
        for row, sample in enumerate(samples):
            found, start = torch.tensor(sample["input_ids"]), sample["prompt_length"]
            ids[row, : len(found)], mask[row, : len(found)] = found, 1
            labels[row, start : len(found)] = found[start:]
        return {"input_ids": ids, "labels": labels, "attention_mask": mask}

    with quiet_libraries():
        args = TrainingArguments(
            output_dir=str(folder),
            per_device_train_batch_size=steps.batch_size,
            num_train_epochs=1,
            learning_rate=steps.learning_rate,
            lr_scheduler_type=steps.lr_scheduler,
            warmup_steps=task.steps // 10,
            remove_unused_columns=False,
            save_strategy="no",
            disable_tqdm=True,
            use_cpu=not torch.cuda.is_available(),
        )
        model = wrap(base.model, task.config.strategy)
        trainer = Trainer(model, args, collate, train_dataset=tokens.rows, callbacks=[watch])
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return model


def trl_as_it_comes(task: Task, watch: Stopwatch, folder: Path) -> Any:
    """`SFTTrainer` with the defaults of `SFTConfig`: bf16, activation checkpointing, its own metrics."""
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    config = task.config
    base = load_base(
        config.base_model_name,
        quantize=config.strategy if isinstance(config.strategy, QLoRAConfig) else False,
        dtype=torch.float32 if config.training_strategy == "full" else None,
    )
    base.tokenizer.padding_side = "right"
    with quiet_libraries():
        args = SFTConfig(
            output_dir=str(folder),
            per_device_train_batch_size=task.batch,
            num_train_epochs=1,
            learning_rate=config.hyperparameters.learning_rate,
            lr_scheduler_type=config.hyperparameters.lr_scheduler,
            warmup_steps=task.steps // 10,
            save_strategy="no",
            disable_tqdm=True,
            use_cpu=not torch.cuda.is_available(),
        )
        model = wrap(base.model, config.strategy)
        columns = task.data.select_columns(["prompt", "completion"])
        trainer = SFTTrainer(
            model=model, args=args, train_dataset=columns, processing_class=base.tokenizer, callbacks=[watch]
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return model


def ours(task: Task, watch: Stopwatch, folder: Path) -> Path:
    """`serpentune.training.train`."""
    return train(task.config, task.data, None, folder, callbacks=[watch], quiet=True).model_path


def bare(task: Task, watch: Stopwatch, _: Path) -> Any:
    """Forward pass, loss on completions, backward pass, clipping, step, with nothing around them."""
    config = task.config
    base = load_base(
        config.base_model_name, quantize=config.strategy if isinstance(config.strategy, QLoRAConfig) else False
    )
    tokens = tokenize(task.data, base.tokenizer, config.max_length, "benchmark's data")
    model = wrap(base.model, config.strategy).train()
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=config.hyperparameters.learning_rate, fused=True)
    order = list(StepOrder(tokens.lengths, task.batch, config.seed))
    for batch in _batches(tokens, order, task.batch, base.tokenizer.pad_token_id):
        _loss(model, batch, "mean").backward()
        torch.nn.utils.clip_grad_norm_(learning, config.hyperparameters.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
        watch.on_step_end()
    return model


def held_out_loss(model: Any, task: Task) -> float:
    """Mean negative log-likelihood of the held-out completions' tokens, in 32 bits."""
    tokenizer = load_base(task.config.base_model_name).tokenizer
    tokens = tokenize(task.held_out, tokenizer, task.config.max_length, "held-out data")
    model.eval()
    total = count = 0.0
    order = tokens.lengths.argsort().tolist()
    with torch.inference_mode():
        for batch in _batches(tokens, order, 64, tokenizer.pad_token_id):
            count += int((batch["targets"] != IGNORED).sum())
            total += float(_loss(model, batch, "sum"))
    return total / count


def _batches(tokens: Tokens, order: Sequence[int], size: int, pad: int) -> list[dict[str, torch.Tensor]]:
    collate = Collator(pad)
    return [collate(list(tokens.rows.select(order[at : at + size]))) for at in range(0, len(order), size)]


def _loss(model: Any, batch: dict[str, torch.Tensor], reduction: str) -> torch.Tensor:
    batch = {key: tensor.to(model.device) for key, tensor in batch.items()}
    targets = batch.pop("targets")
    logits = model(**batch, use_cache=False).logits
    return cross_entropy(logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction=reduction)
