"""Floor 6, training: one training run from data set to saved student."""

from __future__ import annotations

import logging
import math
import os
import shutil
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serpentune.common.errors import UserError
from serpentune.common.files import read_json, write_json
from serpentune.common.progress import progress_bar
from serpentune.models import (
    LoadedModel,
    QLoRAConfig,
    bf16_is_native,
    check_precision,
    context_length,
    device,
    load_base,
    parameter_counts,
    quiet_libraries,
    save_student,
    wrap,
)
from serpentune.training._notes import last, training_notes
from serpentune.training._texts import holds_chats
from serpentune.training.config import AdvancedTrainingConfig, refuse_difference
from serpentune.training.data import Tokens, tokenize

if TYPE_CHECKING:
    from transformers import TrainerCallback

    from serpentune.training._trainer import SnakeTrainer

FINAL_MODEL = "final_model"
CHECKPOINTS = "checkpoints"
RUN = "training.json"

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingResult:
    """What a training run leaves.

    Attributes:
        model_path: folder of the student, for `models.load_student`.
        history: entries of `step`, `epoch` and either `loss` (mean per completion token since the entry before),
            `learning_rate` and `grad_norm`, or `eval_loss`; a resumed run's begins with the first step.
        seconds: wall time of the training loop in this call, evaluations and checkpoints included.
        parameters: all parameters of the model while training.
        trainable_parameters: those that learned.
        final_loss: mean loss per completion token over the last entry's steps.
        eval_loss: loss per completion token of the evaluation data at the end; None without such data.
        samples_per_second: samples that were trained on in this call, per second of `seconds`.
        steps: optimiser steps of the whole run.
        samples: samples of the training data that were used.
        samples_too_long: samples that were left out because they exceed `max_length`.
        resumed_from: step of the checkpoint that this call went on from; None when it began anew.
    """

    model_path: Path
    history: list[dict[str, float]]
    seconds: float
    parameters: int
    trainable_parameters: int
    final_loss: float
    eval_loss: float | None
    samples_per_second: float
    steps: int
    samples: int
    samples_too_long: int
    resumed_from: int | None


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM ended training after a checkpoint was saved; the message says how to go on.

    Attributes:
        checkpoint: folder of the checkpoint.
        signal: the signal that came.
    """

    def __init__(self, checkpoint: Path, step: int, steps: int, received: signal.Signals) -> None:
        super().__init__(
            f"Training stopped at step {step} of {steps} ({received.name}); the checkpoint {checkpoint} is complete. "
            "Run the same again with resume=True (--resume) to go on from there."
        )
        self.checkpoint = checkpoint
        self.signal = received


def train(
    config: AdvancedTrainingConfig,
    train_dataset: Any,
    eval_dataset: Any | None,
    output_dir: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    callbacks: Sequence[TrainerCallback] = (),
    quiet: bool = False,
) -> TrainingResult:
    """Fine-tune the configured base model, and save the student as `<output_dir>/final_model/`.

    Checkpoints go to `<output_dir>/checkpoints/`. Ctrl-C and SIGTERM let the step end, save a checkpoint and raise;
    a second Ctrl-C stops at once. On resuming, batches, dropout and learning rate go on where they were, so the losses
    are those of a run that was never interrupted. A checkpoint can run nothing: weights are safetensors, and the states
    of optimiser, schedule and random numbers (`*.pt`, `*.pth`) are read as tensors and numbers alone (torch's
    `weights_only`).

    Args:
        config: the settings. Its `output_dir` and `experiment_name` are the pipeline's and are not read here.
        train_dataset: a Hugging Face data set with the text columns `prompt` and `completion`, or with a column
            `messages` of chats, one message of the user and one answer each, which are trained on as with `chat`.
            Other columns are ignored.
        eval_dataset: the same for the evaluation loss, or None.
        output_dir: folder for the student and the checkpoints.
        resume: go on from the last complete checkpoint in `output_dir`; without one, start anew.
        overwrite: remove the student and the checkpoints of an earlier run in `output_dir`.
        callbacks: observers of the run, as transformers' `TrainerCallback`.
        quiet: show no progress bar.

    Raises:
        UserError: a setting doesn't suit this machine or the model, the model can't be found, the data lack a column or
            are empty, `output_dir` holds an earlier run, that run's settings or data were others, or the loss is NaN.
        TrainingInterrupted: after Ctrl-C or SIGTERM.
    """
    check_precision(fp16=config.fp16, bf16=config.bf16)
    output_dir = Path(output_dir)
    checkpoint = _claim(output_dir, resume=resume, overwrite=overwrite)
    base = _load(config, chat=config.chat or holds_chats(train_dataset))
    limit = int(min(config.max_length, context_length(base.model.config)))
    tokens = tokenize(train_dataset, base.tokenizer, limit, "training data", chat=base.chat)
    looked_at = _eval_tokens(config, eval_dataset, base, limit)
    _agree(output_dir, config, tokens, resumes=checkpoint is not None)
    trainer, total = _prepare(config, base, tokens, looked_at, output_dir / CHECKPOINTS)
    return _run(config, trainer, base, train_dataset, tokens, total, output_dir, checkpoint, callbacks, quiet)


def _claim(output_dir: Path, *, resume: bool, overwrite: bool) -> Path | None:
    """Make sure that `output_dir` is free or ours to go on with; the checkpoint to resume from, if any."""
    from serpentune.training.callbacks import complete_checkpoints

    checkpoints = output_dir / CHECKPOINTS
    if resume:
        complete = complete_checkpoints(checkpoints)
        for folder in checkpoints.glob("checkpoint-*"):
            if folder not in complete:
                _LOG.warning("%s was not written to its end and is removed", folder)
                shutil.rmtree(folder)
        if not complete:
            _LOG.warning("no checkpoint in %s: training starts anew", checkpoints)
        return complete[-1] if complete else None
    for folder in (output_dir / FINAL_MODEL, checkpoints):
        if folder.is_dir() and any(folder.iterdir()):
            if not overwrite:
                raise UserError(
                    f"{folder} holds an earlier run. Pass --resume to go on with it, --overwrite to replace it, or "
                    "choose another folder."
                )
            shutil.rmtree(folder)
    return None


def _load(config: AdvancedTrainingConfig, *, chat: bool) -> LoadedModel:
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
        trust_remote_code=config.trust_remote_code,
    )


def _eval_tokens(config: AdvancedTrainingConfig, dataset: Any | None, base: LoadedModel, limit: int) -> Tokens | None:
    import numpy as np

    if dataset is None or len(dataset) == 0:
        return None
    if len(dataset) > config.max_eval_samples:
        chosen = np.random.default_rng(config.seed).choice(len(dataset), config.max_eval_samples, replace=False)
        dataset = dataset.select(np.sort(chosen))
    tokens = tokenize(dataset, base.tokenizer, limit, "evaluation data", chat=base.chat)
    by_length = np.argsort(tokens.lengths, kind="stable")
    return Tokens(tokens.rows.select(by_length), tokens.lengths[by_length], tokens.too_long, tokens.digest)


def _agree(output_dir: Path, config: AdvancedTrainingConfig, tokens: Tokens, *, resumes: bool) -> None:
    """Note what the run is made of, or compare it with the note of the run that is resumed."""
    note = output_dir / RUN
    if resumes:
        before = read_json(note)
        refuse_difference(AdvancedTrainingConfig(**before["config"]), config)
        if before["data_sha256"] != tokens.digest:
            raise UserError(
                f"The training data are not those that the run in {output_dir} began with; it can't be resumed."
            )
    write_json(
        note, {"config": config.model_dump(mode="json"), "data_sha256": tokens.digest, "samples": len(tokens.lengths)}
    )


def _prepare(
    config: AdvancedTrainingConfig, base: LoadedModel, tokens: Tokens, looked_at: Tokens | None, checkpoints: Path
) -> tuple[SnakeTrainer, int]:
    """The trainer, and the number of optimiser steps that it will take."""
    from serpentune.training._trainer import SnakeTrainer, check_model, trainer_settings

    check_model(base.model, base.name)
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
    base.tokenizer.padding_side = "right"
    model = wrap(base.model, config.strategy)
    compiles = config.torch_compile if config.torch_compile is not None else device().type == "cuda"
    return SnakeTrainer(model, settings, tokens, looked_at, base.tokenizer, compiles=compiles), total


def total_steps(config: AdvancedTrainingConfig, samples: int) -> int:
    """Optimiser steps that a run over `samples` samples takes; `WORLD_SIZE` processes share them."""
    steps = config.hyperparameters
    if steps.max_steps is not None:
        return steps.max_steps
    batches = math.ceil(samples / (steps.batch_size * int(os.environ.get("WORLD_SIZE", "1"))))
    return math.ceil(steps.num_epochs * math.ceil(batches / steps.gradient_accumulation_steps))


def _run(
    config: AdvancedTrainingConfig,
    trainer: SnakeTrainer,
    base: LoadedModel,
    dataset: Any,
    tokens: Tokens,
    total: int,
    output_dir: Path,
    checkpoint: Path | None,
    callbacks: Sequence[TrainerCallback],
    quiet: bool,
) -> TrainingResult:
    from serpentune.training.callbacks import CheckpointObserver, LogObserver, ProgressObserver, StopObserver

    model: Any = trainer.model
    parameters, trainable = parameter_counts(model)
    _LOG.info(
        "%s of %s: %d of %d parameters learn from %d samples in %d steps",
        config.training_strategy, base.name, trainable, parameters, len(tokens.lengths), total,
    )  # fmt: skip
    first = int(checkpoint.name.rsplit("-", 1)[-1]) if checkpoint is not None else 0
    stop = StopObserver()
    main = trainer.is_world_process_zero()
    with progress_bar(f"Training ({config.training_strategy})", total, quiet=quiet or not main) as advance:
        advance(first)
        for observer in (LogObserver(), CheckpointObserver(), ProgressObserver(advance), stop, *callbacks):
            trainer.add_callback(observer)
        with stop.listening(), quiet_libraries():
            began = time.perf_counter()
            if checkpoint is not None and first >= total:
                trainer.restore(checkpoint)
            else:
                trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint is not None else None)
            seconds = time.perf_counter() - began
    step = trainer.state.global_step
    if stop.received is not None:
        raise TrainingInterrupted(output_dir / CHECKPOINTS / f"checkpoint-{step}", step, total, stop.received)
    if trainer.eval_dataset is not None and not _evaluated(trainer, step):
        trainer.evaluate()
    history = [entry for entry in trainer.state.log_history if "loss" in entry or "eval_loss" in entry]
    model_path = output_dir / FINAL_MODEL
    if main:
        base.tokenizer.padding_side = "left"
        save_student(
            model_path,
            model,
            base.tokenizer,
            base=base.name,
            strategy=config.strategy,
            chat=base.chat,
            training=training_notes(config, base.tokenizer, dataset, tokens, history, step),
            overwrite=True,
        )
    steps = config.hyperparameters
    per_step = steps.batch_size * steps.gradient_accumulation_steps * trainer.accelerator.num_processes
    per_epoch = math.ceil(len(tokens.lengths) / per_step)
    trained = (step - first) / per_epoch * len(tokens.lengths)
    return TrainingResult(
        model_path=model_path,
        history=history,
        seconds=seconds,
        parameters=parameters,
        trainable_parameters=trainable,
        final_loss=last(history, "loss", math.nan),
        eval_loss=last(history, "eval_loss", None),
        samples_per_second=trained / seconds,
        steps=step,
        samples=len(tokens.lengths),
        samples_too_long=tokens.too_long,
        resumed_from=first if checkpoint is not None else None,
    )


def _evaluated(trainer: SnakeTrainer, step: int) -> bool:
    return any("eval_loss" in entry and entry["step"] == step for entry in trainer.state.log_history)
