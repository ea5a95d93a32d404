"""Floor 6, training: what is settled before the first step: the folder, the model, the tokens, and the trainer."""

from __future__ import annotations

import logging
import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serpentune.common.errors import UserError
from serpentune.common.files import read_object, write_json
from serpentune.common.processes import is_first_process, process_count
from serpentune.models import (
    LoadedModel,
    QLoRAConfig,
    bf16_is_native,
    context_length,
    device,
    load_base,
    wrap,
    wrap_adapter,
)
from serpentune.training._auto_batch import fitted, with_batches_of
from serpentune.training._checkpoints import last_sound
from serpentune.training._failures import explained_memory, state_bytes
from serpentune.training._texts import holds_chats
from serpentune.training.config import AdvancedTrainingConfig, refuse_difference
from serpentune.training.data import Tokens, draw, tokenize

if TYPE_CHECKING:
    from serpentune.training._trainer import SnakeTrainer

FINAL_MODEL = "final_model"
CHECKPOINTS = "checkpoints"
RUN = "training.json"
METHOD = "method.json"
"""Of whose students one is that a run trained, where the run's own settings don't tell: of a round of improvement."""
HISTORY = "history.csv"
LOSSES = "loss.png"
TRACKED = "trackers"

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prepared:
    """A run before its first step.

    Attributes:
        config: the settings, with the batch size that was found where `auto_batch_size` asked for it.
        base: the base model.
        tokens: the training data.
        trainer: what trains.
        total: optimiser steps of the whole run.
        state: bytes that weights, gradients and the optimiser's moments take.
        checkpoint: what to go on from; None to begin anew.
    """

    config: AdvancedTrainingConfig
    base: LoadedModel
    tokens: Tokens
    trainer: SnakeTrainer
    total: int
    state: int
    checkpoint: Path | None


def prepare(
    config: AdvancedTrainingConfig,
    train_dataset: Any,
    eval_dataset: Any | None,
    output_dir: Path,
    *,
    resume: bool,
    overwrite: bool,
) -> Prepared:
    """Settle all that a run needs; arguments and errors are those of `train`."""
    from serpentune.training._trainer import check_model

    checkpoint = _claim(output_dir, resume=resume, overwrite=overwrite)
    with explained_memory(config):
        base = _load(config, chat=config.chat or holds_chats(train_dataset))
    check_model(base.model, base.name)
    limit = int(min(config.max_length, context_length(base.model.config)))
    tokens = tokenize(train_dataset, base.tokenizer, limit, "training data", chat=base.chat)
    if config.max_train_samples is not None:
        tokens = draw(tokens, config.max_train_samples, config.seed)
    looked_at = _eval_tokens(config, eval_dataset, base, limit)
    found = _agree(output_dir, config, tokens) if checkpoint is not None else None
    base.tokenizer.padding_side = "right"
    with explained_memory(config):
        model = (
            wrap(base.model, config.strategy)
            if config.adapter is None
            else wrap_adapter(base, config.strategy, config.adapter)
        )
        trainer, total = trainer_of(config, base, model, tokens, looked_at, output_dir / CHECKPOINTS)
    note = {
        "config": config.model_dump(mode="json"),
        "data_sha256": tokens.digest,
        "samples": len(tokens.lengths),
        "processes": process_count(),
    }
    if config.auto_batch_size:
        # The order of the samples depends on the size of a batch, so a resumed run keeps what was found.
        config = fitted(config, trainer, tokens) if found is None else with_batches_of(config, found)
        found = config.hyperparameters.batch_size
        trainer, total = trainer_of(
            config, base, model, tokens, looked_at, output_dir / CHECKPOINTS, packs=trainer.packs
        )
    if is_first_process():
        write_json(output_dir / RUN, {**note, "found_batch_size": found})
    return Prepared(config, base, tokens, trainer, total, state_bytes(trainer.model), checkpoint)


def _claim(output_dir: Path, *, resume: bool, overwrite: bool) -> Path | None:
    """Make sure that `output_dir` is free or ours to go on with; the checkpoint to resume from, if any."""
    checkpoints = output_dir / CHECKPOINTS
    if resume:
        checkpoint = last_sound(checkpoints, remove=is_first_process())
        if checkpoint is None and _holds_files(output_dir / FINAL_MODEL):
            raise UserError(
                f"{output_dir} holds a student and no checkpoint to go on from. Pass --overwrite to train anew, or "
                "choose another folder."
            )
        if checkpoint is None:
            _LOG.warning("no checkpoint in %s: training starts anew", checkpoints)
        return checkpoint
    if not is_first_process():  # one looks and removes, or another would look at what is being removed
        return None
    for folder in filter(_holds_files, (output_dir / FINAL_MODEL, checkpoints)):
        if not overwrite:
            raise UserError(
                f"{folder} holds an earlier run. Pass --resume to go on with it, --overwrite to replace it, or "
                "choose another folder."
            )
        shutil.rmtree(folder)
    for file in (HISTORY, LOSSES):  # an earlier run's, until this one has its own
        (output_dir / file).unlink(missing_ok=True)
    return None


