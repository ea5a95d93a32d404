"""A report of results folders alone: parents of them, what is refused, and the training runs that they lead to."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from serpentune.common.errors import UserError
from serpentune.comparison import by_method
from serpentune.comparison._loading import side_of
from serpentune.evaluation import EvaluationResult, results_folders
from serpentune.evaluation.contestants import training_settings
from serpentune.report import report_folders
from serpentune.training import AdvancedTrainingConfig
from serpentune.training.curves import write_history
from tests.report.players import greedy, play, walk


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    """Two evaluations, and beside them the training run of one of the players, as a run writes it."""
    folder = tmp_path / "experiment"
    run = folder / "models" / "seed=0"
    student = run / "final_model"
    student.mkdir(parents=True)
    config = AdvancedTrainingConfig().model_dump(mode="json")
    (run / "training.json").write_text(json.dumps({"config": config, "data_sha256": "a" * 64}))
    (student / "student.json").write_text(json.dumps({"parameters": 1000, "trainable_parameters": 250}))
    write_history(
        [{"step": 10, "epoch": 0.5, "loss": 2.0}, {"step": 20, "epoch": 1.0, "eval_loss": 1.25}], run / "history.csv"
    )
    told: dict[str, Any] = {"model": str(student), "training": training_settings(run)}
    play(folder / "evaluation" / "seed=0", "seed=0", greedy, range(20), manifest=told)
    play(folder / "evaluation" / "untuned", "untuned", walk, range(20), manifest={"model": "nano"})
    return folder


def models(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_an_experiments_folder_becomes_a_report_with_its_learning_curves(experiment: Path, tmp_path: Path) -> None:
    page, data = report_folders([experiment], tmp_path / "r.html", formats=["html", "json"])
    told = models(data)
    assert [model["name"] for model in told["models"]] == ["untuned", "seed=0"]
    assert [comparison["a"] for comparison in told["comparisons"]] == ["untuned"]
    assert list(told["training"]) == ["seed=0"] and told["training"]["seed=0"]["history"][1]["eval_loss"] == 1.25
    text = page.read_text()
    assert (
        "25.0% of all" in text and 'aria-label="Loss over optimiser steps. seed=0: last 2.000 validation 1.250' in text
    )
    turned = report_folders([experiment], tmp_path / "turned.json", baseline="seed=0")
    assert models(turned[0])["comparisons"][0]["b"] == "untuned"


def test_all_pairs_end_in_an_order_that_says_what_it_leaves_open(experiment: Path, tmp_path: Path) -> None:
    (data,) = report_folders([experiment], tmp_path / "r.json", all_pairs=True)
    report = json.loads(data.read_text())
    assert len(report["comparisons"]) == len(report["models"]) * (len(report["models"]) - 1) / 2
    means = {model["name"]: model["figures"]["score_mean"] for model in report["models"]}
    order = sorted(means, key=lambda name: (-means[name], name))
    for number, (name, note) in enumerate(zip(order, report["notes"], strict=True), start=1):
        assert note.startswith(f"By score, place {number} is {name}: ")
    (data,) = report_folders([experiment], tmp_path / "against.json")
    assert json.loads(data.read_text())["notes"] == []


def test_a_student_whose_training_run_is_lost_is_named(experiment: Path, tmp_path: Path) -> None:
    told = json.loads((experiment / "evaluation" / "seed=0" / "manifest.json").read_text())
    lost = {"model": "gone/final_model", "training": {**told["training"], "seed": 1}}
    play(experiment / "evaluation" / "seed=1", "seed=1", greedy, range(20), manifest=lost)
    page, text = report_folders([experiment], tmp_path / "r.html", formats=["html", "md"])
    for file in (page, text):
        assert "No training run was found for: seed=1." in file.read_text()


def test_curves_are_found_in_an_experiment_that_was_moved(experiment: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    shutil.move(experiment, moved)
    (data,) = report_folders([moved / "evaluation" / "seed=0"], tmp_path / "r.json")
    assert list(models(data)["training"]) == ["seed=0"]


def test_an_ablation_is_read_a_level_deeper_and_its_baseline_stands_first(experiment: Path, tmp_path: Path) -> None:
    for part in ("models", "evaluation"):  # as an ablation has them, and moved since
        (tmp_path / "ablation" / part / "alpha=8").mkdir(parents=True)
        shutil.move(experiment / part / "seed=0", tmp_path / "ablation" / part / "alpha=8" / "seed=0")
    folder = tmp_path / "ablation"
    manifest = folder / "evaluation" / "alpha=8" / "seed=0" / "manifest.json"
    told = json.loads(manifest.read_text())
    model = tmp_path / "before" / "models" / "alpha=8" / "seed=0" / "final_model"
    manifest.write_text(json.dumps({**told, "model": str(model)}))
    of_baseline = {"training": {**told["training"], "data_sha256": "b" * 64}}
    play(folder / "evaluation" / "baseline" / "seed=0", "baseline,seed=0", walk, range(20), manifest=of_baseline)
    results = [EvaluationResult.load(place) for place in results_folders(folder)]
    assert [method.name for method in by_method(results)] == ["baseline", "lora"]  # they learned from other data
    (data,) = report_folders([folder], tmp_path / "r.json")
    assert [model["name"] for model in models(data)["models"]] == ["baseline,seed=0", "seed=0"]
    assert list(models(data)["training"]) == ["seed=0"]


def without_later_settings(told: dict[str, Any]) -> dict[str, Any]:
    """What a version told that knew neither the choice of an optimiser nor training that goes on from an adapter."""
    steps = {name: value for name, value in told["hyperparameters"].items() if name != "optimizer"}
    left = {name: value for name, value in told.items() if name not in ("adapter", "max_train_samples")}
    return {**left, "hyperparameters": steps}


def test_results_of_a_version_that_knew_fewer_settings_find_their_run_and_their_like(
    experiment: Path, tmp_path: Path
) -> None:
    place = experiment / "evaluation" / "seed=0" / "manifest.json"
    told = json.loads(place.read_text())
    today = told["training"]
    place.write_text(json.dumps({**told, "training": without_later_settings(today)}))
    (data,) = report_folders([experiment], tmp_path / "r.json")
    assert list(models(data)["training"]) == ["seed=0"]
    later = {"training": {**today, "seed": 1}}
    play(experiment / "evaluation" / "seed=1", "seed=1", greedy, range(20, 40), manifest=later)
    other = {"training": {**later["training"], "hyperparameters": {**today["hyperparameters"], "optimizer": "muon"}}}
    play(experiment / "evaluation" / "muon,seed=1", "muon,seed=1", greedy, range(20, 40), manifest=other)
    results = [EvaluationResult.load(folder) for folder in results_folders(experiment)]
    assert {method.students for method in by_method(results)} == {("seed=0", "seed=1"), ("muon,seed=1",)}
    named = {result.name: result for result in results}
    assert side_of("both", [named["seed=0"], named["seed=1"]]).seeds == (0, 1)
    with pytest.raises(UserError, match="different hyperparameters"):
        side_of("both", [named["seed=0"], named["muon,seed=1"]])


@pytest.mark.parametrize(("seed", "data"), [(7, "a" * 64), (AdvancedTrainingConfig().seed, "b" * 64)])
def test_another_run_in_the_students_place_is_not_taken_for_its_own(
    experiment: Path, tmp_path: Path, seed: int, data: str
) -> None:
    run = experiment / "models" / "seed=0" / "training.json"
    config = AdvancedTrainingConfig(seed=seed).model_dump(mode="json")
    run.write_text(json.dumps({"config": config, "data_sha256": data}))
    (page,) = report_folders([experiment], tmp_path / "r.html")
    assert "No training run is known of these models" in page.read_text()


def test_a_damaged_history_is_named(experiment: Path, tmp_path: Path) -> None:
    history = experiment / "models" / "seed=0" / "history.csv"
    for damaged in ("step,loss\n1,2\n", history.read_text() + "many,1,2,,,\n"):
        history.write_text(damaged)
        with pytest.raises(UserError, match=r"history\.csv"):
            report_folders([experiment], tmp_path / "r.html")
    assert not (tmp_path / "r.html").exists()


def test_what_cannot_stand_in_one_report_is_refused(experiment: Path, tmp_path: Path) -> None:
    results = experiment / "evaluation"
    wide = play(tmp_path / "wide", "wide", greedy, range(20), (8, 5))
    with pytest.raises(UserError, match=r"differ in grid"):
        report_folders([results / "untuned", tmp_path / wide.name], tmp_path / "r.html")
    with pytest.raises(UserError, match=r"seed=0"):
        report_folders([results / "seed=0", results / "seed=0", results / "untuned"], tmp_path / "r.html")
    with pytest.raises(UserError, match="is no results folder"):
        report_folders([tmp_path / "nothing"], tmp_path / "r.html")
    assert not (tmp_path / "r.html").exists()


def test_a_file_that_exists_is_replaced_only_when_asked(experiment: Path, tmp_path: Path) -> None:
    (tmp_path / "r.md").write_text("mine")
    with pytest.raises(UserError, match=r"r\.md exists.*--overwrite"):
        report_folders([experiment], tmp_path / "r.html", formats=["html", "md"])
    assert not (tmp_path / "r.html").exists()
    report_folders([experiment], tmp_path / "r.html", formats=["html", "md"], overwrite=True)
    assert (tmp_path / "r.md").read_text().startswith("# Language models that play Snake\n")
