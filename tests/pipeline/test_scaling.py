"""The recipes of the curves and of the strategies: they have data enough, and run on a tiny board to the curve."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from serpentune.datasets import Recipe
from serpentune.models import SCRATCH
from serpentune.pipeline import ExperimentPipeline, ExperimentRecipe
from serpentune.report import plot_scaling

RECIPES = Path(__file__).parents[2] / "recipes"
TINY = {
    "dataset.generate": [{"teachers": ["CELL"], "games": 20, "grid_size": 4}],
    "samples_per_teacher": 200,
    "split.train": 0.8,
    "hyperparameters.batch_size": 16,
    "bf16": None,
    "evaluation.games": 4,
    "evaluation.records": 4,
}


@pytest.mark.parametrize("name", ["scaling-data", "scaling-size", "efficiency"])
def test_there_are_as_many_samples_as_promised(name: str) -> None:
    recipe = ExperimentRecipe.load(RECIPES / f"{name}.yaml")
    data = recipe.dataset
    assert isinstance(data, Recipe) and data.samples_per_teacher is not None
    most = max(cell.config.max_train_samples or 0 for cell in recipe.cells())
    # A twentieth is left for repeated boards, of which a game has few, and boards that the teacher doesn't answer.
    assert most < 0.95 * len(data.generate) * data.samples_per_teacher * data.split.train
    # Not more than a board at each apple of each game, where noise adds one for each move in twenty.
    assert all(data.samples_per_teacher < each.games * (150 if each.noise else 99) for each in data.generate)


def test_every_size_learns_alike() -> None:
    recipe = ExperimentRecipe.load(RECIPES / "scaling-size.yaml")
    cells = recipe.cells()
    assert [cell.config.base_model_name for cell in cells] == ["nano", *SCRATCH, "smollm2-135m"]
    alike = [cell.config.model_dump(exclude={"base_model_name"}) for cell in cells]
    assert all(each == alike[0] for each in alike) and alike[0]["training_strategy"] == "full"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "against", "changes", "expected"),
    [
        ("scaling-data", "samples", {"sweep": {"max_train_samples": [40, 120]}, "base_model": "scratch-2m"}, [40, 120]),
        (
            "scaling-size",
            "parameters",
            {"sweep": {"base_model": {"nano": {"lr": 1e-3}, "scratch-10m": {"lr": 1e-3}}}, "max_train_samples": 64},
            [1_575_040, 9_771_264],
        ),
    ],
)
def test_a_tiny_version_ends_in_a_curve(
    name: str, against: str, changes: dict[str, Any], expected: list[int], tmp_path: Path
) -> None:
    recipe = ExperimentRecipe.from_values({**TINY, **changes}, RECIPES / f"{name}.yaml")
    done = ExperimentPipeline(recipe, output_dir=tmp_path, quiet=True).run()
    _, data = plot_scaling([done.folder], tmp_path / "curve.png", against=against)
    told = json.loads(data.read_text())
    assert sorted(point[against] for point in told["points"]) == expected
    assert all(0 <= point["low"] <= point["win_rate"] <= point["high"] <= 1 for point in told["points"])
    assert all(untuned.startswith("untuned") for untuned in told["left_out"])
    bases = [result for result in done.results if result.startswith("untuned")]
    own = [bases[number % len(bases)] for number in range(len(done.students))]  # one for all, or one for each
    assert list(done.comparisons) == [f"{base}_vs_{student}" for base, student in zip(own, done.students, strict=True)]
