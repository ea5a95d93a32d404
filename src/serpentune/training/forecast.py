"""Floor 6, training: what a run will be, and what is wrong with it, before anything is downloaded or trained."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from serpentune.common.errors import UserError
from serpentune.common.memory import host_memory_bytes
from serpentune.models import (
    LoRAConfig,
    base_config,
    bf16_is_native,
    check_adapter,
    check_precision,
    context_length,
    device,
    find_base,
    refuse_adapter,
)
from serpentune.training._dials import dials
from serpentune.training._prepare import total_steps, train_samples
from serpentune.training._sample import DataSample, look_at, records_of
from serpentune.training._trackers import check_trackers
from serpentune.training.config import AdvancedTrainingConfig
from serpentune.training.memory import Machine, MemoryEstimate, estimate_memory, trainable_parameters
from serpentune.training.model_sizes import ModelSizes, model_sizes

_HUB_ID = re.compile(r"\w[\w.-]*/[\w.-]+")
"""Owner and name. A name alone may be a hub id too, but is far more often a built-in one misspelt."""

_ANSWERS = 8
"""Without a data set, one token in so many counts as an answer's; plans have fewer, long explanations about as many."""


_T = TypeVar("_T")


@dataclass(frozen=True)
class Forecast:
    """What a training run will be; what isn't known without the data set or the model is None.

    Attributes:
        problems: what keeps it from running, a sentence each.
        notes: what will be otherwise than the settings say, or may not be meant.
        device: what does the work, in words.
        devices: how many of them share a batch.
        effective_batch: samples of an optimiser step, all devices together.
        samples: records of the training split, at most `max_train_samples`; those that are too long are left out of
            training.
        steps_per_epoch: optimiser steps of a pass over them.
        steps: optimiser steps of the run.
        tokens: width of the widest batch; without a data set, the longest that `max_length` allows.
        parameters: of the base model.
        trainable_parameters: those that learn.
        memory: what one device needs.
        memory_limit: bytes that it has.
        dials: changes with which the run fits, where it doesn't.
    """

    problems: tuple[str, ...]
    notes: tuple[str, ...]
    device: str
    devices: int
    effective_batch: int
    samples: int | None
    steps_per_epoch: int | None
    steps: int | None
    tokens: int
    parameters: int | None
    trainable_parameters: int | None
    memory: MemoryEstimate | None
    memory_limit: int
    dials: tuple[str, ...]


