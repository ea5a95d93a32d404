from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from serpentune.common.errors import UserError
from serpentune.training import AdvancedTrainingConfig, HyperparameterConfig, train
from tests.training.samples import samples

RUN = """
import sys, time
from pathlib import Path
from transformers import TrainerCallback
from serpentune.training import AdvancedTrainingConfig, TrainingInterrupted, train
from tests.training.samples import samples

class Slow(TrainerCallback):
    def on_step_end(self, args, state, control, **_):
        print("step", state.global_step, flush=True)
        time.sleep(0.05)

config = AdvancedTrainingConfig.load(sys.argv[1])
try:
    train(config, samples(80), samples(16, 1), Path(sys.argv[2]), callbacks=[Slow()], quiet=True)
except TrainingInterrupted as stopped:
    print(stopped, flush=True)
    sys.exit(130)
"""


def config_for(base: Path, strategy: str, optimizer: str = "adamw") -> AdvancedTrainingConfig:
    return AdvancedTrainingConfig(
        training_strategy=strategy,
        base_model_name=str(base),
        hyperparameters=HyperparameterConfig(
            num_epochs=2, batch_size=4, gradient_accumulation_steps=2, learning_rate=5e-3, optimizer=optimizer
        ),
        logging_steps=1,
        eval_steps=7,
        save_steps=4,
    )


def start(base: Path, strategy: str, folder: Path, optimizer: str = "adamw") -> subprocess.Popen[str]:
    folder.mkdir()
    path = config_for(base, strategy, optimizer).save(folder / "config.json")
    # As many threads as this process has, since their number decides the order of sums.
    env = os.environ | {
        "OMP_NUM_THREADS": str(torch.get_num_threads()),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(path), str(folder / "run")], env=env, stdout=subprocess.PIPE, text=True
    )


def wait_for(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout is not None
    for seen in process.stdout:
        if seen.strip() == line:
            return
    raise AssertionError(f"the run ended before {line!r}")


def weights(result: Any) -> dict[str, torch.Tensor]:
    file = next(result.model_path.glob("*.safetensors"))
    loaded: dict[str, torch.Tensor] = load_file(file)
    return loaded


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy", "optimizer", "stop"),
    [
        ("lora", "adamw", signal.SIGINT),
        ("full", "adamw", signal.SIGTERM),
        ("full", "muon", signal.SIGTERM),  # which has AdamW in it
        ("qlora", "adamw", signal.SIGINT),
        ("pissa", "adamw", signal.SIGINT),  # it has to find the same residual again
    ],
)
def test_a_stopped_run_goes_on_as_if_nothing_had_happened(
    strategy: str, optimizer: str, stop: signal.Signals, llama: Path, tmp_path: Path
) -> None:
    config = config_for(llama, strategy, optimizer)
    whole = train(config, samples(80), samples(16, 1), tmp_path / "whole", quiet=True)

    process = start(llama, strategy, tmp_path / "stopped", optimizer)
    wait_for(process, "step 6")  # in the middle of the first epoch's 10 steps, two after a checkpoint
    process.send_signal(stop)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"({stop.name})" in said and "resume=True" in said and "is complete" in said
    assert not (tmp_path / "stopped" / "run" / "final_model").exists()

    resumed = train(config, samples(80), samples(16, 1), tmp_path / "stopped" / "run", resume=True, quiet=True)
    assert resumed.resumed_from is not None and 6 <= resumed.resumed_from < 20
    losses = [[entry["loss"] for entry in run.history if "loss" in entry] for run in (whole, resumed)]
    assert len(losses[0]) == 20 and losses[0] == losses[1]
    assert whole.eval_loss == resumed.eval_loss
    resumed_weights = weights(resumed)
    assert all(torch.equal(weight, resumed_weights[name]) for name, weight in weights(whole).items())


