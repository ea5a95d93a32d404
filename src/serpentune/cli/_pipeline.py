"""Floor 12, cli: `serpentune demo` and `serpentune run`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serpentune.cli import _training_options as options
from serpentune.cli._arguments import option
from serpentune.cli._output import Output, number, percent, seconds
from serpentune.cli._sweeps import show_experiment

if TYPE_CHECKING:
    from serpentune.pipeline import ExperimentPipeline


def demo(
    out: Output,
    output: Annotated[Path, option("--output", metavar="DIR", help="Where everything goes.")] = Path("output/demo"),
    games: Annotated[
        int | None, option("--games", metavar="N", help="Games that each model plays.", default="100; 20 with --quick")
    ] = None,
    quick: Annotated[
        bool, option("--quick", help="One strategy and little of everything: every step, in about a minute.")
    ] = False,
    overwrite: Annotated[bool, option("--overwrite", help="Replace the demo in that folder.")] = False,
) -> None:
    """Show the whole idea in minutes, without GPU or network.

    Teachers play, models learn from their games, all play on the same boards, and a report says who is best.
    """
    from dataclasses import replace

    from serpentune.pipeline.demo import QUICK, DemoSettings, run_demo

    settings = QUICK if quick else DemoSettings()
    if games is not None:
        settings = replace(settings, evaluation_games=games)
    result = run_demo(output, settings, overwrite=overwrite, quiet=out.quiet, announce=out.note)
    if out.json:
        out.document(result)
        return
    _figures(out, result.figures)
    for verdict in result.verdicts:
        out.paragraph(f"- {verdict}")
    out.paragraph("All this is about these checkpoints, one training run each; it is no claim about the methods.")
    out.line()
    out.line(f"Took {seconds(sum(result.seconds.values()))}. The report:")
    out.line(str(result.report))


_PLACES: dict[str, tuple[str, ...]] = {
    "heuristic_dirs": ("heuristic_log_dirs",),
    "algorithms": ("dataset_types",),
    "base_model": ("base_model_name",),
    "epochs": ("num_epochs",),
    **{
        name: (name,)
        for name in (
            "max_samples_per_algorithm", "train_test_split", "styles", "encoding", "max_length", "chat",
            "trust_remote_code", "auto_batch_size",
            "training_strategy", "max_steps", "learning_rate", "batch_size", "gradient_accumulation_steps",
            "warmup_steps", "lora_r", "lora_alpha", "lora_dropout", "gradient_checkpointing", "fp16", "bf16",
            "torch_compile", "dataloader_num_workers", "output_dir", "experiment_name", "save_steps", "eval_steps",
            "logging_steps", "report_to", "seed", "evaluation_games", "evaluation_seed", "evaluation_teacher",
            "evaluation_records", "grid_size",
        )
    },
}  # fmt: skip
"""Where each option of `run` stands in a `MultiDatasetConfig`."""

_DATA, _EVALUATION = "Data set", "Evaluation"


def run(
    out: Output,
    recipe: Annotated[
        Path | None,
        typer.Argument(metavar="[RECIPE]", help="A whole experiment as YAML or JSON: data, training, sweep, games."),
    ] = None,
    heuristic_dirs: Annotated[
        list[str] | None,
        option("--heuristic-dirs", metavar="DIR...", help="Run folders, folders of run folders, or quoted globs."),
    ] = None,
    algorithms: Annotated[
        list[str] | None,
        option("--algorithms", metavar="NAME...", help="Whose games to learn from.", default="BFS ASTAR HAMILTONIAN"),
    ] = None,
    output_dir: options.ExperimentsDir = None,
    experiment_name: Annotated[
        str | None,
        option("--experiment-name", metavar="NAME", help="This one's folder in it.", default="STRATEGY_DATE_TIME"),
    ] = None,
    config: options.ConfigFile = None,
    set: options.Set = None,  # noqa: A002 - as users type it
    resume: Annotated[
        Path | None,
        option("--resume", metavar="DIR", help="Go on with the experiment in that folder, under its own settings."),
    ] = None,
    overwrite: Annotated[bool, option("--overwrite", help="Replace an experiment of that name.")] = False,
    seed: Annotated[
        int | None, option("--seed", metavar="N", help="Of split, sample and training.", default="0")
    ] = None,
    max_samples_per_algorithm: Annotated[
        int | None,
        option(
            "--max-samples-per-algorithm", metavar="N", help="Records of each at most.", default="10000", section=_DATA
        ),
    ] = None,
    train_test_split: Annotated[
        float | None,
        option(
            "--train-test-split", metavar="SHARE", help="Share of the games to train on.", default="0.8", section=_DATA
        ),
    ] = None,
    styles: Annotated[
        list[str] | None,
        option(
            "--styles",
            metavar="STYLE...",
            help="plan: the moves to the next apple; move: the next move.",
            default="plan",
            section=_DATA,
        ),
    ] = None,
    encoding: Annotated[
        str | None, option("--encoding", metavar="NAME", help="How a board is written.", default="grid", section=_DATA)
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
    learning_rate: options.SuitedLearningRate = None,
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
    evaluation_games: Annotated[
        int | None, option("--evaluation-games", metavar="N", help="Games to play.", default="200", section=_EVALUATION)
    ] = None,
    evaluation_seed: Annotated[
        int | None,
        option(
            "--evaluation-seed", metavar="N", help="Seed of the first game.", default="1000000", section=_EVALUATION
        ),
    ] = None,
    evaluation_teacher: Annotated[
        str | None,
        option(
            "--evaluation-teacher",
            metavar="NAME",
            help="Whom the prompt says to play like.",
            default="the first",
            section=_EVALUATION,
        ),
    ] = None,
    evaluation_records: Annotated[
        int | None,
        option(
            "--evaluation-records",
            metavar="N",
            help="Records to measure language on, at most.",
            default="500",
            section=_EVALUATION,
        ),
    ] = None,
    grid_size: Annotated[
        str | None,
        option(
            "--grid-size", metavar="N", help="Cells a side, or 10x8.", default="that of the logs", section=_EVALUATION
        ),
    ] = None,
) -> None:
    """Go the whole way from games to students and a report.

    Builds the data set, fine-tunes, lets students and the untuned model play the same games, and compares them: what a
    RECIPE says, or one student by the options below.
    Ctrl-C keeps what is finished; --resume goes on from there.
    """
    given = {name: value for name, value in locals().items() if name in _PLACES and value is not None}
    typed = {**given, "config": config, "set": set, "overwrite": overwrite or None}
    from serpentune.common.errors import UserError
    from serpentune.common.processes import is_first_process
    from serpentune.pipeline import MultiDatasetConfig, MultiDatasetPipeline, resume_experiment

    pipeline: ExperimentPipeline
    if resume is not None:
        if recipe is not None:
            raise UserError("--resume goes on under the experiment's own settings. Leave out the recipe.")
        _refuse(typed, "--resume goes on under the experiment's own settings.")
        pipeline = resume_experiment(resume, quiet=out.quiet)
    elif recipe is not None:
        own = ("output_dir", "experiment_name", "set", "overwrite")
        others = {name: value for name, value in typed.items() if name not in own}
        _refuse(others, "A recipe says everything, and --set KEY=VALUE changes it.")
        pipeline = _of_recipe(recipe, output_dir, experiment_name, set or (), overwrite=overwrite, quiet=out.quiet)
    else:
        if not (config or heuristic_dirs or set):
            raise UserError(
                "--heuristic-dirs is missing: the folders of the games to learn from (or a recipe, --config, or "
                "--resume)."
            )
        settings = options.configuration(MultiDatasetConfig, config, _PLACES, given, set or ())
        pipeline = MultiDatasetPipeline(settings, overwrite=overwrite, quiet=out.quiet)
    if not isinstance(pipeline, MultiDatasetPipeline):
        done = pipeline.run()
        if is_first_process():
            show_experiment(out, done)
        return
    result = pipeline.run_pipeline()
    if out.json:
        places = {"folder": result.experiment_dir, "model_path": result.model_path, "report_path": result.report_path}
        out.document({**places, **result.summary})
        return
    _figures(out, result.evaluation_metrics)
    out.paragraph(result.comparison.verdict)
    out.line()
    out.line(f"Took {seconds(result.execution_time)}. The student and the report:")
    out.line(str(result.model_path))
    out.line(str(result.report_path))


def _refuse(typed: Mapping[str, Any], why: str) -> None:
    """Refuse options that would have no effect."""
    from serpentune.common.errors import UserError

    for name, value in typed.items():
        if value is not None:
            raise UserError(f"{why} Leave out --{name.replace('_', '-')}.")


def _of_recipe(
    file: Path, output_dir: str | None, name: str | None, assignments: Sequence[str], *, overwrite: bool, quiet: bool
) -> ExperimentPipeline:
    from serpentune.common.settings import parse_settings
    from serpentune.pipeline import ExperimentPipeline, ExperimentRecipe

    values = parse_settings(assignments) | ({} if name is None else {"name": name})
    recipe = ExperimentRecipe.from_values(values, file)
    return ExperimentPipeline(recipe, output_dir=output_dir, overwrite=overwrite, quiet=quiet)


def _figures(out: Output, models: Mapping[str, Mapping[str, Any]]) -> None:
    out.table(
        ["model", "games", "won", "mean score", "mean steps", "agreement", "ms a move"],
        [
            [
                name,
                number(each["games"], 0),
                percent(each["win_rate"]),
                number(each["score_mean"]),
                number(each["steps_mean"], 1),
                percent(each["agreement"]),
                number(each["ms_per_move"]),
            ]
            for name, each in models.items()
        ],
    )
    out.line()
