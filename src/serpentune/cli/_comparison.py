"""Floor 12, cli: `serpentune compare`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from serpentune.cli._arguments import option
from serpentune.cli._output import Output, number
from serpentune.common.errors import UserError, unknown_name

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
    all_pairs: Annotated[
        bool, option("--all-pairs", help="Compare every model with every other, and say in which order they stand.")
    ] = False,
    by: Annotated[
        str,
        option(
            "--by",
            metavar="LEVEL",
            help="checkpoint, each model by itself; or method, those that differ in their training seed together.",
        ),
    ] = "checkpoint",
    metrics: Annotated[
        list[str] | None,
        option(
            "--metrics",
            metavar="NAME...",
            help="score, win, steps, steps_to_win, accuracy, accuracy_equal, fatal_per_1000_moves, legal_rate, "
            "ms_per_move; of language: loss, perplexity, bits_per_byte, token_accuracy, exact_match, rouge_l, bleu.",
            default="score win steps",
        ),
    ] = None,
    margin: Annotated[
        list[str] | None,
        option(
            "--margin",
            metavar="METRIC=SIZE...",
            help="The difference from which on it matters, such as win=0.03 score=2: what is shown to be less is "
            "called the same.",
            default="none",
        ),
    ] = None,
    level: Annotated[float, option("--level", metavar="SHARE", help="Coverage of the intervals.")] = 0.95,
    seed: Annotated[int, option("--seed", metavar="N", help="Of the resampling.")] = 0,
    output: Annotated[
        Path | None, option("--output", metavar="DIR", help="Also write each comparison there, as JSON and Markdown.")
    ] = None,
) -> None:
    """Compare models on the same games, with a verdict in words.

    Differences come with intervals and with tests that are corrected for their number. The verdict may be "not enough
    games".
    """
    from serpentune.comparison import METRICS, ModelComparator, compare_all, rank_pairs
    from serpentune.evaluation import results_folders

    for name in metrics or ():
        if name not in METRICS:  # said first, since it may be a folder that was meant to be compared
            raise unknown_name("metric", name, METRICS)
    chosen: dict[str, Any] = {"by": by, "baseline": baseline, "all_pairs": all_pairs, "margins": _margins(margin or ())}
    chosen |= {"metrics": metrics} if metrics else {}
    folders = [folder for given in results for folder in results_folders(given)]
    if output is None:
        reports = compare_all(folders, level=level, seed=seed, **chosen)
    else:
        reports = ModelComparator(output, level=level, seed=seed).compare_all(folders, **chosen)
    first = next(iter(reports.values()))
    ranked_by = next((row.metric for row in first.rows if row.higher_is_better is not None), None)
    places = rank_pairs(reports, ranked_by) if all_pairs and ranked_by is not None else []
    if out.json:
        document: dict[str, Any] = {"comparisons": {name: report.to_json() for name, report in reports.items()}}
        out.document(document | ({"ranking": {"metric": ranked_by, "places": places}} if places else {}))
        return
    common = [note for note in first.notes if len(reports) > 1 and all(note in each.notes for each in reports.values())]
    for report in reports.values():
        _show(out, report, [note for note in report.notes if note not in common])
    if places:
        out.line(f"In the order of {ranked_by}:")
        for place, model in enumerate(places, 1):
            out.paragraph(f"{place}. {model.sentence}")
        out.line()
    for note in common:
        out.paragraph(f"- {note}")
    if output is not None:
        out.line(str(output))


def _margins(typed: Sequence[str]) -> dict[str, float]:
    margins = {}
    for text in typed:
        name, equals, size = text.partition("=")
        try:
            margins[name] = float(size)
        except ValueError:
            equals = ""
        if not equals:
            raise UserError(f"--margin {text}: write METRIC=SIZE, such as win=0.03.")
    return margins


def _show(out: Output, report: ComparisonReport, notes: Sequence[str]) -> None:
    what = "as checkpoints" if report.about == "checkpoints" else "as methods"
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
        title=f"{report.b} against {report.a}, {report.pairs} paired games, {what}",
    )
    out.line()
    out.paragraph(f"Verdict: {report.verdict}")
    for row in report.rows:
        if row.sentence not in report.verdict:
            out.paragraph(row.sentence)
    out.line()
    for note in notes:
        out.paragraph(f"- {note}")
    out.line()


def _row(row: MetricComparison) -> list[str]:
    from serpentune.statistics import p_text

    interval = "-" if row.interval is None else f"{number(row.interval.low)} to {number(row.interval.high)}"
    p_value = "-" if row.p_adjusted is None else p_text(row.p_adjusted).removeprefix("p ").removeprefix("= ")
    return [
        row.metric, number(row.mean_a), number(row.mean_b), number(row.difference), interval, p_value, row.verdict
    ]  # fmt: skip
