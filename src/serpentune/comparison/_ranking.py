"""Floor 9, comparison: models in an order, and which places of it are not shown to differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import isclose

import numpy as np

from serpentune.common.errors import UserError, unknown_name
from serpentune.comparison._report import ComparisonReport, MetricComparison
from serpentune.comparison._resampling import enough_resamples
from serpentune.comparison._words import BETTER, NO_GAMES, NOT_TESTED, SAME, WITHIN, WORSE
from serpentune.evaluation.results import EvaluationResult
from serpentune.statistics import Finding, mean_interval, plain, wilson_interval


@dataclass(frozen=True)
class Standing:
    """A model by itself: `score` is its mean score with its interval, `wins` its win rate with a Wilson interval."""

    score: Finding
    wins: Finding


def rank(results: Iterable[EvaluationResult], *, level: float = 0.95, seed: int = 0) -> list[tuple[str, Standing]]:
    """Models by mean score, the best first; among equal ones the higher win rate, then the name.

    Intervals of two models may overlap although one is better on paired games, so this is an order and no test.

    Raises:
        UserError: a model has no games, or the level is none.
    """
    standings, resamples = [], enough_resamples(level)
    for result in results:
        if not result.games:
            raise UserError(f"{result.name} has no finished games, so it can't be ranked. Evaluate it first.")
        most = max(game.record.width * game.record.height - 1 for game in result.games)
        rng, bounds = np.random.default_rng(seed), (0.0, float(most))
        score = mean_interval(result.scores, rng, level=level, resamples=resamples, bounds=bounds)
        wins = wilson_interval(int(result.wins.sum()), len(result.games), level=level)
        standings.append((result.name, Standing(score, wins)))
    return sorted(standings, key=lambda item: (-_value(item[1].score), -_value(item[1].wins), item[0]))


@dataclass(frozen=True)
class Place:
    """A model's, or a method's, place among others.

    Attributes:
        name: whose.
        figure: its mean figure.
        number: of the place, 1 for the best; those whose figures are equal have the same one.
        level_with: the names of those.
        not_separated: the names of those that it is not shown to differ from, in the order of the places.
        same: those of them that are shown to be the same, within the margin.
    """

    name: str
    figure: float
    number: int
    level_with: tuple[str, ...]
    not_separated: tuple[str, ...]
    same: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The place in words."""
        unlike = [name for name in self.not_separated if name not in (*self.same, *self.level_with)]
        words = [f"level with {', '.join(self.level_with)}"] if self.level_with else []
        words += [f"the same as {', '.join(self.same)}"] if self.same else []
        words += [f"not shown to differ from {', '.join(unlike)}"] if unlike else []
        words = words if self.not_separated else [*words, "shown to differ from all others"]
        return f"{self.name}: {plain(self.figure)}, {' and '.join(words)}."


def ranking_metric(reports: Mapping[str, ComparisonReport]) -> str | None:
    """The first metric by which the models of these reports can be ranked; None where there is none.

    It has a direction, in every report it was tested, or would have been with more training seeds, and a model has one
    figure in all reports, as `rank_pairs` asks.
    """
    firsts = [row.metric for report in list(reports.values())[:1] for row in report.rows]
    rankable = [{row.metric for row in report.rows if _rankable(row)} for report in reports.values()]
    tested = (metric for metric in firsts if all(metric in metrics for metrics in rankable))
    return next((metric for metric in tested if _unsteady(_figures(reports, metric)) is None), None)


def _rankable(row: MetricComparison) -> bool:
    known = row.mean_a is not None and row.mean_b is not None
    return known and row.higher_is_better is not None and row.verdict not in (NOT_TESTED, NO_GAMES)


def _figures(reports: Mapping[str, ComparisonReport], metric: str) -> dict[str, dict[str, float]]:
    """By model and by whom it is compared with, the figure that it has there."""
    figures: dict[str, dict[str, float]] = {}
    for report in reports.values():
        for row in report.rows:
            if row.metric == metric and row.mean_a is not None and row.mean_b is not None:
                figures.setdefault(report.a, {})[report.b] = row.mean_a
                figures.setdefault(report.b, {})[report.a] = row.mean_b
    return figures


def _unsteady(figures: Mapping[str, Mapping[str, float]]) -> str | None:
    """A model whose figure depends on whom it is compared with, as its pairs are not of the same games or records."""
    return next(
        (
            name
            for name, by_other in figures.items()
            if not all(isclose(each, next(iter(by_other.values())), rel_tol=1e-9) for each in by_other.values())
        ),
        None,
    )


def rank_pairs(reports: Mapping[str, ComparisonReport], metric: str = "score") -> list[Place]:
    """The order of some models or methods by one metric, the best first, from the comparisons of all pairs of them.

    A place says from which others it is not separated: their order is that of what was seen, and no more. Figures of
    other games or records for every pair, as those of `steps_to_win` are, make no order: the one could contradict what
    is shown of a pair.

    Args:
        reports: as of `compare_all(…, all_pairs=True)`.
        metric: one that has a direction.

    Raises:
        UserError: there are no reports, the metric isn't in one of them, wasn't tested there or has no direction, a
            pair is missing, or a model has not the same figure in all reports.
    """
    rows: dict[frozenset[str], MetricComparison] = {}
    for report in reports.values():
        row = next((row for row in report.rows if row.metric == metric), None)
        if row is None:
            raise unknown_name("compared metric", metric, (row.metric for row in report.rows))
        if not _rankable(row):
            raise UserError(f"{report.b} and {report.a} can't be ranked by {metric}: {row.sentence}")
        rows[frozenset((report.a, report.b))] = row
    if not rows:
        raise UserError("There are no comparisons to rank by.")
    every = _figures(reports, metric)
    missing = next((pair for pair in combinations(every, 2) if frozenset(pair) not in rows), None)
    if missing is not None:
        raise UserError(f"{missing[0]} and {missing[1]} are not compared. A ranking needs every pair (--all-pairs).")
    unsteady = _unsteady(every)
    if unsteady is not None:
        told = " and ".join(f"{plain(figure)} beside {other}" for other, figure in every[unsteady].items())
        raise UserError(
            f"There is no order by {metric}: {unsteady} has {told}, since not all pairs are of the same games or "
            "records. Rank by a metric that counts in every game, with all models on the same games."
        )
    figures = {name: next(iter(by_other.values())) for name, by_other in every.items()}
    best = 1 if next(iter(rows.values())).higher_is_better else -1
    order = sorted(figures, key=lambda name: (-best * figures[name], name))

    def others(name: str, *verdicts: str, inside: bool) -> tuple[str, ...]:
        return tuple(
            other
            for other in order
            if other != name and (rows[frozenset((name, other))].verdict.removesuffix(WITHIN) in verdicts) == inside
        )

    return [
        Place(
            name,
            figures[name],
            1 + sum(best * figure > best * figures[name] for figure in figures.values()),
            tuple(other for other in order if other != name and figures[other] == figures[name]),
            others(name, BETTER, WORSE, inside=False),
            others(name, SAME, inside=True),
        )
        for name in order
    ]


def _value(finding: Finding) -> float:
    assert finding.estimate is not None
    return finding.estimate
