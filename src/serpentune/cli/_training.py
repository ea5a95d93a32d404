"""Floor 12, cli: `serpentune train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from serpentune.cli import _training_options as options
from serpentune.cli._arguments import option
from serpentune.cli._output import Output, number, seconds
from serpentune.cli._sweeps import show_sweep
from serpentune.common.errors import UserError

if TYPE_CHECKING:
    from serpentune.training import AdvancedTrainingConfig, TrainingResult

_PLACES: dict[str, tuple[str, ...]] = {
    "base_model": ("base_model_name",),
    "training_strategy": ("training_strategy",),
    "max_length": ("max_length",),
    "chat": ("chat",),
    "trust_remote_code": ("trust_remote_code",),
    "seed": ("seed",),
    "epochs": ("hyperparameters.num_epochs",),
    "max_steps": ("hyperparameters.max_steps",),
    "batch_size": ("hyperparameters.batch_size",),
    "gradient_accumulation_steps": ("hyperparameters.gradient_accumulation_steps",),
    "learning_rate": ("hyperparameters.learning_rate",),
    "warmup_steps": ("hyperparameters.warmup_steps",),
    "lora_r": ("lora.rank", "qlora.rank"),
    "lora_alpha": ("lora.alpha", "qlora.alpha"),
    "lora_dropout": ("lora.dropout", "qlora.dropout"),
    "logging_steps": ("logging_steps",),
    "eval_steps": ("eval_steps",),
    "save_steps": ("save_steps",),
    "report_to": ("report_to",),
    "gradient_checkpointing": ("gradient_checkpointing",),
    "auto_batch_size": ("auto_batch_size",),
    "fp16": ("fp16",),
    "bf16": ("bf16",),
    "torch_compile": ("torch_compile",),
    "dataloader_num_workers": ("dataloader_num_workers",),
}
"""Where each option stands in an `AdvancedTrainingConfig`."""


def train(
    out: Output,
    dataset: Annotated[Path, option("--dataset", metavar="DIR", help="A folder of `serpentune dataset build`.")],
    output_dir: Annotated[Path, option("--output-dir", metavar="DIR", help="Where final_model/ and checkpoints/ go.")],
    config: options.ConfigFile = None,
    set: options.Set = None,  # noqa: A002 - as users type it
    resume: Annotated[bool, option("--resume", help="Go on from the last checkpoint in the output folder.")] = False,
    overwrite: Annotated[bool, option("--overwrite", help="Replace the student and checkpoints there.")] = False,
    sweep: Annotated[
        list[str] | None,
        option(
            "--sweep",
            metavar="KEY=A,B...",
            help="Train each combination, in a folder each: lr=1e-4,3e-4 seed=0,1,2.",
        ),
    ] = None,
    max_runs: Annotated[
        int | None, option("--max-runs", metavar="N", help="Runs that a sweep may have.", default="100")
    ] = None,
    seed: Annotated[
        int | None, option("--seed", metavar="N", help="Of weights, dropout and order.", default="0")
    ] = None,
    base_model: options.BaseModel = None,
    training_strategy: options.Strategy = None,
    max_length: options.MaxLength = None,
    chat: options.Chat = None,
    trust_remote_code: options.TrustRemoteCode = None,
    epochs: options.Epochs = None,
    max_steps: options.MaxSteps = None,
    batch_size: options.BatchSize = None,
    gradient_accumulation_steps: options.Accumulation = None,
    learning_rate: options.LearningRate = None,
    warmup_steps: options.WarmupSteps = None,
    lora_r: options.LoraR = None,
    lora_alpha: options.LoraAlpha = None,
    lora_dropout: options.LoraDropout = None,
    logging_steps: options.LoggingSteps = None,
    eval_steps: options.EvalSteps = None,
    save_steps: options.SaveSteps = None,
    report_to: options.ReportTo = None,
    gradient_checkpointing: options.GradientCheckpointing = None,
    auto_batch_size: options.AutoBatchSize = None,
    fp16: options.Fp16 = None,
    bf16: options.Bf16 = None,
    torch_compile: options.TorchCompile = None,
    dataloader_num_workers: options.Workers = None,
) -> None:
    """Fine-tune a model on a data set.

    Ctrl-C finishes the step and saves a checkpoint, from which --resume goes on.
    """
    given = {name: value for name, value in locals().items() if name in _PLACES}
    from serpentune import training
    from serpentune.common.processes import is_first_process
    from serpentune.datasets import load_splits

    settings = options.configuration(training.AdvancedTrainingConfig, config, _PLACES, given, set or ())
    if max_runs is not None and not sweep:
        raise UserError("--max-runs bounds the runs of a --sweep, and there is none.")
    if sweep:
        swept = training.sweep(
            settings,
            training.parse_grid(sweep),
            dataset,
            output_dir,
            resume=resume,
            overwrite=overwrite,
            max_runs=training.MAX_RUNS if max_runs is None else max_runs,
            quiet=out.quiet,
            announce=out.note if is_first_process() else lambda _: None,
        )
        if is_first_process():
            show_sweep(out, swept)
        return
    splits = load_splits(dataset)
    result = training.train(
        settings,
        splits["train"],
        splits["validation"],
        output_dir,
        resume=resume,
        overwrite=overwrite,
        quiet=out.quiet,
    )
    if out.json:
        out.document(result)
    else:
        _show(out, settings, result)


def _show(out: Output, settings: AdvancedTrainingConfig, result: TrainingResult) -> None:
    share = 100 * result.trainable_parameters / result.parameters
    left_out = f", {number(result.samples_too_long, 0)} too long" if result.samples_too_long else ""
    out.facts(
        {
            "strategy": f"{settings.training_strategy} of {settings.base_model_name}",
            "learning": f"{number(result.trainable_parameters, 0)} of "
            f"{number(result.parameters, 0)} parameters ({share:.1f}%)",
            "samples": f"{number(result.samples, 0)}{left_out}",
            "steps": number(result.steps, 0)
            + (f", resumed at {number(result.resumed_from, 0)}" if result.resumed_from is not None else ""),
            "loss": number(result.final_loss, 4),
            "validation loss": number(result.eval_loss, 4),
            "step": f"{number(result.gradient_accumulation_steps, 0)} × {number(result.batch_size, 0)} samples",
            "time": f"{seconds(result.seconds)}, {number(result.samples_per_second, 1)} samples/s, "
            f"{number(result.tokens_per_second, 0)} tokens/s",
            "peak memory": f"{number(result.peak_memory_mb, 0)} MB",
        }
    )
    out.line()
    out.line(str(result.model_path))
