"""Floor 9, comparison: which of two models, or of two methods, plays better, paired by game seed, in words.

Everything is computed from evaluations on disk (`EvaluationResult`), never from a live model. A verdict is about the
checkpoints that played, one training run each, or, where the results of several training seeds are given, about the
methods that trained them; every report says which.
"""

from serpentune.comparison._ablation import FIGURES, AblationReading, read_ablation
from serpentune.comparison._agreement import Agreement, agreement
from serpentune.comparison._compare import compare_results
from serpentune.comparison._factors import Effect, interactions, main_effects
from serpentune.comparison._methods import Method, Spread, by_method, fitting_level
from serpentune.comparison._metrics import DEFAULT_METRICS, METRICS, metric_name
from serpentune.comparison._pairing import pair
from serpentune.comparison._ranking import Place, Standing, rank, rank_pairs, ranking_metric
from serpentune.comparison._report import ComparisonReport, MetricComparison
from serpentune.comparison.comparator import LEVELS, ModelComparator, compare_all
from serpentune.comparison.planning import PLANNED_METRICS, Plan, plan_comparison

__all__ = [
    "DEFAULT_METRICS",
    "FIGURES",
    "LEVELS",
    "METRICS",
    "PLANNED_METRICS",
    "AblationReading",
    "Agreement",
    "ComparisonReport",
    "Effect",
    "Method",
    "MetricComparison",
    "ModelComparator",
    "Place",
    "Plan",
    "Spread",
    "Standing",
    "agreement",
    "by_method",
    "compare_all",
    "compare_results",
    "fitting_level",
    "interactions",
    "main_effects",
    "metric_name",
    "pair",
    "plan_comparison",
    "rank",
    "rank_pairs",
    "ranking_metric",
    "read_ablation",
]
