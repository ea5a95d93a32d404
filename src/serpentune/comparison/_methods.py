"""Floor 9, comparison: students of one method side by side, one for each training seed, and methods head to head."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import Any

from serpentune.common.errors import UserError
from serpentune.comparison._loading import (
    Results,
    check_levels,
    check_names,
    load_all,
    side_of,
    told_apart,
    training_of,
)
from serpentune.comparison._rows import Side
from serpentune.evaluation.contestants import comparable_training
from serpentune.evaluation.results import EvaluationResult
from serpentune.statistics import FEWEST_SEEDS


@dataclass(frozen=True)
class Spread:
    """Mean and range of one figure over the students of a method: a description, no inference."""

    mean: float
    least: float
    greatest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of one value or more."""
        return cls(sum(values) / len(values), min(values), max(values))


@dataclass(frozen=True)
class Method:
    """Students whose training settings differ in nothing but the seed.

    Attributes:
        name: what the students' names have in common.
        students: their names, in the order of `seeds`.
        seeds: of training, ascending.
        score: apples a game, over the students' means.
        win_rate: share of games that filled the board, over the students.
    """

    name: str
    students: tuple[str, ...]
    seeds: tuple[int, ...]
    score: Spread
    win_rate: Spread

    @property
    def sentence(self) -> str:
        """The method in plain words."""
        seeds = "training seed" if len(self.seeds) == 1 else "training seeds"
        return (
            f"{self.name}, {seeds} {', '.join(map(str, self.seeds))}: {self.score.mean:.2f} apples a game "
            f"({self.score.least:.2f} to {self.score.greatest:.2f}), {self.win_rate.mean:.1%} of the boards filled "
            f"({self.win_rate.least:.1%} to {self.win_rate.greatest:.1%})."
        )


def by_method(results: Iterable[EvaluationResult]) -> list[Method]:
    """The results grouped by the settings of training, the seed left out, in the order of their first students.

    Results whose manifest knows of no training, such as an untuned model's, are left out.
    """
    return [_method(students) for students in students_of_methods(results)]


def method_sides(given: Sequence[Results]) -> list[Side]:
    """Results as methods, by the settings of training in their manifests, behind what was never trained here.

    A result whose manifest knows of no training, such as an untuned model's or a teacher's, is a checkpoint that
    methods may be measured against.

    Raises:
        UserError: no method has several training seeds, one has a single one beside others of several, two models
            that were never trained here have one name, or as of `side_of`.
    """
    results = load_all(given)
    fixed = [Side(result.name, (result,)) for result in results if training_of(result) is None]
    methods: list[Side] = []
    for students in students_of_methods(results):
        methods.append(side_of(_free_name(students[0], {side.name for side in (*fixed, *methods)}), students))
    if not any(side.is_method for side in methods):
        raise UserError(
            "None of these results is of a method with several training seeds, so nothing can be said of methods. "
            "Train with --sweep seed=0,1,2,3,4, or compare the checkpoints without --by method."
        )
    check_levels(methods)
    check_names([*fixed, *methods])
    return [*fixed, *methods]


def checkpoint_sides(given: Sequence[Results]) -> list[Side]:
    """Results as checkpoints, each by itself; those of one method know of each other.

    Raises:
        UserError: a folder is given twice, or two results of several have one name.
    """
    results = load_all(given)
    if len(results) == 2:
        results = told_apart(*results)
    check_names(results)
    notes: dict[str, tuple[str]] = {}
    for students in students_of_methods(results):
        number = _models(students)
        for student in students if number > 1 else ():
            notes[student.name] = (
                f"{student.name} is one of {number} students that were trained alike but for the seed; what holds "
                "for new seeds too is asked by method (--by method).",
            )
    return [Side(result.name, (result,), notes=notes.get(result.name, ())) for result in results]


def fitting_level(results: Iterable[EvaluationResult]) -> str:
    """The level that the results allow: "method" where each has training seeds enough to be told from another.

    Else "checkpoint".
    """
    seeds = [_models(students) for students in students_of_methods(results)]
    return "method" if seeds and min(seeds) >= FEWEST_SEEDS else "checkpoint"


def students_of_methods(results: Iterable[EvaluationResult]) -> list[list[EvaluationResult]]:
    """Students by the settings of their training, the seed left out, by ascending seed."""
    groups: dict[str, list[tuple[int, EvaluationResult]]] = {}
    for result in results:
        settings = training_of(result)
        if settings is not None:
            method = json.dumps({**comparable_training(settings), "seed": None}, sort_keys=True)
            groups.setdefault(method, []).append((settings["seed"], result))
    return [[result for _, result in sorted(group, key=lambda item: item[0])] for group in groups.values()]


def _models(students: Sequence[EvaluationResult]) -> int:
    """How many models there are among students, one of which may have been asked in several ways."""
    return len({student.manifest.get("model_sha256", student.name) for student in students})


def _method(students: Sequence[EvaluationResult]) -> Method:
    return Method(
        common_name(students[0]),
        tuple(result.name for result in students),
        tuple(_settings(result)["seed"] for result in students),
        Spread.of([float(result.scores.mean()) for result in students]),
        Spread.of([float(result.wins.mean()) for result in students]),
    )


def _settings(result: EvaluationResult) -> Mapping[str, Any]:
    settings = training_of(result)
    assert settings is not None
    return settings


def _free_name(student: EvaluationResult, taken: Collection[str]) -> str:
    """A method's name; methods of several sweeps may have students of the same names, so they are numbered."""
    name = common_name(student)
    alike = f"{name} ({student.name} and its like"
    numbered = (f"{alike}, {number})" for number in count(2))
    return next(each for each in chain([name, f"{alike})"], numbered) if each not in taken)


def common_name(student: EvaluationResult) -> str:
    """A student's name without its seed (`strategy=lora,seed=0`), behind its strategy where nothing else was in it."""
    without = re.sub(r"(^|,)seed=\d+", "", student.name).strip(",")
    if without and not without.startswith("-"):  # "-improved", of `seed=0-improved`
        return without
    return f"{_settings(student).get('training_strategy', student.name)}{without}"
