"""Floor 9, comparison: which of two models plays better, paired by game seed, with a verdict in words.

Everything is computed from evaluations on disk (`EvaluationResult`), never from a live model. A verdict is about the
checkpoints that played, one training run each; it is no claim about the methods that trained them.
"""

from serpentune.comparison._compare import Comparison, compare_family, compare_results
from serpentune.comparison._methods import Method, Spread, by_method
from serpentune.comparison._metrics import METRICS
from serpentune.comparison._ranking import Standing, rank
from serpentune.comparison._report import ComparisonReport, MetricComparison
from serpentune.comparison.comparator import ModelComparator, compare_all
from serpentune.comparison.planning import PLANNED_METRICS, Plan, plan_comparison

__all__ = [
    "METRICS",
    "PLANNED_METRICS",
    "Comparison",
    "ComparisonReport",
    "Method",
    "MetricComparison",
    "ModelComparator",
    "Plan",
    "Spread",
    "Standing",
    "by_method",
    "compare_all",
    "compare_family",
    "compare_results",
    "plan_comparison",
    "rank",
]
