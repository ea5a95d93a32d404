"""Answers in slots are those of `generate`, whatever the model, the order and the room."""

from __future__ import annotations

import gc
import logging
import weakref
from collections.abc import Iterator, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from serpentune.models import LoadedModel, load_base
from serpentune.models.decoding import (
    Decoder,
    PlainDecoder,
    SlotDecoder,
    Unsuited,
    greedy,
    next_scores,
    open_decoder,
)
from serpentune.models.decoding._norms import fused, root_mean_square_norms

Prompts = list[list[int]]


@pytest.fixture(scope="module", params=["nano", "llama", "gpt2", "qwen", "qwen2"])
def base(request: pytest.FixtureRequest) -> LoadedModel:
    name = request.param if request.param == "nano" else str(request.getfixturevalue(request.param))
    return load_base(name, dtype=torch.float32)


def drawn(base: LoadedModel, count: int, *, seed: int = 0, longest: int = 40) -> Prompts:
    """Prompts of random tokens and lengths, end tokens left out."""
    rng = np.random.default_rng(seed)
    size, end = base.model.config.vocab_size, base.tokenizer.eos_token_id
    return [
        [token for token in rng.integers(0, size, rng.integers(2, longest)).tolist() if token != end] or [0]
        for _ in range(count)
    ]


def answered(decoder: Decoder, prompts: Prompts, limits: Sequence[int]) -> list[list[int]]:
    """The answers to all prompts, each taking the next slot that is free."""
    waiting: Iterator[int] = iter(range(len(prompts)))
    free, held, found = list(range(decoder.slots)), dict[int, int](), dict[int, list[int]]()
    while len(found) < len(prompts):
        for slot in list(free):
            if (number := next(waiting, None)) is None:
                break
            free.remove(slot)
            held[slot] = number
            decoder.begin([slot], [prompts[number]], limits[number])
        for slot, row in decoder.finished():
            found[held.pop(slot)] = row
            free.append(slot)
    assert decoder.finished() == []
    return [found[number] for number in range(len(prompts))]


@pytest.fixture(scope="module")
def one_by_one(base: LoadedModel) -> tuple[Prompts, list[int], list[list[int]]]:
    """Prompts, limits, and the answers to each prompt alone."""
    prompts = drawn(base, 24)
    limits = [1 + number % 9 for number in range(24)]
    each = zip(prompts, limits, strict=True)
    return prompts, limits, [greedy(base.model, base.tokenizer, [prompt], limit)[0] for prompt, limit in each]


@pytest.mark.parametrize("fixed", [False, True], ids=["free", "fixed"])
@pytest.mark.parametrize("slots", [1, 5, 32])
def test_answers_are_those_of_generate(
    base: LoadedModel, one_by_one: tuple[Prompts, list[int], list[list[int]]], slots: int, fixed: bool
) -> None:
    """Also in batches of few sizes, which are filled up, as on a GPU."""
    prompts, limits, expected = one_by_one
    decoder = SlotDecoder(base.model, base.tokenizer, slots=slots, fixed=fixed)
    assert answered(decoder, prompts, limits) == expected
    assert {len(row) for row in expected} != {1}
    plain = PlainDecoder(base.model, base.tokenizer, slots=slots)
    assert answered(plain, prompts, limits) == expected


@pytest.mark.parametrize(("length", "new_tokens"), [(60, 4), (250, 6), (64, 64)])
def test_what_fills_a_batch_up_needs_no_room(base: LoadedModel, length: int, new_tokens: int) -> None:
    """Where a prompt and its answer fill the room, or the model's context, to the last token."""
    prompts = drawn(base, 3, longest=length + 1)
    prompts = [(prompt * length)[:length] for prompt in prompts]
    decoder = SlotDecoder(base.model, base.tokenizer, slots=3, fixed=True)
    expected = greedy(base.model, base.tokenizer, prompts, new_tokens)
    assert answered(decoder, prompts, [new_tokens] * 3) == expected


def test_a_decoder_that_nobody_needs_is_gone_at_once(base: LoadedModel) -> None:
    decoder = SlotDecoder(base.model, base.tokenizer, slots=3, fixed=True)
    answered(decoder, drawn(base, 5), [4] * 5)
    gone = weakref.ref(decoder)
    gc.disable()
    try:
        del decoder
        assert gone() is None
    finally:
        gc.enable()


