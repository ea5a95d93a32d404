"""Floor 12, cli: `serpentune ablate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serpentune.cli import _training_options as options
from serpentune.cli._arguments import option
from serpentune.cli._output import Output, number, percent

if TYPE_CHECKING:
    from serpentune.comparison import AblationReading, Effect


def ablate(
    out: Output,
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A whole experiment as YAML or JSON: the baseline.")],
    vary: Annotated[
        list[str],
        option(
            "--vary",
            metavar="FACTOR=VALUE,VALUE...",
            help="What varies: teachers, encoding, style, any setting as of --set, and seeds=0..4 of training. "
            "Several teachers learnt from together are joined by a plus: teachers=BFS,BFS+CELL.",
        ),
    ],
    full: Annotated[
        bool, option("--full", help="Every combination of the values, instead of one factor at a time.")
    ] = False,
    max_hours: Annotated[
        float | None,
        option(
            "--max-hours",
            metavar="H",
            help="Begin nothing that wouldn't end in so many hours; what is finished stays balanced.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        option("--output", metavar="DIR", help="The ablation's folder.", default="output/RECIPE-ablation"),
    ] = None,
    set: options.Set = None,  # noqa: A002 - as users type it
) -> None:
    """Train variants of a recipe and say what each choice does.

    All variants are trained with the first seed, then with the second, and so on; they play and are compared. Stopped
    at any time, the same command goes on, and nothing is trained twice.
    """
    from serpentune.common.settings import parse_settings
    from serpentune.pipeline import ExperimentRecipe
    from serpentune.pipeline import ablate as run
    from serpentune.training import parse_grid

    base = ExperimentRecipe.from_values(parse_settings(set or ()), recipe)
    folder = output if output is not None else Path(base.training.output_dir) / f"{base.name}-ablation"
    found = run(base, parse_grid(vary), folder, full=full, max_hours=max_hours, quiet=out.quiet, announce=out.note)
    if out.json:
        out.document({"folder": found.folder, **found.to_json()})
        return
    if found.reading is None:
        out.paragraph(f"Not every variant is trained yet: {found.left} runs are left. The same command goes on.")
        return
    _show(out, found.reading)
    for report in found.comparisons.values():
        out.paragraph(f"- {report.verdict}")
    out.line()
    out.line(str(found.folder))


def _show(out: Output, reading: AblationReading) -> None:
    out.table(
        ["variant", "apples", "won"],
        [
            [name, number(reading.means["score"][name]), percent(reading.means["win"][name])]
            for name in reading.variants
        ],
        title=f"{reading.games} games a student",
    )
    out.line()
    for title, effects in (("main effect", reading.effects), ("interaction", reading.interactions)):
        if effects["score"]:
            out.table([title, "apples", "95% interval", "pairs"], [_row(effect) for effect in effects["score"]])
            out.line()
    out.paragraph(reading.level)


def _row(effect: Effect) -> list[str]:
    interval = effect.found.interval
    span = "-" if interval is None else f"{number(interval.low)} to {number(interval.high)}"
    return [effect.name, number(effect.found.estimate), span, number(effect.comparisons, 0)]
