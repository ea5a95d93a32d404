"""What a run in TensorBoard holds, and which trackers are refused before training."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from transformers import TrainerCallback

import serpentune
from serpentune.common.errors import UserError
from serpentune.common.source import source_commit
from serpentune.datasets import build_dataset
from serpentune.logs import generate_runs
from serpentune.training import (
    AdvancedTrainingConfig,
    HyperparameterConfig,
    TrainingInterrupted,
    forecast,
    sweep,
    train,
)
from serpentune.training._trackers import TRACKERS, TrackedRun, Tracker
from tests.training.samples import samples
from tests.training.stops import StopAt


def config_for(base: Path, **changes: Any) -> AdvancedTrainingConfig:
    return AdvancedTrainingConfig(
        base_model_name=str(base),
        report_to=["tensorboard"],
        logging_steps=2,
        eval_steps=3,
        hyperparameters=HyperparameterConfig(
            max_steps=8, batch_size=4, gradient_accumulation_steps=1, learning_rate=1e-2
        ),
        **changes,
    )


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Steps and values by tag, as TensorBoard shows them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder)).Reload()
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def of(history: list[dict[str, float]], key: str) -> list[tuple[int, Any]]:
    return [(int(entry["step"]), pytest.approx(entry[key])) for entry in history if key in entry]


def test_tensorboard_shows_the_history_and_what_the_run_is_made_of(llama: Path, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = tmp_path / "run" / "trackers" / "tensorboard"
    result = train(config_for(llama), samples(64), samples(8, 1), tmp_path / "run", quiet=True)
    shown = scalars(folder)
    assert shown["train/loss"] == of(result.history, "loss")
    assert shown["eval/loss"] == of(result.history, "eval_loss")
    assert [step for step, _ in shown["eval/loss"]] == [3, 6, 8]
    assert "train/train_loss" not in shown  # another mean, of this call's steps only
    (text,) = EventAccumulator(str(folder)).Reload().Tensors("serpentune/text_summary")
    facts = json.loads(text.tensor_proto.string_val[0].decode().strip("`").removeprefix("json"))
    note = json.loads((tmp_path / "run" / "training.json").read_text())
    assert facts["data_sha256"] == note["data_sha256"]
    assert (facts["lora.rank"], facts["hyperparameters.learning_rate"], facts["samples"]) == (16, 1e-2, 64)
    assert (facts["version"], facts["commit"]) == (serpentune.__version__, source_commit())


def test_a_resumed_run_is_one_curve(llama: Path, tmp_path: Path) -> None:
    config = config_for(llama, save_steps=100)
    with pytest.raises(TrainingInterrupted):
        train(config, samples(64), None, tmp_path, callbacks=[StopAt(5)], quiet=True)
    result = train(config, samples(64), None, tmp_path, resume=True, quiet=True)
    assert scalars(tmp_path / "trackers" / "tensorboard")["train/loss"] == of(result.history, "loss")


def test_an_unknown_tracker_and_one_that_is_not_installed_are_refused_before_any_work(
    llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=r"no tracker named 'tensorbord'. Did you mean tensorboard\?"):
        AdvancedTrainingConfig(report_to=["tensorbord"])
    monkeypatch.setitem(TRACKERS, "tensorboard", Tracker(("tensorboard_of_nobody",), TRACKERS["tensorboard"].open))
    with pytest.raises(UserError, match=r"tensorboard_of_nobody is missing.*pip install 'serpentune\[tensorboard\]'"):
        train(config_for(llama), samples(8), None, tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()
    (problem,) = forecast(config_for(llama)).problems
    assert "tensorboard_of_nobody is missing" in problem
    assert forecast(config_for(llama), gpus=1, card_memory=80).problems == ()  # that machine may have it


@pytest.mark.slow
def test_each_run_of_a_sweep_has_its_own_name_in_a_tracker(
    llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = []

    @contextmanager
    def noting(run: TrackedRun) -> Iterator[TrainerCallback]:
        names.append(run.name)
        yield TrainerCallback()

    monkeypatch.setitem(TRACKERS, "tensorboard", Tracker((), noting))
    build_dataset(generate_runs(["BFS"], 12, 4, 4, 0, tmp_path / "logs"), tmp_path / "dataset", samples_per_teacher=40)
    config = config_for(llama, experiment_name="mine").with_values({"max_steps": 1})
    sweep(config, {"seed": [0, 1]}, tmp_path / "dataset", tmp_path / "sweep", quiet=True)
    train(config, samples(8), None, tmp_path / "named", quiet=True)
    config.experiment_name = None
    train(config, samples(8), None, tmp_path / "experiment" / "models", quiet=True)
    assert names == ["seed=0", "seed=1", "mine", "experiment"]
