from __future__ import annotations

import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import concatenate_datasets
from safetensors.torch import load_file, save_file

from serpentune.common.errors import UserError
from serpentune.training import AdvancedTrainingConfig, HyperparameterConfig, train
from serpentune.training._failures import explained_memory, state_bytes
from serpentune.training._losses import NotANumber, StepLosses
from tests.training.samples import samples


def config_for(base: Path, strategy: str = "lora", **changes: Any) -> AdvancedTrainingConfig:
    steps = {"num_epochs": 2, "batch_size": 2, "gradient_accumulation_steps": 2, "learning_rate": 1e-3} | changes
    return AdvancedTrainingConfig(
        training_strategy=strategy,
        base_model_name=str(base),
        hyperparameters=HyperparameterConfig(**steps),
        logging_steps=50,
        save_steps=1,
    )


def changed(base: Path, folder: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> Path:
    """A copy of a model with other weights."""
    shutil.copytree(base, folder)
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def test_the_record_that_makes_a_loss_nan_is_among_the_few_that_are_named(gpt2: Path, tmp_path: Path) -> None:
    """A model that can't count beyond 50 tokens meets one longer record, in a batch of two."""

    def forget_positions(weights: dict[str, torch.Tensor]) -> None:
        weights["transformer.wpe.weight"][50:] = math.nan

    base = changed(gpt2, tmp_path / "base", forget_positions)
    too_long_for_all, long = samples(3, 1, cells=300), samples(1, 2, cells=60)
    data = concatenate_datasets([too_long_for_all, samples(19), long, samples(20, 3)])
    data = data.add_column("game", [f"g{row}" for row in range(len(data))]).add_column("step", list(range(len(data))))
    with pytest.raises(UserError) as error:
        train(config_for(base), data, None, tmp_path / "run", quiet=True)
    said = str(error.value)
    named = [int(record) for record in re.findall(r"(\d+) \(game g\1, step \1\)", said)]
    assert 22 in named and len(named) == 2
    step = int(re.search(r"The loss is nan at step (\d+) of 20", said)[1])  # type: ignore[index]
    assert f"--record {named[0]}`" in said and "lower the learning rate (0.001 at its peak)" in said
    assert ("in the step before" in said) == (step > 1)
    # No checkpoint of weights that are no numbers has pushed out the ones before.
    kept = [path.name for path in (tmp_path / "run" / "checkpoints").glob("checkpoint-*")]
    assert sorted(kept) == sorted(f"checkpoint-{number}" for number in range(max(1, step - 2), step))


def test_gradients_that_are_no_numbers_stop_a_run_whose_loss_is_one(llama: Path, tmp_path: Path) -> None:
    from transformers import TrainerCallback

    class Overflow(TrainerCallback):
        """Stands in for an overflow: huge gradients, in the third step only."""

        def on_substep_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
            if state.global_step == 2:
                for parameter in model.parameters():
                    if parameter.grad is not None:
                        parameter.grad.fill_(math.inf)

    with pytest.raises(UserError, match=r"length of the gradient is (inf|nan) at step 3 of 20.*held 4 records"):
        train(config_for(llama), samples(40), None, tmp_path, callbacks=[Overflow()], quiet=True)


def test_batches_are_named_in_the_order_of_the_data_over_all_processes() -> None:
    losses = StepLosses(steps=3, batches=2, device=torch.device("cpu"))
    for total in (1.0, 2.0, math.nan, 4.0):
        losses.add(torch.tensor(total), torch.tensor(2))
        if total in (2.0, 4.0):
            losses.end_step(torch.tensor(1.0))

    def gather(mine: torch.Tensor) -> torch.Tensor:
        other = torch.ones_like(mine)
        other[0, 1, 1, 0] = math.inf
        return torch.cat((mine, other))

    with pytest.raises(NotANumber) as error:
        losses.read(8, gather, check_gradients=True)
    # Batches 0 and 2 of a step are the first process's, 1 and 3 the second's.
    assert (error.value.step, error.value.batches) == (8, (0, 3))
    assert error.value.before == pytest.approx((1 + 2 + 1 + 1) / (2 + 2 + 1 + 1))


def test_an_entry_of_the_history_is_the_same_after_a_break(tmp_path: Path) -> None:
    def run(losses: StepLosses, values: np.ndarray, last: int) -> None:
        for value in values:
            losses.add(torch.tensor(value), torch.tensor(3))
            losses.end_step(torch.tensor(1.0))
        losses.read(last, lambda tensor: tensor, check_gradients=True)

    values = np.random.default_rng(0).random(10).astype(np.float32)
    whole, first, second = (StepLosses(10, 1, torch.device("cpu")) for _ in range(3))
    run(whole, values, 10)
    run(first, values[:4], 4)
    first.save(tmp_path)
    second.restore(tmp_path)
    run(second, values[4:], 10)
    assert second.take_mean() == whole.take_mean()
    assert math.isnan(whole.take_mean())  # nothing is left


def advice(config: AdvancedTrainingConfig, error: BaseException, longest: int | None, state: int = 0) -> str:
    with pytest.raises(UserError) as said, explained_memory(config, longest, state):
        raise error
    return str(said.value)


ON_GPU = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 79 GiB")
ON_CPU = RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: you tried to "
                      "allocate 123 bytes. Error code 12 (Cannot allocate memory)")  # fmt: skip


