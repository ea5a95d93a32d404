"""Floor 12, cli: `serpentune compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serpentune.cli._arguments import option
from serpentune.cli._output import Output, number
from serpentune.common.errors import unknown_name

if TYPE_CHECKING:
    from serpentune.comparison import ComparisonReport, MetricComparison


def compare(
    out: Output,
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULTS...",
            help="Results folders of `serpentune evaluate`, or a sweep or experiment that holds them.",
        ),
    ],
    baseline: Annotated[
        str | None,
        option(
            "--baseline", metavar="NAME", help="The model that the others are measured against.", default="the first"
        ),
    ] = None,
    metrics: Annotated[
        list[str] | None,
        option("--metrics", metavar="NAME...", help="score, win, steps or steps_to_win.", default="score win steps"),
    ] = None,
    seed: Annotated[int, option("--seed", metavar="N", help="Of the resampling.")] = 0,
    output: Annotated[
        Path | None, option("--output", metavar="DIR", help="Also write each comparison there, as JSON and Markdown.")
    ] = None,
) -> None:
    """Compare models on the same games, with a verdict in words.

    Differences come with intervals and with tests that are corrected for their number. The verdict may be "not enough
    games".
    """
    from serpentune.comparison import METRICS, ModelComparator, compare_all
    from serpentune.evaluation import results_folders

    for name in metrics or ():
        if name not in METRICS:  # said first, since it may be a folder that was meant to be compared
            raise unknown_name("metric", name, METRICS)
    chosen: dict[str, Any] = {"metrics": metrics} if metrics else {}
    folders = [folder for given in results for folder in results_folders(given)]
    if output is None:
        reports = compare_all(folders, baseline=baseline, seed=seed, **chosen)
    else:
        reports = ModelComparator(output, seed=seed).compare_all(folders, baseline=baseline, **chosen)
    if out.json:
        out.document({"comparisons": {name: report.to_json() for name, report in reports.items()}})
        return
    for report in reports.values():
        _show(out, report)
    if output is not None:
        out.line(str(output))


def _show(out: Output, report: ComparisonReport) -> None:
    out.table(
        ["metric", report.a, report.b, "difference", "95% interval", "p (Holm)", "verdict"],
        [_row(row) for row in report.rows],
        title=f"{report.b} against {report.a}, {report.pairs} paired games",
    )
    out.line()
    out.paragraph(f"Verdict: {report.verdict}")
    for row in report.rows:
        if row.sentence not in report.verdict:
            out.paragraph(row.sentence)
    out.line()
    for note in report.notes:
        out.paragraph(f"- {note}")
    out.line()


def _row(row: MetricComparison) -> list[str]:
    from serpentune.statistics import p_text

    interval = "-" if row.interval is None else f"{number(row.interval.low)} to {number(row.interval.high)}"
    p_value = "-" if row.p_adjusted is None else p_text(row.p_adjusted).removeprefix("p ").removeprefix("= ")
    return [
        row.metric, number(row.mean_a), number(row.mean_b), number(row.difference), interval, p_value, row.verdict
    ]  # fmt: skip
