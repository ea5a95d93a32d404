"""Floor 9, comparison: the figures of one metric for two sides, before the family's correction is known.

A side is one checkpoint, or the students of one method, one for each training seed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite

import numpy as np

from serpentune.common.errors import UserError
from serpentune.comparison._levels import method_difference, method_sameness
from serpentune.comparison._metrics import METRICS, GameMetric, LanguageMetric
from serpentune.comparison._pairing import Pairs
from serpentune.comparison._samples import Sample, figures_apart, sample
from serpentune.evaluation.results import EvaluationResult
from serpentune.statistics import (
    FEWEST_SEEDS,
    Finding,
    cohens_dz,
    equivalence,
    mcnemar_exact,
    paired_mean_interval,
    paired_permutation,
    pairing_correlation,
    parts_difference,
)

FEWEST_UNEQUAL = 10
"""Units whose counts differ, from which on a ratio of sums is said to be the same."""


@dataclass(frozen=True)
class Side:
    """What is compared with another one.

    Attributes:
        name: in tables and sentences.
        students: one for a checkpoint, one a training seed for a method.
        seeds: training seeds of a method's students, in their order, None where one isn't known; empty for a
            checkpoint.
        notes: what a reader should know of it, in sentences.
    """

    name: str
    students: tuple[EvaluationResult, ...]
    seeds: tuple[int | None, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_method(self) -> bool:
        """Whether it stands for a method: it has several students."""
        return len(self.students) > 1


@dataclass(frozen=True)
class Measured:
    """A metric with a test or an interval.

    Attributes:
        metric: which one.
        found: the difference, b minus a, with interval and p-value.
        mean_a: the figure of a, for a method the mean over its students.
        mean_b: likewise.
        n: units that count for all students.
        unit: what they are, as of `Sample`.
        units: likewise; with the training seeds of methods.
        alike: whether both sides have the same counts everywhere.
        few_seeds: a method has too few training seeds for a test.
        d_z: of the pairs; None for methods.
        correlation: of the pairs; None for methods.
        margin: from which on a difference matters; None where none was given.
        same: the test of "they differ by the margin or more".
        notes: why a figure is missing, as clauses.
    """

    metric: GameMetric | LanguageMetric
    found: Finding
    mean_a: float
    mean_b: float
    n: int
    unit: str
    units: str
    alike: bool
    few_seeds: bool = False
    d_z: float | None = None
    correlation: float | None = None
    margin: float | None = None
    same: Finding | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Untested:
    """A metric without a test.

    Attributes:
        metric: which one.
        reason: why there is no test; where the figures are not `comparable`, why they aren't.
        mean_a: the figure of a; None where there is none.
        mean_b: likewise.
        comparable: whether the one figure says something against the other one.
    """

    metric: GameMetric | LanguageMetric
    reason: str
    mean_a: float | None = None
    mean_b: float | None = None
    comparable: bool = False

    @property
    def difference(self) -> float | None:
        """Of the figures, where there are both and they can be compared."""
        if not self.comparable or self.mean_a is None or self.mean_b is None:
            return None
        return self.mean_b - self.mean_a


def measure(
    metric: GameMetric | LanguageMetric,
    a: Side,
    b: Side,
    pairs: Pairs,
    *,
    level: float,
    seed: int,
    resamples: int,
    margin: float | None = None,
) -> Measured | Untested:
    """The row's figures.

    Raises:
        UserError: a figure of `language.json` is no number, or steps to win are asked of methods.
    """
    students = (*a.students, *b.students)
    methods = a.is_method or b.is_method
    if methods and isinstance(metric, GameMetric) and metric.both_won:
        raise UserError(f"{metric.name} is of games that two checkpoints both won; of methods, compare steps or win.")
    if isinstance(metric, LanguageMetric) and metric.untested:
        return as_in_the_files(metric, a, b, metric.untested)
    found = sample(metric, students, pairs.seeds)
    if isinstance(found, str):
        if isinstance(metric, GameMetric):
            return Untested(metric, found)
        return Untested(metric, found, language_figure(a, metric), language_figure(b, metric))
    figures = found.figures
    mean_a, mean_b = float(figures[: len(a.students)].mean()), float(figures[len(a.students) :].mean())
    if metric.untested:
        return Untested(metric, metric.untested, mean_a, mean_b, comparable=True)
    # A generator of its own, so that a row doesn't depend on which other rows were asked for.
    rng = np.random.default_rng([seed, list(METRICS).index(metric.name)])
    if methods:
        return _methods(metric, found, a, b, level, margin)
    # The parts of a ratio have no bounds, though their mean has.
    bounds = None if found.is_ratio else _bounds(metric, a.students[0])
    return _pair(metric, found, mean_a, mean_b, bounds, rng, level, resamples, margin)


def _methods(
    metric: GameMetric | LanguageMetric, found: Sample, a: Side, b: Side, level: float, margin: float | None
) -> Measured:
    values_a, values_b = np.split(found.values, [len(a.students)])
    bounds = _bounds(metric, a.students[0])
    difference = method_difference(values_a, values_b, level=level, bounds=bounds)
    same = None if margin is None else method_sameness(values_a, values_b, margin, level=level, bounds=bounds)
    if metric.higher_is_better is None:
        difference = replace(difference, p_value=None)
    return Measured(
        metric,
        difference,
        float(values_a.mean()),
        float(values_b.mean()),
        n=found.above.shape[1],
        unit=found.unit,
        units=f"{_seeds(a, b)}, {found.units} of each student",
        alike=found.unequal == 0,
        few_seeds=any(side.is_method and len(side.students) < FEWEST_SEEDS for side in (a, b)),
        margin=margin,
        same=same,
        notes=(*found.notes, *([difference.reason] if difference.reason else ())),
    )


def _seeds(a: Side, b: Side) -> str:
    """How many training seeds the methods among the two have, in words."""
    if len(a.students) == len(b.students):
        return f"{len(a.students)} training seeds of each"
    first, *second = (side for side in (b, a) if side.is_method)
    counted = f"{len(first.students)} training seeds of {first.name}"
    return counted + "".join(f" and {len(side.students)} of {side.name}" for side in second)


def _pair(
    metric: GameMetric | LanguageMetric,
    found: Sample,
    mean_a: float,
    mean_b: float,
    bounds: tuple[float, float] | None,
    rng: np.random.Generator,
    level: float,
    resamples: int,
    margin: float | None,
) -> Measured:
    a, b = found.values
    effect, correlation = cohens_dz(a, b), pairing_correlation(a, b, level=level)
    if isinstance(metric, GameMetric) and metric.binary:
        difference = mcnemar_exact(a > 0, b > 0, level=level)
    elif found.is_ratio:
        difference = parts_difference(a, b, rng, level=level, resamples=resamples)
    else:
        difference = paired_mean_interval(a, b, rng, level=level, resamples=resamples, bounds=bounds)
        if metric.higher_is_better is not None:
            test = paired_permutation(a, b, rng, resamples=resamples)
            difference = replace(difference, method=f"{test.method}; {difference.method}", p_value=test.p_value)
    notes = [*found.notes, *([difference.reason] if difference.reason else [])]
    if difference.effect is not None and difference.effect.reason is not None:
        notes.append(f"no {difference.effect.name}: {difference.effect.reason}")
    if correlation.reason is not None:
        notes.append(f"no pairing correlation: {correlation.reason}")
    same = None if margin is None else _equivalent(metric, found, margin, rng, level, resamples, bounds)
    if same is not None and same.p_value is None:
        notes.append(f"not tested whether it is within the margin: {same.reason}")
    return Measured(
        metric,
        difference,
        mean_a,
        mean_b,
        difference.n,
        found.unit,
        found.units,
        alike=found.unequal == 0,
        d_z=effect.estimate,
        correlation=correlation.estimate,
        margin=margin,
        same=same,
        notes=tuple(notes),
    )


def _bounds(metric: GameMetric | LanguageMetric, result: EvaluationResult) -> tuple[float, float] | None:
    """The least and the greatest figure there can be; None where nothing sets a limit."""
    if metric.share:
        return 0.0, 1.0
    record = result.games[0].record
    return (0.0, record.width * record.height - 1.0) if metric.name == "score" else None


def _equivalent(
    metric: GameMetric | LanguageMetric,
    found: Sample,
    margin: float,
    rng: np.random.Generator,
    level: float,
    resamples: int,
    bounds: tuple[float, float] | None,
) -> Finding:
    a, b = found.values
    if isinstance(metric, GameMetric) and metric.binary:
        return equivalence(a > 0, b > 0, rng, margin=margin, level=level, resamples=resamples)
    if found.is_ratio and found.unequal < FEWEST_UNEQUAL:
        # The parts of a ratio differ in every game as soon as one game's counts do, so they can't be counted.
        reason = f"only {found.unequal} of {a.size} {found.unit} differ, so a rare large difference can't be ruled out"
        return Finding("the difference", float(b.mean() - a.mean()), a.size, "no interval", reason=reason)
    return equivalence(a, b, rng, margin=margin, level=level, resamples=resamples, bounds=bounds)


def as_in_the_files(metric: LanguageMetric, a: Side, b: Side, untested: str) -> Untested:
    """A language metric that isn't tested, for the reason of that name or because the figures can't be compared."""
    apart = figures_apart(metric, (*a.students, *b.students))
    figures = language_figure(a, metric), language_figure(b, metric)
    return Untested(metric, apart or untested, *figures, comparable=apart is None)


def language_figure(side: Side, metric: LanguageMetric) -> float | None:
    """A side's figure in its `language.json`, for a method the mean over its students; None where one has none.

    Raises:
        UserError: it is no number.
    """
    values = []
    for student in side.students:
        value = (student.language or {}).get(metric.name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            raise UserError(
                f"{student.name}: {metric.name} in language.json is {value!r}, no number. Evaluate it again."
            )
        values.append(float(value))
    return sum(values) / len(values)
