"""One experiment on a tiny board, really trained and really played, that many tests look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from serpentune.logs import generate_runs
from serpentune.pipeline import MultiDatasetConfig, MultiDatasetPipeline, PipelineResults

TEACHERS = ["BFS", "ASTAR", "HAMILTONIAN"]


def tiny(logs: Path, output: Path, **more: Any) -> MultiDatasetConfig:
    """Sixteen optimiser steps, eight games of each model."""
    values: dict[str, Any] = {
        "heuristic_log_dirs": [f"{logs}/heuristics-*"],
        "max_samples_per_algorithm": 40,
        "max_steps": 16,
        "learning_rate": 1e-3,
        "batch_size": 16,
        "gradient_accumulation_steps": 1,
        "logging_steps": 1,
        "evaluation_games": 8,
        "evaluation_records": 6,
        "output_dir": str(output),
        "experiment_name": "tiny",
    }
    return MultiDatasetConfig(**values | more)


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logs")
    generate_runs(TEACHERS, 12, 4, 4, 0, folder, timestamp="20250101_120000")
    return folder


@pytest.fixture(scope="session")
def finished(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> PipelineResults:
    return MultiDatasetPipeline(tiny(logs, tmp_path_factory.mktemp("output")), quiet=True).run_pipeline()
