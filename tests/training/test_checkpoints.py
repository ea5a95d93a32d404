from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from transformers import TrainerCallback

from serpentune.common.errors import UserError
from serpentune.training import TrainingInterrupted, TrainingResult, train
from tests.training.killed_training import losses, settings
from tests.training.samples import samples


@pytest.fixture(scope="module")
def whole(llama: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    return train(settings(str(llama)), samples(80), samples(16, 1), tmp_path_factory.mktemp("whole"), quiet=True)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "checkpoints").iterdir())


def killed_at(moments: list[object], base: Path, folder: Path) -> list[dict[str, Any]]:
    """What became of runs that were killed once and resumed once."""
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "tests/training/killed_training.py", folder, base, ",".join(map(str, moments))]
    said = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True, timeout=600).stdout
    answers = [json.loads(line) for line in said.splitlines()]
    assert len(answers) == len(moments)
    for answer in answers:
        assert answer["ended"] == 0 and answer["same"], answer
        assert answer["left"] == ["checkpoint-16", "checkpoint-20"], answer
    return answers


@pytest.mark.slow
def test_a_kill_while_saving_loses_no_more_than_the_steps_since_the_checkpoint_before(
    llama: Path, tmp_path: Path
) -> None:
    moments = {
        "open@.part/checkpoint-8/trainer_state.json": 4,  # nearly written
        "shutil.rmtree@old-checkpoint-4": 12,  # the third has its name, and the first is being removed
    }
    answers = killed_at(list(moments), llama, tmp_path)
    assert all(answer["killed"] for answer in answers)
    assert [answer["resumed_from"] for answer in answers] == list(moments.values())


@pytest.mark.slow
def test_a_run_may_be_killed_at_any_touch_of_its_checkpoints_and_at_any_time(llama: Path, tmp_path: Path) -> None:
    answers = killed_at([*range(1, 60, 2), *["time"] * 20], llama, tmp_path)
    killed = [answer["killed"] for answer in answers]
    touches, timed = killed[:30], killed[30:]
    # A run's touches are counted; how many runs are quicker than a random time is the machine's affair.
    assert touches == sorted(touches, reverse=True) and sum(touches) >= 20
    assert any(timed)


def stopped_at(step: int, base: Path, folder: Path, *, by: signal.Signals = signal.SIGTERM) -> TrainingInterrupted:
    """Stop a run by a signal that comes when this step is over for the observer of signals, so in what follows it."""

    class Tell(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step == step:
                os.kill(os.getpid(), by)

    with pytest.raises(TrainingInterrupted) as interrupted:
        train(settings(str(base)), samples(80), samples(16, 1), folder, callbacks=[Tell()], quiet=True)
    return interrupted.value


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "stops"),
    [
        pytest.param(7, 7, id="while looking at the evaluation data"),
        pytest.param(8, 8, id="while saving"),
        pytest.param(10, 11, id="in a step"),
        pytest.param(13, 14, id="in one before an evaluation"),
    ],
)
def test_a_signal_is_answered_by_a_checkpoint_whenever_it_comes(
    step: int, stops: int, llama: Path, whole: TrainingResult, tmp_path: Path
) -> None:
    interrupted = stopped_at(step, llama, tmp_path)
    assert interrupted.checkpoint == tmp_path / "checkpoints" / f"checkpoint-{stops}"
    resumed = train(settings(str(llama)), samples(80), samples(16, 1), tmp_path, resume=True, quiet=True)
    assert resumed.resumed_from == stops and losses(resumed) == losses(whole)


def in_two_processes(base: Path, folder: Path, *, stop: int = 0) -> dict[str, Any]:
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*launch, "tests/training/shared_training.py", base, folder, str(stop)]
    ran = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True, timeout=300)
    said: dict[str, Any] = json.loads(ran.stdout)
    return said


@pytest.mark.slow
def test_two_processes_stop_at_one_step_when_one_is_told_and_go_on_with_the_same_losses(
    llama: Path, tmp_path: Path
) -> None:
    whole = in_two_processes(llama, tmp_path / "whole")
    assert in_two_processes(llama, tmp_path / "stopped", stop=6) == {"stopped": "checkpoint-7"}
    resumed = in_two_processes(llama, tmp_path / "stopped")
    assert resumed == {"losses": whole["losses"], "resumed_from": 7}
    assert names(tmp_path / "stopped") == ["checkpoint-10", "checkpoint-8"]