@pytest.mark.slow
def test_a_killed_run_resumes_from_its_last_complete_checkpoint(llama: Path, tmp_path: Path) -> None:
    process = start(llama, "lora", tmp_path / "killed")
    wait_for(process, "step 6")
    process.kill()
    process.communicate(timeout=60)
    checkpoints = tmp_path / "killed" / "run" / "checkpoints"
    # What a kill in the middle of saving leaves: a checkpoint with weights and without its end.
    half = checkpoints / "checkpoint-5"
    half.mkdir()
    (half / "adapter_model.safetensors").write_bytes(b"half")
    resumed = train(
        config_for(llama, "lora"), samples(80), samples(16, 1), tmp_path / "killed" / "run", resume=True, quiet=True
    )
    assert resumed.resumed_from == 4 and resumed.steps == 20
    assert not half.exists()


def test_checkpoints_hold_no_pickled_settings(llama: Path, tmp_path: Path) -> None:
    train(config_for(llama, "lora"), samples(40), None, tmp_path, quiet=True)
    kept = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert kept == ["checkpoint-10", "checkpoint-8"]
    assert not list(tmp_path.rglob("training_args.bin"))


def test_resuming_a_finished_run_changes_nothing(llama: Path, tmp_path: Path) -> None:
    first = train(config_for(llama, "lora"), samples(40), samples(8, 1), tmp_path, quiet=True)
    before = weights(first)
    again = train(config_for(llama, "lora"), samples(40), samples(8, 1), tmp_path, resume=True, quiet=True)
    assert again.steps == first.steps == again.resumed_from
    assert first.whole_seconds == first.seconds and again.whole_seconds is None
    assert again.final_loss == first.final_loss and again.eval_loss == first.eval_loss
    assert all(torch.equal(weight, before[name]) for name, weight in weights(again).items())


def test_a_run_that_reached_its_last_step_gets_no_further_one(llama: Path, tmp_path: Path) -> None:
    config = config_for(llama, "lora")
    config.hyperparameters.max_steps = 4
    first = train(config, samples(40), None, tmp_path, quiet=True)
    before = weights(first)
    again = train(config, samples(40), None, tmp_path, resume=True, quiet=True)
    assert first.steps == again.steps == again.resumed_from == 4
    assert all(torch.equal(weight, before[name]) for name, weight in weights(again).items())


def test_other_settings_or_data_are_refused_on_resuming(llama: Path, tmp_path: Path) -> None:
    train(config_for(llama, "lora"), samples(40), None, tmp_path, quiet=True)
    other = config_for(llama, "lora")
    other.hyperparameters.learning_rate = 1e-3
    with pytest.raises(UserError, match=r"hyperparameters\.learning_rate was 0\.005 and is now 0\.001"):
        train(other, samples(40), None, tmp_path, resume=True, quiet=True)
    with pytest.raises(UserError, match="training data are not those"):
        train(config_for(llama, "lora"), samples(40, 5), None, tmp_path, resume=True, quiet=True)
    # How often is looked and logged may change.
    looks = config_for(llama, "lora")
    looks.logging_steps = 3
    train(looks, samples(40), None, tmp_path, resume=True, quiet=True)


def test_resuming_without_a_checkpoint_starts_anew(
    llama: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = config_for(llama, "lora")
    config.hyperparameters.max_steps = 2
    result = train(config, samples(16), None, tmp_path, resume=True, quiet=True)
    assert result.resumed_from is None and result.steps == 2 and "starts anew" in caplog.text


def test_a_second_signal_does_not_wait_for_the_step(llama: Path, tmp_path: Path) -> None:
    from transformers import TrainerCallback

    class Impatient(TrainerCallback):
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)

    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(config_for(llama, "lora"), samples(16), None, tmp_path, callbacks=[Impatient()], quiet=True)
    assert signal.getsignal(signal.SIGINT) is handler
    assert not list((tmp_path / "checkpoints").glob("checkpoint-*"))
