"""Floor 9, comparison: what earlier results say of a comparison that is still to be made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from serpentune.common.errors import UserError
from serpentune.comparison._methods import common_name, students_of_methods
from serpentune.comparison._pairing import pair
from serpentune.evaluation.results import EvaluationResult
from serpentune.game import Ending, GameRecord
from serpentune.statistics import pairing_correlation

Values = NDArray[np.float64]

DOWNWARD = ("steps_to_win",)
"""Metrics of which less is better: the difference to detect is taken off the baseline."""


@dataclass(frozen=True)
class Earlier:
    """What earlier results say.

    Attributes:
        values: `(n,)` of the games of the first model, or of the first method's students.
        others: likewise of the second one; of the first where there is no second one.
        deviation: of a game within each student of the first; None where a single game is known.
        correlation: of the values of common games, the mean over pairs of students; None where there are no pairs, or
            a side is constant in each.
        uncorrelated: why there is none for the pairs that there are, as a clause; empty elsewhere.
        bounds: least and greatest value of a game; None where nothing is known.
        seed_deviation: None unless the results hold students of one method with several training seeds.
        names: of the models, or the methods, that all this is of.
        of_seeds: those of the names that `seed_deviation` is of; empty where it is None.
    """

    values: Values
    others: Values
    deviation: float | None
    correlation: float | None
    uncorrelated: str
    bounds: tuple[float, float] | None
    seed_deviation: float | None
    names: tuple[str, ...]
    of_seeds: tuple[str, ...]


def measured(metric: str, results: Sequence[EvaluationResult]) -> Earlier:
    """What the results say of a metric."""
    groups = _groups(results)
    values = [[_values(metric, [game.record for game in each.games]) for each in group] for group in groups]
    for group, own in zip(groups, values, strict=True):
        if not sum(map(len, own)):
            raise UserError(f"{_named(group)} won no game, so nothing is known of its steps to win.")
    first, others = np.concatenate(values[0]), np.concatenate(values[-1])
    squares = sum(float(((own - own.mean()) ** 2).sum()) for own in values[0] if len(own))
    freedom = sum(len(own) - 1 for own in values[0] if len(own))
    pairs = list(product(*groups)) if len(groups) > 1 else list(combinations(groups[0], 2))
    correlated = [_correlated(metric, a, b) for a, b in pairs]
    found = [each for each in correlated if isinstance(each, float)]
    record = results[0].games[0].record
    between = _between_seeds([own for own in values if len(own) > 1])
    several = tuple(_named(group) for group in groups if len(group) > 1)
    return Earlier(
        values=first,
        others=others,
        deviation=float(np.sqrt(squares / freedom)) if freedom else None,
        correlation=float(np.mean(found)) if found else None,
        uncorrelated=next((each for each in correlated if isinstance(each, str)), "") if not found else "",
        bounds={"win_rate": (0.0, 1.0), "score": (0.0, record.width * record.height - 1.0)}.get(metric),
        seed_deviation=between,
        names=tuple(map(_named, groups)),
        of_seeds=() if between is None else several,
    )


def _groups(results: Sequence[EvaluationResult]) -> list[list[EvaluationResult]]:
    """The results as one group or two, of students of one method each, or of one model.

    Raises:
        UserError: they are of more.
    """
    methods = students_of_methods(results)
    trained = sum(map(len, methods))
    if trained == len(results) and (len(methods) == 1 or len(results) > len(methods) == 2):
        return methods
    if len(results) <= 2:
        return [[result] for result in results]
    known = {id(student) for students in methods for student in students}
    names = [_named(group) for group in ([[each] for each in results if id(each) not in known] + methods)]
    raise UserError(
        f"These are {len(results)} results, of {', '.join(names)}. Give those that the plan is to be measured on: one, "
        "two, or the students of one method or two."
    )


def _named(group: Sequence[EvaluationResult]) -> str:
    return group[0].name if len(group) == 1 else f"{common_name(group[0])} ({len(group)} students)"


def _correlated(metric: str, a: EvaluationResult, b: EvaluationResult) -> float | str:
    """How far the values of common games go together, or why that can't be measured."""
    common = pair(a, b)
    won = [
        (x, y)
        for x, y in zip(common.a, common.b, strict=True)
        if metric not in DOWNWARD or x.ending == y.ending == Ending.WIN
    ]
    if not won:
        raise UserError(f"{a.name} and {b.name} won no game in common.")
    values = [_values(metric, games) for games in zip(*won, strict=True)]
    found = pairing_correlation(*values).estimate
    if found is not None:
        return found
    if len(won) == 1:
        return f"{a.name} and {b.name} have one game in common"
    constant = [result.name for result, own in zip((a, b), values, strict=True) if np.ptp(own) == 0]
    return f"every common game has the same value for {' and for '.join(constant)}"


def _values(metric: str, games: Sequence[GameRecord]) -> Values:
    if metric == "win_rate":
        return np.array([game.ending == Ending.WIN for game in games], np.float64)
    if metric == "score":
        return np.array([game.score for game in games], np.float64)
    return np.array([game.steps for game in games if game.ending == Ending.WIN], np.float64)


def _between_seeds(methods: Sequence[Sequence[Values]]) -> float | None:
    """The standard deviation of students' means within a method, pooled over the methods of several students."""
    groups = [np.array([values.mean() for values in students if len(values)]) for students in methods]
    squares = sum(float(((group - group.mean()) ** 2).sum()) for group in groups if len(group) > 1)
    freedom = sum(len(group) - 1 for group in groups if len(group) > 1)
    return float(np.sqrt(squares / freedom)) if freedom and squares else None
