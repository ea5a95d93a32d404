"""Floor 11, pipeline: what a run hands back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serpentune.pipeline.config import MultiDatasetConfig

if TYPE_CHECKING:
    from serpentune.comparison import ComparisonReport
    from serpentune.evaluation import EvaluationResult
    from serpentune.pipeline._improving import ImprovedStudent
    from serpentune.pipeline.recipe import ExperimentRecipe
    from serpentune.training import TrainingResult


@dataclass(frozen=True)
class ExperimentResults:
    """What an experiment leaves.

    Attributes:
        recipe: what was done, with the experiment's name filled in.
        folder: the experiment's folder.
        dataset_stats: the data set's manifest: records by split and teacher, what was left out, hashes.
        students: what training gave, by run.
        improved: students after their rounds of improvement, by the run's name and `-improved`; empty where the recipe
            asks for none.
        results: the evaluations of the untuned bases and of every student, improved ones too, by name; empty without
            evaluation.
        comparisons: each student against its own untuned base, and each improved one also against what it was before,
            on the same game seeds; each method of students instead, where all have training seeds enough
            (`comparison.fitting_level`).
        report_path: the HTML report; None without evaluation.
        summary: what `results_summary.json` says.
        execution_time: wall time of this call in seconds.
    """

    recipe: ExperimentRecipe
    folder: Path
    dataset_stats: dict[str, Any]
    students: dict[str, TrainingResult]
    improved: dict[str, ImprovedStudent]
    results: dict[str, EvaluationResult]
    comparisons: dict[str, ComparisonReport]
    report_path: Path | None
    summary: dict[str, Any]
    execution_time: float


@dataclass(frozen=True)
class PipelineResults:
    """What a run leaves.

    Attributes:
        config: the configuration, with the experiment's name filled in.
        dataset_stats: the data set's manifest: records by split and teacher, what was left out, hashes.
        training_history: entries of `step`, `epoch` and either `loss`, `learning_rate`, `grad_norm` or `eval_loss`.
        evaluation_metrics: main figures (`evaluation.figures`) of the student, under its strategy's name, and of the
            untuned base.
        model_path: folder of the student, for `models.load_student`.
        execution_time: wall time of this call in seconds.
        experiment_dir: the experiment's folder.
        report_path: the HTML report.
        comparison: the student against the untuned base, on the same game seeds.
        summary: what `results_summary.json` says.
    """

    config: MultiDatasetConfig
    dataset_stats: dict[str, Any]
    training_history: list[dict[str, float]]
    evaluation_metrics: dict[str, dict[str, Any]]
    model_path: Path
    execution_time: float
    experiment_dir: Path
    report_path: Path
    comparison: ComparisonReport
    summary: dict[str, Any]