def _holds_files(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _load(config: AdvancedTrainingConfig, *, chat: bool) -> LoadedModel:
    """The base model, in the format that the strategy trains in."""
    import torch
    from transformers import set_seed

    set_seed(config.seed)
    strategy = config.strategy
    if isinstance(strategy, QLoRAConfig):
        return load_base(
            config.base_model_name,
            quantize=strategy,
            dtype=torch.float32 if config.fp16 else None,
            chat=chat,
            trust_remote_code=config.trust_remote_code,
        )
    # Weights that learn are kept in fp32, where small updates aren't lost; frozen ones take the device's own format,
    # except that PiSSA takes a part of them away, which 16 bits would round.
    whole = config.training_strategy in ("full", "pissa") or config.fp16 or config.bf16 is False
    return load_base(
        config.base_model_name,
        dtype=torch.float32 if whole else None,
        chat=chat,
        seed=config.seed,
        trust_remote_code=config.trust_remote_code,
    )


def _eval_tokens(config: AdvancedTrainingConfig, dataset: Any | None, base: LoadedModel, limit: int) -> Tokens | None:
    """The evaluation data that are looked at, shortest first; None where there are none."""
    import numpy as np

    if dataset is None or len(dataset) == 0:
        return None
    if len(dataset) > config.max_eval_samples:
        chosen = np.random.default_rng(config.seed).choice(len(dataset), config.max_eval_samples, replace=False)
        dataset = dataset.select(np.sort(chosen))
    tokens = tokenize(dataset, base.tokenizer, limit, "evaluation data", chat=base.chat)
    by_length = np.argsort(tokens.lengths, kind="stable")
    return Tokens(tokens.rows.select(by_length), tokens.lengths[by_length], tokens.too_long, tokens.digest)


def _agree(output_dir: Path, config: AdvancedTrainingConfig, tokens: Tokens) -> int | None:
    """Compare what the run is made of with the note of the run that is resumed; the batch size that one had found."""
    before = read_object(output_dir / RUN)
    lacking = [key for key in ("config", "data_sha256", "processes", "found_batch_size") if key not in before]
    if lacking:
        raise UserError(
            f"{output_dir / RUN} lacks {lacking[0]!r}, so the run can't be resumed. Train anew with --overwrite."
        )
    refuse_difference(AdvancedTrainingConfig(**before["config"]), config)
    if before["data_sha256"] != tokens.digest:
        raise UserError(
            f"The training data are not those that the run in {output_dir} began with; it can't be resumed."
        )
    if before["processes"] != process_count():
        raise UserError(
            f"The run in {output_dir} began with {before['processes']} processes and can only be resumed with as many, "
            f"not {process_count()}: the samples of its steps would be others."
        )
    found: int | None = before["found_batch_size"]
    return found


def trainer_of(
    config: AdvancedTrainingConfig,
    base: LoadedModel,
    model: Any,
    tokens: Tokens,
    looked_at: Tokens | None,
    checkpoints: Path,
    packs: bool | None = None,
) -> tuple[SnakeTrainer, int]:
    """The trainer, and the number of optimiser steps that it will take; `packs` is what the model's first one found."""
    from serpentune.training._trainer import SnakeTrainer, quickened, trainer_settings

    total = total_steps(config, len(tokens.lengths))
    warmup = config.hyperparameters.warmup_steps
    if warmup > total // 10:
        _LOG.info(
            "warmup_steps %d is more than a tenth of this run's %d steps: %d are used", warmup, total, total // 10
        )
        warmup = total // 10
    bf16 = config.bf16 if config.bf16 is not None else device().type == "cuda" and bf16_is_native() and not config.fp16
    settings = trainer_settings(
        config, str(checkpoints), warmup_steps=warmup, evaluates=looked_at is not None, bf16=bf16
    )
    compiles = config.torch_compile if config.torch_compile is not None else device().type == "cuda"
    if packs is None:
        packs = quickened(model, settings, int(tokens.lengths.max()))
    muon = config.hyperparameters.optimizer == "muon"
    trainer = SnakeTrainer(
        model, settings, tokens, looked_at, base.tokenizer, packs=packs, compiles=compiles, muon=muon
    )
    return trainer, total


def train_samples(config: AdvancedTrainingConfig, samples: int) -> int:
    """How many of `samples` samples a run learns from."""
    return samples if config.max_train_samples is None else min(samples, config.max_train_samples)


def total_steps(config: AdvancedTrainingConfig, samples: int, processes: int | None = None) -> int:
    """Optimiser steps that a run over `samples` samples takes, which `processes` share; None for this run's own."""
    steps = config.hyperparameters
    if steps.max_steps is not None:
        return steps.max_steps
    batches = math.ceil(train_samples(config, samples) / (steps.batch_size * (processes or process_count())))
    return math.ceil(steps.num_epochs * math.ceil(batches / steps.gradient_accumulation_steps))
