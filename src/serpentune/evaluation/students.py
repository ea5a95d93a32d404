"""Floor 8, evaluation: the students of a sweep, and what they were before, on the same games."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from serpentune.common.errors import UserError
from serpentune.common.paths import PathUtils
from serpentune.evaluation.contestants import Contestant, open_contestant
from serpentune.evaluation.evaluate import evaluate_contestant, measures_of
from serpentune.evaluation.naming import check_different, contestant_names
from serpentune.evaluation.results import EVALUATION, EvaluationResult
from serpentune.evaluation.settings import EvaluationSettings
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
        The results by name, those of the untuned bases first, which are called as by `untuned_names`.

    Raises:
        UserError: as of `untuned_names`, `open_contestant` and `evaluate_contestant`.
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


def untuned_names(configs: Iterable[AdvancedTrainingConfig]) -> dict[tuple[str, bool], str]:
    """What the bases of some training runs are called beside their students; no weights are loaded.

    Args:
        configs: what the students are trained with.

    Returns:
        By a base and whether it is asked through its chat template, in their order: `untuned` for one alone; several
        have their own names behind that, as of `contestant_names`.

    Raises:
        UserError: there is no such base, or two would share a results folder.
    """
    bases = list(dict.fromkeys((config.base_model_name, config.chat) for config in configs))
    if len(bases) == 1:
        return {bases[0]: UNTUNED}
    different = list(dict.fromkeys(base for base, _ in bases))
    short = dict(zip(different, contestant_names(different), strict=True))
    names = [PathUtils.safe_name(f"{UNTUNED}-{short[base]}{'-chat' if chat else ''}") for base, chat in bases]
    check_different(names)
    return dict(zip(bases, names, strict=True))


def _models(
    students: Mapping[str, Path], configs: Sequence[AdvancedTrainingConfig]
) -> Iterator[tuple[str, Callable[[], Contestant]]]:
    """Names, and what loads the model."""
    trusted = {(config.base_model_name, config.chat) for config in configs if config.trust_remote_code}
    for (base, chat), name in untuned_names(configs).items():
        trust = (base, chat) in trusted
        yield name, partial(open_contestant, base, name=name, chat=chat, trust_remote_code=trust)
    for (name, folder), config in zip(students.items(), configs, strict=True):
        yield name, partial(open_contestant, folder, name=name, trust_remote_code=config.trust_remote_code)
