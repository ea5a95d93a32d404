"""Floor 9, comparison: comparisons that answer one question, with Holm's correction over all their tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from serpentune.common.errors import UserError
from serpentune.comparison._loading import training_of
from serpentune.comparison._metrics import METRICS, SHOWN, LanguageMetric, checked_margins, chosen_metrics
from serpentune.comparison._pairing import Pairs, pair
from serpentune.comparison._report import ComparisonReport, MetricComparison
from serpentune.comparison._resampling import enough_resamples
from serpentune.comparison._rows import Measured, Side, Untested, as_in_the_files, language_figure, measure
from serpentune.comparison._summary import Summary, summarise
from serpentune.comparison._words import NO_GAMES, NOT_TESTED, Judged, decide, describe
from serpentune.statistics import holm, plain


@dataclass(frozen=True)
class _Contest:
    """Two sides and their rows before the family's correction."""

    a: Side
    b: Side
    pairs: Pairs
    rows: list[Measured | Untested]
    unknown: tuple[str, ...]


def reports_of(
    sides: Sequence[tuple[Side, Side]],
    *,
    metrics: Sequence[str],
    margins: Mapping[str, float],
    level: float,
    seed: int,
) -> list[ComparisonReport]:
    """A report for each pair of sides, in their order; the tests of all of them are one family.

    Raises:
        UserError: as of `compare_results`.
    """
    chosen = chosen_metrics(metrics)
    margin_of = checked_margins(margins, chosen)
    resamples = enough_resamples(level, tests=len(sides) * len(chosen))
    contests = []
    for a, b in sides:
        pairs = pair(*a.students, *b.students)
        rows = [
            measure(each, a, b, pairs, level=level, seed=seed, resamples=resamples, margin=margin_of.get(each.name))
            for each in chosen
        ]
        known = [row for row in rows if not _nowhere(row)]
        if not known:
            raise UserError(
                f"Neither {a.name} nor {b.name} has anything to compare in {', '.join(metrics)}. Measure their "
                "language with `serpentune evaluate … --dataset`."
            )
        contests.append(_Contest(a, b, pairs, known, tuple(row.metric.name for row in rows if _nowhere(row))))
    every = [row for contest in contests for row in contest.rows]
    tested = [row.found.p_value if isinstance(row, Measured) else None for row in every]
    same = [row.same.p_value if isinstance(row, Measured) and row.same is not None else None for row in every]
    tests, margin_tests = (sum(p_value is not None for p_value in family) for family in (tested, same))
    adjusted = iter(zip(holm(tested), holm(same), strict=True))
    reports = []
    for contest in contests:
        rows_told = []
        for row in contest.rows:
            p_value, p_same = next(adjusted)
            if isinstance(row, Untested):
                rows_told.append(_untested(contest, row))
            else:
                rows_told.append(_finish(contest, Judged(row, p_value, p_same, 1 - level, tests, margin_tests)))
        shown = list(_shown(contest, [metric.name for metric in chosen]))
        apart = {
            row.metric.name: row.reason for row in contest.rows if isinstance(row, Untested) and row.difference is None
        }
        summary = summarise(rows_told, {**apart, **{row.metric.name: "nobody asked for it" for row in shown}})
        rows_told += [_untested(contest, row) for row in shown]
        reports.append(_report(contest, rows_told, summary, level, tests, margin_tests, seed))
    return reports


def _nowhere(row: Measured | Untested) -> bool:
    """Whether a language figure is asked for that neither side has."""
    return (
        isinstance(row, Untested)
        and isinstance(row.metric, LanguageMetric)
        and row.mean_a is None
        and row.mean_b is None
    )


