from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from serpentune.common.errors import UserError
from serpentune.common.files import read_json
from serpentune.training import AdvancedTrainingConfig, HyperparameterConfig, train
from serpentune.training._auto_batch import largest_that_fits, with_batches_of
from serpentune.training._prepare import prepare
from tests.training.samples import samples

LIMITED = """
import json, logging, resource, sys
from pathlib import Path
import psutil
from serpentune.common.errors import UserError
from serpentune.training import AdvancedTrainingConfig, train
from tests.training.samples import samples

logging.basicConfig(level="INFO", stream=sys.stderr)
config, folder, room = AdvancedTrainingConfig.load(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
data = samples(512, cells=100, longest=100)
warm = config.model_copy(deep=True)
warm.auto_batch_size = False
warm.hyperparameters.max_steps = warm.hyperparameters.batch_size = warm.hyperparameters.gradient_accumulation_steps = 1
train(warm, data, None, folder / "warm", quiet=True)  # now libraries and threads have the memory that they take once
used = psutil.Process().memory_info().vms
resource.setrlimit(resource.RLIMIT_AS, (used + room, resource.RLIM_INFINITY))
try:
    run = train(config, data, None, folder / "run", quiet=True)
    print(json.dumps([run.batch_size, run.gradient_accumulation_steps, run.steps]))
except UserError as error:
    print(json.dumps(str(error)))
"""


@pytest.mark.parametrize("effective", [1, 7, 12, 16, 96])
def test_the_largest_divisor_that_fits_is_found_in_few_trials(effective: int) -> None:
    for room in range(effective + 2):
        tried: list[int] = []

        def fits(size: int, room: int = room, tried: list[int] = tried) -> bool:
            tried.append(size)
            return size <= room

        found = largest_that_fits(fits, effective)
        divisors = [size for size in range(1, effective + 1) if effective % size == 0]
        assert found == max((size for size in divisors if size <= room), default=0)
        assert len(tried) == len(set(tried)) <= 2 + math.log2(len(divisors))
        assert all(effective % size == 0 for size in tried)


def config_for(base: Path) -> AdvancedTrainingConfig:
    return AdvancedTrainingConfig(
        base_model_name=str(base),
        hyperparameters=HyperparameterConfig(
            num_epochs=1, batch_size=2, gradient_accumulation_steps=4, learning_rate=1e-3
        ),
        logging_steps=1,
        auto_batch_size=True,
    )


@pytest.mark.parametrize(
    "thrifty", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["as usual", "with activations computed again"]
)
def test_the_batch_that_is_found_trains_as_if_it_had_been_set(
    thrifty: bool, llama: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = config_for(llama)
    config.gradient_checkpointing = thrifty
    found = train(config, samples(40), None, tmp_path / "found", quiet=True)
    assert (found.batch_size, found.gradient_accumulation_steps, found.steps) == (8, 1, 5)
    assert "batches of 8 fit; with 1 of them a step sees 8 samples" in caplog.text
    assert read_json(tmp_path / "found" / "training.json")["found_batch_size"] == 8
    assert config.hyperparameters.batch_size == 2  # what was asked for stays as it was

    told = with_batches_of(config, 8)
    told.auto_batch_size = False
    same = train(told, samples(40), None, tmp_path / "told", quiet=True)
    # The trials moved no weight and drew no random number.
    assert [entry["loss"] for entry in same.history] == [entry["loss"] for entry in found.history]


def test_trials_leave_one_hook_on_the_model(llama: Path, tmp_path: Path) -> None:
    config = config_for(llama)
    config.bf16 = True
    run = prepare(config, samples(40), None, tmp_path, resume=False, overwrite=False)
    assert run.config.hyperparameters.batch_size == 8
    model: Any = run.trainer.model
    assert len(model.get_input_embeddings()._forward_hooks) == 1


def test_a_trial_of_few_samples_holds_few_tokens(llama: Path, tmp_path: Path) -> None:
    """Also where batches are packed or filled up to sizes of the whole run's batches, as on a GPU."""
    config = config_for(llama)
    run = prepare(config, samples(40), None, tmp_path, resume=False, overwrite=False)
    rows = [run.tokens.rows[row] for row in range(8)]
    for packs in (True, False):
        run.trainer.packs, run.trainer.compiles = packs, True
        held = {size: run.trainer.collator(size)(rows[:size])["input_ids"].numel() for size in (1, 8)}
        assert held[1] < held[8]


def test_a_resumed_run_keeps_the_batch_that_was_found(llama: Path, tmp_path: Path) -> None:
    config = config_for(llama)
    train(config, samples(40), None, tmp_path, quiet=True)
    note = read_json(tmp_path / "training.json")
    (tmp_path / "training.json").write_text(json.dumps({**note, "found_batch_size": 4}))  # less memory was free then
    resumed = train(config, samples(40), None, tmp_path, resume=True, quiet=True)
    assert (resumed.batch_size, resumed.gradient_accumulation_steps) == (4, 2)
    config.auto_batch_size = False
    with pytest.raises(UserError, match="auto_batch_size was True and is now False"):
        train(config, samples(40), None, tmp_path, resume=True, quiet=True)


def in_limited_memory(config: AdvancedTrainingConfig, folder: Path, room: int) -> Any:
    """Train in a process that gets `room` bytes of address space beyond what an earlier run left it with."""
    path = config.save(folder / "config.json")
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", LIMITED, path, folder, str(room)]
    return json.loads(subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True).stdout)


LINUX = pytest.mark.skipif(torch.cuda.is_available() or sys.platform != "linux", reason="limits memory on a Linux CPU")


@LINUX
@pytest.mark.slow
def test_less_memory_gives_smaller_batches(llama: Path, tmp_path: Path) -> None:
    config = config_for(llama)
    config.hyperparameters.gradient_accumulation_steps = 128
    batch, accumulation, steps = in_limited_memory(config, tmp_path, 200_000_000)
    assert 1 < batch < 256 and batch * accumulation == 256 and steps == 2


@LINUX
@pytest.mark.slow
def test_memory_that_runs_out_names_the_dials(llama: Path, tmp_path: Path) -> None:
    config = config_for(llama)
    config.auto_batch_size = False
    config.hyperparameters.batch_size = 256
    said = in_limited_memory(config, tmp_path, 200_000_000)
    assert "Out of memory while training on this machine" in said
    assert "(1) --batch-size 128 --gradient-accumulation-steps 8 (now 256 and 4" in said
    assert "(2) --auto-batch-size" in said
