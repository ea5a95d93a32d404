"""Floor 8, evaluation: the students of a sweep, and what they were before, on the same games."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from serpentune.common.errors import UserError
from serpentune.common.paths import PathUtils
from serpentune.evaluation.contestants import Contestant, open_contestant
from serpentune.evaluation.evaluate import evaluate_contestant, measures_of
from serpentune.evaluation.results import EVALUATION, EvaluationResult
from serpentune.evaluation.settings import EvaluationSettings
from serpentune.models import short_name
from serpentune.training import AdvancedTrainingConfig, SweepResult

_LOG = logging.getLogger(__name__)

UNTUNED = "untuned"
"""What the base model is called beside its students."""


def evaluate_sweep(
    folder: str | Path,
    settings: EvaluationSettings,
    *,
    output_dir: str | Path | None = None,
    measures: str | Collection[str] = ("play", "language"),
    test_records: Sequence[Mapping[str, str]] = (),
    overwrite: bool = False,
    quiet: bool = False,
    engine: str = "local",
    address: str | None = None,
) -> dict[str, EvaluationResult]:
    """Let the untuned base and every finished student of a sweep play the same games.

    Args:
        folder: the sweep's folder.
        settings: how the games go.
        output_dir: where a results folder for each goes; None takes `evaluation/` in the sweep's folder.
        measures: as of `evaluate_contestant`.
        test_records: as of `evaluate_contestant`.
        overwrite: as of `evaluate_contestant`.
        quiet: as of `evaluate_contestant`.
        engine: as of `evaluate_contestant`.
        address: as of `evaluate_contestant`.

    Returns:
        The results by name, the untuned base's first.

    Raises:
        UserError: the folder holds no sweep or no finished student, or as of `evaluate_students`.
    """
    swept = SweepResult.load(folder)
    if not swept.runs:
        raise UserError(f"No run of the sweep in {folder} is finished. Go on with it: serpentune train … --resume.")
    students = {run.name: run.result.model_path for run in swept.runs}
    target = Path(output_dir) if output_dir is not None else swept.folder / EVALUATION
    return evaluate_students(
        students,
        [run.config for run in swept.runs],
        target,
        settings,
        measures=measures,
        test_records=test_records,
        overwrite=overwrite,
        quiet=quiet,
        engine=engine,
        address=address,
    )


def evaluate_students(
    students: Mapping[str, Path],
    configs: Sequence[AdvancedTrainingConfig],
    output_dir: Path,
    settings: EvaluationSettings,
    *,
    measures: str | Collection[str] = ("play", "language"),
    test_records: Sequence[Mapping[str, str]] = (),
    overwrite: bool = False,
    quiet: bool = False,
    engine: str = "local",
    address: str | None = None,
) -> dict[str, EvaluationResult]:
    """Let students and the bases that they were made from play the same games, one after another.

    Args:
        students: their folders by name.
        configs: what they were trained with, in the same order, which names their bases.
        output_dir: where a results folder for each goes.
        settings: how the games go.
        measures: as of `evaluate_contestant`.
        test_records: as of `evaluate_contestant`.
        overwrite: as of `evaluate_contestant`.
        quiet: as of `evaluate_contestant`.
        engine: as of `evaluate_contestant`.
        address: as of `evaluate_contestant`.

    Returns:
        The results by name, those of the untuned bases first. One base is called `untuned`; several have their own
        names behind that.

    Raises:
        UserError: as of `open_contestant` and `evaluate_contestant`.
    """
    results = {}
    measures = measures_of(measures)  # before the first model is loaded
    for name, load in _models(students, configs):
        contestant = load()
        results[name] = found = evaluate_contestant(
            contestant,
            output_dir / name,
            settings,
            measures=measures,
            test_records=test_records,
            overwrite=overwrite,
            quiet=quiet,
            engine=engine,
            address=address,
        )
        if found.games:
            _LOG.info(
                "%s: %.2f apples a game, %d wins of %d", name, found.scores.mean(), found.wins.sum(), len(found.games)
            )
        del contestant
        gc.collect()  # before the next one wants the memory
    return results


def _models(
    students: Mapping[str, Path], configs: Sequence[AdvancedTrainingConfig]
) -> Iterator[tuple[str, Callable[[], Contestant]]]:
    """Names, and what loads the model."""
    bases = dict.fromkeys((config.base_model_name, config.chat, config.trust_remote_code) for config in configs)
    for base, chat, trusted in bases:
        own = PathUtils.safe_name(f"{UNTUNED}-{short_name(base)}{'-chat' if chat else ''}")
        name = UNTUNED if len(bases) == 1 else own
        yield name, partial(open_contestant, base, name=name, chat=chat, trust_remote_code=trusted)
    for (name, folder), config in zip(students.items(), configs, strict=True):
        yield name, partial(open_contestant, folder, name=name, trust_remote_code=config.trust_remote_code)
