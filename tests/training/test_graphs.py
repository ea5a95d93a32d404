from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from serpentune.common.errors import UserError
from serpentune.training import AdvancedTrainingConfig, HyperparameterConfig, train
from serpentune.training._graphs import Batch, Gradients, Graphs
from tests.training.samples import samples

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA graphs need a GPU")


def test_gradients_lie_in_one_place_and_are_added_until_they_are_dropped() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Linear(5, 2))
    model[0].bias.requires_grad_(False)
    inputs = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    expected = torch.autograd.grad(model(inputs).square().sum(), [model[0].weight, *model[1].parameters()])
    gradients = Gradients(model.parameters())
    for times in (1, 2):
        gradients.attach()
        model(inputs).square().sum().backward()
        found = [parameter.grad for parameter in model.parameters()]
        assert found.pop(1) is None
        for gradient, one in zip(found, expected, strict=True):
            assert gradient is not None and torch.allclose(gradient, times * one)
    places = {
        parameter.grad.untyped_storage().data_ptr() for parameter in model.parameters() if parameter.grad is not None
    }
    assert len(places) == 1
    model.zero_grad()
    gradients.attach()
    assert all(not parameter.grad.any() for parameter in model.parameters() if parameter.grad is not None)


def share(rank: int, store: str, found: str) -> None:
    torch.distributed.init_process_group("gloo", f"file://{store}", rank=rank, world_size=2)
    weights = [torch.nn.Parameter(torch.ones(3)), torch.nn.Parameter(torch.ones(2, 2))]
    gradients = Gradients(weights)
    for _ in range(2):  # two batches of a step are added up before
        gradients.attach()
        sum(((rank + 1) * weight.sum() for weight in weights), torch.zeros(())).backward()
    gradients.average()
    torch.save([weight.grad for weight in weights], f"{found}-{rank}")
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_gradients_of_two_processes_are_averaged(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(share, (str(tmp_path / "store"), str(tmp_path / "found")), nprocs=2)
    for rank in range(2):
        for gradient in torch.load(tmp_path / f"found-{rank}", weights_only=True):
            assert torch.equal(gradient, torch.full_like(gradient, 3.0))


@GPU
def test_a_shape_is_recorded_when_it_comes_again() -> None:
    calls = []
    weight = torch.zeros(4, device="cuda")

    def add(batch: Batch) -> tuple[torch.Tensor, ...]:
        calls.append(batch["times"])
        weight.add_(batch["numbers"].sum() * batch["times"])
        return (weight.sum(),)

    with torch.cuda.stream(torch.cuda.Stream()):
        graphs = Graphs(add)
        sums = []
        for number in range(1, 6):
            for size, times in ((3, 1), (5, 1), (5, 2)):
                numbers = torch.full((size,), float(number), device="cuda")
                sums.append(float(graphs({"numbers": numbers, "times": times})[0]))
    steps = [number * size * times * 4 for number in range(1, 6) for size, times in ((3, 1), (5, 1), (5, 2))]
    assert sums == np.cumsum(steps).tolist()
    assert calls == [1, 1, 2] * 2


@GPU
def test_what_cant_be_recorded_is_refused_with_a_way_out() -> None:
    def ask(batch: Batch) -> tuple[torch.Tensor, ...]:
        return (batch["numbers"] * float(batch["numbers"].sum()),)

    with torch.cuda.stream(torch.cuda.Stream()):
        graphs = Graphs(ask)
        batch = {"numbers": torch.full((1,), 3.0, device="cuda")}
        assert float(graphs(batch)[0]) == 9
        with pytest.raises(UserError, match="--no-torch-compile"):
            graphs(batch)


@GPU
@pytest.mark.parametrize("strategy", ["full", "lora", "qlora"])
@pytest.mark.parametrize("accumulated", [1, 2])
def test_recorded_passes_teach_the_same(
    strategy: str, accumulated: int, llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = AdvancedTrainingConfig(
        training_strategy=strategy,
        base_model_name=str(llama),
        hyperparameters=HyperparameterConfig(
            num_epochs=2, batch_size=8, gradient_accumulation_steps=accumulated, learning_rate=5e-3
        ),
        logging_steps=1,
    )
    config.lora.dropout = config.qlora.dropout = 0
    recorded: list[Graphs] = []
    call = Graphs.__call__

    def watched(graphs: Graphs, batch: Batch) -> tuple[torch.Tensor, ...]:
        recorded.append(graphs)
        return call(graphs, batch) if records else graphs._function(batch)

    monkeypatch.setattr(Graphs, "__call__", watched)
    losses = []
    for records in (False, True):
        result = train(config, samples(60), samples(8, 1), tmp_path / str(records), quiet=True)
        losses.append([entry["loss"] for entry in result.history if "loss" in entry] + [result.eval_loss])
    assert any(recorded[-1]._recorded.values())
    np.testing.assert_allclose(losses[0], losses[1], rtol=5e-3)


@GPU
def test_recorded_passes_teach_what_compiled_ones_do(llama: Path, tmp_path: Path) -> None:
    config = AdvancedTrainingConfig(
        training_strategy="full",
        base_model_name=str(llama),
        hyperparameters=HyperparameterConfig(
            num_epochs=2, batch_size=8, gradient_accumulation_steps=1, learning_rate=5e-3
        ),
        logging_steps=1,
    )
    losses = []
    for compiles in (False, True):
        config.torch_compile = compiles
        result = train(config, samples(60), samples(8, 1), tmp_path / str(compiles), quiet=True)
        losses.append([entry["loss"] for entry in result.history if "loss" in entry] + [result.eval_loss])
    np.testing.assert_allclose(losses[0], losses[1], rtol=2e-2)
