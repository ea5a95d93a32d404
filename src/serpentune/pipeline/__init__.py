"""Floor 11, pipeline: composes the floors and does no work of its own: run, rounds, demo, export, league.

Importing it is quick: torch and its kin are imported when a run needs them.
"""

from serpentune.pipeline._datasets import build_from_recipe
from serpentune.pipeline._design import Design, Variant, design
from serpentune.pipeline._interrupted import PipelineInterrupted
from serpentune.pipeline._results import ExperimentResults, PipelineResults
from serpentune.pipeline.ablation import AblationInterrupted, AblationResult, ablate
from serpentune.pipeline.check import ConfigCheck, check_config
from serpentune.pipeline.config import MultiDatasetConfig
from serpentune.pipeline.demo import DemoResult, DemoSettings, run_demo
from serpentune.pipeline.experiment import ExperimentPipeline
from serpentune.pipeline.export import TakenAway, export_student
from serpentune.pipeline.improve import ImproveResult, improve
from serpentune.pipeline.improve_config import ImproveConfig
from serpentune.pipeline.league import LeagueRow, play_league
from serpentune.pipeline.recipe import EvaluationRecipe, ExperimentRecipe, ImproveRecipe
from serpentune.pipeline.run import MultiDatasetPipeline, resume_experiment

__all__ = [
    "AblationInterrupted",
    "AblationResult",
    "ConfigCheck",
    "DemoResult",
    "DemoSettings",
    "Design",
    "EvaluationRecipe",
    "ExperimentPipeline",
    "ExperimentRecipe",
    "ExperimentResults",
    "ImproveConfig",
    "ImproveRecipe",
    "ImproveResult",
    "LeagueRow",
    "MultiDatasetConfig",
    "MultiDatasetPipeline",
    "PipelineInterrupted",
    "PipelineResults",
    "TakenAway",
    "Variant",
    "ablate",
    "build_from_recipe",
    "check_config",
    "design",
    "export_student",
    "improve",
    "play_league",
    "resume_experiment",
    "run_demo",
]
