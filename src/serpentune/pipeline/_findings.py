"""Floor 11, pipeline: what an experiment says of what it found: a report for people, a summary for machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serpentune import __version__
from serpentune.common.paths import PathUtils
from serpentune.models import short_name
from serpentune.pipeline._figures import data_figures, training_figures
from serpentune.pipeline._folder import REPORT
from serpentune.pipeline._improving import ImprovedStudent
from serpentune.training import Cell, TrainingResult

if TYPE_CHECKING:
    from serpentune.comparison import ComparisonReport
    from serpentune.evaluation import EvaluationResult

_OF_ROUND = (
    "round", "games", "wins", "win_rate", "win_rate_low", "win_rate_high", "score_mean", "steps_per_win",
    "fatal_per_1000_moves", "accuracy", "games_played", "records", "seconds",
)  # fmt: skip
"""What a summary says of a round, of what `improve.json` says."""


def write_experiment_report(
    folder: Path,
    manifest: Mapping[str, Any],
    cells: Sequence[Cell],
    students: Mapping[str, TrainingResult],
    improved: Mapping[str, ImprovedStudent],
    results: Sequence[EvaluationResult],
    comparisons: Mapping[str, ComparisonReport],
    command: str,
) -> Path:
    """Write the report of the experiment in `folder`, as HTML and in every other form; returns the page."""
    from serpentune.comparison import by_method
    from serpentune.report import FORMATS, write_report

    strategies = {cell.name: cell.config.training_strategy for cell in cells}
    strategies |= {name: strategies[student.origin] for name, student in improved.items()}
    bases = dict.fromkeys(short_name(cell.config.base_model_name) for cell in cells)
    page, *_ = write_report(
        results,
        folder / REPORT,
        title=f"{' and '.join(bases)} learns Snake from {', '.join(manifest['teachers'])}",
        comparisons=[comparison.to_json() for comparison in comparisons.values()],
        training={
            name: {
                "history": trained.history,
                "strategy": strategies[name],
                "seconds": trained.whole_seconds,
                "trainable_parameters": trained.trainable_parameters,
                "parameters": trained.parameters,
            }
            for name, trained in all_trained(students, improved).items()
        },
        dataset={name: teacher["records"] for name, teacher in manifest["teachers"].items()},
        notes=[
            *(method.sentence for method in by_method(results) if len(method.seeds) > 1),
            *(_sentence(name, student) for name, student in improved.items()),
            f"In all games the prompt asks to play like {results[0].manifest['teacher']}.",
        ],
        commands=[command],
        formats=FORMATS,
    )
    return page


def experiment_summary(
    folder: Path,
    manifest: Mapping[str, Any],
    cells: Sequence[Cell],
    students: Mapping[str, TrainingResult],
    improved: Mapping[str, ImprovedStudent],
    results: Sequence[EvaluationResult],
    comparisons: Mapping[str, ComparisonReport],
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """What `results_summary.json` says of the experiment in `folder`."""
    from serpentune.comparison import by_method
    from serpentune.evaluation import figures

    return {
        "experiment": folder.name,
        "serpentune": __version__,
        "dataset": data_figures(manifest),
        "students": {
            cell.name: {
                "base_model": cell.config.base_model_name,
                "strategy": cell.config.training_strategy,
                "seed": cell.config.seed,
                "settings": cell.settings,
                **training_figures(students[cell.name], cell.config),
                "model": PathUtils.relative(students[cell.name].model_path, folder),
            }
            for cell in cells
        },
        "improved": {
            name: {
                "origin": student.origin,
                "teacher": student.rounds.config.teacher,
                **training_figures(student.trained, student.rounds.config.training),
                "model": PathUtils.relative(student.trained.model_path, folder),
                "rounds": [{key: row[key] for key in _OF_ROUND if key in row} for row in student.rounds.rounds],
            }
            for name, student in improved.items()
        },
        "evaluation": {result.name: figures(result) for result in results},
        "methods": [asdict(method) for method in by_method(results)],
        "comparisons": {name: comparison.to_json() for name, comparison in comparisons.items()},
        "report": REPORT if results else None,
        "seconds": dict(seconds),
    }


def all_trained(
    students: Mapping[str, TrainingResult], improved: Mapping[str, ImprovedStudent]
) -> dict[str, TrainingResult]:
    """What training gave, by name of a student or of an improved one."""
    return {**students, **{name: student.trained for name, student in improved.items()}}


def _sentence(name: str, student: ImprovedStudent) -> str:
    config, rows = student.rounds.config, student.rounds.rounds
    won = ", ".join(str(row["wins"]) for row in rows)
    return (
        f"{name} is {student.origin} after {config.rounds} rounds in which it played {config.games} games each and "
        f"{config.teacher} corrected it. Of {rows[0]['games']} other games it won before them and after each: {won}."
    )
