"""Floor 9, comparison: students of one method side by side, one for each training seed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from serpentune.evaluation.results import EvaluationResult


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
    groups: dict[str, list[tuple[int, EvaluationResult]]] = {}
    for result in results:
        settings = result.manifest.get("training")
        if isinstance(settings, dict) and isinstance(settings.get("seed"), int):
            method = json.dumps({**settings, "seed": None}, sort_keys=True)
            groups.setdefault(method, []).append((settings["seed"], result))
    return [_method(sorted(group, key=lambda item: item[0])) for group in groups.values()]


def _method(group: Sequence[tuple[int, EvaluationResult]]) -> Method:
    results = [result for _, result in group]
    return Method(
        _common_name(results[0].name, results[0].manifest["training"]),
        tuple(result.name for result in results),
        tuple(seed for seed, _ in group),
        Spread.of([float(result.scores.mean()) for result in results]),
        Spread.of([float(result.wins.mean()) for result in results]),
    )


def _common_name(name: str, settings: dict[str, Any]) -> str:
    """A student's name without its seed (`strategy=lora,seed=0`), or its strategy where nothing else is in it."""
    return re.sub(r"(^|,)seed=\d+", "", name).strip(",") or str(settings.get("training_strategy", name))