def test_room_grows_while_answers_go_on(base: LoadedModel) -> None:
    """The cache begins with 64 tokens a slot; the later prompts and answers need more."""
    short, long = drawn(base, 3, longest=8), drawn(base, 3, seed=1, longest=120)
    long = [prompt + prompt for prompt in long][:3]
    decoder = SlotDecoder(base.model, base.tokenizer, slots=6)
    decoder.begin([0, 1, 2], short, 30)
    found = dict(decoder.finished())
    decoder.begin([3, 4, 5], long, 50)
    while answers := decoder.finished():
        found |= dict(answers)
    expected = greedy(base.model, base.tokenizer, short, 30) + greedy(base.model, base.tokenizer, long, 50)
    assert [found[slot] for slot in range(6)] == expected


@pytest.mark.parametrize("kind", ["auto", "slots", "plain"])
def test_a_model_of_ours_is_asked_in_slots_unless_told_otherwise(
    base: LoadedModel, kind: Any, caplog: pytest.LogCaptureFixture
) -> None:
    decoder = open_decoder(base.model, base.tokenizer, slots=4, kind=kind)
    assert isinstance(decoder, PlainDecoder if kind == "plain" else SlotDecoder)
    assert not [record for record in caplog.records if record.name.startswith("serpentune")]


def test_a_model_that_cannot_be_asked_so_is_asked_plainly_and_that_is_said(
    llama: Path, caplog: pytest.LogCaptureFixture
) -> None:
    base = load_base(str(llama))
    model = AutoModelForCausalLM.from_pretrained(llama, attn_implementation="eager").eval()
    with caplog.at_level(logging.WARNING):
        decoder = open_decoder(model, base.tokenizer, slots=4)
    assert isinstance(decoder, PlainDecoder)
    assert "plain generate, which is slower: its attention is eager" in caplog.text
    with pytest.raises(Unsuited, match="eager"):
        open_decoder(model, base.tokenizer, slots=4, kind="slots")


def test_a_model_that_answers_otherwise_in_slots_is_found_out(
    llama: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    base = load_base(str(llama))
    forward = type(base.model).forward

    @wraps(forward)
    def other(self: Any, *args: Any, attention_mask: Any = None, **kwargs: Any) -> Any:
        return forward(self, *args, attention_mask=None, **kwargs)  # looks at cells that nothing was written to

    monkeypatch.setattr(type(base.model), "forward", other)
    assert isinstance(open_decoder(base.model, base.tokenizer, slots=4), PlainDecoder)
    assert "answers otherwise when it is asked slot by slot" in caplog.text


def test_scores_of_the_next_token_are_those_of_a_prompt_alone(base: LoadedModel) -> None:
    prompts = drawn(base, 9)
    scores = next_scores(base.model, prompts)
    assert scores.shape == (9, base.model.config.vocab_size)
    with torch.inference_mode():
        for prompt, row in zip(prompts, scores, strict=True):
            alone = base.model(torch.tensor([prompt], device=base.model.device)).logits[0, -1]
            torch.testing.assert_close(row, alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("family", ["llama", "qwen", "gpt2"])
def test_norms_in_one_kernel_are_the_models_own(family: str, request: pytest.FixtureRequest) -> None:
    model = load_base(str(request.getfixturevalue(family)), dtype=torch.float32).model
    norms = root_mean_square_norms(model)
    assert bool(norms) is (family != "gpt2")
    ids = torch.arange(20, device=model.device)[None]
    with torch.inference_mode():
        own = model(ids).logits
        with fused(norms):
            torch.testing.assert_close(model(ids).logits, own, atol=1e-5, rtol=1e-5)
        assert torch.equal(model(ids).logits, own)


def test_a_norm_of_another_kind_stays_as_it_is(llama: Path) -> None:
    model = load_base(str(llama), dtype=torch.float32).model
    norm = model.model.norm
    norm.forward = lambda hidden: hidden * (1 + norm.weight)
    assert norm not in root_mean_square_norms(model)
