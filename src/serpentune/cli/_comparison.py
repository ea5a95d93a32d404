"""Floor 12, cli: `serpentune compare`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serpentune.cli import _comparison_options as asked
from serpentune.cli._arguments import option
from serpentune.cli._output import Output, number

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
    baseline: asked.Baseline = None,
    all_pairs: asked.AllPairs = False,
    by: asked.By = "checkpoint",
    metrics: asked.Metrics = None,
    margin: asked.Margin = None,
    level: asked.Level = 0.95,
    seed: Annotated[int, option("--seed", metavar="N", help="Of the resampling.")] = 0,
    output: Annotated[
        Path | None, option("--output", metavar="DIR", help="Also write each comparison there, as JSON and Markdown.")
    ] = None,
) -> None:
    """Compare models on the same games, with a verdict in words.

    Differences come with intervals and with tests that are corrected for their number. The verdict may be "not enough
    games". With --all-pairs it also says in which order the models stand.
    """
    from serpentune.comparison import ModelComparator, compare_all, rank_pairs, ranking_metric
    from serpentune.evaluation import results_folders

    chosen = asked.comparison(by=by, baseline=baseline, all_pairs=all_pairs, metrics=metrics, margin=margin)
    folders = [folder for given in results for folder in results_folders(given)]
    if output is None:
        reports = compare_all(folders, level=level, seed=seed, **chosen)
    else:
        reports = ModelComparator(output, level=level, seed=seed).compare_all(folders, **chosen)
    first = next(iter(reports.values()))
    ranked_by = ranking_metric(reports) if all_pairs else None
    places = rank_pairs(reports, ranked_by) if ranked_by is not None else []
    if out.json:
        document: dict[str, Any] = {"comparisons": {name: report.to_json() for name, report in reports.items()}}
        out.document(document | ({"ranking": {"metric": ranked_by, "places": places}} if places else {}))
        return
    common = [note for note in first.notes if len(reports) > 1 and all(note in each.notes for each in reports.values())]
    for report in reports.values():
        _show(out, report, [note for note in report.notes if note not in common])
    if places:
        out.line(f"In the order of {ranked_by}:")
        for place in places:
            out.paragraph(f"{place.number}. {place.sentence}")
        out.line()
    elif all_pairs:
        out.paragraph(
            "There is no order: no metric with a better and a worse was tested in every pair, on the same games."
        )
        out.line()
    for note in common:
        out.paragraph(f"- {note}")
    if output is not None:
        out.line(str(output))


def _show(out: Output, report: ComparisonReport, notes: Sequence[str]) -> None:
    what = f"as {report.about}" if report.trained else "as they are"
    games = f"{report.pairs} paired game{'s' * (report.pairs != 1)}"
    out.table(
        [
            "metric",
            report.a,
            report.b,
            "difference",
            f"{number(100 * report.level, 0)}% interval",
            "p (Holm)",
            "verdict",
        ],
        [_row(row) for row in report.rows],
        title=f"{report.b} against {report.a}, {games}, {what}",
    )
    out.line()
    out.paragraph(f"Verdict: {report.verdict}")
    for row in report.rows:
        if row.sentence not in report.verdict:
            out.paragraph(row.sentence)
    for row in report.rows:
        if details := _details(row):
            out.paragraph(f"- {row.metric}: {details}.")
    out.line()
    for note in notes:
        out.paragraph(f"- {note}")
    out.line()


def _details(row: MetricComparison) -> str:
    """What the table has no room for on 80 columns."""
    details = [] if not row.n else [f"n = {row.n:,}"]
    if row.effect is not None and row.effect.value is not None:
        details.append(f"effect size ({row.effect.name}) {number(row.effect.value)}")
    if row.correlation is not None:
        details.append(f"measured pairing correlation {number(row.correlation)}")
    return ", ".join(details)


def _row(row: MetricComparison) -> list[str]:
    from serpentune.statistics import p_text

    interval = "-" if row.interval is None else f"{number(row.interval.low)} to {number(row.interval.high)}"
    p_value = "-" if row.p_adjusted is None else p_text(row.p_adjusted).removeprefix("p ").removeprefix("= ")
    return [
        row.metric, number(row.mean_a), number(row.mean_b), number(row.difference), interval, p_value, row.verdict
    ]  # fmt: skip