def _finish(contest: _Contest, judged: Judged) -> MetricComparison:
    row, metric, found = judged.row, judged.row.metric, judged.row.found
    a, b, pairs = contest.a, contest.b, contest.pairs
    methods = a.is_method or b.is_method
    verdict = decide(judged, methods=methods)
    sentence = describe(a.name, b.name, judged, verdict)
    if not methods and pairs.identical == len(pairs) and row.alike and row.unit == "games":
        sentence = (
            f"{b.name} and {a.name} played all {len(pairs)} common games move for move alike, so they don't differ in "
            f"{metric.noun}. Are they the same model?"
        )
    return MetricComparison(
        metric=metric.name,
        higher_is_better=metric.higher_is_better,
        n=row.n,
        method=found.method if row.same is None else f"{found.method}; against the margin: {row.same.method}",
        verdict=verdict.text,
        sentence=sentence,
        mean_a=row.mean_a,
        mean_b=row.mean_b,
        difference=found.estimate,
        interval=found.interval,
        p_value=found.p_value,
        p_adjusted=judged.p_adjusted,
        effect=found.effect,
        correlation=row.correlation,
        games_needed=verdict.games_needed,
        margin=row.margin,
        p_same=None if row.same is None else row.same.p_value,
        p_same_adjusted=judged.p_same,
        notes=row.notes,
    )


def _untested(contest: _Contest, row: Untested) -> MetricComparison:
    metric, a, b = row.metric, contest.a, contest.b
    nothing = row.mean_a is None and row.mean_b is None
    told = [
        f"{plain(value * metric.scale)}{'%' * metric.share} for {side.name}"
        for side, value in ((a, row.mean_a), (b, row.mean_b))
        if value is not None
    ]
    direction = {True: " (higher is better)", False: " (lower is better)", None: ""}[metric.higher_is_better]
    noun = metric.noun[0].upper() + metric.noun[1:]
    sentence = f"{noun} is {' and '.join(told)}{direction}; not tested: {row.reason}."
    return MetricComparison(
        metric=metric.name,
        higher_is_better=metric.higher_is_better,
        n=0 if nothing else None,
        method="not tested",
        verdict=NO_GAMES if nothing else NOT_TESTED,
        sentence=f"Nothing can be said on {metric.noun}: {row.reason}." if nothing else sentence,
        mean_a=row.mean_a,
        mean_b=row.mean_b,
        difference=row.difference,
    )


def _shown(contest: _Contest, asked: Sequence[str]) -> Iterator[Untested]:
    """The language figures that both sides have and that nobody asked to test."""
    for name in SHOWN:
        metric = METRICS[name]
        assert isinstance(metric, LanguageMetric)
        if name in asked or any(language_figure(side, metric) is None for side in (contest.a, contest.b)):
            continue
        why = metric.untested or f"only metrics that are asked for are (--metrics {name})"
        yield as_in_the_files(metric, contest.a, contest.b, why)


def _report(
    contest: _Contest,
    rows: list[MetricComparison],
    summary: Summary,
    level: float,
    tests: int,
    margin_tests: int,
    seed: int,
) -> ComparisonReport:
    a, b, pairs = contest.a, contest.b, contest.pairs
    metrics, of_summary = summary
    return ComparisonReport(
        a.name,
        b.name,
        tuple(rows),
        len(pairs),
        pairs.dropped,
        pairs.identical,
        level,
        tests,
        seed,
        (*_how(contest, margin_tests), *pairs.notes),
        metrics,
        tuple(side.name for side in (a, b) if side.is_method),
        a.seeds,
        b.seeds,
        margin_tests,
        tuple(side.name for side in (a, b) if any(training_of(student) is not None for student in side.students)),
        tuple(of_summary),
    )


def _how(contest: _Contest, margin_tests: int) -> Iterator[str]:
    a, b, pairs = contest.a, contest.b, contest.pairs
    methods = a.is_method or b.is_method
    paired = "1 game is" if len(pairs) == 1 else f"{len(pairs)} games are"
    yield f"{paired} paired by seed; differences are {b.name} minus {a.name}."
    if pairs.identical:
        whom = "all students" if methods else "both models"
        yield f"In {pairs.identical} of the {len(pairs)} pairs {whom} played exactly the same moves."
    yield (
        "The verdicts go by p-values after Holm's correction, the intervals stand by themselves. Where a number of "
        "games is asked for, play that many in all on fresh seeds and compare once, by the same metrics: testing after "
        "every few games finds differences that aren't there."
    )
    if margin_tests:
        yield (
            "That a difference is smaller than its margin is tested beside it, as a family of its own with its own "
            f"correction ({margin_tests} test{'s' * (margin_tests > 1)}); the margins were given, not found."
        )
    yield from dict.fromkeys((*a.notes, *b.notes))
    if contest.unknown:
        yield f"Neither has {', '.join(contest.unknown)}, so that isn't compared."
