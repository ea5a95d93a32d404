"""Floor 6, training: what to change in a run that needs more memory than there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from serpentune.training.config import AdvancedTrainingConfig
from serpentune.training.memory import Machine, estimate_memory, largest_batch
from serpentune.training.model_sizes import ModelSizes


def dials(
    config: AdvancedTrainingConfig, sizes: ModelSizes, machine: Machine, tokens: int, answers: int, memory: float
) -> tuple[str, ...]:
    """Changes with which a run fits into `memory` bytes, those first that change least; arguments as `largest_batch`.

    Each is one set of settings, such as `batch_size: 8, gradient_accumulation_steps: 16`, with what is then needed.
    Empty where nothing helps but a smaller base model.
    """
    fitting = []
    for changes in _changes(config, machine):
        changed = config.with_values(changes)
        batch = largest_batch(changed, sizes, machine, tokens, answers, memory)
        if not batch:
            continue
        steps = changed.hyperparameters
        if batch < steps.batch_size:
            # The optimiser's steps stay what they were: as many samples in each, or as near as whole batches come.
            accumulated = -(-steps.batch_size * steps.gradient_accumulation_steps // batch)
            changes = {**changes, "batch_size": batch, "gradient_accumulation_steps": accumulated}
        needed = estimate_memory(config.with_values(changes), sizes, machine, tokens, answers).total
        settings = ", ".join(f"{name}: {str(value).lower()}" for name, value in changes.items())
        fitting.append(f"{settings} ({needed / 1e9:.1f} GB)")
    return tuple(fitting)


def _changes(config: AdvancedTrainingConfig, machine: Machine) -> Iterator[dict[str, Any]]:
    """Settings to try, each with a smaller batch where it needs one."""
    whole: dict[str, Any] = {"fsdp": False} if config.fsdp else {}  # 4 bits can't be sharded, adapters needn't be
    yield {}
    if not config.gradient_checkpointing:
        yield {"gradient_checkpointing": True}
    if config.training_strategy == "full" and machine.devices > 1 and not config.fsdp:
        yield {"fsdp": True}
    if config.training_strategy == "full":
        yield {"training_strategy": "lora", **whole}
    if config.training_strategy != "qlora":
        yield {"training_strategy": "qlora", **whole}
        yield {"training_strategy": "qlora", "gradient_checkpointing": True, **whole}
