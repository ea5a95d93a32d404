"""A sweep trains each run as if it were alone, keeps it, and goes on where it was stopped."""

from __future__ import annotations

import json
import re
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from transformers import TrainerCallback

from serpentune.common.errors import UserError
from serpentune.common.files import sha256
from serpentune.datasets import build_dataset, load_splits, read_manifest
from serpentune.logs import generate_runs
from serpentune.models import load_student
from serpentune.training import (
    AdvancedTrainingConfig,
    HyperparameterConfig,
    SweepResult,
    TrainingInterrupted,
    cells,
    load_result,
    sweep,
    train,
    train_once,
)

GRID: dict[str, Any] = {"lr": [1e-2, 1e-3], "seed": [0, 1]}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweep")
    runs = generate_runs(["BFS"], 12, 4, 4, 0, folder / "logs")
    build_dataset(runs, folder / "dataset", samples_per_teacher=40)
    return folder / "dataset"


@pytest.fixture(scope="module")
def config(llama: Path) -> AdvancedTrainingConfig:
    return AdvancedTrainingConfig(
        base_model_name=str(llama),
        hyperparameters=HyperparameterConfig(max_steps=4, batch_size=4, gradient_accumulation_steps=1, warmup_steps=0),
        logging_steps=1,
        save_steps=2,
    )


