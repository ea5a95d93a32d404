"""Floor 9, comparison: evaluations from wherever they come, as checkpoints or as the students of methods."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from serpentune.common.errors import UserError
from serpentune.comparison._rows import Side
from serpentune.evaluation.contestants import comparable_training
from serpentune.evaluation.results import EvaluationResult

Results = EvaluationResult | str | Path
"""An evaluation, or the folder that holds it."""


def load_all(given: Iterable[Results]) -> list[EvaluationResult]:
    """The evaluations, in their order.

    Raises:
        UserError: a folder is given twice or can't be read.
    """
    results, seen = [], set[Path]()
    for each in given:
        if isinstance(each, EvaluationResult):
            results.append(each)
            continue
        folder = Path(each).expanduser()
        if folder.resolve() in seen:
            raise UserError(f"{each} is given twice. A model compared with itself shows nothing; name another folder.")
        seen.add(folder.resolve())
        results.append(EvaluationResult.load(folder))
    return results


def told_apart(a: EvaluationResult, b: EvaluationResult) -> list[EvaluationResult]:
    """Two evaluations; where they have one name it is made two, or no sentence could be read."""
    if a.name != b.name:
        return [a, b]
    return [replace(a, name=f"{a.name} (first)"), replace(b, name=f"{b.name} (second)")]


def check_names(results: Sequence[EvaluationResult] | Sequence[Side]) -> None:
    """Refuse two models, or two sides, of one name among several.

    Raises:
        UserError: there are two.
    """
    twice = [name for name, count in Counter(result.name for result in results).items() if count > 1]
    if twice:
        raise UserError(f"Two results are named {twice[0]!r}. Evaluate one of them under another name.")


def training_of(result: EvaluationResult) -> dict[str, Any] | None:
    """The settings of a student's training, its seed among them; None where the manifest knows of none."""
    settings = result.manifest.get("training")
    known = isinstance(settings, dict) and isinstance(settings.get("seed"), int)
    return settings if known else None


def sides_of(given: Mapping[str, Results | Sequence[Results]]) -> list[Side]:
    """What is compared, by name: a checkpoint for one result, a method for the results of several training seeds.

    Raises:
        UserError: a name without results, a folder given twice, students of a method that differ in more than their
            training seed, or a method of several seeds beside one of one seed.
    """
    lists = {
        name: [each] if isinstance(each, EvaluationResult | str | Path) else list(each) for name, each in given.items()
    }
    loaded = iter(load_all(result for results in lists.values() for result in results))
    sides = []
    for name, results in lists.items():
        if not results:
            raise UserError(f"{name} has no results. Give an evaluation of it, or one for each training seed.")
        sides.append(side_of(name, [next(loaded) for _ in results]))
    check_levels(sides)
    return sides


def side_of(name: str, students: Sequence[EvaluationResult]) -> Side:
    """A checkpoint, or a method with its students.

    Raises:
        UserError: the students differ in more than their training seed, or two of them are the same.
    """
    if len(students) == 1:
        return Side(name, (replace(students[0], name=name),))
    check_names(students)
    hashes = [result.manifest.get("model_sha256") for result in students]
    twice = next((one for one in hashes if one is not None and hashes.count(one) > 1), None)
    if twice is not None:
        alike = [student.name for student, own in zip(students, hashes, strict=True) if own == twice]
        raise UserError(
            f"{name}: {' and '.join(alike)} are one and the same model by their files' hashes, not students of two "
            "training seeds. Name each student once."
        )
    trained = {
        student.name: comparable_training(settings)
        for student in students
        if (settings := training_of(student)) is not None
    }
    _check_training(name, trained)
    seeds = tuple(trained[student.name]["seed"] if student.name in trained else None for student in students)
    unknown = [student.name for student in students if student.name not in trained]
    if not unknown:
        return Side(name, tuple(students), seeds)
    note = (
        f"The results of {name} are taken for students of one method, as they were given: the manifest of "
        f"{', '.join(unknown)} doesn't say how it was trained or with which seed."
    )
    return Side(name, tuple(students), seeds, (note,))


def _check_training(name: str, trained: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse students of one method, by name the settings that are known of them, that can't be its seeds.

    Raises:
        UserError: two of them differ in another setting than the seed, or have the same seed.
    """
    first: Mapping[str, Any] = next(iter(trained.values()), {})
    keys = [key for key in dict.fromkeys(key for each in trained.values() for key in each) if key != "seed"]
    differing = [key for key in keys if any(each.get(key) != first.get(key) for each in trained.values())]
    if differing:
        raise UserError(
            f"{name}: {next(iter(trained))} and its like were trained with different {', '.join(differing)}, so they "
            "are no seeds of one method. Compare them as methods of their own."
        )
    seeds = [each["seed"] for each in trained.values()]
    if len(set(seeds)) < len(seeds):
        raise UserError(f"{name}: two students were trained with the same seed ({', '.join(map(str, seeds))}).")


def check_levels(sides: Sequence[Side]) -> None:
    """Refuse to blur claims about methods and about checkpoints.

    Raises:
        UserError: a side is a method of several training seeds, another one a student of a single seed.
    """
    method = next((side for side in sides if side.is_method), None)
    single = next((side for side in sides if not side.is_method and training_of(side.students[0]) is not None), None)
    if method is not None and single is not None:
        raise UserError(
            f"{method.name} is a method with {len(method.students)} training seeds, {single.name} is one student of "
            "one seed, and one run says nothing about its method. Train it with more seeds, leave it out, or compare "
            "the checkpoints one by one."
        )