@pytest.mark.parametrize(
    ("error", "asked"),
    [
        (ON_GPU, "; 2.50 GiB more were asked for"),
        (ON_CPU, "; 123 bytes more were asked for"),
        (MemoryError(), " GB."),
        (RuntimeError("std::bad_alloc"), " GB."),
    ],
)
def test_out_of_memory_says_which_dials_to_turn(error: BaseException, asked: str) -> None:
    said = advice(AdvancedTrainingConfig(), error, 300)
    assert asked in said and re.search(r"the peak was \d+\.\d of \d+\.\d GB", said)
    numbered = re.findall(r"\((\d)\) (--?\S+|a smaller base model)", said)
    assert [dial for _, dial in numbered] == [
        "--batch-size",
        "--auto-batch-size,",
        "--gradient-checkpointing,",
        "--training-strategy",
        "--max-length",
        "a smaller base model",
    ]
    assert "--batch-size 2 --gradient-accumulation-steps 8 (now 4 and 4; a step still sees 16 samples)" in said


def test_dials_that_are_turned_already_are_not_named() -> None:
    config = AdvancedTrainingConfig(training_strategy="qlora", gradient_checkpointing=True)
    config.hyperparameters.batch_size = 1
    said = advice(config, ON_GPU, 300)
    assert "(1) --max-length below 300" in said and "--batch-size" not in said and "--training-strategy" not in said
    config.hyperparameters.batch_size, config.hyperparameters.gradient_accumulation_steps = 3, 5
    assert "--batch-size 1 --gradient-accumulation-steps 15" in advice(config, ON_GPU, 300)


def test_a_lighter_strategy_comes_first_where_weights_are_most_of_it() -> None:
    config = AdvancedTrainingConfig(training_strategy="full")
    for said in (advice(config, ON_GPU, 300, state=10**18), advice(config, ON_GPU, None)):
        assert "(1) --training-strategy lora" in said and "(2) --training-strategy qlora" in said
    assert "while loading the model" in said and "--batch-size" not in said


def test_other_errors_pass_as_they_are() -> None:
    with pytest.raises(RuntimeError, match="another"), explained_memory(AdvancedTrainingConfig(), 300):
        raise RuntimeError("another")


def test_weights_gradients_and_moments_are_counted() -> None:
    model = torch.nn.Linear(10, 10)
    assert state_bytes(model) == 110 * 4 * 4
    model.weight.requires_grad = False
    assert state_bytes(model) == 100 * 4 + 10 * 4 * 4
