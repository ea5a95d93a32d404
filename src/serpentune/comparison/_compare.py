"""Floor 9, comparison: two models head to head on the same game seeds, alone or as a family of such comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from serpentune.common.errors import UserError, unknown_name
from serpentune.comparison._metrics import LANGUAGE_METRICS, METRICS, GameMetric, LanguageMetric
from serpentune.comparison._pairing import Pairs, pair
from serpentune.comparison._report import ComparisonReport, MetricComparison
from serpentune.comparison._summary import summarise
from serpentune.comparison._words import DESCRIPTIVE, NO_DIFFERENCE, Verdict, decide, describe
from serpentune.evaluation.results import EvaluationResult
from serpentune.game import Ending
from serpentune.statistics import (
    Finding,
    cohens_dz,
    holm,
    mcnemar_exact,
    paired_mean_interval,
    paired_permutation,
    pairing_correlation,
    plain,
)

DEFAULT_METRICS = ("score", "win", "steps")


@dataclass(frozen=True)
class Comparison:
    """A head-to-head to be made: `b` is measured against `a`."""

    a: EvaluationResult
    b: EvaluationResult


@dataclass(frozen=True)
class _Measured:
    """A row before the family's correction is known."""

    metric: GameMetric
    found: Finding
    mean_a: float
    mean_b: float
    d_z: float | None
    correlation: float | None
    notes: tuple[str, ...]


def compare_results(
    a: EvaluationResult,
    b: EvaluationResult,
    *,
    metrics: Sequence[str] = DEFAULT_METRICS,
    level: float = 0.95,
    seed: int = 0,
) -> ComparisonReport:
    """Is b better than a? Paired by game seed; the tests of all metrics form one family.

    Args:
        a: the model that b is measured against.
        b: the other model.
        metrics: names in `METRICS`. `steps` is only described, since a short game may be a quick win or an early
            death; `steps_to_win` compares the games that both won.
        level: coverage of the intervals; `1 - level` is the level of the tests.
        seed: of the resampling.

    Raises:
        UserError: the evaluations were made under different rules, limits, boards or policies, have no seed in
            common, a metric is unknown, or the level is outside 0.5 to 1.
    """
    return compare_family([Comparison(a, b)], metrics=metrics, level=level, seed=seed)[0]


def compare_family(
    comparisons: Sequence[Comparison],
    *,
    metrics: Sequence[str] = DEFAULT_METRICS,
    level: float = 0.95,
    seed: int = 0,
) -> list[ComparisonReport]:
    """Several head-to-heads that answer one question: Holm's correction covers all their tests together.

    Arguments and errors as in `compare_results`; the reports come in the order of `comparisons`.
    """
    chosen = _chosen(metrics)
    if not 0.5 <= level < 1:
        raise UserError(f"The confidence level is {level}; it lies between 0.5 and 1, 0.95 by default.")
    named = [_distinct(comparison) for comparison in comparisons]
    paired = [pair(comparison.a, comparison.b) for comparison in named]
    measured = [[_measure(metric, pairs, level, seed) for metric in chosen] for pairs in paired]
    family = [row.found.p_value if isinstance(row, _Measured) else None for rows in measured for row in rows]
    adjusted = iter(holm(family))
    tests = sum(p_value is not None for p_value in family)
    reports = []
    for comparison, pairs, rows in zip(named, paired, measured, strict=True):
        finished = [_finish(comparison, pairs, row, next(adjusted), 1 - level, tests) for row in rows]
        finished += _language(comparison)
        summary, notes = summarise(finished)
        reports.append(
            ComparisonReport(
                comparison.a.name,
                comparison.b.name,
                tuple(finished),
                len(pairs),
                pairs.dropped,
                pairs.identical,
                level,
                tests,
                seed,
                (*_how_paired(comparison, pairs), *pairs.notes, *notes),
                summary,
            )
        )
    return reports


def _chosen(names: Sequence[str]) -> list[GameMetric]:
    if not names:
        raise UserError(f"No metric to compare. Known: {', '.join(METRICS)}.")
    for name in names:
        if name not in METRICS:
            raise unknown_name("metric", name, METRICS)
    return [METRICS[name] for name in dict.fromkeys(names)]


def _distinct(comparison: Comparison) -> Comparison:
    """Two evaluations of one name are told apart, or no sentence could be read."""
    a, b = comparison.a, comparison.b
    if a.name != b.name:
        return comparison
    return Comparison(replace(a, name=f"{a.name} (first)"), replace(b, name=f"{b.name} (second)"))


