"""Floor 11, pipeline: what summaries say of a data set and of a training run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serpentune.datasets import SPLITS
from serpentune.training import AdvancedTrainingConfig, TrainingResult


def data_figures(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What a summary says of a data set."""
    return {
        "records": {split: manifest["records"][split] for split in SPLITS},
        "teachers": {name: teacher["records"] for name, teacher in manifest["teachers"].items()},
        "games_refused": manifest.get("games_refused"),
    }


def training_figures(trained: TrainingResult, config: AdvancedTrainingConfig) -> dict[str, Any]:
    """What a summary says of a training run; its `seconds` are None where the run was stopped and gone on with."""
    seconds = trained.whole_seconds
    return {
        "samples": trained.samples,
        "samples_too_long": trained.samples_too_long,
        "steps": trained.steps,
        "learning_rate": config.hyperparameters.learning_rate,
        "final_loss": trained.final_loss,
        "eval_loss": trained.eval_loss,
        "seconds": None if seconds is None else round(seconds, 2),
        "samples_per_second": round(trained.samples_per_second, 1),
        "parameters": trained.parameters,
        "trainable_parameters": trained.trainable_parameters,
    }
