"""Floor 5, models: greedy answers by transformers' own `generate`, a batch at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from serpentune.models.tokens import Ids, end_ids


def stop_ids(tokenizer: Any, chat: bool = False) -> list[int]:
    """The tokens that end an answer: the end token, and with `chat` what the template ends a turn with."""
    return sorted({tokenizer.eos_token_id, end_ids(tokenizer, chat)[-1]})


def greedy(
    model: Any, tokenizer: Any, prompts: Sequence[Sequence[int]], max_new_tokens: int, chat: bool = False
) -> Ids:
    """The most likely continuation of each prompt, token by token, all prompts in one batch.

    The model's own generation settings (penalties, sampling) are not used, since another answer than the greedy one
    would be measured.

    Args:
        model: a transformers or PEFT model.
        tokenizer: gives end and pad tokens; its padding side doesn't matter.
        prompts: `n` lists of ids.
        max_new_tokens: most tokens of an answer, its end token included.
        chat: stop also at what ends a turn in the tokenizer's chat template.

    Returns:
        `n` lists of new ids, each up to and including the end token where one was written in time.
    """
    import torch
    from transformers import GenerationConfig

    ends, width = stop_ids(tokenizer, chat), max(map(len, prompts))
    pad = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    device = next(model.parameters()).device
    settings = GenerationConfig(
        max_new_tokens=max_new_tokens, eos_token_id=ends, pad_token_id=pad, use_cache=True,
        # All that is left out is taken from the model, so what would change the answer is said to be off.
        do_sample=False, num_beams=1, temperature=1.0, top_k=50, top_p=1.0, repetition_penalty=1.0,
        no_repeat_ngram_size=0, min_new_tokens=0,
    )  # fmt: skip
    with torch.inference_mode():
        output = model.generate(
            input_ids=torch.tensor([[pad] * (width - len(row)) + list(row) for row in prompts], device=device),
            attention_mask=torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in prompts], device=device),
            generation_config=settings,
        )
    rows: Ids = output[:, width:].tolist()
    return [row[: next((place for place, token in enumerate(row, 1) if token in ends), None)] for row in rows]


def decode(tokenizer: Any, answers: Sequence[Sequence[int]]) -> list[str]:
    """Answers as text, special tokens left out and spaces as they were written."""
    texts: list[str] = tokenizer.batch_decode(answers, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return texts


class PlainDecoder:
    """A `Decoder` that answers all open prompts in one call of `greedy`: what `SlotDecoder` is measured against.

    Attributes:
        slots: prompts at once.
    """

    def __init__(self, model: Any, tokenizer: Any, *, slots: int, chat: bool = False) -> None:
        self.slots = slots
        self._model = model
        self._tokenizer = tokenizer
        self._chat = chat
        self._open: dict[int, tuple[Sequence[int], int]] = {}

    def begin(self, slots: Sequence[int], prompts: Sequence[Sequence[int]], max_new_tokens: int) -> None:
        """As of `Decoder.begin`."""
        self._open |= {slot: (prompt, max_new_tokens) for slot, prompt in zip(slots, prompts, strict=True)}

    def finished(self) -> list[tuple[int, list[int]]]:
        """As of `Decoder.finished`; every open prompt is answered."""
        if not self._open:
            return []
        asked, most = list(self._open), max(most for _, most in self._open.values())
        rows = greedy(self._model, self._tokenizer, [self._open[slot][0] for slot in asked], most, self._chat)
        answers = [(slot, row[: self._open[slot][1]]) for slot, row in zip(asked, rows, strict=True)]
        self._open = {}
        return answers
