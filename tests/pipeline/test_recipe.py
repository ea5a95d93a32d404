"""An experiment's recipe is read, checked and kept; the published ones are valid."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from serpentune.common.errors import UserError
from serpentune.datasets import Recipe
from serpentune.pipeline import ExperimentRecipe

GAMES = {"generate": [{"teachers": ["BFS"], "games": 4, "grid_size": 4}]}


def test_a_recipe_is_saved_and_loaded(tmp_path: Path) -> None:
    recipe = ExperimentRecipe(
        name="mine",
        dataset=GAMES,
        training={"hyperparameters": {"batch_size": 8}},
        sweep={"strategy": {"lora": {"lr": 5e-3}, "full": {"lr": 1e-3}}, "seed": [0, 1]},
        evaluation={"games": 4, "teacher": "bfs", "grid_size": 4},
    )
    assert isinstance(recipe.dataset, Recipe) and recipe.evaluation is not None
    assert (recipe.evaluation.teacher, recipe.evaluation.grid_size) == ("BFS", "4x4")
    for suffix in ("yaml", "json"):
        assert ExperimentRecipe.load(recipe.save(tmp_path / f"recipe.{suffix}")) == recipe
    assert [cell.name for cell in recipe.cells()][-1] == "strategy=full,seed=1"


RECIPES = Path(__file__).parents[2] / "recipes"
EXPERIMENTS = sorted(RECIPES.glob("[!m]*.yaml"))


@pytest.mark.parametrize("file", EXPERIMENTS, ids=lambda file: file.stem)
def test_a_published_recipe_is_valid_and_says_how_it_is_run(file: Path) -> None:
    recipe = ExperimentRecipe.load(file)
    assert recipe.name == file.stem and recipe.cells() and recipe.data_recipe() is not None
    header = "".join(line for line in file.read_text().splitlines(keepends=True) if line.startswith("#"))
    assert f"serpentune run recipes/{file.name}" in header
    assert re.search("minutes|hour|less time", header)


def test_the_page_of_recipes_lists_them_all() -> None:
    listed = set(re.findall(r"`recipes/([\w-]+)\.yaml`", (RECIPES.parent / "docs/recipes.md").read_text()))
    assert listed == {file.stem for file in RECIPES.glob("*.yaml")}


def test_the_recipes_compare_what_they_say() -> None:
    assert [file.stem for file in EXPERIMENTS] == [
        "ablation",
        "boards",
        "efficiency",
        "flagship-nano",
        "flagship",
        "nano-10x10",
        "quickstart",
        "scaling-data",
        "scaling-size",
        "smollm2-2gpu",
        "smollm2-h100",
        "strategies",
        "teachers",
    ]
    assert Recipe.load(RECIPES / "mixture.yaml").generate
    one, two = (ExperimentRecipe.load(RECIPES / f"smollm2-{name}.yaml") for name in ("h100", "2gpu"))
    two.training.hyperparameters.batch_size *= 2
    assert one.model_dump(exclude={"name"}) == two.model_dump(exclude={"name"})
    flagship = ExperimentRecipe.load(RECIPES / "flagship.yaml")
    assert flagship.evaluation is not None and isinstance(flagship.dataset, Recipe)
    plain, noisy = flagship.dataset.generate
    assert plain.first_seed + plain.games <= noisy.first_seed < noisy.first_seed + noisy.games <= 800_000
    assert (flagship.evaluation.seed, flagship.evaluation.games) == (2_000_000, 2_000)
    six = ExperimentRecipe.load(RECIPES / "teachers.yaml").dataset
    assert isinstance(six, Recipe) and six.label == "player"
    plain_ones, noisy_ones = (
        {name for order in six.generate if (order.noise > 0) == noise for name in order.teachers}
        for noise in (False, True)
    )
    assert plain_ones == noisy_ones and len(plain_ones) == 6
    strategies = ExperimentRecipe.load(RECIPES / "strategies.yaml")
    assert {cell.config.seed for cell in strategies.cells()} == set(range(5))


def test_an_experiment_is_called_like_its_file_where_it_has_no_name(tmp_path: Path) -> None:
    file = tmp_path / "first try.yaml"
    file.write_text("dataset: data/mine\n")
    recipe = ExperimentRecipe.load(file)
    assert (recipe.name, recipe.dataset) == ("first-try", "data/mine")
    assert [cell.name for cell in recipe.cells()] == ["lora"]


def test_the_data_set_may_be_a_folder_or_a_recipe_s_file(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    with pytest.raises(UserError, match="no data set"):
        ExperimentRecipe(dataset=tmp_path / "set").data_recipe()
    (tmp_path / "set" / "manifest.json").write_text("{}")
    assert ExperimentRecipe(dataset=tmp_path / "set").data_recipe() is None
    file = Recipe(**GAMES).save(tmp_path / "data.yaml")
    assert ExperimentRecipe(dataset=file).data_recipe() == Recipe(**GAMES)
    with pytest.raises(UserError, match=r"nowhere\.yaml: can't be read"):
        ExperimentRecipe(dataset="nowhere.yaml").data_recipe()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"trainning": {}}, "Did you mean 'training'?"),
        ({"dataset": {"generate": [], "sorces": []}}, "Did you mean 'sources'?"),
        ({"dataset": 3}, "a data set's recipe is needed"),
        ({"training": {"batch_size": 3}}, "Did you mean 'hyperparameters.batch_size'?"),
        ({"training": {"experiment_name": "a"}}, "the recipe's own `name`"),
        ({"sweep": {"lr": [1e-3, 7]}}, "The run lr=7 of the sweep"),
        ({"sweep": {"seed": [0, 1]}, "max_runs": 1}, "2 runs (2 of seed), more than 1"),
        ({"evaluation": {"gamse": 3}}, "Did you mean 'games'?"),
        ({"evaluation": {"teacher": "BFT"}}, "Did you mean BFS?"),
        ({"evaluation": {"style": "plam"}}, "Did you mean plan?"),
        ({"evaluation": {"grid_size": 3}}, "4 to 50"),
        ({"name": "../up"}, "one folder's name"),
        ({"improve": {}}, "'improve.teacher' is missing"),
        ({"improve": {"teacher": "CELL", "roundz": 2}}, "Did you mean 'rounds'?"),
        ({"improve": {"teacher": "CEL"}}, "Did you mean CELL"),
        ({"improve": {"teacher": "player"}}, "no teacher named 'player'"),
        ({"improve": {"teacher": "CELL", "first_seed": 899_999}}, "improve: the rounds' games (first_seed) and the"),
        ({"improve": {"teacher": "CELL", "training": {"lrr": 1}}}, "Did you mean 'hyperparameters.learning_rate'?"),
        ({"improve": {"teacher": "CELL", "training": {"strategy": "lora"}}}, "training.training_strategy follows from"),
        ({"improve": {"teacher": "CELL", "training": {"lora": {"rank": 2}}}}, "training.lora follows from the student"),
        ({"improve": {"teacher": "CELL", "training": {"output_dir": "x"}}}, "training.output_dir is the rounds' own"),
        ({"improve": {"teacher": "CELL", "training": {"lr": 7}}}, "learning_rate = 7"),
        ({"improve": {"teacher": "CELL"}, "evaluation": {"seed": 101_499}}, "share seeds, such as 101499"),
    ],
)
def test_a_wrong_setting_is_refused_at_once(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        ExperimentRecipe(**{"dataset": GAMES, **wrong})


def test_a_refused_assignment_leaves_the_recipe_as_it_was() -> None:
    recipe = ExperimentRecipe(dataset=GAMES, sweep={"seed": [0]})
    with pytest.raises(UserError, match="Did you mean 'seed'"):
        recipe.sweep = {"sed": [0]}
    assert recipe.sweep == {"seed": [0]}


def test_rounds_train_like_their_student_but_for_what_the_recipe_says() -> None:
    values = {"teacher": "cell", "rounds": 2, "training": {"hyperparameters": {"num_epochs": 1}, "save_steps": 7}}
    sweep = {"strategy": {"lora": {"lr": 5e-3}, "full": {"lr": 1e-3}}, "seed": [3]}
    training = {"hyperparameters": {"batch_size": 8, "num_epochs": 4}, "max_length": 256}
    recipe = ExperimentRecipe(dataset=GAMES, training=training, sweep=sweep, improve=values)
    assert recipe.improve is not None
    for cell, rate in zip(recipe.cells(), (5e-3, 1e-3), strict=True):
        config = recipe.improve.of_student(cell.config, "there/final_model", name=cell.name)
        steps = config.training.hyperparameters
        assert (config.student, config.name, config.teacher) == ("there/final_model", cell.name, "CELL")
        assert (steps.batch_size, steps.learning_rate, steps.num_epochs) == (8, rate, 1)
        assert (config.training.seed, config.training.max_length, config.training.save_steps) == (3, 256, 7)


def test_settings_that_rounds_share_with_others_mean_the_others(tmp_path: Path) -> None:
    recipe = ExperimentRecipe(dataset=GAMES, improve={"teacher": "CELL"})
    changed = recipe.with_values(
        {"teacher": "BFS", "balance": ["length"], "improve.games": 9, "improve.training.lr": 1e-4}
    )
    assert changed.evaluation is not None and isinstance(changed.dataset, Recipe) and changed.improve is not None
    assert (changed.evaluation.teacher, changed.dataset.balance, changed.improve.games) == ("BFS", ["length"], 9)
    assert (changed.improve.balance, changed.improve.training) == ([], {"lr": 1e-4})
    assert ExperimentRecipe.load(changed.save(tmp_path / "recipe.yaml")) == changed.with_values({"name": "recipe"})
