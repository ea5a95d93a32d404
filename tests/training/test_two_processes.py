from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from serpentune.common.errors import UserError
from serpentune.datasets import Recipe, build_dataset
from serpentune.training import AdvancedTrainingConfig, HyperparameterConfig, train
from tests.training.samples import samples

ONE = [sys.executable]
TWO = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def run(launch: Sequence[str], base: Path, data: Path, output: Path, batch: int) -> str:
    """What a run of twelve steps prints on standard output."""
    command = [
        *launch, "-m", "serpentune", "train", "--dataset", str(data), "--base-model", str(base),
        "--output-dir", str(output), "--training-strategy", "full", "--batch-size", str(batch),
        "--gradient-accumulation-steps", "2", "--max-steps", "12", "--learning-rate", "5e-3", "--logging-steps", "1",
        "--json",
    ]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def losses(output: Path) -> list[float]:
    with (output / "history.csv").open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file) if row["loss"]]


@pytest.mark.slow
def test_two_processes_learn_what_one_does_with_batches_of_twice_the_size(llama: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    build_dataset(Recipe(generate=[{"teachers": ["BFS"], "games": 20, "grid_size": 4}]), data)
    run(ONE, llama, data, tmp_path / "one", 8)
    said = run(TWO, llama, data, tmp_path / "two", 4)
    assert json.loads(said)["steps"] == 12  # one document: the second process is silent
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=1e-4)
    assert len(losses(tmp_path / "one")) == 12


def test_a_run_goes_on_with_as_many_processes_as_it_began_with(
    llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = HyperparameterConfig(max_steps=2, batch_size=4, gradient_accumulation_steps=1)
    config = AdvancedTrainingConfig(base_model_name=str(llama), hyperparameters=steps, save_steps=1)
    train(config, samples(16), None, tmp_path, quiet=True)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="began with 1 processes and can only be resumed with as many, not 2"):
        train(config, samples(16), None, tmp_path, resume=True, quiet=True)


def test_sharding_needs_several_gpus(llama: Path, tmp_path: Path) -> None:
    config = AdvancedTrainingConfig(base_model_name=str(llama), training_strategy="full", fsdp=True)
    with pytest.raises(UserError, match="several CUDA GPUs: start the run with torchrun"):
        train(config, samples(16), None, tmp_path, quiet=True)
