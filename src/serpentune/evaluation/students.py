"""Floor 8, evaluation: the students of a sweep, and what they were before, on the same games."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from serpentune.common.errors import UserError
from serpentune.common.paths import PathUtils
from serpentune.evaluation.evaluate import evaluate_model
from serpentune.evaluation.results import EVALUATION, EvaluationResult
from serpentune.evaluation.settings import EvaluationSettings
from serpentune.models import LoadedModel, load_base, load_student, short_name
from serpentune.training import AdvancedTrainingConfig, SweepResult

_LOG = logging.getLogger(__name__)

UNTUNED = "untuned"
"""What the base model is called beside its students."""


def evaluate_sweep(
    folder: str | Path,
    settings: EvaluationSettings,
    *,
    output_dir: str | Path | None = None,
    test_records: Sequence[Mapping[str, str]] = (),
    overwrite: bool = False,
    quiet: bool = False,
) -> dict[str, EvaluationResult]:
    """Let the untuned base and every finished student of a sweep play the same games.

    Args:
        folder: the sweep's folder.
        settings: how the games go.
        output_dir: where a results folder for each goes; None takes `evaluation/` in the sweep's folder.
        test_records: as of `evaluate_model`.
        overwrite: as of `evaluate_model`.
        quiet: as of `evaluate_model`.

    Returns:
        The results by name, the untuned base's first.

    Raises:
        UserError: the folder holds no sweep or no finished student, or as of `evaluate_model`.
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
        test_records=test_records,
        overwrite=overwrite,
        quiet=quiet,
    )


def evaluate_students(
    students: Mapping[str, Path],
    configs: Sequence[AdvancedTrainingConfig],
    output_dir: Path,
    settings: EvaluationSettings,
    *,
    test_records: Sequence[Mapping[str, str]] = (),
    overwrite: bool = False,
    quiet: bool = False,
) -> dict[str, EvaluationResult]:
    """Let students and the bases that they were made from play the same games, one after another.

    Args:
        students: their folders by name.
        configs: what they were trained with, in the same order, which names their bases.
        output_dir: where a results folder for each goes.
        settings: how the games go.
        test_records: as of `evaluate_model`.
        overwrite: as of `evaluate_model`.
        quiet: as of `evaluate_model`.

    Returns:
        The results by name, those of the untuned bases first. One base is called `untuned`; several have their own
        names behind that.

    Raises:
        UserError: as of `evaluate_model`.
    """
    results = {}
    for name, load in _models(students, configs):
        loaded = load()
        results[name] = evaluate_model(
            loaded,
            output_dir / name,
            settings,
            name=name,
            test_records=test_records,
            overwrite=overwrite,
            quiet=quiet,
        )
        found = results[name]
        _LOG.info(
            "%s: %.2f apples a game, %d wins of %d", name, found.scores.mean(), found.wins.sum(), len(found.games)
        )
        del loaded
        gc.collect()  # before the next one wants the memory
    return results


def _models(
    students: Mapping[str, Path], configs: Sequence[AdvancedTrainingConfig]
) -> Iterator[tuple[str, Callable[[], LoadedModel]]]:
    """Names, and what loads the model."""
    bases = dict.fromkeys((config.base_model_name, config.chat, config.trust_remote_code) for config in configs)
    for base, chat, trusted in bases:
        own = PathUtils.safe_name(f"{UNTUNED}-{short_name(base)}{'-chat' if chat else ''}")
        name = UNTUNED if len(bases) == 1 else own
        yield name, partial(load_base, base, chat=chat, trust_remote_code=trusted)
    for (name, folder), config in zip(students.items(), configs, strict=True):
        yield name, partial(load_student, folder, trust_remote_code=config.trust_remote_code)
