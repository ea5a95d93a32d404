"""Muon moves matrices as its definition says, and every parameter that learns is moved by exactly one rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, TrainerCallback
from transformers.trainer_pt_utils import get_parameter_names

from serpentune.common.errors import UserError
from serpentune.models import FullConfig, LoRAConfig, wrap
from serpentune.training import AdvancedTrainingConfig, train
from serpentune.training._optimizer import Muon, muon, orthogonal
from tests.training.samples import samples
from tests.training.test_memory import GPT2, LLAMA


@pytest.mark.parametrize("shape", [(3, 8, 20), (3, 20, 8), (2, 16, 16)])
def test_singular_vectors_are_kept_and_singular_values_made_alike(shape: tuple[int, int, int]) -> None:
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    u, _, vh = torch.linalg.svd(matrices, full_matrices=False)
    among = u.mT @ orthogonal(matrices) @ vh.mT
    values = torch.diagonal(among, dim1=1, dim2=2)
    assert values.min() > 0.5 and values.max() < 1.3
    assert torch.allclose(among, torch.diag_embed(values), atol=1e-4)


def test_of_a_large_matrix_most_singular_values_come_near_1_and_none_grows_beyond() -> None:
    matrix = torch.randn(1, 256, 256, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonal(matrix))
    assert values.max() < 1.3
    assert (values > 0.5).float().mean() > 0.95


def test_zeros_stay_zeros() -> None:
    assert torch.equal(orthogonal(torch.zeros(2, 4, 6)), torch.zeros(2, 4, 6))


def test_it_moves_weights_as_torch_s_does_within_its_bf16() -> None:
    random = torch.Generator().manual_seed(1)
    shapes = [(8, 20), (20, 8), (8, 20), (16, 16)]
    start = [torch.randn(shape, generator=random) for shape in shapes] + [torch.randn(9, generator=random)]
    ours = [torch.nn.Parameter(one.clone()) for one in start]
    theirs = [torch.nn.Parameter(one.clone()) for one in start]
    mine: torch.optim.Optimizer = Muon(ours[:4], [{"params": ours[4:], "weight_decay": 0.2}], lr=0.01, weight_decay=0.1)
    others: list[torch.optim.Optimizer] = [
        torch.optim.Muon(theirs[:4], lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(theirs[4:], lr=0.01, weight_decay=0.2),
    ]
    for _ in range(6):
        for mine_one, their_one in zip(ours, theirs, strict=True):
            mine_one.grad = torch.randn(mine_one.shape, generator=random)
            their_one.grad = mine_one.grad.clone()
        mine.step()
        for one in others:
            one.step()
    for before, mine_one, their_one in zip(start, ours, theirs, strict=True):
        moved = (their_one - before).norm()
        assert (mine_one - their_one).norm() < 0.02 * moved


@pytest.mark.parametrize("family", [LLAMA, GPT2], ids=["llama", "gpt2"])
@pytest.mark.parametrize("strategy", [FullConfig(), LoRAConfig(rank=4)], ids=["full", "lora"])
def test_every_parameter_that_learns_is_in_one_group(family: Any, strategy: Any) -> None:
    model: Any = wrap(AutoModelForCausalLM.from_config(family), strategy)
    learning = {name: one for name, one in model.named_parameters() if one.requires_grad}
    decayed = [name for name in get_parameter_names(model, [torch.nn.LayerNorm]) if "norm" not in name]
    made = muon(model, lr=0.1, weight_decay=0.3, decayed=decayed)
    grouped = [id(one) for group in made.param_groups for one in group["params"]]
    assert sorted(grouped) == sorted(id(one) for one in learning.values())
    matrices = {id(one) for one in made.param_groups[0]["params"]}
    names = {name for name, one in learning.items() if id(one) in matrices}
    if isinstance(strategy, LoRAConfig):
        assert names == set(learning)
    else:
        assert names and all(learning[name].ndim == 2 for name in names)
        assert not any(word in name for name in names for word in ("embed", "wte", "wpe", "lm_head"))
        decays = {id(one) for group in made.param_groups[1:] if group["weight_decay"] for one in group["params"]}
        assert decays == {id(one) for name, one in learning.items() if name in decayed and name not in names} != set()


@pytest.mark.parametrize("automatic", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_run_is_moved_by_the_one_that_its_settings_name(llama: Path, tmp_path: Path, automatic: bool) -> None:
    for name, kind in (("adamw", torch.optim.AdamW), ("muon", Muon)):
        steps = {"max_steps": 2, "batch_size": 4, "gradient_accumulation_steps": 2, "optimizer": name}
        config = AdvancedTrainingConfig(
            training_strategy="full", base_model_name=str(llama), hyperparameters=steps, auto_batch_size=automatic
        )
        seen: list[torch.optim.Optimizer] = []

        class Watch(TrainerCallback):
            def on_step_end(self, *unused: Any, optimizer: Any, seen: list[Any] = seen, **ignored: Any) -> None:
                seen.append(optimizer.optimizer)

        train(config, samples(16), None, tmp_path / name, callbacks=[Watch()], quiet=True)
        assert [type(one) for one in seen] == [kind, kind]


def test_sharded_weights_are_refused() -> None:
    with pytest.raises(UserError, match="muon wants whole matrices"):
        AdvancedTrainingConfig(training_strategy="full", fsdp=True, hyperparameters={"optimizer": "muon"})
