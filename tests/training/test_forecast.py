"""What a run will be, said beforehand: it holds against the run itself, and what is wrong is found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from serpentune.common.errors import UserError
from serpentune.datasets import Recipe, build_dataset, load_splits
from serpentune.models import bf16_is_native
from serpentune.training import AdvancedTrainingConfig, forecast, train


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("forecast") / "dataset"
    games = {"teachers": ["BFS"], "games": 12, "grid_size": 4}
    build_dataset(Recipe(generate=[games], samples_per_teacher=60), folder)
    return folder


def config_of(base: str | Path = "nano", **changes: Any) -> AdvancedTrainingConfig:
    return AdvancedTrainingConfig(base_model_name=str(base)).with_values(changes)


def test_a_forecast_comes_true(dataset: Path, tmp_path: Path) -> None:
    config = config_of(epochs=2, batch_size=4, gradient_accumulation_steps=2, warmup_steps=1, max_train_samples=30)
    ahead = forecast(config, dataset)
    assert ahead.problems == ()
    splits = load_splits(dataset)
    result = train(config, splits["train"], splits["validation"], tmp_path / "out", quiet=True)
    assert (ahead.samples, ahead.steps, ahead.effective_batch) == (result.samples, result.steps, 8)
    assert result.samples == 30
    assert ahead.trainable_parameters == result.trainable_parameters
    assert ahead.parameters == result.parameters - result.trainable_parameters
    assert ahead.steps == 2 * ahead.steps_per_epoch
    assert ahead.memory is not None and ahead.memory.fits(ahead.memory_limit)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"max_length": 400}, "max_length 400 is more than the model sees at once: 256 is used"),
        ({"warmup_steps": 9, "max_steps": 20}, "warmup_steps 9 is more than a tenth of the 20 steps: 2 are used"),
        ({"logging_steps": 30, "max_steps": 20}, "logging_steps 30 is more than the 20 steps"),
        ({"eval_steps": 30, "max_steps": 20}, "validation is looked at once, at the end"),
        ({"max_train_samples": 500}, "max_train_samples 500 is more than the"),
        ({"batch_size": 500}, "batch_size 500 is more than the"),
        ({"strategy": "full", "fsdp": True}, "on one there is nothing to shard"),
        ({"strategy": "full", "lora.rank": 4}, "'lora' do nothing with the strategy full: every weight learns"),
        ({"strategy": "lora", "qlora.rank": 4}, "'qlora' do nothing with the strategy lora: it reads 'lora'"),
        ({"lora.rank": 100}, "The rank 100 is more than the 32 that a layer of the model is wide"),
    ],
)
def test_what_will_be_otherwise_than_the_settings_say(
    changes: dict[str, Any], said: str, dataset: Path, llama: Path
) -> None:
    ahead = forecast(config_of(llama, **changes), dataset)
    assert any(said in note for note in ahead.notes), ahead.notes
    assert ahead.problems == ()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"max_length": 8}, "Every record is longer than max_length = 8 tokens"),
        ({"chat": True}, "no chat template"),
        ({"lora.target_modules": ["q_porj"]}, "the model has no such layer"),
        ({"strategy": "pissa", "lora.rank": 200}, "it has no 200 principal components"),
        ({"base_model": "nanno"}, "Did you mean 'nano'?"),
        ({"base_model": "/nowhere/model"}, "There is no folder or file /nowhere/model"),
        ({"batch_size": 2**22}, "GB are needed"),
    ],
)
def test_what_keeps_a_run_from_running(changes: dict[str, Any], said: str, dataset: Path) -> None:
    ahead = forecast(config_of(**changes), dataset)
    assert any(said in problem for problem in ahead.problems), ahead.problems


def test_formats_that_this_machine_does_not_compute_in() -> None:
    if not torch.cuda.is_available():
        assert any("fp16 needs a CUDA GPU" in problem for problem in forecast(config_of(fp16=True)).problems)
        assert forecast(config_of(fp16=True), card_memory=24).problems == (), "the GPU may be elsewhere"
    refused = any("no native bf16" in problem for problem in forecast(config_of(bf16=True)).problems)
    assert refused != bf16_is_native()


def test_a_folder_that_is_no_data_set(tmp_path: Path) -> None:
    assert any("is no data set" in problem for problem in forecast(config_of(), tmp_path).problems)


def test_a_base_that_is_elsewhere_is_not_fetched(dataset: Path) -> None:
    ahead = forecast(config_of("someone/some-model"), dataset)
    assert ahead.steps is not None and ahead.steps == forecast(config_of(), dataset).steps
    assert ahead.problems == () and (ahead.parameters, ahead.memory) == (None, None)
    assert "Its sizes are unknown." in ahead.notes[0] and "someone/some-model" in ahead.notes[0]


def test_dials_that_are_named_make_it_fit() -> None:
    config = config_of(strategy="full", batch_size=4096)
    ahead = forecast(config, card_memory=2, gpus=2)
    assert "GB are needed" in ahead.problems[0]
    assert {"batch_size", "gradient_checkpointing", "fsdp", "training_strategy"} <= {
        dial.partition(":")[0] for dial in ahead.dials
    }
    for dial in ahead.dials:
        settings = dict(part.split(": ") for part in dial.partition(" (")[0].split(", "))
        turned = forecast(config.with_values(settings), card_memory=2, gpus=2)
        assert turned.problems == (), dial
        assert turned.effective_batch == ahead.effective_batch
    assert forecast(config, card_memory=0.1).dials == ()


@pytest.mark.parametrize(
    ("options", "said"),
    [({"gpus": 0}, "0 GPUs"), ({"card_memory": 0}, "card of 0 GB"), ({"card_memory": float("nan")}, "card of nan")],
)
def test_machines_that_are_none(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        forecast(config_of(), **options)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU whose memory is known")
def test_gpus_elsewhere_have_a_memory_to_be_named() -> None:
    with pytest.raises(UserError, match="--card-memory"):
        forecast(config_of(), gpus=2)