@dataclass
class _Findings:
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def forecast(
    config: AdvancedTrainingConfig,
    dataset: str | Path | None = None,
    *,
    gpus: int | None = None,
    card_memory: float | None = None,
) -> Forecast:
    """Look ahead at a run, on this machine or on GPUs that are elsewhere.

    No weights are read. A base model that isn't on this disk isn't fetched: then its sizes are unknown.

    Args:
        config: the settings.
        dataset: the data set's folder; without it, steps are unknown, and every sample counts as `max_length` tokens,
            an eighth of them the answer's.
        gpus: GPUs that share the batches; None for this machine's device.
        card_memory: memory of one of them in GB (10⁹ bytes); None for this machine's.

    Raises:
        UserError: `gpus` or `card_memory` are no such numbers, or `gpus` is given alone where there is no GPU.
    """
    found = _Findings()
    too_weak = False
    elsewhere = gpus is not None or card_memory is not None
    machine, limit, name = _machine(config, gpus, card_memory)
    if not elsewhere:
        _try(found, lambda: check_precision(fp16=config.fp16, bf16=config.bf16))
        too_weak = bool(found.problems)
        _try(found, lambda: check_trackers(config.report_to))
    _try(found, lambda: refuse_adapter(config.base_model_name, config.training_strategy))
    if (adapter := config.adapter) is not None:
        _try(found, lambda: check_adapter(adapter, config.base_model_name, config.strategy))
    if config.fsdp and machine.devices == 1:
        found.notes.append("fsdp shards weights over several GPUs; on one there is nothing to shard.")
    base = _base(config, found)
    most = config.max_length
    if base is not None and context_length(base) < most:
        most = int(context_length(base))
        found.notes.append(f"max_length {config.max_length} is more than the model sees at once: {most} is used.")
    records = None if dataset is None else _try(found, lambda: records_of(Path(dataset)))
    sample = None
    if dataset is not None and records is not None and base is not None:
        sample = _try(found, lambda: look_at(Path(dataset), config, most))
    tokens, answers = (sample.tokens, sample.answers) if sample is not None else (most, most // _ANSWERS)
    batch = config.hyperparameters.batch_size * config.hyperparameters.gradient_accumulation_steps * machine.devices
    samples = train_samples(config, records["train"]) if records is not None else None
    per_epoch = math.ceil(samples / batch) if samples is not None else None
    steps = config.hyperparameters.max_steps
    if samples is not None:
        steps = total_steps(config, samples, machine.devices)
    _look_at_strategy(config, found)
    if sample is not None:
        _look_at_data(config, sample, most, found)
    if steps is not None:
        _look_at_steps(config, steps, found)
    sizes = None if base is None else _try(found, lambda: model_sizes(base, trust_remote_code=config.trust_remote_code))
    learning = None if sizes is None else _try(found, lambda: trainable_parameters(config, sizes))
    memory: MemoryEstimate | None = None
    turn: tuple[str, ...] = ()
    if sizes is not None and learning is not None:
        _look_at_rank(config, sizes, found)
        memory = estimate_memory(config, sizes, machine, tokens, answers)
        if not memory.fits(limit):
            turn = dials(config, sizes, machine, tokens, answers, limit)
            found.problems.append(
                f"About {memory.total / 1e9:.1f} GB are needed and {name} has {limit / 1e9:.1f}, of which a twentieth "
                "lies in pieces too small to use."
            )
            too_weak = True
    if too_weak and not elsewhere:
        found.notes.append("What the run would be on a GPU of another machine: --card-memory GB.")
    return Forecast(
        problems=tuple(found.problems),
        notes=tuple(found.notes),
        device=name,
        devices=machine.devices,
        effective_batch=batch,
        samples=samples,
        steps_per_epoch=per_epoch,
        steps=steps,
        tokens=tokens,
        parameters=None if sizes is None else sizes.parameters,
        trainable_parameters=learning,
        memory=memory,
        memory_limit=limit,
        dials=turn,
    )


def _try(found: _Findings, look: Callable[[], _T]) -> _T | None:
    """What a look gives; None and a problem where it is refused."""
    try:
        return look()
    except UserError as error:
        found.problems.append(str(error))
        return None


def _machine(config: AdvancedTrainingConfig, gpus: int | None, card_memory: float | None) -> tuple[Machine, int, str]:
    """Where the run goes, the bytes that one device has, and what it is called."""
    if gpus is not None and gpus < 1:
        raise UserError(f"{gpus} GPUs can't train: name at least one.")
    if card_memory is not None and not (card_memory > 0 and math.isfinite(card_memory)):
        raise UserError(f"A card of {card_memory} GB can't train: name its memory, such as 80.")
    here = device()
    count = gpus or 1
    if here.type == "cuda":
        import torch

        about = torch.cuda.get_device_properties(here)
        limit, name = int(about.total_memory), about.name
    elif card_memory is None and gpus is not None:
        raise UserError("This machine has no GPU: say how much memory the GPUs have (--card-memory GB).")
    else:
        limit, name = host_memory_bytes(), "this machine's processor"
    if card_memory is not None:
        limit, name = int(card_memory * 1e9), f"a GPU of {card_memory:g} GB"
    gpu = here.type == "cuda" or card_memory is not None
    # What is known of a GPU that is elsewhere: those with room for a model have computed in bf16 since 2020.
    native = bf16_is_native() if here.type == "cuda" and card_memory is None else gpu
    half = config.fp16 or (config.bf16 if config.bf16 is not None else gpu and native)
    compiled = gpu if config.torch_compile is None else config.torch_compile
    return Machine(gpu=gpu, half=half, compiled=compiled, devices=count), limit, name


def _base(config: AdvancedTrainingConfig, found: _Findings) -> Any | None:
    """The base's transformers configuration; None where it isn't on this disk, which is a problem or a note."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    name = config.base_model_name
    try:
        if find_base(name).source != "hub":
            return base_config(name, trust_remote_code=config.trust_remote_code)
        found.notes.append(f"{name} is on the hub and not on this disk: its sizes are unknown until it is downloaded.")
    except UserError as error:
        refused = isinstance(error.__cause__, GatedRepoError | RepositoryNotFoundError)
        if _HUB_ID.fullmatch(name) and not refused and not Path(name).exists():
            found.notes.append(f"Its sizes are unknown. {error}")
        else:
            found.problems.append(str(error))
    return None


def _look_at_strategy(config: AdvancedTrainingConfig, found: _Findings) -> None:
    """Note settings of a strategy that isn't in force."""
    name: str = config.training_strategy
    read = {"full": (), "qlora": ("qlora",)}.get(name, ("lora",))
    for section in ("lora", "qlora"):
        if section not in read and getattr(config, section) != type(getattr(config, section))():
            instead = f"it reads {read[0]!r}" if read else "every weight learns"
            found.notes.append(f"The settings in {section!r} do nothing with the strategy {name}: {instead}.")


def _look_at_rank(config: AdvancedTrainingConfig, sizes: ModelSizes, found: _Findings) -> None:
    strategy = config.strategy
    if not isinstance(strategy, LoRAConfig):
        return
    narrowest = min(min(layer.inputs, layer.outputs) for layer in sizes.adapted(strategy.target_modules))
    if strategy.rank <= narrowest:
        return
    said = f"The rank {strategy.rank} is more than the {narrowest} that a layer of the model is wide"
    if config.training_strategy == "pissa":
        found.problems.append(f"{said}, so it has no {strategy.rank} principal components. Lower lora.rank.")
    else:
        found.notes.append(f"{said}: its adapter has more weights than it can use.")


def _look_at_data(config: AdvancedTrainingConfig, sample: DataSample, most: int, found: _Findings) -> None:
    if not sample.samples:
        found.problems.append("The data set has no record to train on.")
    elif not sample.tokens:
        found.problems.append(
            f"Every record is longer than max_length = {most} tokens (up to {sample.longest}). Raise max_length."
        )
    elif sample.too_long:
        found.notes.append(
            f"About {100 * sample.too_long:.0f}% of the records are longer than {most} tokens (up to {sample.longest}) "
            "and are left out."
        )
    if not sample.validation:
        found.notes.append(
            "The data set has no validation record: eval_steps does nothing, no validation loss is known."
        )
    if (wanted := config.max_train_samples) is not None and wanted > sample.samples > 0:
        found.notes.append(
            f"max_train_samples {wanted} is more than the {sample.samples} records there are: all are used."
        )
    if 0 < sample.samples < config.hyperparameters.batch_size:
        found.notes.append(
            f"batch_size {config.hyperparameters.batch_size} is more than the {sample.samples} records there are."
        )


def _look_at_steps(config: AdvancedTrainingConfig, steps: int, found: _Findings) -> None:
    warmup = config.hyperparameters.warmup_steps
    if warmup > steps // 10:
        found.notes.append(f"warmup_steps {warmup} is more than a tenth of the {steps} steps: {steps // 10} are used.")
    if steps < config.logging_steps:
        found.notes.append(
            f"logging_steps {config.logging_steps} is more than the {steps} steps: the loss is shown once, at the end."
        )
    if steps < config.eval_steps:
        found.notes.append(
            f"eval_steps {config.eval_steps} is more than the {steps} steps: validation is looked at once, at the end."
        )
