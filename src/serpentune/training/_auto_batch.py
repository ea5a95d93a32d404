"""Floor 6, training: the largest batch that fits into memory, found by trying.

The samples of an optimiser step stay as many: only how they are cut into batches changes. So candidates are the
divisors of the effective batch, and the largest that fits is found by bisection. A trial is real: the optimiser makes
its moments, and a forward and a backward pass run over the longest samples and over those with the longest answers.
"""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from serpentune.common.errors import UserError
from serpentune.models import device
from serpentune.training._failures import is_out_of_memory
from serpentune.training.config import AdvancedTrainingConfig

if TYPE_CHECKING:
    from serpentune.training._trainer import SnakeTrainer
    from serpentune.training.data import Tokens

USED = 0.9
"""Share of the memory that is free which a trial may use; the rest is for what differs between a trial and a run."""

_LOG = logging.getLogger(__name__)


def largest_that_fits(fits: Callable[[int], bool], effective: int) -> int:
    """The largest divisor of `effective` that fits, by bisection; the largest is tried first, since it often does.

    Args:
        fits: whether a batch of so many samples fits; one that does is never larger than one that doesn't.
        effective: samples of an optimiser step in one process.

    Returns:
        The batch size, or 0 where not even one sample fits.
    """
    divisors = [size for size in range(1, effective + 1) if effective % size == 0]
    if fits(divisors[-1]):
        return divisors[-1]
    low, high = 0, len(divisors) - 1  # divisors[:low] fit, divisors[high:] don't
    while low < high:
        middle = (low + high) // 2
        if fits(divisors[middle]):
            low = middle + 1
        else:
            high = middle
    return divisors[low - 1] if low else 0


def fitted(config: AdvancedTrainingConfig, trainer: SnakeTrainer, tokens: Tokens) -> AdvancedTrainingConfig:
    """The configuration with the largest batch that fits, and as many samples in an optimiser step as before.

    Where a run has several processes, they agree on the least of what each finds.

    Args:
        config: the settings.
        trainer: with the model that will be trained; its weights, its gradients and the random numbers are left alone.
        tokens: the training data.

    Raises:
        UserError: not even one sample fits, or this machine can't limit a trial's memory.
    """
    import torch

    steps = config.hyperparameters
    effective = steps.batch_size * steps.gradient_accumulation_steps
    mine = largest_that_fits(lambda size: _fits(trainer, tokens, size), effective)
    found = torch.tensor([mine], device=trainer.args.device)
    size = int(trainer.accelerator.gather(found).min())
    if size == 0:
        raise UserError(
            f"Not even a batch of one sample fits: the longest has {tokens.lengths.max()} tokens. Lower --max-length, "
            "set --gradient-checkpointing, take --training-strategy qlora or a smaller base model."
        )
    _LOG.warning(
        "auto_batch_size: batches of %d fit; with %d of them a step sees %d samples, as it was to",
        size, effective // size, effective,
    )  # fmt: skip
    return with_batches_of(config, size)


def with_batches_of(config: AdvancedTrainingConfig, size: int) -> AdvancedTrainingConfig:
    """The configuration with batches of `size`, a divisor of the samples of a step, and that many samples as before."""
    changed = config.model_copy(deep=True)
    steps = changed.hyperparameters
    effective = steps.batch_size * steps.gradient_accumulation_steps
    steps.batch_size, steps.gradient_accumulation_steps = size, effective // size
    return changed


def _fits(trainer: SnakeTrainer, tokens: Tokens, size: int) -> bool:
    """Whether a step with batches of `size` runs within `USED` of the memory that is free."""
    import torch

    model: Any = trainer.model
    on_gpu = device().type == "cuda"
    try:
        with torch.random.fork_rng(devices=[device()] if on_gpu else []), _limited_memory() as within:
            _step(trainer, tokens, size)
            fits = within()
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        fits = False
    for parameter in model.parameters():
        parameter.grad = None
    gc.collect()
    if on_gpu:
        torch.cuda.empty_cache()
    _LOG.info("auto_batch_size: batches of %d %s", size, "fit" if fits else "don't fit")
    return fits


def _step(trainer: SnakeTrainer, tokens: Tokens, size: int) -> None:
    import torch

    from serpentune.training._optimizer import muon

    model: Any = trainer.model
    model.train()
    if trainer.args.activation_checkpointing:
        model.activation_checkpointing_enable()
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer: torch.optim.Optimizer
    if trainer.muon:
        optimizer = muon(model, lr=0.0, weight_decay=0.0, decayed=())
    else:
        optimizer = torch.optim.AdamW(learning, lr=0.0, weight_decay=0.0, fused=True)
    for parameter in learning:
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()  # makes the moments, which a run holds from its second step on; of zeros, it moves nothing
    answers = tokens.lengths - tokens.rows.with_format("numpy", columns=["prompt_length"])[:]["prompt_length"]
    collate = trainer.collator(size)
    for measure in (tokens.lengths, answers):
        rows = np.resize(np.argsort(measure, kind="stable")[-size:], size)
        batch = trainer._prepare_inputs(collate([tokens.rows[int(row)] for row in rows]))
        # Compiled, each trial's shapes would take seconds, and few are kept. As it is, it needs a little more memory.
        with trainer.accelerator.autocast(), torch.compiler.set_stance("force_eager"):
            loss = trainer.completion_loss(model, batch)[0]
        loss.backward()
    for parameter in learning:
        if parameter.grad is not None:
            parameter.grad.zero_()
    optimizer.step()


@contextmanager
def _limited_memory() -> Iterator[Callable[[], bool]]:
    """Keep the block within `USED` of the memory that is free now; yields whether it has kept within so far.

    A GPU says itself when it is full, and its peak is compared afterwards. On a CPU the system would rather end some
    process than refuse memory, so there the process's address space is limited while the block runs. That counts memory
    which is reserved and never touched too, so it errs on the careful side.
    """
    import torch

    if device().type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        room = USED * torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved()
        yield lambda: torch.cuda.max_memory_reserved() <= room
        return
    if not sys.platform.startswith("linux"):
        raise UserError("auto_batch_size needs a CUDA GPU or Linux. Set --batch-size yourself.")
    import resource

    import psutil

    used = psutil.Process().memory_info().vms
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    room = _available()
    if soft != resource.RLIM_INFINITY:
        room = min(room, soft - used)
    resource.setrlimit(resource.RLIMIT_AS, (used + int(USED * room), hard))
    try:
        yield lambda: True
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _available() -> int:
    """Bytes that the system, and the control group of a container, would still give to this process."""
    import psutil

    room: int = psutil.virtual_memory().available
    limit, used, about = (Path("/sys/fs/cgroup") / f"memory.{name}" for name in ("max", "current", "stat"))
    if limit.is_file() and (most := limit.read_text().strip()) != "max":
        given_back = next(
            line.split()[1] for line in about.read_text().splitlines() if line.startswith("inactive_file")
        )
        room = min(room, int(most) - int(used.read_text()) + int(given_back))
    return room
