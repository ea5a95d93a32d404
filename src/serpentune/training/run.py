"""Floor 6, training: one training run from data set to saved student."""

from __future__ import annotations

import logging
import math
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serpentune.common.progress import progress_bar
from serpentune.models import parameter_counts, quiet_libraries, save_student, short_name
from serpentune.training._checkpoints import step_of
from serpentune.training._failures import explained_memory, not_a_number, peak_memory_bytes, reset_peak_memory
from serpentune.training._losses import NotANumber
from serpentune.training._machine import check_machine
from serpentune.training._notes import last, run_facts, training_notes
from serpentune.training._prepare import CHECKPOINTS, FINAL_MODEL, HISTORY, LOSSES, TRACKED, Prepared, prepare
from serpentune.training._trackers import tracking
from serpentune.training.config import AdvancedTrainingConfig
from serpentune.training.curves import plot_losses, write_history

if TYPE_CHECKING:
    from transformers import TrainerCallback


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
        tokens_per_second: tokens of prompts and completions in them, per second of `seconds`; padding isn't counted.
        peak_memory_mb: most memory held at once by this process, in 10^6 bytes: the tensors on a GPU, or all of the
            process where there is none; None on a system that doesn't say.
        steps: optimiser steps of the whole run.
        samples: samples of the training data that were used.
        samples_too_long: samples that were left out because they exceed `max_length`.
        batch_size: samples that a device worked on at once, as set or as `auto_batch_size` found.
        gradient_accumulation_steps: batches in an optimiser step.
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
    tokens_per_second: float
    peak_memory_mb: float | None
    steps: int
    samples: int
    samples_too_long: int
    batch_size: int
    gradient_accumulation_steps: int
    resumed_from: int | None

    @property
    def whole_seconds(self) -> float | None:
        """`seconds` where this call took every step; None for a resumed run, whose stopped calls nobody timed."""
        return None if self.resumed_from else self.seconds


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C, SIGTERM or SIGUSR1 ended training after a checkpoint was saved; the message says how to go on.

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

    Checkpoints go to `<output_dir>/checkpoints/`, the history to `history.csv` and as a picture to `loss.png`, what the
    trackers of `report_to` keep to `trackers/`. Ctrl-C, SIGTERM and SIGUSR1 let the step end, save a checkpoint and
    raise; a second Ctrl-C stops at once. On resuming, batches, dropout and learning rate go on where they were, so the
    losses are those of a run that was never interrupted. A checkpoint can run nothing: weights are safetensors, and the
    states of optimiser, schedule and random numbers (`*.pt`, `*.pth`) are read as tensors and numbers alone (torch's
    `weights_only`).

    Args:
        config: the settings. Its `output_dir` is the pipeline's and isn't read here; `experiment_name` is what trackers
            call the run, else they take the name of its folder.
        train_dataset: a Hugging Face data set with the text columns `prompt` and `completion`, or with a column
            `messages` of chats, one message of the user and one answer each, which are trained on as with `chat`.
            Other columns are ignored.
        eval_dataset: the same for the evaluation loss, or None.
        output_dir: folder for the student and the checkpoints.
        resume: go on from the last complete checkpoint in `output_dir`; without one, and without a student, start anew.
        overwrite: remove the student and the checkpoints of an earlier run in `output_dir`.
        callbacks: observers of the run, as transformers' `TrainerCallback`; what `on_log` is given, the history keeps.
        quiet: show no progress bar.

    Raises:
        UserError: a setting doesn't suit this machine or the model, the model can't be found, the data lack a column or
            are empty, `output_dir` holds an earlier run, that run's settings or data were others, a loss or gradient is
            NaN or infinite (the message names the records), or memory runs out (it names the settings that help).
        TrainingInterrupted: after Ctrl-C, SIGTERM or SIGUSR1.
    """
    check_machine(config)
    output_dir = Path(output_dir)
    run = prepare(config, train_dataset, eval_dataset, output_dir, resume=resume, overwrite=overwrite)
    first = step_of(run.checkpoint) if run.checkpoint is not None else 0
    with tracking(
        config.report_to if run.trainer.is_world_process_zero() else (),
        output_dir / TRACKED,
        config.experiment_name or short_name(output_dir),
        run_facts(run.config, run.tokens),
        first_step=first,
        quiet=quiet,
    ) as trackers:
        seconds = _train(run, train_dataset, output_dir, first, (*trackers, *callbacks), quiet)
        return _finish(run, train_dataset, output_dir, first, seconds)


def _train(
    run: Prepared, dataset: Any, output_dir: Path, first: int, callbacks: Sequence[TrainerCallback], quiet: bool
) -> float:
    """Take the steps after step `first`; the seconds that it took."""
    from serpentune.training.callbacks import LogObserver, ProgressObserver, StopObserver

    config, trainer, checkpoint = run.config, run.trainer, run.checkpoint
    model: Any = trainer.model
    parameters, trainable = parameter_counts(model)
    _LOG.info(
        "%s of %s: %d of %d parameters learn from %d samples in %d steps",
        config.training_strategy, run.base.name, trainable, parameters, len(run.tokens.lengths), run.total,
    )  # fmt: skip
    reset_peak_memory()
    stop = StopObserver()
    hidden = quiet or not trainer.is_world_process_zero()
    with progress_bar(f"Training ({config.training_strategy})", run.total, quiet=hidden) as advance:
        advance(first)
        progress = ProgressObserver(advance, lambda: trainer.tokens * trainer.accelerator.num_processes)
        for observer in (LogObserver(), progress, stop, *callbacks):
            trainer.add_callback(observer)
        longest = int(run.tokens.lengths.max())
        with stop.listening(), quiet_libraries(), explained_memory(config, longest, run.state):
            began = time.perf_counter()
            try:
                if checkpoint is not None and first >= run.total:
                    trainer.restore(checkpoint)
                elif checkpoint is not None:
                    trainer.resume(checkpoint)
                else:
                    trainer.train()
            except NotANumber as error:
                raise not_a_number(error, config, trainer, run.tokens, dataset, output_dir / CHECKPOINTS) from error
            seconds = time.perf_counter() - began
    step = trainer.state.global_step
    if stop.stopped is not None:
        raise TrainingInterrupted(output_dir / CHECKPOINTS / f"checkpoint-{step}", step, run.total, stop.stopped)
    return seconds


def _finish(run: Prepared, dataset: Any, output_dir: Path, first: int, seconds: float) -> TrainingResult:
    """Look at the evaluation data a last time; save the student, its history and its loss curve."""
    from serpentune.training._trainer import evaluated

    trainer, base, lengths = run.trainer, run.base, run.tokens.lengths
    step = trainer.state.global_step
    if trainer.eval_dataset is not None and not evaluated(trainer.state):
        with explained_memory(run.config, int(lengths.max()), run.state):
            trainer.evaluate()
    history = [entry for entry in trainer.state.log_history if "loss" in entry or "eval_loss" in entry]
    model: Any = trainer.model
    parameters, trainable = parameter_counts(model)
    model_path = output_dir / FINAL_MODEL
    # Every process holds a part of a sharded model, and all take part in putting it together.
    weights = trainer.accelerator.get_state_dict(model) if run.config.fsdp else None
    if trainer.is_world_process_zero():
        base.tokenizer.padding_side = "left"
        save_student(
            model_path,
            model,
            base.tokenizer,
            base=base.name,
            strategy=run.config.strategy,
            chat=base.chat,
            training=training_notes(run.config, base.tokenizer, dataset, run.tokens, history, step),
            weights=weights,
            overwrite=True,
        )
        write_history(history, output_dir / HISTORY)
        plot_losses({short_name(output_dir): history}, output_dir / LOSSES)
    steps = run.config.hyperparameters
    per_step = steps.batch_size * steps.gradient_accumulation_steps * trainer.accelerator.num_processes
    per_epoch = math.ceil(len(lengths) / per_step)
    passes = (step - first) / per_epoch
    return TrainingResult(
        model_path=model_path,
        history=history,
        seconds=seconds,
        parameters=parameters,
        trainable_parameters=trainable,
        final_loss=last(history, "loss", math.nan),
        eval_loss=last(history, "eval_loss", None),
        samples_per_second=passes * len(lengths) / seconds,
        tokens_per_second=passes * int(lengths.sum()) / seconds,
        peak_memory_mb=peak / 1e6 if (peak := peak_memory_bytes()) is not None else None,
        steps=step,
        samples=len(lengths),
        samples_too_long=run.tokens.too_long,
        batch_size=steps.batch_size,
        gradient_accumulation_steps=steps.gradient_accumulation_steps,
        resumed_from=first if run.checkpoint is not None else None,
    )
