"""The settings that one turns when memory or time is short do what they are said to, and the losses stay."""

from __future__ import annotations

import logging
import multiprocessing
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainerCallback

from serpentune.common.errors import UserError
from serpentune.models import bf16_is_native
from serpentune.training import AdvancedTrainingConfig, train
from tests.training.samples import samples


def config_of(base: Path, **changes: Any) -> AdvancedTrainingConfig:
    steps = {"num_epochs": 1, "batch_size": 8, "gradient_accumulation_steps": 1, "learning_rate": 1e-3}
    return AdvancedTrainingConfig(
        base_model_name=str(base), training_strategy="full", hyperparameters=steps, logging_steps=1
    ).with_values(changes)


def losses(result: Any) -> list[float]:
    return [entry["loss"] for entry in result.history if "loss" in entry]


class KeptBytes(TrainerCallback):
    """Counts what each forward pass keeps for the backward pass, in bytes, weights not counted."""

    def __init__(self) -> None:
        self.most = 0

    def on_step_begin(self, args: Any, state: Any, control: Any, *, model: Any, **_: Any) -> None:
        weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
        self._kept: dict[int, torch.UntypedStorage] = {}

        def note(tensor: torch.Tensor) -> torch.Tensor:
            if tensor.untyped_storage().data_ptr() not in weights:
                self._kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
            return tensor

        self._hooks = torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor)
        self._hooks.__enter__()

    def on_substep_end(self, *_: Any, **__: Any) -> None:
        """After each batch of a step but the last."""
        self.most = max(self.most, sum(storage.nbytes() for storage in self._kept.values()))
        self._kept.clear()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.on_substep_end()
        self._hooks.__exit__()


class Children(TrainerCallback):
    """Counts the processes that are there while training steps are made."""

    def __init__(self) -> None:
        self.most = 0

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.most = max(self.most, len(multiprocessing.active_children()))


class Formats(TrainerCallback):
    """Notes in which number formats the layers answer."""

    def __init__(self) -> None:
        self.seen: set[torch.dtype] = set()

    def on_train_begin(self, args: Any, state: Any, control: Any, *, model: Any, **_: Any) -> None:
        layer = next(module for name, module in model.named_modules() if name.endswith("q_proj"))
        layer.register_forward_hook(lambda _module, _inputs, output: self.seen.add(output.dtype))


def test_checkpointing_keeps_less_and_computes_the_same(llama: Path, tmp_path: Path) -> None:
    data = samples(24)
    kept, results = [], []
    for on in (False, True):
        observer = KeptBytes()
        config = config_of(llama, gradient_checkpointing=on)
        results.append(train(config, data, None, tmp_path / str(on), callbacks=[observer], quiet=True))
        kept.append(observer.most)
    assert kept[1] < 0.6 * kept[0], "its two layers keep their inputs only, the output layer what it did"
    assert losses(results[1]) == pytest.approx(losses(results[0]), rel=1e-5)


def test_smaller_batches_added_up_keep_less_and_learn_the_same(llama: Path, tmp_path: Path) -> None:
    kept, results = [], []
    for size, added in ((8, 1), (2, 4)):
        observer = KeptBytes()
        config = config_of(llama, batch_size=size, gradient_accumulation_steps=added, max_steps=4)
        results.append(train(config, samples(8), None, tmp_path / str(size), callbacks=[observer], quiet=True))
        kept.append(observer.most)
    assert [len(losses(result)) for result in results] == [4, 4]
    assert losses(results[1]) == pytest.approx(losses(results[0]), rel=1e-3), "a step is an epoch: the same samples"
    assert kept[1] < 0.5 * kept[0]


@pytest.mark.parametrize("workers", [0, 2])
def test_workers_prepare_the_batches(workers: int, llama: Path, tmp_path: Path) -> None:
    observer = Children()
    before = len(multiprocessing.active_children())
    config = config_of(llama, dataloader_num_workers=workers)
    result = train(config, samples(24), None, tmp_path, callbacks=[observer], quiet=True)
    assert observer.most - before == workers
    assert len(losses(result)) == 3


@pytest.mark.skipif(torch.cuda.is_available(), reason="of a machine without a GPU")
def test_16_bits_are_used_where_the_processor_has_them_and_refused_elsewhere(llama: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="fp16 needs a CUDA GPU"):
        train(config_of(llama, fp16=True), samples(8), None, tmp_path, quiet=True)
    config, observer = config_of(llama, bf16=True), Formats()
    if bf16_is_native():
        train(config, samples(8), None, tmp_path, callbacks=[observer], quiet=True)
        assert observer.seen == {torch.bfloat16}
    else:
        with pytest.raises(UserError, match="no native bf16"):
            train(config, samples(8), None, tmp_path, quiet=True)


def test_debug_mode_shows_every_step(llama: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """As the description has it: logging at DEBUG, and settings assigned afterwards."""
    config = config_of(llama, max_steps=20, logging_steps=50, eval_steps=250)
    config.logging_steps = 1
    config.eval_steps = 10
    with caplog.at_level(logging.DEBUG):
        result = train(config, samples(160), samples(8, 1), tmp_path, quiet=True)
    assert [entry["step"] for entry in result.history if "loss" in entry] == list(range(1, 21))
    assert [entry["step"] for entry in result.history if "eval_loss" in entry] == [10, 20]
    assert any(record.name.startswith("serpentune.training") for record in caplog.records)
