"""Floor 10, report: the training runs that results lead to, found on the disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from serpentune.common.files import read_object
from serpentune.evaluation.results import EVALUATION, EvaluationResult
from serpentune.report._format import finite


def known_training(results: Sequence[tuple[Path, EvaluationResult]]) -> dict[str, dict[str, Any]]:
    """What `write_report` takes as `training`, for the students whose training run is still there.

    A manifest names the student's folder, and the run lies around it. Where a whole sweep, experiment or ablation was
    moved, it is looked for at the same place beside the results. A run with other settings or other data than the
    manifest's is another one and is left out.

    Args:
        results: evaluations with their folders.

    Raises:
        UserError: a run is there and its settings match, but its history or its student's card is damaged.
    """
    from serpentune.models import STUDENT
    from serpentune.training import HISTORY, read_history

    found = {}
    for folder, result in results:
        run = run_of(folder, result.manifest)
        if run is None or not (run.parent / HISTORY).is_file():
            continue
        card = read_object(run / STUDENT) if (run / STUDENT).is_file() else {}
        history = read_history(run.parent / HISTORY)
        found[result.name] = {
            "history": history,
            "strategy": result.manifest["training"].get("training_strategy"),
            "trainable_parameters": finite(card.get("trainable_parameters")),
            "parameters": finite(card.get("parameters")),
        }
    return found


def run_of(folder: Path, manifest: Mapping[str, Any]) -> Path | None:
    """The student's folder, in that of the run that trained it; None where it can't be found."""
    from serpentune.evaluation.contestants import comparable_training, training_settings
    from serpentune.training import RUN

    model, settings = manifest.get("model"), manifest.get("training")
    if not isinstance(model, str) or not isinstance(settings, dict):
        return None
    wanted = comparable_training(settings)
    return next(
        (
            student
            for student in _places(folder, Path(model))
            if (student.parent / RUN).is_file() and comparable_training(training_settings(student.parent)) == wanted
        ),
        None,
    )


def _places(folder: Path, model: Path) -> Iterator[Path]:
    yield model
    below = next((place for place in folder.resolve().parents if place.name == EVALUATION), None)
    if below is not None:
        # improved/seed=0/models/round-02/final_model, models/style=move/seed=0/final_model of an ablation,
        # models/seed=0/final_model, seed=0/final_model of a sweep
        for parts in (5, 4, 3, 2):
            yield below.parent.joinpath(*model.parts[-parts:])
