"""Floor 10, report: a report of results folders alone: read, compared, and their training runs found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from serpentune.common.files import ensure_no_file
from serpentune.comparison import DEFAULT_METRICS, ComparisonReport, compare_all, rank_pairs, ranking_metric
from serpentune.evaluation import results_folders
from serpentune.evaluation.results import EvaluationResult
from serpentune.report._files import report_files
from serpentune.report._learning import known_training
from serpentune.report._write import write_report

TITLE = "Language models that play Snake"
"""The headline where none is given."""


def report_folders(
    folders: Sequence[str | Path],
    path: str | Path,
    *,
    title: str | None = None,
    baseline: str | None = None,
    all_pairs: bool = False,
    by: str = "checkpoint",
    metrics: Sequence[str] | None = None,
    margins: Mapping[str, float] | None = None,
    level: float = 0.95,
    formats: Sequence[str] | None = None,
    overwrite: bool = False,
) -> tuple[Path, ...]:
    """Write the report of results folders. The same folders give the same bytes.

    Where there are several models, each is compared with one of them, students of several bases each with its own. Loss
    curves are shown of the students whose training run is still where their results lead to.

    Args:
        folders: results folders, or sweeps and experiments that hold some.
        path: as of `report_files`.
        title: the headline; `TITLE` without.
        baseline: as of `comparison.compare_all`, as are the next five.
        all_pairs: likewise.
        by: likewise.
        metrics: likewise; the usual ones without.
        margins: likewise; none without.
        level: of the intervals of differences. Those of each model's own figures have 95%.
        formats: as of `report_files`.
        overwrite: whether files that exist may be replaced.

    Returns:
        The files that were written.

    Raises:
        UserError: a file exists, as of `report_files`, a folder holds no results or damaged ones, or the models
            can't be compared as asked (`comparison.compare_all`): they have one name, or played by different rules.
    """
    files = tuple(file for each in report_files(Path(path), formats).values() for file in each)
    ensure_no_file(*files, overwrite=overwrite)
    places = [place for folder in folders for place in results_folders(Path(folder))]
    results = [EvaluationResult.load(place) for place in places]
    asked = baseline is not None or all_pairs or by != "checkpoint" or bool(metrics) or bool(margins)
    comparisons: dict[str, ComparisonReport] = {}
    if len(results) > 1 or asked:  # one model alone is refused where it should be compared
        comparisons = compare_all(
            results,
            by=by,
            baseline=baseline,
            all_pairs=all_pairs,
            metrics=metrics or DEFAULT_METRICS,
            margins=margins or {},
            level=level,
        )
    return write_report(
        results,
        Path(path),
        title=TITLE if title is None else title,
        comparisons=[report.to_json() for report in comparisons.values()],
        notes=_ranking(comparisons) if all_pairs else (),
        training=known_training(list(zip(places, results, strict=True))),
        formats=formats,
    )


def _ranking(reports: Mapping[str, ComparisonReport]) -> list[str]:
    """The order of those that were compared in all pairs, a sentence each; empty where no metric can rank them."""
    metric = ranking_metric(reports)
    if metric is None:
        return []
    places = rank_pairs(reports, metric)
    return [f"By {metric}, place {place.number} is {place.sentence}" for place in places]
