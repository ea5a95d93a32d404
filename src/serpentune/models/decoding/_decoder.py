"""Floor 5, models: what a decoder does, and the one that suits a model."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Literal, Protocol

import torch

from serpentune.models.decoding._plain import PlainDecoder
from serpentune.models.decoding._scores import next_scores
from serpentune.models.decoding._slots import SlotDecoder, Unsuited

DecoderKind = Literal["auto", "slots", "plain"]

_LOG = logging.getLogger(__name__)
_TRIAL = ((5, 6, 7, 8, 9, 10, 11, 12), (7, 6, 5))
"""Prompts, as places in the vocabulary, that are answered on trial."""
_TRIAL_TOKENS = 3
_ALIKE = {False: 0.05, True: 1e-4}
"""Share of the best score by which that of a token which was written may be lower, in 16 and in 32 bits."""
_TRIALS = 4
"""The first two calls of each kind warm up, the third is recorded."""


class Decoder(Protocol):
    """Answers prompts greedily, each in a slot of its own.

    Attributes:
        slots: prompts at once.
    """

    slots: int

    def begin(self, slots: Sequence[int], prompts: Sequence[Sequence[int]], max_new_tokens: int) -> None:
        """Put a prompt into each of `slots`, which hold none.

        Args:
            slots: numbers below `self.slots`.
            prompts: token ids, one list a slot.
            max_new_tokens: most tokens of an answer, its end token included.
        """
        ...

    def finished(self) -> list[tuple[int, list[int]]]:
        """Work until some prompts are answered; empty where no prompt is open.

        Returns:
            Slots, which are free again, each with the new ids up to and including the end token where one was written
            in time.
        """
        ...


def open_decoder(model: Any, tokenizer: Any, *, slots: int, chat: bool = False, kind: DecoderKind = "auto") -> Decoder:
    """The decoder of a model.

    Args:
        model: a transformers or PEFT model on its device, in evaluation mode.
        tokenizer: gives the end token.
        slots: prompts at once.
        chat: stop also at what ends a turn in the tokenizer's chat template.
        kind: `slots`, `plain`, or `auto`: slots where a trial shows that they give what `generate` gives, else plain,
            which is said in the log.

    Raises:
        Unsuited: `slots` is asked for and the model can't be asked so.
    """
    if kind == "plain":
        return PlainDecoder(model, tokenizer, slots=slots, chat=chat)
    try:
        if next(model.parameters()).device.type != "cuda":
            _try(model, tokenizer, chat, graphs=False)
            return SlotDecoder(model, tokenizer, slots=slots, chat=chat)
        try:
            _try(model, tokenizer, chat, graphs=True)
            return SlotDecoder(model, tokenizer, slots=slots, chat=chat)
        except Unsuited as reason:
            _try(model, tokenizer, chat, graphs=False)
            _LOG.warning("tokens are written without CUDA graphs, which is slower: %s", reason)
            return SlotDecoder(model, tokenizer, slots=slots, chat=chat, graphs=False)
    except Unsuited as reason:
        if kind == "slots":
            raise
        _LOG.warning("answers come from plain generate, which is slower: %s", reason)
        return PlainDecoder(model, tokenizer, slots=slots, chat=chat)


def _try(model: Any, tokenizer: Any, chat: bool, *, graphs: bool) -> None:
    """Hold a few answers against the model's own scores; with `graphs` so often that they are recorded and replayed.

    Raises:
        Unsuited: they differ, or the model doesn't know what a slot decoder asks of it.
    """
    size = model.config.get_text_config().vocab_size
    prompts = [[place % size for place in prompt] for prompt in _TRIAL]
    found: dict[int, list[int]] = {}
    try:
        decoder = SlotDecoder(model, tokenizer, slots=len(prompts), chat=chat, graphs=graphs)
        for _ in range(_TRIALS if graphs else 1):
            decoder.begin(range(len(prompts)), prompts, _TRIAL_TOKENS)
            while answers := decoder.finished():
                found |= dict(answers)
    except torch.OutOfMemoryError:
        raise
    except (TypeError, ValueError, RuntimeError, IndexError, AttributeError, NotImplementedError) as error:
        raise Unsuited(f"{type(model).__name__} can't be asked slot by slot ({error})") from error
    written = [(prompts[slot] + row[:place], token) for slot, row in found.items() for place, token in enumerate(row)]
    scores = next_scores(model, [before for before, _ in written])
    best = scores.max(dim=-1).values
    chosen = scores[range(len(written)), [token for _, token in written]]
    if (best - chosen > _ALIKE[model.dtype.itemsize > 2] * best.abs().clamp(min=1)).any():
        raise Unsuited(f"{type(model).__name__} answers otherwise when it is asked slot by slot")
