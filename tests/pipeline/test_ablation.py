"""Ablations: what is planned, in which order, what a stop leaves, and that nothing is trained twice."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from serpentune.common.errors import UserError
from serpentune.comparison import by_method
from serpentune.datasets import build_dataset
from serpentune.evaluation import EvaluationResult, results_folders
from serpentune.pipeline import ExperimentRecipe, ablate, design
from serpentune.pipeline._ablation_runs import Runner, earlier_seconds, round_fits
from serpentune.pipeline.ablation import _claim
from serpentune.training import TrainingResult, refuse_other_data
from tests.report.players import play, walk


def recipe(**more: Any) -> ExperimentRecipe:
    values: dict[str, Any] = {
        "name": "tiny",
        "dataset": {
            "generate": [{"teachers": ["BFS", "HAMILTONIAN"], "games": 12, "grid_size": 4}],
            "samples_per_teacher": 40,
            "split": {"leaks": "held-out"},
        },
        "training": {"hyperparameters": {"max_steps": 2, "batch_size": 8, "gradient_accumulation_steps": 1}},
        "evaluation": {"games": 4, "records": 4},
    }
    return ExperimentRecipe(**values | more)


VARY = {"encoding": ["grid", "coordinates"], "style": ["move", "plan"], "teachers": ["BFS"], "seeds": ["0..2"]}


def test_one_factor_changes_at_a_time_unless_all_combinations_are_asked_for() -> None:
    planned = design(recipe(), VARY)
    assert [variant.name for variant in planned.variants] == [
        "baseline", "encoding=coordinates", "style=move", "teachers=BFS"
    ]  # fmt: skip
    assert planned.seeds == (0, 1, 2)
    assert planned.variants[0].recipe == recipe()
    assert planned.variants[0].levels == {"encoding": "grid", "style": "plan", "teachers": "all"}
    changed = planned.variants[1].recipe.data_recipe()
    assert changed is not None and changed.encodings == {"coordinates": 1.0} and changed.styles == {"plan": 1.0}
    every = design(recipe(), VARY, full=True).variants
    assert len(every) == len({variant.name for variant in every}) == 2 * 2 * 2
    assert every[-1].name == "encoding=coordinates,style=move,teachers=BFS"


def test_the_order_of_the_factors_names_no_other_variant() -> None:
    turned = dict(reversed(VARY.items()))
    plain, other = (design(recipe(), vary, full=True).variants for vary in (VARY, turned))
    assert {variant.name: variant.recipe for variant in plain} == {variant.name: variant.recipe for variant in other}


def claimed(recipe: ExperimentRecipe, vary: dict[str, Sequence[Any]], folder: Path) -> None:
    """What an ablation writes before its first run."""
    planned = design(recipe, vary)
    _claim(folder, planned)
    Runner(folder, planned, True, print).note()


def test_a_folder_is_of_what_its_recipes_say_and_not_of_where_they_lie(tmp_path: Path) -> None:
    folder, data = tmp_path / "tiny", tmp_path / "data.yaml"
    recipe().dataset.save(data)  # type: ignore[union-attr]
    claimed(recipe(), {"style": ["move"]}, folder)
    claimed(recipe(dataset=str(data), name="other"), {"lr": [1e-3]}, folder)  # the same, from its file
    data.write_text(data.read_text().replace("games: 12", "games: 13"))
    with pytest.raises(UserError, match="began with another recipe: dataset differs"):
        ablate(recipe(dataset=str(data)), {"style": ["move"]}, folder)

    runs = json.loads((folder / "runs.json").read_text())
    assert list(runs["recipes"]) == ["baseline", "style=move", "lr=0.001"]
    runs["recipes"]["style=move"]["recipe"]["training"]["seed"] = 5  # as if another value had had the same name
    del runs["recipes"]["baseline"]["recipe"]["evaluation"]["style"]  # as if that setting had been unknown then
    (folder / "runs.json").write_text(json.dumps(runs))
    claimed(recipe(), {"lr": [1e-3]}, folder)
    with pytest.raises(
        UserError, match=r"The variant style=move in .* was planned from another recipe: training differs"
    ):
        ablate(recipe(), {"style": ["move"]}, folder)


def test_a_data_set_that_was_built_again_is_noticed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    build_dataset(recipe().dataset, data)
    manifest = data / "manifest.json"
    named = recipe(dataset=str(data))
    claimed(named, {"lr": [1e-3]}, tmp_path / "tiny")
    told = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(told | {"sha256": dict.fromkeys(told["sha256"], "0" * 64)}))
    with pytest.raises(UserError, match="began with another recipe: what the data set holds differs"):
        ablate(named, {"lr": [1e-3]}, tmp_path / "tiny")


def test_all_seeds_of_a_variant_learn_from_the_same_data(tmp_path: Path) -> None:
    planned = design(recipe(), {"lr": [1e-3], "seeds": ["0..1"]})
    runner = Runner(tmp_path, planned, True, print)
    runner.seconds = {"baseline": {0: 1.0}}
    finished = tmp_path / "models/baseline/seed=0"
    finished.mkdir(parents=True)
    (finished / "result.json").write_text(json.dumps({"dataset_sha256": {"train": "0" * 64}}))
    with pytest.raises(UserError, match=r"seed 1: The data set isn't the one .* learnt from\. Choose .*--output"):
        runner._run(planned.variants[0], 1)
    (finished / "result.json").unlink()  # a student that was deleted to save room stands in nobody's way
    refuse_other_data(finished, {"train": "1" * 64})


def test_settings_of_training_vary_too() -> None:
    planned = design(recipe(), {"lr": [1e-3, 2e-4], "lora.rank": [4]})
    assert [variant.name for variant in planned.variants] == ["baseline", "lr=0.001", "lora.rank=4"]
    assert planned.variants[1].recipe.training.hyperparameters.learning_rate == 1e-3
    assert planned.variants[2].recipe.training.lora.rank == 4
    assert planned.seeds == (0,)


def test_all_variants_have_one_seed_before_any_has_two() -> None:
    planned = design(recipe(), VARY)
    seeds = [seed for seed, _ in planned.order()]
    assert seeds == sorted(seeds) and seeds.count(0) == len(planned.variants)


def test_games_ask_a_variant_for_what_it_was_taught() -> None:
    asked = recipe(evaluation={"games": 4, "style": "plan", "teacher": "BFS"})
    move, hamiltonian = design(asked, {"style": ["move"], "teachers": ["HAMILTONIAN"]}).variants[1:]
    assert move.recipe.evaluation is not None and hamiltonian.recipe.evaluation is not None
    assert (move.recipe.evaluation.style, move.recipe.evaluation.teacher) == (None, "BFS")
    assert (hamiltonian.recipe.evaluation.style, hamiltonian.recipe.evaluation.teacher) == ("plan", None)


@pytest.mark.parametrize(
    ("vary", "message"),
    [
        ({"encodng": ["grid"]}, "Did you mean encoding"),
        ({"encoding": ["cordinates"]}, "Did you mean coordinates"),
        ({"style": ["moves"]}, "Did you mean move"),
        ({"teachers": ["HAMILTONAN"]}, "Did you mean HAMILTONIAN"),
        ({"teachers": ["CELL"]}, "CELL plays no games in the recipe"),
        ({"learning_rte": [1]}, "learning_rate"),
        ({"lr": [-1]}, "lr=-1"),
        ({"strategy": ["lorra"]}, "Did you mean lora"),
        ({"style": ["plan"]}, "style=plan is what the recipe has"),
        ({"style": ["move", "move"]}, "names a value twice"),
        ({"model": ["some/model", "some model"]}, "would be called some-model here, as some/model is"),
        ({"style": ["move"], "styles": ["move"]}, "same setting"),
        ({"seeds": [0, 1]}, "Nothing varies"),
        ({"style": ["move"], "seeds": ["0.2"]}, "0,1,2 or 0..4"),
        ({"style": ["move"], "seeds": [1, 1]}, "each once"),
        ({"evaluation.games": [3]}, "different games"),
    ],
)
def test_a_wrong_factor_or_value_is_said_before_anything_runs(
    vary: dict[str, Sequence[Any]], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        ablate(recipe(), vary, tmp_path / "here")
    assert not (tmp_path / "here").exists()


def test_a_round_is_begun_where_it_would_end_in_time() -> None:
    names = ["baseline", "slow", "new"]
    assert round_fits(names, {}, 0, 1)  # nothing is known yet
    finished = {"baseline": {0: 10.0, 1: 20.0}, "slow": {0: 90.0}}
    # Seed 1: "slow" its own 90 s, "new" the mean of all three, 40 s.
    assert round_fits(names, finished, 1, 130)
    assert not round_fits(names, finished, 1, 129)
    assert round_fits(["baseline"], finished, 1, -5)  # it is there already


def test_runs_are_counted_wherever_they_stand_in_the_order(tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    planned = design(recipe(), {"style": ["move"], "seeds": [0, 1, 2]})
    _claim(folder, planned)
    runner = Runner(folder, planned, True, print)
    # Seed 1 was asked for alone before, and of seed 2 one variant was finished.
    runner.seconds = {"baseline": {1: 50.0, 2: 50.0}, "style=move": {1: 50.0}}
    for name in ("baseline", "style=move"):
        played = play(folder / "evaluation" / name / "seed=1", name, walk, range(2))
    said: list[str] = []
    runner.announce = said.append
    seeds, results, left = runner.run(time.monotonic() + 1)
    assert (seeds, left) == ((1,), 3) and said[-1].startswith("The time is up: 3 of 6 runs are finished")
    assert [list(result.scores) for result in results["style=move"]] == [list(played.scores)]


def test_what_an_earlier_call_found_doesn_t_stand_beside_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    vary: dict[str, Any] = {"style": ["move"], "seeds": [0]}
    claimed(recipe(), vary, folder)
    runs = json.loads((folder / "runs.json").read_text())
    names = ("baseline", "style=move")
    (folder / "runs.json").write_text(json.dumps(runs | {"seconds": {name: {"0": 50.0} for name in names}}))
    for name in names:
        play(folder / "evaluation" / name / "seed=0", f"{name},seed=0", walk, range(4))
    made = ("ablation.json", "ablation.md", "effects.png", "comparisons")
    assert ablate(recipe(), vary, folder).reading is not None and all((folder / name).exists() for name in made)
    more = ablate(recipe(), {**vary, "encoding": ["coordinates"]}, folder, max_hours=1e-6)
    assert (more.reading, more.left) == (None, 1)
    assert [(folder / name).exists() for name in made] == [True, True, False, False]
    assert "Runs that are left: 1" in (folder / "ablation.md").read_text()


def test_of_a_run_that_was_gone_on_with_only_the_earlier_part_is_added() -> None:
    def trained(resumed_from: int | None) -> TrainingResult:
        return TrainingResult(Path(), [], 60.0, 1, 1, 0.0, None, 1.0, 1.0, None, 40, 9, 0, 1, 1, resumed_from)

    assert earlier_seconds(trained(None), trained_before=False) == 0  # all in this call
    assert earlier_seconds(trained(None), trained_before=True) == 60  # only played in this call
    assert earlier_seconds(trained(10), trained_before=False) == 20  # 30 steps took 60 s, and are in this call's time
    assert earlier_seconds(trained(10), trained_before=True) == 80
    assert earlier_seconds(trained(40), trained_before=True) == 60  # not a step was left to measure by


@pytest.mark.slow
def test_an_ablation_goes_on_where_it_was_stopped_and_says_what_each_factor_does(tmp_path: Path) -> None:
    folder, vary = tmp_path / "tiny", {"style": ["move"], "lr": [1e-3]}
    said: list[str] = []
    short = ablate(recipe(), {**vary, "seeds": ["0..1"]}, folder, max_hours=1e-6, quiet=True, announce=said.append)
    assert short.reading is None and short.left == 5  # the first run is begun in any case
    assert "1 of 6 runs" in said[-1]

    said.clear()
    first = ablate(recipe(), {**vary, "seeds": [0]}, folder, quiet=True, announce=said.append)
    assert said == ["style=move, training seed 0", "lr=0.001, training seed 0"]
    assert first.reading is not None and "these checkpoints" in first.reading.level
    weights = folder / "models/style=move/seed=0/final_model/adapter_model.safetensors"
    trained = weights.stat().st_mtime_ns

    said.clear()
    whole = ablate(recipe(), {**vary, "seeds": [0, 1]}, folder, quiet=True, announce=said.append)
    assert len(said) == 3 and all(line.endswith("seed 1") for line in said)
    assert weights.stat().st_mtime_ns == trained
    assert whole.left == 0 and whole.reading is not None and whole.reading.seeds == (0, 1)
    assert [effect.name for effect in whole.reading.effects["score"]] == ["style=move", "lr=0.001"]
    found = [EvaluationResult.load(place) for place in results_folders(folder)]
    assert [(method.name, method.seeds) for method in by_method(found)] == [
        ("baseline", (0, 1)), ("lr=0.001", (0, 1)), ("style=move", (0, 1))
    ]  # fmt: skip
    assert json.loads((folder / "ablation.json").read_text())["runs_left"] == 0
    assert "| style=move | style=plan | 1 |" in (folder / "ablation.md").read_text()
    assert (folder / "effects.png").stat().st_size > 1000
    assert {path.name for path in (folder / "datasets").iterdir()} == {"baseline", "style=move"}  # lr shares it

    with pytest.raises(UserError, match="began with another recipe: evaluation differs"):
        ablate(recipe(evaluation={"games": 5, "records": 4}), vary, folder)
