"""Floor 6, training: what a run that can't go on says: which records it met, or which dial to turn."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serpentune.common.errors import UserError
from serpentune.common.memory import host_peak_bytes
from serpentune.models import device
from serpentune.training._losses import NotANumber
from serpentune.training.config import AdvancedTrainingConfig

if TYPE_CHECKING:
    from serpentune.training._trainer import SnakeTrainer
    from serpentune.training.data import Tokens

_SHOWN = 8
_GB = 1e9


def not_a_number(
    error: NotANumber, config: AdvancedTrainingConfig, trainer: SnakeTrainer, tokens: Tokens, data: Any, kept: Path
) -> UserError:
    """What to tell of a loss or a gradient that is no number.

    Args:
        error: where it was met.
        config: the run's settings.
        trainer: what was training.
        tokens: the training data.
        data: the data set that `tokens` were made from.
        kept: the folder of the checkpoints.
    """
    subject = "The loss is" if error.what == "loss" else "The length of the gradient is"
    before = f" It was {error.before:.4f} in the step before." if error.before is not None else ""
    records = sorted(tokens.rows[_rows(trainer, error)]["record"])
    whole = "batch" if error.batches else "step"
    names = ", ".join(_name(data, record) for record in records[:_SHOWN])
    more = f" and {len(records) - _SHOWN} more" if len(records) > _SHOWN else ""
    return UserError(
        f"{subject} {error.value} at step {error.step} of {trainer.state.max_steps}, so training stopped.{before} "
        f"The {whole} held {len(records)} records of the training data: {names}{more}. "
        f"`serpentune dataset inspect DIR --split train --record {records[0]}` shows the first. If they are as they "
        f"should be, lower the learning rate ({config.hyperparameters.learning_rate:g} at its peak) or raise "
        f"warmup_steps ({trainer.args.warmup_steps:g}). Checkpoints of before are in {kept}."
    )


def _rows(trainer: SnakeTrainer, error: NotANumber) -> list[int]:
    """Rows of the tokens that were in the batches of an error, found again from the order of the epoch."""
    settings, processes = trainer.args, trainer.accelerator.num_processes
    size, accumulated = settings.per_device_train_batch_size, settings.gradient_accumulation_steps
    sampler = trainer._get_train_sampler()
    steps = math.ceil(math.ceil(len(sampler) / (size * processes)) / accumulated)
    epoch, step = divmod(error.step - 1, steps)
    sampler.set_epoch(epoch)
    order = list(sampler)
    first = step * accumulated * processes
    # Processes whose share of the last step is short are given samples of the epoch's beginning once more.
    return [
        order[place % len(order)]
        for batch in error.batches or range(accumulated * processes)
        for place in range((first + batch) * size, (first + batch + 1) * size)
        if processes > 1 or place < len(order)
    ]


def _name(data: Any, record: int) -> str:
    """A record's number, and the game and the step that it is of where the data set says them."""
    if not {"game", "step"} <= set(data.column_names):
        return str(record)
    row = data[record]
    return f"{record} (game {row['game']}, step {row['step']})"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the device or the host had no memory left."""
    from accelerate.utils.memory import should_reduce_batch_size

    said = ("CUBLAS_STATUS_ALLOC_FAILED", "bad_alloc")  # which that function doesn't know
    return (
        isinstance(error, MemoryError)
        or should_reduce_batch_size(error)
        or (isinstance(error, RuntimeError) and any(text in str(error) for text in said))
    )


@contextmanager
def explained_memory(config: AdvancedTrainingConfig, longest: int | None = None, state: int = 0) -> Iterator[None]:
    """Turn an error that says that memory ran out into one that says what to change.

    Args:
        config: the run's settings.
        longest: tokens of the longest sample while training; None while the model is loaded.
        state: bytes of weights, gradients and the optimiser's moments.

    Raises:
        UserError: memory ran out in the block.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(_advice(error, config, longest, state)) from error


def state_bytes(model: Any) -> int:
    """Memory of a model in training that no smaller batch saves: weights, and AdamW's two moments and gradients."""
    return sum(
        parameter.numel() * parameter.element_size() * (4 if parameter.requires_grad else 1)
        for parameter in model.parameters()
    )


def _advice(error: BaseException, config: AdvancedTrainingConfig, longest: int | None, state: int) -> str:
    asked = re.search(r"allocate ([\d.]+ ?\w+)", str(error))
    wanted = f"; {asked[1]} more were asked for" if asked else ""
    peak = peak_memory_bytes() or 0
    room, where = _memory()
    steps = config.hyperparameters
    smaller = []
    if longest is not None and steps.batch_size > 1:
        # The largest divisor of the effective batch that is at most half as large keeps what a step sees.
        effective = steps.batch_size * steps.gradient_accumulation_steps
        size = next(size for size in range(steps.batch_size // 2, 0, -1) if effective % size == 0)
        smaller.append(
            f"--batch-size {size} --gradient-accumulation-steps {effective // size} (now {steps.batch_size} and "
            f"{steps.gradient_accumulation_steps}; a step still sees {effective} samples)"
        )
        if not config.auto_batch_size:
            smaller.append("--auto-batch-size, which finds the largest that fits")
    if longest is not None and not config.gradient_checkpointing:
        smaller.append("--gradient-checkpointing, about a fifth slower")
    lighter = []
    if config.training_strategy == "full":
        lighter.append("--training-strategy lora, which needs no gradients and moments of most weights")
    if config.training_strategy != "qlora":
        lighter.append("--training-strategy qlora, which keeps the base in 4 bits")
    # Where weights and moments are most of it, batches are not what has to shrink.
    dials = [*lighter, *smaller] if longest is None or state > peak / 2 else [*smaller, *lighter]
    if longest is not None:
        dials.append(f"--max-length below {longest}, the longest sample's tokens; longer samples are left out")
    dials.append("a smaller base model")
    while_doing = "training" if longest is not None else "loading the model"
    numbered = "; ".join(f"({number}) {dial}" for number, dial in enumerate(dials, 1))
    return (
        f"Out of memory while {while_doing} on {where}: the peak was {peak / _GB:.1f} of {room / _GB:.1f} GB{wanted}. "
        f"What helps here, most first: {numbered}."
    )


def reset_peak_memory() -> None:
    """Forget what earlier runs of this process needed on the GPU; of the host's memory only the system could."""
    import torch

    if device().type == "cuda":
        torch.cuda.reset_peak_memory_stats()


def peak_memory_bytes() -> int | None:
    """Most memory that this process has held at once: its tensors on a GPU, or all of it where there is none.

    None on a system that doesn't say.
    """
    import torch

    return torch.cuda.max_memory_allocated() if device().type == "cuda" else host_peak_bytes()


def _memory() -> tuple[int, str]:
    """Size of the memory that models are in, in bytes, and whose it is."""
    import psutil
    import torch

    if device().type == "cuda":
        properties = torch.cuda.get_device_properties(device())
        return properties.total_memory, properties.name
    return psutil.virtual_memory().total, "this machine"
