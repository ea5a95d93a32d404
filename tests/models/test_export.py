"""Students taken elsewhere compute what was trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from serpentune.models import (
    FullConfig,
    LoRAConfig,
    QLoRAConfig,
    StrategyConfig,
    load_student,
    save_student,
)
from serpentune.models.export import export_model
from tests.models.test_students import logits, trained

STRATEGIES = [LoRAConfig(rank=4), QLoRAConfig(rank=4), FullConfig()]


def save(folder: Path, base: str, strategy: StrategyConfig, **more: Any) -> Path:
    model, tokenizer = trained(Path(base), strategy)
    return save_student(folder, model, tokenizer, base=base, strategy=strategy, **more)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=["lora", "qlora", "full"])
@pytest.mark.parametrize("family", ["llama", "gpt2", "qwen", "qwen2"])
def test_a_merged_student_is_an_ordinary_model_that_computes_the_same(
    family: str, strategy: StrategyConfig, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    student = save(tmp_path / "student", str(request.getfixturevalue(family)), strategy)
    # A 4-bit base is expanded: that the adapter beside it gives the same numbers is what the merged model must show.
    expected = logits(load_student(student, merge=False).model)
    made = export_model(student, tmp_path / "merged", merge=True)
    model, report = AutoModelForCausalLM.from_pretrained(made.path, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    assert (logits(model) - expected).abs().max() < 1e-5 * expected.abs().max()
    tokenizer = AutoTokenizer.from_pretrained(made.path)
    assert tokenizer("a U").input_ids == load_student(student).tokenizer("a U").input_ids
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    assert not getattr(model.config, "quantization_config", None)
