"""Floor 5, models: what a model makes of the next token, without writing one."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def next_scores(model: Any, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
    """Logits of the token after each prompt, in one forward pass for each length of prompts.

    Args:
        model: a transformers or PEFT model, in evaluation mode.
        prompts: `n` lists of ids.

    Returns:
        float32 `(n, V)` on the model's device.
    """
    import torch

    device = next(model.parameters()).device
    last = {"logits_to_keep": 1} if keeps_logits(model) else {}
    found: list[tuple[list[int], torch.Tensor]] = []
    with torch.inference_mode():
        for places in by_length(prompts):
            ids = torch.tensor([list(prompts[place]) for place in places], device=device)
            found.append((places, model(input_ids=ids, use_cache=False, **last).logits[:, -1].float()))
        scores = torch.empty(len(prompts), found[0][1].shape[-1], device=device)
        for places, logits in found:
            scores[torch.tensor(places, device=device)] = logits
    return scores


def by_length(prompts: Sequence[Sequence[int]]) -> list[list[int]]:
    """Places of prompts, those of equal length together, so that none needs padding."""
    groups: dict[int, list[int]] = {}
    for place, prompt in enumerate(prompts):
        groups.setdefault(len(prompt), []).append(place)
    return list(groups.values())


def keeps_logits(model: Any) -> bool:
    """Whether the output layer can be applied to chosen positions only, which saves most of the memory and time."""
    core = model.get_base_model() if hasattr(model, "get_base_model") else model
    return "logits_to_keep" in inspect.signature(core.forward).parameters
