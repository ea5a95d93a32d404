"""Sweeps and recipes from the command line: what is typed, what is printed, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from serpentune.cli._output import number
from tests.cli.calls import ROOT, Result, serpentune

FEW = [
    "--max-steps", 2, "--batch-size", 4, "--gradient-accumulation-steps", 1, "--logging-steps", 1,
]  # fmt: skip

RECIPE = """
dataset:
  generate: [{teachers: [BFS], games: 12, grid_size: 4}]
  samples_per_teacher: 60
training: {hyperparameters: {max_steps: 2, batch_size: 8, gradient_accumulation_steps: 1}}
sweep: {seed: [0, 1]}
evaluation: {games: 2, records: 2}
"""


def train(dataset: Path, folder: Path, *more: object) -> Result:
    return serpentune("train", "--dataset", dataset, "--output-dir", folder, *FEW, *more)


@pytest.fixture(scope="module")
def swept(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("swept") / "sweep"
    made = train(dataset, folder, "--sweep", "lr=1e-3,1e-2", "seed=0,1")
    assert made.code == 0, made.err
    assert "Run 4 of 4: lr=0.01,seed=1" in made.err
    about = json.loads((folder / "sweep.json").read_text())
    assert all(number(run["final_loss"], 4) in made.out for run in about["runs"])
    return folder


def test_a_sweep_goes_on_and_grows(swept: Path, dataset: Path) -> None:
    again = train(dataset, swept, "--sweep", "lr=1e-3,1e-2", "seed=0,1", "--resume", "--json")
    assert again.code == 0, again.err
    runs = again.document["runs"]
    assert [run["settings"] for run in runs] == [{"lr": lr, "seed": seed} for lr in (1e-3, 1e-2) for seed in (0, 1)]
    assert Path(runs[0]["model_path"]).is_dir() and "history" not in runs[0]


@pytest.mark.parametrize("given", ["--chat", "--trust-remote-code"])
def test_what_a_sweep_says_itself_is_not_asked_for(given: str, swept: Path) -> None:
    said = serpentune("evaluate", swept, "--games", 2, given)
    assert said.code == 2
    assert f"Leave out {given}" in said.err


@pytest.mark.slow
def test_a_sweep_s_folder_is_evaluated_and_compared(swept: Path) -> None:
    played = serpentune("evaluate", swept, "--games", 3, "--grid-size", 4)
    assert played.code == 0, played.err
    assert "untuned" in played.out and "lr=0.01" in played.out
    found = serpentune("compare", swept, "--json")
    assert found.code == 0, found.err
    assert list(found.document["comparisons"]) == [
        f"untuned_vs_lr={lr},seed={seed}" for lr in ("0.001", "0.01") for seed in (0, 1)
    ]
    assert "Leave out --name" in serpentune("evaluate", swept, "--name", "x").err


@pytest.mark.slow
def test_a_sweep_is_measured_as_a_suite_says(swept: Path, dataset: Path, tmp_path: Path) -> None:
    options = ["--suite", "states", "--dataset", dataset, "--language-records", 4, "--output", tmp_path / "states"]
    measured = serpentune("evaluate", swept, *options, "--grid-size", 4, "--json")
    assert measured.code == 0, measured.err
    assert all(each["held_out"] and "games" not in each for each in measured.document["models"].values())
    again = serpentune("evaluate", swept, *options, "--grid-size", 4)
    assert again.code == 0, again.err
    assert "held-out states" in again.out and "apples" not in again.out
    assert "Leave out --suite" in serpentune("evaluate", swept, "--suite", "generalise").err


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (["lrr=1e-3"], "Did you mean"),
        (["lr"], "write KEY=VALUE,VALUE"),
        (["lr="], "lr has no values"),
        (["seed=0", "seed=1"], "names seed twice"),
        (["seed=0,0"], "Two runs of the sweep would be called seed=0"),
        (["seed=0,1", "lr=1e-3,3"], "The run seed=0,lr=3 of the sweep"),
        ([f"seed={','.join(map(str, range(101)))}"], "--max-runs 101"),
    ],
)
def test_a_grid_that_makes_no_sense_is_refused(grid: list[str], message: str, dataset: Path, tmp_path: Path) -> None:
    refused = train(dataset, tmp_path / "sweep", "--sweep", *grid)
    assert refused.code == 2 and message in refused.err
    assert not (tmp_path / "sweep").exists()


def test_a_bound_on_the_runs_of_no_sweep_is_refused(dataset: Path, tmp_path: Path) -> None:
    refused = train(dataset, tmp_path / "run", "--max-runs", "5")
    assert refused.code == 2 and "bounds the runs of a --sweep" in refused.err


@pytest.mark.slow
def test_a_recipe_is_run_with_settings_changed(tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(RECIPE)
    done = serpentune("run", file, "--set", "evaluation.games=3", "lora.rank=4", "--output-dir", tmp_path / "out")
    assert done.code == 0, done.err
    folder = tmp_path / "out" / "small"
    assert done.out.splitlines()[-1] == str(folder / "report.html")
    assert "seed=0" in done.out and "untuned" in done.out
    again = serpentune("run", "--resume", folder, "--json")
    assert again.code == 0, again.err
    assert again.document["evaluation"]["seed=1"]["games"] == 3
    assert again.document["report_path"] == str(folder / "report.html")
    assert serpentune("run", file, "--output-dir", tmp_path / "out").code == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["small.yaml", "--epochs", 3], "Leave out --epochs"),
        (["small.yaml", "--seed", 0], "Leave out --seed"),
        (["small.yaml", "--no-bf16"], "Leave out --bf16"),
        (["small.yaml", "--resume", "folder"], "Leave out the recipe"),
        (["small.yaml", "--set", "training.lrr=1"], "Did you mean"),
        (["small.yaml", "--set", "sweep.seed=[]"], "seed has no values"),
        (["missing.yaml"], "missing.yaml: can't be read"),
    ],
)
def test_a_run_that_says_two_things_is_refused(options: list[str], message: str, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(RECIPE)
    refused = serpentune("run", *options)
    assert refused.code == 2 and message in refused.err, refused.err


@pytest.mark.slow
def test_the_quickstart_runs_in_small(tmp_path: Path) -> None:
    changed = ["dataset.samples_per_teacher=200", "max_steps=10", "evaluation.games=10", "evaluation.records=10"]
    done = serpentune("run", ROOT / "recipes" / "quickstart.yaml", "--set", *changed, "--json")
    assert done.code == 0, done.err
    assert list(done.document["evaluation"]) == ["untuned", "lora"]
    assert (tmp_path / "output" / "quickstart" / "report.html").is_file()
