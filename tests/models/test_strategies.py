from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from serpentune.common.errors import UserError
from serpentune.models import (
    STRATEGIES,
    FullConfig,
    LoRAConfig,
    PiSSAConfig,
    QLoRAConfig,
    load_base,
    parameter_counts,
    wrap,
)


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


@pytest.mark.parametrize("family", ["llama", "gpt2", "qwen", "nano"])
@pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "full"])
def test_adapters_learn_and_leave_the_base_alone_in_every_family(
    family: str, name: str, request: pytest.FixtureRequest
) -> None:
    strategy = STRATEGIES[name].settings(rank=4, dropout=0)
    base = load_base(
        family if family == "nano" else request.getfixturevalue(family),
        quantize=strategy if isinstance(strategy, QLoRAConfig) else False,
    )
    blocks = base.model.config.num_hidden_layers
    model = wrap(base.model, strategy)
    before = one_step(model)
    adapters = [name for name, p in model.named_parameters() if p.requires_grad]
    assert adapters and all("lora_" in name for name in adapters)
    for weight, parameter in model.named_parameters():
        assert torch.equal(parameter, before[weight]) == (weight not in adapters), weight
    layers = 4 if family == "gpt2" else 7
    assert len(adapters) == (3 if name == "dora" else 2) * layers * blocks  # matrices, and DoRA's lengths


@pytest.mark.parametrize("family", ["llama", "gpt2", "qwen"])
@pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "qlora"])
def test_every_student_begins_as_its_base(family: str, name: str, request: pytest.FixtureRequest) -> None:
    model = load_base(request.getfixturevalue(family)).model
    ids = torch.arange(1, 20)[None]
    with torch.inference_mode():
        expected = model(input_ids=ids).logits
        torch.testing.assert_close(
            wrap(model, STRATEGIES[name].settings()).eval()(input_ids=ids).logits, expected, rtol=1e-4, atol=1e-4
        )


def test_rslora_scales_by_the_root_of_the_rank(llama: Path) -> None:
    scales = {}
    for name in ("lora", "rslora"):
        model = wrap(load_base(llama).model, STRATEGIES[name].settings(rank=16, alpha=32))
        scales[name] = model.base_model.model.model.layers[0].mlp.up_proj.scaling["default"]
    assert scales == {"lora": 2.0, "rslora": 8.0}


def test_pissa_begins_with_the_strongest_directions_of_each_weight(llama: Path) -> None:
    before = load_base(llama).model.model.layers[0].mlp.up_proj.weight.detach()
    torch.manual_seed(123)
    layer = wrap(load_base(llama).model, PiSSAConfig(rank=4)).base_model.model.model.layers[0].mlp.up_proj
    left = torch.linalg.svdvals(layer.base_layer.weight.detach())
    without_four = torch.linalg.svdvals(before)[4:]
    torch.testing.assert_close(left[: len(without_four)], without_four, rtol=0.05, atol=0)
    torch.manual_seed(321)
    again = wrap(load_base(llama).model, PiSSAConfig(rank=4)).base_model.model.model.layers[0].mlp.up_proj
    assert torch.equal(layer.base_layer.weight, again.base_layer.weight)  # whatever was drawn before


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
