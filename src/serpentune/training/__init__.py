"""Floor 6, training: configuration, builder and templates, and the run that turns a data set into a student.

Importing it is quick: torch, transformers and TRL are imported when `train` is called.
"""

from serpentune.models import FullConfig, LoRAConfig, QLoRAConfig
from serpentune.training._grid import MAX_RUNS, Cell, Grid, cells, parse_grid
from serpentune.training._machine import check_machine
from serpentune.training._prepare import FINAL_MODEL, HISTORY, METHOD, RUN, total_steps, train_samples
from serpentune.training._sweep import (
    SweepResult,
    SweepRun,
    is_sweep,
    load_result,
    refuse_other_data,
    sweep,
    train_once,
    trained_with,
)
from serpentune.training.config import (
    AdvancedTrainingConfig,
    HyperparameterConfig,
    TrainingConfigBuilder,
)
from serpentune.training.curves import plot_losses, read_history
from serpentune.training.forecast import Forecast, forecast
from serpentune.training.memory import Machine, MemoryEstimate, estimate_memory, largest_batch
from serpentune.training.model_sizes import ModelSizes, model_sizes
from serpentune.training.run import TrainingInterrupted, TrainingResult, train
from serpentune.training.templates import ConfigurationTemplate

__all__ = [
    "FINAL_MODEL",
    "HISTORY",
    "MAX_RUNS",
    "METHOD",
    "RUN",
    "AdvancedTrainingConfig",
    "Cell",
    "ConfigurationTemplate",
    "Forecast",
    "FullConfig",
    "Grid",
    "HyperparameterConfig",
    "LoRAConfig",
    "Machine",
    "MemoryEstimate",
    "ModelSizes",
    "QLoRAConfig",
    "SweepResult",
    "SweepRun",
    "TrainingConfigBuilder",
    "TrainingInterrupted",
    "TrainingResult",
    "cells",
    "check_machine",
    "estimate_memory",
    "forecast",
    "is_sweep",
    "largest_batch",
    "load_result",
    "model_sizes",
    "parse_grid",
    "plot_losses",
    "read_history",
    "refuse_other_data",
    "sweep",
    "total_steps",
    "train",
    "train_once",
    "train_samples",
    "trained_with",
]
