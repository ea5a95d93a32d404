"""Floor 12, cli: `serpentune plan`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serpentune.cli._arguments import option
from serpentune.cli._output import Output, number

if TYPE_CHECKING:
    from serpentune.comparison import Plan


def plan(
    out: Output,
    detect: Annotated[
        float, option("--detect", metavar="X", help="The smallest difference not to miss; 0.03 is 3 points of wins.")
    ],
    metric: Annotated[
        str, option("--metric", metavar="NAME", help="win_rate (or win), score or steps_to_win.")
    ] = "win_rate",
    baseline: Annotated[
        float | None,
        option("--baseline", metavar="X", help="What the one model is expected to reach.", default="measured"),
    ] = None,
    power: Annotated[
        float, option("--power", metavar="X", help="Chance of showing the difference if it is there.")
    ] = 0.8,
    level: Annotated[float, option("--level", metavar="X", help="Of the interval; tests are at 1 minus it.")] = 0.95,
    paired: Annotated[
        bool, typer.Option("--paired/--unpaired", help="Both models play the same games, or each its own.")
    ] = True,
    correlation: Annotated[
        float | None,
        option("--correlation", metavar="R", help="Of both models' values on the same game.", default="measured, or 0"),
    ] = None,
    deviation: Annotated[
        float | None,
        option("--deviation", metavar="X", help="Spread of score or steps between games.", default="measured"),
    ] = None,
    seed_deviation: Annotated[
        float | None,
        option("--seed-deviation", metavar="X", help="Spread of means between training seeds.", default="measured"),
    ] = None,
    results: Annotated[
        list[Path] | None,
        option(
            "--results",
            metavar="DIR...",
            help="Earlier evaluations: measure what isn't given on them, and simulate with their games.",
            default="none",
        ),
    ] = None,
    seed: Annotated[int, option("--seed", metavar="N", help="Of the simulation.")] = 0,
) -> None:
    """Say how many games and training seeds a comparison needs.

    Enough to show a difference, from theory, and with earlier results by simulation on their own games.
    """
    from serpentune.comparison import plan_comparison
    from serpentune.evaluation import results_folders

    planned = plan_comparison(
        metric,
        detect=detect,
        baseline=baseline,
        power=power,
        level=level,
        paired=paired,
        correlation=correlation,
        deviation=deviation,
        seed_deviation=seed_deviation,
        results=[folder for given in results or () for folder in results_folders(given)],
        seed=seed,
        quiet=out.quiet,
    )
    if out.json:
        out.document(planned.to_json())
        return
    out.paragraph(planned.sentence)
    out.line()
    out.facts(_facts(planned))
    out.line()
    for note in planned.notes:
        out.paragraph(f"- {note}")


def _facts(plan: Plan) -> dict[str, str]:
    facts = {"games of each model": "not known" if plan.games is None else f"{plan.games:,}"}
    if plan.simulated is not None:
        found = plan.simulated
        facts["their power, simulated"] = (
            f"{found.power:.1%} (interval {found.interval.low:.1%} to {found.interval.high:.1%})"
        )
        facts["games by theory"] = f"{plan.games_by_theory:,} (power {found.power_of_theory:.1%}, simulated)"
    elif plan.games is None:
        facts["games by theory"] = f"{plan.games_by_theory:,}"
    if plan.seeds is not None:
        facts["training seeds of each method"] = str(plan.seeds)
    if plan.correlation is not None:
        facts["correlation of a game's values"] = f"{number(plan.correlation)} ({plan.correlation_from})"
    if plan.deviation is not None:
        facts["standard deviation of a game"] = number(plan.deviation)
    return facts
