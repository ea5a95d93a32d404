"""Floor 9, comparison: two models head to head on the same game seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from serpentune.comparison._family import reports_of
from serpentune.comparison._loading import told_apart
from serpentune.comparison._metrics import DEFAULT_METRICS
from serpentune.comparison._report import ComparisonReport
from serpentune.comparison._rows import Side
from serpentune.evaluation.results import EvaluationResult

NO_MARGINS: Mapping[str, float] = {}
"""Without a margin nothing is called the same: no difference is then shown, or one is."""


def compare_results(
    a: EvaluationResult,
    b: EvaluationResult,
    *,
    metrics: Sequence[str] = DEFAULT_METRICS,
    margins: Mapping[str, float] = NO_MARGINS,
    level: float = 0.95,
    seed: int = 0,
) -> ComparisonReport:
    """Is b better than a? Paired by game seed; the tests of all metrics form one family.

    Args:
        a: the model that b is measured against.
        b: the other model.
        metrics: names in `METRICS`; `win` may be called `win_rate`, as in plans. `steps` is only described, since a
            short game may be a quick win or an early death; `steps_to_win` compares the games that both won. Language
            metrics pair the records of `language.jsonl`; those that nobody asks for are shown untested where both
            models have them.
        margins: by metric, the difference from which on it matters, in the metric's unit (a share for shares): "the
            same" is said where the difference is shown to be smaller. A metric without one is never called the same.
        level: coverage of the intervals; `1 - level` is the level of the tests.
        seed: of the resampling.

    Raises:
        UserError: the evaluations were made under different rules, limits, boards or policies, have no seed in
            common, a metric is unknown or has nothing to compare, a margin is none, or the level is outside 0.5 to 1.
    """
    first, second = (Side(result.name, (result,)) for result in told_apart(a, b))
    return reports_of([(first, second)], metrics=metrics, margins=margins, level=level, seed=seed)[0]
