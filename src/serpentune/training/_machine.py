"""Floor 6, training: what this machine, or the base model, lacks for a run, said before any work is done."""

from __future__ import annotations

from serpentune.common.errors import UserError
from serpentune.common.processes import process_count
from serpentune.models import check_adapter, check_precision, device, refuse_adapter
from serpentune.training._trackers import check_trackers
from serpentune.training.config import AdvancedTrainingConfig


def check_machine(config: AdvancedTrainingConfig) -> None:
    """Refuse settings that this machine, the way in which the run was started, or the base model doesn't suit.

    Raises:
        UserError: it can't compute in the number format, a tracker's package isn't installed, `fsdp` is set without
            several processes on CUDA GPUs, an adapter is to learn on random weights, or one can't be gone on with.
    """
    refuse_adapter(config.base_model_name, config.training_strategy)
    if config.adapter is not None:
        check_adapter(config.adapter, config.base_model_name, config.strategy)
    check_precision(fp16=config.fp16, bf16=config.bf16)
    check_trackers(config.report_to)
    if config.fsdp and (device().type != "cuda" or process_count() == 1):
        raise UserError(
            "fsdp shards the weights over several CUDA GPUs: start the run with torchrun --nproc-per-node N, or leave "
            "fsdp out."
        )