def _measure(metric: GameMetric, pairs: Pairs, level: float, seed: int) -> _Measured | GameMetric:
    """The row's figures, or the metric alone where no pair counts for it."""
    games = [
        (a, b)
        for a, b in zip(pairs.a, pairs.b, strict=True)
        if not metric.both_won or (a.ending == Ending.WIN and b.ending == Ending.WIN)
    ]
    if not games:
        return metric
    a = np.array([metric.value(game) for game, _ in games], np.float64)
    b = np.array([metric.value(game) for _, game in games], np.float64)
    # A generator of its own, so that a row doesn't depend on which other rows were asked for.
    rng = np.random.default_rng([seed, list(METRICS).index(metric.name)])
    effect, correlation = cohens_dz(a, b), pairing_correlation(a, b, level=level)
    if metric.binary:
        found = mcnemar_exact(a > 0, b > 0, level=level)
    else:
        found = _tested(metric, a, b, rng, level, _most(metric, pairs))
    missing = [found.reason] if found.reason else []
    if found.effect is not None and found.effect.reason is not None:
        missing.append(f"no {found.effect.name}: {found.effect.reason}")
    if correlation.reason is not None:
        missing.append(f"no pairing correlation: {correlation.reason}")
    means = float(a.mean()), float(b.mean())
    return _Measured(metric, found, *means, effect.estimate, correlation.estimate, tuple(missing))


def _most(metric: GameMetric, pairs: Pairs) -> float | None:
    """The greatest value that a game can have, where the board sets one."""
    return pairs.a[0].width * pairs.a[0].height - 1.0 if metric.name == "score" else None


def _tested(
    metric: GameMetric,
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    rng: np.random.Generator,
    level: float,
    most: float | None,
) -> Finding:
    found = paired_mean_interval(a, b, rng, level=level, bounds=None if most is None else (0.0, most))
    if metric.higher_is_better is None:
        return found
    test = paired_permutation(a, b, rng)
    return replace(found, method=f"{test.method}; {found.method}", p_value=test.p_value)


def _finish(
    comparison: Comparison,
    pairs: Pairs,
    row: _Measured | GameMetric,
    p_adjusted: float | None,
    alpha: float,
    tests: int,
) -> MetricComparison:
    a, b = comparison.a.name, comparison.b.name
    if isinstance(row, GameMetric):
        return MetricComparison(
            metric=row.name,
            higher_is_better=row.higher_is_better,
            n=0,
            method="not tested",
            verdict="no games",
            sentence=f"Nothing can be said on {row.noun}: no pair counts for it.",
        )
    metric, found = row.metric, row.found
    if pairs.identical == len(pairs):
        verdict = Verdict(DESCRIPTIVE if metric.higher_is_better is None else NO_DIFFERENCE)
        sentence = (
            f"{b} and {a} played all {len(pairs)} common games move for move alike, so they don't differ in "
            f"{metric.noun}. Are they the same model?"
        )
    else:
        verdict = decide(metric, found, row.d_z, p_adjusted, alpha, tests)
        sentence = describe(a, b, metric, found, p_adjusted, tests, verdict)
    return MetricComparison(
        metric=metric.name,
        higher_is_better=metric.higher_is_better,
        n=found.n,
        method=found.method,
        verdict=verdict.text,
        sentence=sentence,
        mean_a=row.mean_a,
        mean_b=row.mean_b,
        difference=found.estimate,
        interval=found.interval,
        p_value=found.p_value,
        p_adjusted=p_adjusted,
        effect=found.effect,
        correlation=row.correlation,
        more_games=verdict.more_games,
        notes=row.notes,
    )


def _language(comparison: Comparison) -> list[MetricComparison]:
    """The language metrics that both models have."""
    rows = []
    for metric in LANGUAGE_METRICS:
        a, b = _figure(comparison.a, metric), _figure(comparison.b, metric)
        if a is None or b is None:
            continue
        sentence = (
            f"{metric.noun} is {plain(a)} for {comparison.a.name} and {plain(b)} for {comparison.b.name} "
            f"({'higher' if metric.higher_is_better else 'lower'} is better); one number a model, so it isn't tested."
        )
        rows.append(
            MetricComparison(
                metric=metric.name,
                higher_is_better=metric.higher_is_better,
                n=None,
                method="not tested",
                verdict="not tested",
                sentence=sentence,
                mean_a=a,
                mean_b=b,
                difference=b - a,
            )
        )
    return rows


def _figure(result: EvaluationResult, metric: LanguageMetric) -> float | None:
    value = (result.language or {}).get(metric.name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise UserError(f"{result.name}: {metric.name} in language.json is {value!r}, no number. Evaluate it again.")
    return float(value)


def _how_paired(comparison: Comparison, pairs: Pairs) -> list[str]:
    a, b = comparison.a.name, comparison.b.name
    notes = [f"{len(pairs)} games are paired by seed; differences are {b} minus {a}."]
    if pairs.identical:
        notes.append(f"In {pairs.identical} of the {len(pairs)} pairs both models played exactly the same moves.")
    notes.append(
        "The verdicts go by p-values after Holm's correction, the intervals stand by themselves. Where more games are "
        "asked for, play that many in all on fresh seeds and test once: testing after every few games finds "
        "differences that aren't there."
    )
    return notes
