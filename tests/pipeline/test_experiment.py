"""A recipe is really gone through: data built, every combination trained, all played, compared and reported."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from serpentune.common.errors import UserError
from serpentune.common.files import sha256
from serpentune.comparison import by_method
from serpentune.datasets import build_dataset
from serpentune.evaluation import EvaluationResult, EvaluationSettings, evaluate_sweep, results_folders
from serpentune.pipeline import (
    ExperimentPipeline,
    ExperimentRecipe,
    ExperimentResults,
    MultiDatasetPipeline,
    PipelineInterrupted,
    PipelineResults,
    resume_experiment,
)
from serpentune.pipeline._games import games_for
from serpentune.pipeline.recipe import EvaluationRecipe
from tests.pipeline.interrupting import interrupted

STUDENTS = [f"strategy={strategy},seed={seed}" for strategy in ("lora", "full") for seed in (0, 1)]


def recipe(**more: Any) -> ExperimentRecipe:
    """Four students after four steps each, four games of each."""
    values: dict[str, Any] = {
        "name": "small",
        "dataset": {"generate": [{"teachers": ["BFS"], "games": 12, "grid_size": 4}], "samples_per_teacher": 60},
        "training": {
            "hyperparameters": {"max_steps": 4, "batch_size": 8, "gradient_accumulation_steps": 1},
            "logging_steps": 1,
            "save_steps": 2,
        },
        "sweep": {"strategy": {"lora": {"lr": 5e-3}, "full": {"lr": 1e-3}}, "seed": [0, 1]},
        "evaluation": {"games": 4, "records": 4},
    }
    return ExperimentRecipe(**values | more)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> ExperimentResults:
    return ExperimentPipeline(recipe(), output_dir=tmp_path_factory.mktemp("output"), quiet=True).run()


def test_every_combination_is_trained_and_plays_the_same_games(done: ExperimentResults) -> None:
    assert list(done.students) == STUDENTS and list(done.results) == ["untuned", *STUDENTS]
    losses = {name: [entry["loss"] for entry in run.history if "loss" in entry] for name, run in done.students.items()}
    assert len({tuple(each) for each in losses.values()}) == 4 and all(len(each) == 4 for each in losses.values())
    for name, result in done.results.items():
        assert result.seeds == tuple(range(1_000_000, 1_000_004))
        assert (result.manifest["grid"], result.manifest["teacher"], result.manifest["style"]) == (
            [4, 4],
            "BFS",
            "plan",
        )
        assert ("training" in result.manifest) == (name != "untuned")
    assert done.results[STUDENTS[3]].manifest["training"]["seed"] == 1
    assert list(done.comparisons) == [f"untuned_vs_{name}" for name in STUDENTS]


def test_summary_and_report_name_what_was_found(done: ExperimentResults) -> None:
    summary = json.loads((done.folder / "results_summary.json").read_text())
    assert summary == json.loads(json.dumps(done.summary))
    assert summary["students"][STUDENTS[0]]["final_loss"] == done.students[STUDENTS[0]].final_loss
    assert (done.folder / summary["students"][STUDENTS[2]]["model"] / "model.safetensors").is_file()
    assert list(summary["seconds"]) == ["collect", "prepare", "train", "evaluate", "report", "total"]
    assert [method["name"] for method in summary["methods"]] == ["strategy=lora", "strategy=full"]
    assert done.report_path is not None
    page = done.report_path.read_text()
    assert all(word in page for word in (*STUDENTS, "untuned", "strategy=lora, training seeds 0, 1"))
    assert ExperimentRecipe.load(done.folder / "recipe.yaml") == done.recipe


def test_students_of_one_method_are_put_side_by_side(done: ExperimentResults) -> None:
    lora, full = by_method(reversed(done.results.values()))[::-1]
    assert (lora.name, lora.seeds, lora.students) == ("strategy=lora", (0, 1), tuple(STUDENTS[:2]))
    scores = [done.results[name].scores.mean() for name in STUDENTS[2:]]
    assert (full.score.mean, full.score.least, full.score.greatest) == (sum(scores) / 2, min(scores), max(scores))


def test_with_three_training_seeds_each_the_methods_are_compared(done: ExperimentResults, tmp_path: Path) -> None:
    assert {report.about for report in done.comparisons.values()} == {"checkpoints"}  # with two seeds
    third = []
    for name in STUDENTS[::2]:
        first = done.results[name]
        training = {**first.manifest["training"], "seed": 2}
        manifest = {**first.manifest, "training": training, "model_sha256": f"of {name}, were it trained again"}
        third.append(replace(first, name=name.replace("seed=0", "seed=2"), manifest=manifest))
    found = ExperimentPipeline(recipe(), output_dir=tmp_path).compare([*done.results.values(), *third])
    assert {name: (report.about, report.seeds_b) for name, report in found.items()} == {
        "untuned_vs_strategy=lora": ("methods", (0, 1, 2)),
        "untuned_vs_strategy=full": ("methods", (0, 1, 2)),
    }
    assert (tmp_path / "small/evaluation/untuned_vs_strategy-lora.json").is_file()


@pytest.mark.slow
def test_a_sweep_s_folder_is_evaluated_and_compared_as_one(done: ExperimentResults, tmp_path: Path) -> None:
    swept = shutil.copytree(done.folder / "models", tmp_path / "sweep")
    settings = EvaluationSettings(games=2, width=4, height=4, seed=5)
    results = evaluate_sweep(swept, settings, quiet=True)
    assert list(results) == ["untuned", *STUDENTS]
    folders = results_folders(swept)
    assert folders[0] == swept / "evaluation" / "untuned" and len(folders) == 5
    assert {EvaluationResult.load(folder).name for folder in folders} == set(results)
    assert results_folders(done.folder)[0] == done.folder / "evaluation" / "untuned"
    assert results_folders(folders[1]) == [folders[1]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "sent"),
    [("Run 2 of 2", signal.SIGTERM), ("seed=0: ", signal.SIGINT)],
)
def test_what_is_finished_outlives_a_signal(words: str, sent: signal.Signals, tmp_path: Path) -> None:
    small = recipe(sweep={"seed": [0, 1]})
    with interrupted(words, sent), pytest.raises(PipelineInterrupted, match="--resume") as stopped:
        ExperimentPipeline(small, output_dir=tmp_path, quiet=True).run()
    assert stopped.value.signal == sent
    kept = {path: sha256(path) for path in tmp_path.rglob("final_model")}
    result = resume_experiment(stopped.value.folder, quiet=True)
    assert not isinstance(result, MultiDatasetPipeline)
    finished = result.run()
    assert list(finished.results) == ["untuned", "seed=0", "seed=1"]
    assert {path: sha256(path) for path in kept} == kept


@pytest.mark.slow
def test_a_finished_experiment_can_grow(done: ExperimentResults, tmp_path: Path) -> None:
    folder = shutil.copytree(done.folder, tmp_path / "small")
    before = sha256(folder / "models" / STUDENTS[0])
    grown = recipe(sweep={"strategy": {"lora": {"lr": 5e-3}}, "seed": [0, 1, 2]})
    result = ExperimentPipeline(grown, output_dir=tmp_path, resume=True, quiet=True).run()
    assert list(result.students) == [*STUDENTS[:2], "strategy=lora,seed=2"]
    assert sha256(folder / "models" / STUDENTS[0]) == before
    with pytest.raises(
        UserError, match=r"dataset\.generate was .* dataset\.samples_per_teacher was 60 and is now 10000"
    ):
        other = recipe(dataset={"generate": [{"teachers": ["DFS"], "games": 12, "grid_size": 4}]})
        ExperimentPipeline(other, output_dir=tmp_path, resume=True, quiet=True).run()
    with pytest.raises(UserError, match="holds an experiment already"):
        ExperimentPipeline(grown, output_dir=tmp_path, quiet=True).run()


def test_one_student_of_a_data_set_that_is_there_without_games(done: ExperimentResults, tmp_path: Path) -> None:
    one = recipe(dataset=str(done.folder / "datasets"), sweep={}, evaluation=None)
    result = ExperimentPipeline(one, output_dir=tmp_path, quiet=True).run()
    assert list(result.students) == ["lora"] and result.report_path is None and result.results == {}
    assert (tmp_path / "small" / "models" / "final_model").is_dir()
    assert not (tmp_path / "small" / "datasets").exists()


def test_a_data_recipe_that_is_named_by_its_file_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    data = recipe().data_recipe()
    assert data is not None
    data.save("data.yaml")
    named = recipe(dataset="data.yaml", sweep={}, evaluation=None)
    first = ExperimentPipeline(named, output_dir=tmp_path, quiet=True).run()
    kept = ExperimentRecipe.load(first.folder / "recipe.yaml")
    assert kept.dataset == data and kept == first.recipe
    ExperimentPipeline(named, output_dir=tmp_path, resume=True).check()

    data.model_copy(update={"seed": 1}).save("data.yaml")
    with pytest.raises(UserError, match=r"began with other settings: dataset\.seed was 0 and is now 1\. Set"):
        ExperimentPipeline(named, output_dir=tmp_path, resume=True).check()
    monkeypatch.chdir(tmp_path / "there")
    again = resume_experiment(first.folder, quiet=True)
    assert again.dataset == first.folder / "datasets"
    assert again.run().students == first.students


def test_a_data_set_that_is_there_stays_a_path_that_may_not_change(done: ExperimentResults, tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "small", str(tmp_path / "gone")
    recipe(dataset=elsewhere).save(folder / "recipe.yaml")
    pipeline = ExperimentPipeline(recipe(dataset=str(done.folder / "datasets")), output_dir=tmp_path, resume=True)
    with pytest.raises(UserError, match=f"dataset was '{elsewhere}' and is now"):
        pipeline.check()
    assert pipeline.recipe.dataset == str(done.folder / "datasets") and pipeline.dataset == done.folder / "datasets"


def test_a_student_of_a_data_set_that_was_built_again_is_not_kept(tmp_path: Path) -> None:
    data = recipe().data_recipe()
    assert data is not None
    build_dataset(data, tmp_path / "data")
    one = recipe(dataset=str(tmp_path / "data"), sweep={}, evaluation=None)
    first = ExperimentPipeline(one, output_dir=tmp_path, quiet=True).run()
    again = ExperimentPipeline(one, output_dir=tmp_path, resume=True, quiet=True).run()
    assert again.students == first.students
    build_dataset(data.model_copy(update={"seed": 1}), tmp_path / "data", overwrite=True)
    with pytest.raises(UserError, match="data set isn't the one that the student in"):
        ExperimentPipeline(one, output_dir=tmp_path, resume=True, quiet=True).run()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"dataset": "nowhere.yaml"}, "nowhere.yaml: can't be read"),
        ({"sweep": {"base_model": ["nano", "nobody/nothing-1b"]}}, "neither built in nor on this disk"),
        (
            {"training": {"training_strategy": "full", "fsdp": True}, "sweep": {}},
            "fsdp shards the weights over several CUDA GPUs",
        ),
        ({"evaluation": {"teacher": "DFS"}}, "learn from BFS only"),
        ({"evaluation": {"style": "move"}}, "evaluation.style = 'move': the students learn plan only"),
        ({"evaluation": {"encoding": "coordinates"}}, "'coordinates': the students learn grid only"),
        ({"evaluation": {"seed": 0}}, "seeds that the student is trained on"),
    ],
)
def test_bad_input_is_refused_before_training(wrong: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        ExperimentPipeline(recipe(**wrong), output_dir=tmp_path, quiet=True).run()
    assert not list(tmp_path.rglob("models"))


def test_what_a_data_set_from_elsewhere_leaves_open_may_be_asked_for(done: ExperimentResults) -> None:
    asked, dataset = EvaluationRecipe(style="move", encoding="grid"), done.folder / "datasets"
    told = {**done.dataset_stats, "encodings": ["grid"], "styles": ["plan", "unknown"]}
    assert games_for(asked, told, dataset).style == "move"
    with pytest.raises(UserError, match="students learn plan only"):
        games_for(asked, {**told, "styles": ["plan"]}, dataset)


def test_bases_whose_results_would_share_a_folder_are_refused_before_training(llama: Path, tmp_path: Path) -> None:
    bases = [str(shutil.copytree(llama, tmp_path / place / "own" / "llama")) for place in ("one", "two")]
    with pytest.raises(UserError, match="called own/llama and own/llama, and share a results folder"):
        ExperimentPipeline(recipe(sweep={"base_model": bases}), output_dir=tmp_path / "output", quiet=True).check()


@pytest.mark.slow
def test_the_run_from_logs_goes_on_by_its_folder_too(finished: PipelineResults, tmp_path: Path) -> None:
    folder = shutil.copytree(finished.experiment_dir, tmp_path / "moved")
    assert isinstance(resume_experiment(folder, quiet=True), MultiDatasetPipeline)
    with pytest.raises(UserError, match="holds no experiment"):
        resume_experiment(tmp_path)


@pytest.mark.slow
def test_two_processes_train_together_and_one_does_the_rest(tmp_path: Path) -> None:
    file = recipe(name=None, sweep={"seed": [0, 1]}).save(tmp_path / "two.yaml")
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "serpentune", "run"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(file), "--output-dir", str(tmp_path), "--json"],
        check=False,
        capture_output=True,
        text=True,
        env=env,
        timeout=600,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert list(summary["evaluation"]) == ["untuned", "seed=0", "seed=1"]
    assert summary["students"]["seed=0"]["steps"] == 4
