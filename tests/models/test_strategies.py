from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from serpentune.common.errors import UserError
from serpentune.models import FullConfig, LoRAConfig, QLoRAConfig, load_base, parameter_counts, wrap


def one_step(model: Any) -> dict[str, torch.Tensor]:
    """What each parameter was before a few optimiser steps at a large rate."""
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    model.train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    ids = torch.randint(1, 300, (4, 12), generator=torch.Generator().manual_seed(0))
    for _ in range(2):  # an adapter's second matrix starts at zero, so its first moves in the second step
        model(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return before


@pytest.mark.parametrize("family", ["llama", "gpt2"])
@pytest.mark.parametrize("strategy", [LoRAConfig(rank=4, dropout=0), QLoRAConfig(rank=4, dropout=0)])
def test_adapters_learn_and_leave_the_base_alone_in_every_family(
    family: str, strategy: LoRAConfig, request: pytest.FixtureRequest
) -> None:
    base = load_base(request.getfixturevalue(family), quantize=isinstance(strategy, QLoRAConfig) and strategy)
    model = wrap(base.model, strategy)
    before = one_step(model)
    adapters = [name for name, p in model.named_parameters() if p.requires_grad]
    assert adapters and all("lora_" in name for name in adapters)
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, before[name]) == (name not in adapters), name
    layers = 7 if family == "llama" else 4
    assert len(adapters) == 2 * layers * 2  # two matrices, two blocks


def test_full_moves_every_weight(llama: Path) -> None:
    model = wrap(load_base(llama).model, FullConfig())
    before = one_step(model)
    assert not [name for name, parameter in model.named_parameters() if torch.equal(parameter, before[name])]


def test_qlora_holds_the_linear_layers_in_four_bits(llama: Path) -> None:
    plain, small = load_base(llama), load_base(llama, quantize=True)
    weight = small.model.model.layers[0].mlp.up_proj.weight
    assert weight.dtype == torch.uint8
    assert weight.numel() * 2 == plain.model.model.layers[0].mlp.up_proj.weight.numel()
    assert weight.quant_state.quant_type == "nf4" and weight.quant_state.nested
    # Counted as the weights they stand for, so that strategies can be compared.
    assert parameter_counts(small.model)[0] == parameter_counts(plain.model)[0]


def test_looking_at_a_4bit_model_does_not_change_its_weights(llama: Path) -> None:
    model = load_base(llama, quantize=True).model
    ids = torch.arange(1, 20)[None]
    weight = model.model.layers[0].self_attn.q_proj.weight
    before, scales = weight.detach().clone(), weight.quant_state.absmax.clone()
    with torch.inference_mode():
        model.eval()(input_ids=ids)
    assert torch.equal(weight, before) and torch.equal(weight.quant_state.absmax, scales)


def test_quantised_and_strategy_must_fit(llama: Path) -> None:
    with pytest.raises(UserError, match="quantize=True"):
        wrap(load_base(llama).model, QLoRAConfig())
    with pytest.raises(UserError, match="only QLoRA"):
        wrap(load_base(llama, quantize=True).model, LoRAConfig())


def test_unknown_layer_names_are_answered_with_the_known_ones(gpt2: Path) -> None:
    with pytest.raises(UserError, match=r"c_attn.*all-linear"):
        wrap(load_base(gpt2).model, LoRAConfig(target_modules=["q_proj"]))


def test_counts_shared_weights_once(llama: Path) -> None:
    model = wrap(load_base(llama).model, LoRAConfig(rank=4))
    total, trainable = parameter_counts(model)
    assert trainable == sum(p.numel() for n, p in model.named_parameters() if "lora_" in n)
    assert total - trainable == load_base(llama).model.num_parameters()
