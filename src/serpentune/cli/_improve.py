"""Floor 12, cli: `serpentune improve`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serpentune.cli import _training_options as options
from serpentune.cli._arguments import option
from serpentune.cli._output import Output, number, percent, seconds

if TYPE_CHECKING:
    from serpentune.pipeline import ImproveResult

_DATA, _EVALUATION = "Data of a round", "Evaluation"

_PLACES: dict[str, tuple[str, ...]] = {
    "student": ("student",),
    "teacher": ("teacher",),
    "rounds": ("rounds",),
    "experiment_name": ("name",),
    "heuristic_dirs": ("heuristic_log_dirs",),
    "epochs": ("training.hyperparameters.num_epochs",),
    **{
        name: (name,)
        for name in (
            "output_dir", "games", "teacher_games", "student_share", "samples", "grid_size", "encoding", "style",
            "evaluation_games", "evaluation_seed",
        )
    },
    **{
        name: (f"training.hyperparameters.{name}",)
        for name in ("max_steps", "learning_rate", "batch_size", "gradient_accumulation_steps")
    },
    "trust_remote_code": ("training.trust_remote_code",),
}  # fmt: skip
"""Where each option stands in an `ImproveConfig`."""


def improve(
    out: Output,
    student: Annotated[
        str | None, typer.Argument(metavar="[MODEL]", help="The student to improve: its folder, or a base model.")
    ] = None,
    teacher: Annotated[
        str | None, option("--teacher", metavar="NAME", help="Who says what it should have done.")
    ] = None,
    rounds: Annotated[
        int | None,
        option("--rounds", metavar="N", help="How often it plays, is corrected and trains on.", default="3"),
    ] = None,
    output_dir: options.ExperimentsDir = None,
    experiment_name: Annotated[
        str | None,
        option("--experiment-name", metavar="NAME", help="This one's folder in it.", default="STUDENT-improved"),
    ] = None,
    config: options.ConfigFile = None,
    set: options.Set = None,  # noqa: A002 - as users type it
    resume: Annotated[
        Path | None,
        option(
            "--resume",
            metavar="DIR",
            help="Go on with the rounds in that folder, under their own settings; --rounds may be more.",
        ),
    ] = None,
    overwrite: Annotated[bool, option("--overwrite", help="Replace rounds of that name.")] = False,
    games: Annotated[
        int | None,
        option("--games", metavar="N", help="Games that the student plays a round.", default="500", section=_DATA),
    ] = None,
    heuristic_dirs: Annotated[
        list[str] | None,
        option(
            "--heuristic-dirs",
            metavar="DIR...",
            help="Runs to mix in, instead of games that the teacher plays now.",
            section=_DATA,
        ),
    ] = None,
    teacher_games: Annotated[
        int | None,
        option("--teacher-games", metavar="N", help="Games of the teacher, played once.", default="500", section=_DATA),
    ] = None,
    student_share: Annotated[
        float | None,
        option(
            "--student-share",
            metavar="SHARE",
            help="Records from the student's games; the others are from the teacher's.",
            default="0.5",
            section=_DATA,
        ),
    ] = None,
    samples: Annotated[
        int | None, option("--samples", metavar="N", help="Records, at most.", default="20000", section=_DATA)
    ] = None,
    grid_size: Annotated[
        str | None,
        option("--grid-size", metavar="N", help="Cells a side, or 10x8.", default="the student's", section=_DATA),
    ] = None,
    encoding: Annotated[
        str | None,
        option("--encoding", metavar="NAME", help="How a board is written.", default="the student's", section=_DATA),
    ] = None,
    style: Annotated[
        str | None,
        option(
            "--style",
            metavar="NAME",
            help="How it answers: plan, move, explain or explain-short.",
            default="the student's",
            section=_DATA,
        ),
    ] = None,
    epochs: options.Epochs = None,
    max_steps: options.MaxSteps = None,
    learning_rate: options.LearningRate = None,
    batch_size: options.BatchSize = None,
    gradient_accumulation_steps: options.Accumulation = None,
    trust_remote_code: options.TrustRemoteCode = None,
    evaluation_games: Annotated[
        int | None,
        option(
            "--evaluation-games",
            metavar="N",
            help="Held-out games before the first round and after each.",
            default="200",
            section=_EVALUATION,
        ),
    ] = None,
    evaluation_seed: Annotated[
        int | None,
        option(
            "--evaluation-seed",
            metavar="N",
            help="Seed of the first one; all below 1000000.",
            default="900000",
            section=_EVALUATION,
        ),
    ] = None,
) -> None:
    """Let a student learn from its own mistakes.

    Round by round (DAgger) it plays, the teacher says what it would have done in every state that the student came to,
    this is mixed with the teacher's own games, and the student trains on; held-out games show what each round did.
    Ctrl-C keeps what is finished; --resume goes on from there.
    """
    given = {name: value for name, value in locals().items() if name in _PLACES and value is not None}
    typed: dict[str, Any] = {**given, "config": config, "set": set, "overwrite": overwrite or None}
    from serpentune.common.errors import UserError
    from serpentune.pipeline import ImproveConfig
    from serpentune.pipeline import improve as run

    if resume is not None:
        for name, value in typed.items():
            if name != "rounds" and value is not None:
                shown = "MODEL" if name == "student" else f"--{name.replace('_', '-')}"
                raise UserError(f"--resume goes on under the rounds' own settings. Leave out {shown}.")
        found = run(resume=resume, rounds=rounds, quiet=out.quiet, announce=out.note)
    else:
        if config is None and (student is None or teacher is None):
            raise UserError("A MODEL to improve and its --teacher are needed (or --config, or --resume).")
        if heuristic_dirs and teacher_games is not None:
            raise UserError("With --heuristic-dirs the teacher plays no games. Leave out --teacher-games.")
        settings = options.configuration(ImproveConfig, config, _PLACES, given, set or ())
        found = run(settings, overwrite=overwrite, quiet=out.quiet, announce=out.note)
    if out.json:
        out.document({"folder": found.folder, "model_path": found.model_path, **found.to_json()})
        return
    _show(out, found)


def _show(out: Output, found: ImproveResult) -> None:
    out.table(
        ["round", "won", "95% interval", "apples", "steps a win", "fatal per 1,000", "teacher's move"],
        [
            [
                str(row["round"]),
                percent(row["win_rate"]),
                f"{percent(row['win_rate_low'])} to {percent(row['win_rate_high'])}",
                number(row["score_mean"]),
                "-" if row["steps_per_win"] is None else number(row["steps_per_win"], 1),
                number(row["fatal_per_1000_moves"]),
                percent(row["accuracy"]),
            ]
            for row in found.rounds
        ],
        title=f"{found.rounds[0]['games']} held-out games a round",
    )
    for comparison in found.comparisons.values():
        out.paragraph(f"- {comparison.verdict}")
    out.paragraph(found.caveat)
    out.line()
    out.line(f"Took {seconds(found.execution_time)}. The student after round {found.best}, and the report:")
    out.line(str(found.model_path))
    out.line(str(found.report_path))