@pytest.fixture(scope="module")
def finished(config: AdvancedTrainingConfig, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> SweepResult:
    return sweep(config, GRID, dataset, tmp_path_factory.mktemp("out") / "sweep", quiet=True)


@pytest.mark.slow
def test_each_run_is_what_it_would_be_alone(
    finished: SweepResult, config: AdvancedTrainingConfig, dataset: Path, tmp_path: Path
) -> None:
    names = ["lr=0.01,seed=0", "lr=0.01,seed=1", "lr=0.001,seed=0", "lr=0.001,seed=1"]
    assert [run.name for run in finished.runs] == names
    cell = cells(config, GRID)[3]
    splits = load_splits(dataset)
    alone = train(cell.config, splits["train"], splits["validation"], tmp_path, quiet=True)
    assert _losses(finished)[names[3]] == pytest.approx([entry["loss"] for entry in alone.history if "loss" in entry])
    assert len({tuple(losses) for losses in _losses(finished).values()}) == 4
    assert load_student(finished.folder / names[3] / "final_model").model is not None


def test_the_sweep_s_file_says_what_a_table_needs(finished: SweepResult, dataset: Path, tmp_path: Path) -> None:
    about = json.loads((finished.folder / "sweep.json").read_text())
    assert about["dataset"]["path"] == str(dataset)
    first = about["runs"][0]
    assert first["settings"] == {"lr": 0.01, "seed": 0}
    assert first["model_path"] == "lr=0.01,seed=0/final_model"
    assert first["final_loss"] == finished.runs[0].result.final_loss
    assert {"eval_loss", "seconds", "steps", "trainable_parameters", "strategy"} <= set(
        first
    ) and "history" not in first
    moved = shutil.copytree(finished.folder, tmp_path / "moved")
    again = SweepResult.load(moved)
    assert [(run.name, run.config) for run in again.runs] == [(run.name, run.config) for run in finished.runs]
    assert again.runs[0].result.model_path == moved / first["model_path"]


class _CtrlC(TrainerCallback):
    """Somebody who presses Ctrl-C in the third step of the second run."""

    steps = 0

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.steps += 1
        if self.steps == 7:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.slow
def test_a_stopped_sweep_keeps_what_is_finished_and_goes_on_in_the_middle_of_a_run(
    finished: SweepResult, config: AdvancedTrainingConfig, dataset: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "sweep"
    with pytest.raises(TrainingInterrupted, match="--resume"):
        sweep(config, GRID, dataset, folder, callbacks=[_CtrlC()], quiet=True)
    assert [run.name for run in SweepResult.load(folder).runs] == ["lr=0.01,seed=0"]
    before = sha256(folder / "lr=0.01,seed=0")
    said: list[str] = []
    grown: dict[str, Any] = {"lr": [1e-2, 1e-3, 1e-4], "seed": [0, 1]}
    result = sweep(config, grown, dataset, folder, resume=True, quiet=True, announce=said.append)
    assert sha256(folder / "lr=0.01,seed=0") == before
    assert result.runs[1].result.resumed_from == 3
    for name, losses in _losses(finished).items():
        assert _losses(result)[name] == pytest.approx(losses, rel=1e-4)
    assert len(result.runs) == 6 and "Run 6 of 6: lr=0.0001,seed=1" in said
    fewer = sweep(config, {"lr": [1e-2], "seed": [1]}, dataset, folder, resume=True, quiet=True)
    assert len(fewer.runs) == len(json.loads((folder / "sweep.json").read_text())["runs"]) == 6


def test_a_sweep_is_neither_replaced_nor_changed_unasked(
    finished: SweepResult, config: AdvancedTrainingConfig, dataset: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(finished.folder, tmp_path / "sweep")
    other = config.model_copy(update={"max_length": 64})
    data = tmp_path / "data"
    build_dataset(generate_runs(["BFS"], 8, 4, 4, 50, tmp_path / "logs"), data, samples_per_teacher=30)
    before = sha256(folder)
    with pytest.raises(UserError, match="already holds files"):
        sweep(config, GRID, dataset, folder, quiet=True)
    with pytest.raises(UserError, match=re.escape("lr=0.01,seed=0: A run can only be resumed")):
        sweep(other, {"lr": [7e-3, 1e-2], "seed": [0]}, dataset, folder, resume=True, quiet=True)
    with pytest.raises(UserError, match="isn't the one that the sweep"):
        sweep(config, GRID, data, folder, resume=True, quiet=True)
    with pytest.raises(UserError, match=re.escape("it is not one of ours")):
        sweep(config, GRID, dataset, data, overwrite=True, quiet=True)
    assert sha256(folder) == before
    sweep(other, {"seed": [3]}, dataset, folder, overwrite=True, quiet=True)
    assert sorted(path.name for path in folder.iterdir()) == ["seed=3", "sweep.json"]


def test_a_finished_student_is_kept_for_the_data_that_it_learnt_from(
    finished: SweepResult, dataset: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = finished.runs[0]
    folder = shutil.copytree(run.result.model_path.parent, tmp_path / "student")
    splits, hashes = load_splits(dataset), read_manifest(dataset)["sha256"]
    assert train_once(run.config, splits, hashes, folder, quiet=True) == load_result(folder)
    with pytest.raises(UserError, match=r"data set isn't the one that the student in .* learnt from.*--overwrite"):
        train_once(run.config, splits, {**hashes, "train": "0" * 64}, folder, quiet=True)
    kept = load_result(folder)
    told = json.loads((folder / "result.json").read_text())
    del told["dataset_sha256"]
    (folder / "result.json").write_text(json.dumps(told))
    caplog.clear()
    assert train_once(run.config, splits, hashes, folder, quiet=True) == load_result(folder) == kept
    assert "doesn't say which data set the student learnt from, so that isn't checked" in caplog.text


def test_what_a_run_would_be_refused_for_is_said_before_the_first_one(
    config: AdvancedTrainingConfig, dataset: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"The run base_model=nobody-nothing-1b of the sweep: .*neither built in"):
        sweep(config, {"base_model": ["nano", "nobody/nothing-1b"]}, dataset, tmp_path / "sweep", quiet=True)
    assert not (tmp_path / "sweep").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "an object is needed"),
        ('{"dataset": {"path": "d"}, "runs": [{"name": "../up", "settings": {}}]}', "outside the sweep's folder"),
        ("{", "not valid JSON"),
    ],
)
def test_a_damaged_sweep_is_refused(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "sweep.json").write_text(content)
    with pytest.raises(UserError, match=message):
        SweepResult.load(tmp_path)
    with pytest.raises(UserError, match="holds no sweep"):
        SweepResult.load(tmp_path / "nothing")


def _losses(result: SweepResult) -> dict[str, list[float]]:
    return {run.name: [entry["loss"] for entry in run.result.history if "loss" in entry] for run in result.runs}
