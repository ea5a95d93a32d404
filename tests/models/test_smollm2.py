"""A real pre-trained model, from its package: it answers, and learns by every strategy."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from serpentune.common.errors import UserError
from serpentune.models import STRATEGIES, FullConfig, QLoRAConfig, find_base, load_base, prompt_ids, wrap

pytestmark = pytest.mark.slow

QUESTION = "What is the capital of France?"


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    try:
        find_base("smollm2-135m")
    except UserError as error:
        pytest.skip(str(error))


def test_it_answers_in_its_own_chat_form() -> None:
    loaded = load_base("smollm2-135m", chat=True)
    (ids,) = prompt_ids(loaded.tokenizer, [QUESTION], chat=True)
    question = torch.tensor([ids], device=loaded.model.device)
    said = loaded.model.generate(question, max_new_tokens=8, do_sample=False)
    assert "Paris" in loaded.tokenizer.decode(said[0, len(ids) :])


@pytest.mark.parametrize("name", STRATEGIES)
def test_it_learns_by_every_strategy(name: str) -> None:
    settings: Any = STRATEGIES[name].settings
    strategy = settings() if settings is FullConfig else settings(dropout=0)
    loaded = load_base(
        "smollm2-135m",
        quantize=strategy if isinstance(strategy, QLoRAConfig) else False,
        dtype=torch.float32 if name in ("full", "pissa") else None,
    )
    student = wrap(loaded.model, strategy).train()
    optimizer = torch.optim.AdamW((weight for weight in student.parameters() if weight.requires_grad), lr=1e-4)
    ids = torch.tensor([loaded.tokenizer(QUESTION + " Paris.").input_ids], device=loaded.model.device)
    losses = []
    for _ in range(3):
        loss = student(input_ids=ids, labels=ids).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[2] < losses[0]
    said = student.eval().generate(ids, max_new_tokens=3, do_sample=False)
    assert said.shape[1] > ids.shape[1]
