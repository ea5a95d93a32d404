"""Training goes on from a student: it begins with just what the student computes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from serpentune.common.errors import UserError
from serpentune.models import (
    STRATEGIES,
    DoRAConfig,
    FullConfig,
    LoRAConfig,
    PiSSAConfig,
    QLoRAConfig,
    load_base,
    load_student,
    parameter_counts,
    save_student,
    strategy_name,
    training_origin,
    wrap_adapter,
)
from serpentune.training import AdvancedTrainingConfig, check_machine, forecast
from tests.models.test_students import logits, trained


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "full"])
def test_an_adapter_goes_on_as_what_it_is(name: str, llama: Path, tmp_path: Path) -> None:
    strategy = STRATEGIES[name].settings(rank=4, alpha=12)  # type: ignore[call-arg]
    model, tokenizer = trained(llama, strategy)
    path = save_student(tmp_path / "student", model, tokenizer, base=str(llama), strategy=strategy)
    origin = training_origin(path)
    assert (origin.base, origin.adapter, origin.data) == (str(llama), str(path), {})
    assert strategy_name(origin.strategy) == ("lora" if name == "pissa" else name)
    assert isinstance(origin.strategy, LoRAConfig)
    assert (origin.strategy.rank, origin.strategy.alpha) == ((8, 24) if name == "pissa" else (4, 12))
    quantized = isinstance(origin.strategy, QLoRAConfig) and origin.strategy
    on = wrap_adapter(load_base(llama, quantize=quantized), origin.strategy, path)
    same = load_student(path, merge=False)
    torch.testing.assert_close(logits(on), logits(same.model), rtol=1e-5, atol=1e-5)
    learns = {key for key, weight in on.named_parameters() if weight.requires_grad}
    assert learns and all("lora_" in key for key in learns)
    assert name == "pissa" or parameter_counts(on)[1] == parameter_counts(model)[1]


def test_whole_weights_go_on_as_a_base(llama: Path) -> None:
    origin = training_origin(llama)
    assert (origin.base, origin.strategy, origin.adapter) == (str(llama), FullConfig(), None)


def test_what_an_adapter_can_t_go_on_with_is_said(llama: Path, gpt2: Path, tmp_path: Path) -> None:
    model, tokenizer = trained(llama, LoRAConfig(rank=4))
    path = save_student(tmp_path / "student", model, tokenizer, base=str(llama), strategy=LoRAConfig(rank=4))
    base = load_base(llama)
    for strategy, message in (
        (FullConfig(), "goes on by its own strategy"),
        (PiSSAConfig(rank=4), "What PiSSA learned goes on as lora"),
        (LoRAConfig(rank=8), "r is 4, and training would go on with 8"),
        (DoRAConfig(rank=4), "use_dora is False"),
    ):
        with pytest.raises(UserError, match=message):
            wrap_adapter(base, strategy, path)
    with pytest.raises(UserError, match="nowhere holds no adapter to go on with"):
        wrap_adapter(base, LoRAConfig(rank=4), tmp_path / "nowhere")
    early = AdvancedTrainingConfig.from_values({"base_model_name": str(llama), "adapter": str(path), "lora.rank": 8})
    assert any("r is 4, and training would go on with 8" in problem for problem in forecast(early).problems)
    with pytest.raises(UserError, match="r is 4, and training would go on with 8"):
        check_machine(early)
    with pytest.raises(UserError, match=r"is an adapter of .*, not of"):
        wrap_adapter(load_base(gpt2), LoRAConfig(rank=4), path)
    with pytest.raises(UserError, match=r"layers are others .*Name them: target_modules"):
        wrap_adapter(load_base(llama), LoRAConfig(rank=4, target_modules=["q_proj"]), path)
    note = path / "adapter_config.json"
    note.write_text(json.dumps(json.loads(note.read_text()) | {"alpha_pattern": {"q_proj": 64}}))
    with pytest.raises(UserError, match=r"alpha_pattern is \{'q_proj': 64\}"):
        wrap_adapter(load_base(llama), LoRAConfig(rank=4), path)
    note.write_text(json.dumps(json.loads(note.read_text()) | {"peft_type": "IA3"}))
    with pytest.raises(UserError, match="an adapter of the kind 'IA3' can't be trained further"):
        training_origin(path)
