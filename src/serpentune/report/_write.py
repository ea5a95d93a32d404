"""Floor 10, report: gathers what the page shows, section by section, and writes the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from serpentune.common.errors import UserError
from serpentune.common.files import write_text
from serpentune.comparison import agreement
from serpentune.evaluation.results import EvaluationResult
from serpentune.game import Ending
from serpentune.report import _bands, _charts, _comparisons, _duels, _lengths, _models, _provenance, _summary, _tables
from serpentune.report._files import Content, report_files, write_document, write_tables
from serpentune.report._markdown import markdown
from serpentune.report._templates import page

_ENDING_ORDER = [ending.name for ending in Ending if ending != Ending.RUNNING]


def write_report(
    results: Sequence[EvaluationResult],
    path: Path,
    *,
    title: str,
    comparisons: Sequence[Mapping[str, Any]] = (),
    training: Mapping[str, Mapping[str, Any]] | None = None,
    dataset: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
    commands: Sequence[str] = (),
    formats: Sequence[str] | None = None,
) -> tuple[Path, ...]:
    """Write a report as one HTML file, as JSON, CSV or Markdown. The same arguments give the same bytes.

    The page opens from disk without a network: words, tables, charts and replays. Every interval
    comes from `serpentune.statistics`; every text of the arguments is escaped.

    Args:
        results: the models, in the order in which they are shown; names must differ.
        path: as of `report_files`; files that exist are replaced.
        title: the page's headline.
        comparisons: `ComparisonReport.to_json()` of each pair that was compared.
        training: by model name: `history` (entries with `step` and `loss` or `eval_loss`), `strategy`, `seconds`,
            `trainable_parameters`, `parameters`; what is missing is shown as not measured.
        dataset: counts, player by split (`{"BFS": {"train": 900, ...}, ...}`), alone or under names among other facts.
        notes: sentences for the summary, in the reader's language.
        commands: the commands that made all this, one a line.
        formats: as of `report_files`.

    Returns:
        The files that were written, in the order of `formats`.

    Raises:
        UserError: there are no results, two have one name, models that were compared played by different rules, there
            is no such format or the path's suffix is that of none, or a file can't be written.
    """
    files = report_files(path, formats)
    if not results:
        raise UserError("There is nothing to report: no evaluation results were given.")
    names = [result.name for result in results]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UserError(
            f"Two results are called {twice!r}, so their figures can't be told apart. Rename one (its manifest's name)."
        )
    alike = agreement([result for result in results if result.games]) if comparisons else None
    content = Content(results, title, comparisons, alike, training or {}, dataset or {}, notes, commands)
    context = _context(content)
    for name, places in files.items():
        if name == "html":
            shown = {**context, **_duels.describe(results)}
            write_text(places[0], page("report.html", title, _duels.SCRIPTS, shown))
        elif name == "json":
            write_document(content, *places)
        elif name == "csv":
            write_tables(content, *places)
        else:
            write_text(places[0], markdown(title, context))
    return tuple(place for places in files.values() for place in places)


def _context(content: Content) -> dict[str, Any]:
    """What the page's template shows but the replays, and Markdown but the charts."""
    models = _models.describe(content.results)
    colours = {model.name: model.colour for model in models}
    comparison = _comparisons.describe(content.comparisons, colours)
    return {
        "models": models,
        "summary": _summary.describe(models, comparison),
        "notes": content.notes,
        "commands": content.commands,
        "lengths": _lengths.describe(models),
        "comparison": comparison,
        "agreement_table": _comparisons.agreement_table(content.agreement, colours) if content.agreement else None,
        "agreement_note": _comparisons.AGREEMENT,
        "provenance": _provenance.provenance(content.results),
        **_figures(models),
        **_training(content.training, content.dataset, colours),
        "training_note": _unknown_training(content),
    }


def _figures(models: Sequence[_models.Model]) -> dict[str, Any]:
    played = [model for model in models if model.games]
    language, unmeasured = _models.language_table(models)
    endings = [kind for kind in _ENDING_ORDER if any(model.result.endings.get(kind) for model in played)]
    top = max((int(model.result.scores.max()) for model in played), default=0)
    profiles = [_bands.scores_reached(model.name, model.colour, model.result.scores, max(top, 1)) for model in played]
    rows = []
    for model in played:
        assert model.score is not None and model.score.estimate is not None
        interval = model.score.interval
        low, high = (None, None) if interval is None else (interval.low, interval.high)
        rows.append((model.name, model.colour, model.score.estimate, low, high))
    return {
        "play_table": _models.play_table(models),
        "language_table": language,
        "unmeasured": unmeasured,
        "forest": _charts.forest(rows, _models.LEVEL) if rows else None,
        "intervals": _models.intervals(played),
        "profiles": _bands.bands(profiles, "score", "games with at least this score") if profiles else None,
        "profiles_note": _bands.SCORES_REACHED,
        "profiles_table": _bands.bands_table(profiles, "Games with at least a score", "{} or more")
        if profiles
        else None,
        "histograms": _charts.histograms([(m.name, m.colour, m.result.scores) for m in played]) if played else None,
        "shares": _charts.shares([(model.name, model.result.endings) for model in played], endings),
        "endings": endings,
        "endings_table": _models.endings_table(played, endings),
    }


def _unknown_training(content: Content) -> str:
    """Of which students no training run is known; empty where each has one."""
    if not content.training:
        return "No training run is known of these models: none was given, and their results lead to no folder of one."
    unknown = [
        result.name
        for result in content.results
        if "training" in result.manifest and result.name not in content.training
    ]
    return f"No training run was found for: {', '.join(unknown)}." if unknown else ""


def _training(
    training: Mapping[str, Mapping[str, Any]], dataset: Mapping[str, Any], colours: Mapping[str, int]
) -> dict[str, Any]:
    tables, facts = _tables.dataset_tables(dataset)
    histories = [(name, colours.get(name, 0), entry.get("history", ())) for name, entry in training.items()]
    return {
        "training_table": _tables.training_table(training, colours) if training else None,
        "curves": _charts.curves(histories),
        "dataset_tables": tables,
        "dataset_facts": facts,
    }