def test_a_scheduler_may_warn_by_its_own_signal_and_ask_twice(llama: Path, tmp_path: Path) -> None:
    class Insist(TrainerCallback):
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            os.kill(os.getpid(), signal.SIGUSR1)
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(TrainingInterrupted, match=r"step 1 of 20 \(SIGUSR1\)"):
        train(settings(str(llama)), samples(80), None, tmp_path, callbacks=[Insist()], quiet=True)


def shorten(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def overwrite(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-100:] = bytes(100)
    file.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (shorten, r"has \d+ bytes, not \d+"),
        pytest.param(overwrite, "is not what was written", marks=pytest.mark.slow),
        pytest.param(Path.unlink, "can't be read", marks=pytest.mark.slow),
    ],
)
def test_a_damaged_checkpoint_is_said_and_the_one_before_is_taken(
    damage: Any, said: str, llama: Path, whole: TrainingResult, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stopped_at(8, llama, tmp_path)
    damage(tmp_path / "checkpoints" / "checkpoint-8" / "adapter_model.safetensors")
    resumed = train(settings(str(llama)), samples(80), samples(16, 1), tmp_path, resume=True, quiet=True)
    assert resumed.resumed_from == 4 and losses(resumed) == losses(whole)
    (warning,) = [record.message for record in caplog.records if "checkpoint-8" in record.message]
    assert "adapter_model.safetensors" in warning
    assert re.search(said, warning)


def test_a_checkpoint_without_its_list_of_files_is_never_taken(llama: Path, tmp_path: Path) -> None:
    stopped_at(8, llama, tmp_path)
    (tmp_path / "checkpoints" / "checkpoint-8" / "files.json").unlink()
    (tmp_path / "checkpoints" / "checkpoint-4" / "files.json").write_text('{"files": []}')
    assert train(settings(str(llama)), samples(80), None, tmp_path, resume=True, quiet=True).resumed_from is None


def test_a_file_that_was_put_into_a_checkpoint_is_named_and_nothing_is_lost(llama: Path, tmp_path: Path) -> None:
    stopped_at(8, llama, tmp_path)
    planted = tmp_path / "checkpoints" / "checkpoint-8" / "pytorch_model.bin"
    planted.write_bytes(b"anything")
    with pytest.raises(UserError, match=r"checkpoint-8 holds files that weren't written with it: pytorch_model\.bin"):
        train(settings(str(llama)), samples(80), None, tmp_path, resume=True, quiet=True)
    planted.unlink()
    assert train(settings(str(llama)), samples(80), None, tmp_path, resume=True, quiet=True).resumed_from == 8


def test_a_student_without_checkpoints_is_not_replaced_by_resuming(llama: Path, tmp_path: Path) -> None:
    config = settings(str(llama)).with_values({"max_steps": 1})
    student = train(config, samples(80), None, tmp_path, quiet=True).model_path
    shutil.rmtree(tmp_path / "checkpoints")
    with pytest.raises(UserError, match="holds a student and no checkpoint"):
        train(config, samples(80), None, tmp_path, resume=True, quiet=True)
    assert (student / "adapter_model.safetensors").is_file()


@pytest.mark.parametrize("note", ["[]", "{}"])
def test_a_damaged_note_of_a_run_is_said(note: str, llama: Path, tmp_path: Path) -> None:
    stopped_at(8, llama, tmp_path)
    (tmp_path / "training.json").write_text(note)
    with pytest.raises(UserError, match=r"training\.json"):
        train(settings(str(llama)), samples(80), None, tmp_path, resume=True, quiet=True)


@pytest.mark.parametrize(
    "room",
    [100_000, pytest.param(200_000, marks=pytest.mark.slow)],
    ids=["no room for the weights", "none for the optimiser's state"],
)
def test_a_disk_that_takes_no_more_is_said_and_costs_no_checkpoint(room: int, llama: Path, tmp_path: Path) -> None:
    class FillUp(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step == 8:
                resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(UserError, match=r"checkpoint of step 8 can't be written.*free space"):
            train(settings(str(llama)), samples(80), None, tmp_path, callbacks=[FillUp()], quiet=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    resumed = train(settings(str(llama)), samples(80), None, tmp_path, resume=True, quiet=True)
    assert resumed.resumed_from == 4 and resumed.steps == 20
