"""Training runs no code of a checkpoint's or a model's, unless it was told to."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from serpentune.common.errors import UserError
from serpentune.common.files import read_json, sha256, write_json
from serpentune.models import load_student
from serpentune.training import AdvancedTrainingConfig, HyperparameterConfig, forecast, train
from tests.models.tiny import give_code
from tests.training.samples import samples


class Planted:
    """Makes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return Path.touch, (self.marker,)


@pytest.mark.parametrize("strategy", ["lora", pytest.param("full", marks=pytest.mark.slow)])
def test_pickles_in_a_checkpoint_are_not_executed(strategy: str, llama: Path, tmp_path: Path) -> None:
    marker, run = tmp_path / "executed", tmp_path / "run"
    config = AdvancedTrainingConfig(
        training_strategy=strategy,
        base_model_name=str(llama),
        hyperparameters=HyperparameterConfig(num_epochs=1, batch_size=8, gradient_accumulation_steps=1),
        save_steps=2,
    )
    train(config, samples(40), None, run, quiet=True)
    shutil.rmtree(run / "final_model")
    shutil.rmtree(run / "checkpoints" / "checkpoint-5")
    checkpoint = run / "checkpoints" / "checkpoint-4"
    states = {"optimizer.pt", "scheduler.pt", "rng_state.pth"}
    assert states <= {path.name for path in checkpoint.iterdir()}

    for name in (*states, "pytorch_model.bin", "adapter_model.bin", "training_args.bin"):
        planted = shutil.copytree(run, tmp_path / name)
        file = planted / "checkpoints" / "checkpoint-4" / name
        torch.save(Planted(marker), file)
        listed = read_json(file.with_name("files.json"))  # whoever plants a file can list it too
        listed["files"][name] = {"bytes": file.stat().st_size, "sha256": sha256(file)}
        write_json(file.with_name("files.json"), listed)
        with contextlib.suppress(Exception):  # a file that isn't read does no harm; one that is, is refused
            train(config, samples(40), None, planted, resume=True, quiet=True)
        assert not marker.exists(), name


@pytest.mark.parametrize("strategy", ["lora", "full"])
def test_a_model_with_code_of_its_own_is_trained_and_loaded_for_those_who_trust_it(
    strategy: str, llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import dynamic_module_utils

    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    base, marker = shutil.copytree(llama, tmp_path / "base"), tmp_path / "executed"
    give_code(base, marker)
    config = AdvancedTrainingConfig(
        training_strategy=strategy, base_model_name=str(base), hyperparameters=HyperparameterConfig(max_steps=1)
    )
    with pytest.raises(UserError, match="trust_remote_code: true"):
        train(config, samples(16), None, tmp_path / "run", quiet=True)
    assert not marker.exists()
    assert "trust_remote_code: true" in forecast(config).problems[0]
    assert not marker.exists()
    config.trust_remote_code = True
    assert forecast(config).problems == ()
    student = train(config, samples(16), None, tmp_path / "run", quiet=True).model_path
    with pytest.raises(UserError, match="--trust-remote-code"):
        load_student(student)
    assert type(load_student(student, trust_remote_code=True).model).__name__ == "OwnModel"
