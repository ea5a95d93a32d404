"""Floor 9, comparison: which untuned base a student was made from, by what their manifests say."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from serpentune.comparison._loading import training_of
from serpentune.comparison._rows import Side
from serpentune.evaluation.contestants import comparable_training
from serpentune.evaluation.results import EvaluationResult
from serpentune.evaluation.students import UNTUNED


def own_bases(sides: Sequence[Side]) -> dict[str, Side]:
    """By name of each side that was made from an untuned base among them: that base."""
    bases = {_asked(side.students[0]): side for side in sides if side.name.startswith(UNTUNED)}
    found = {side.name: _base(side.students[0], bases) for side in sides if not side.name.startswith(UNTUNED)}
    return {name: bases[base] for name, base in found.items() if base is not None}


def _asked(result: EvaluationResult) -> tuple[str, bool]:
    """The model that played, and whether it was asked through its chat template."""
    return str(result.manifest.get("model")), result.manifest.get("chat") is True


def _base(student: EvaluationResult, bases: Collection[tuple[str, bool]]) -> tuple[str, bool] | None:
    """The one of the bases that a student's settings name; None where it isn't among them."""
    settings = training_of(student)
    if settings is None:
        return None
    told = comparable_training(settings)
    name, chat = str(told["base_model_name"]), told["chat"] is True
    path = Path(name).expanduser()
    exact = ((name, chat), (str(path.resolve()), chat))
    # A manifest has the whole path of a folder that the settings may name from where the training was started.
    end = tuple(part for part in path.parts if part != "..")
    below = (base for base in bases if base[1] == chat and Path(base[0]).is_absolute() and _ends(base[0], end))
    return next((base for base in exact if base in bases), None) or next(below, None)


def _ends(path: str, parts: tuple[str, ...]) -> bool:
    return Path(path).parts[-len(parts) :] == parts
