"""Games of simple players on the same seeds, played once for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from serpentune.evaluation.games import GameResult
from serpentune.evaluation.results import EvaluationResult
from tests.comparison.players import careless, greedy, play, save


@pytest.fixture(scope="session")
def played() -> dict[str, list[GameResult]]:
    """100 games of each player on the same seeds, and a second careless player with randomness of its own."""
    seeds = range(1000, 1100)
    return {
        "greedy": play(greedy, seeds, 5),
        "careless": play(careless, seeds, 5),
        "careless-2": play(careless, seeds, 5, own_seed=1),
    }


@pytest.fixture
def base(tmp_path: Path, played: dict[str, list[GameResult]]) -> EvaluationResult:
    return save(tmp_path / "base", "the untuned base", played["careless"])


@pytest.fixture
def student(tmp_path: Path, played: dict[str, list[GameResult]]) -> EvaluationResult:
    return save(tmp_path / "student", "LoRA", played["greedy"])
