"""Floor 6, training: what makes a GPU's step quick without changing what is learnt.

docs/training.md has the measurements behind each part. A layer that is compiled once and used for all layers starts in
seconds, where the whole model takes a minute, and runs as fast.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.modeling_layers import GradientCheckpointingLayer

from serpentune.training.data import IGNORED

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

_CAUSAL = "causal_sdpa"
# Under this name transformers makes no mask. To find out whether one is needed it looks at positions in the device's
# memory, for which every forward pass would wait until all work before it is done. Samples here are never packed.
AttentionInterface.register(_CAUSAL, sdpa_attention_forward)


def summed_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Negative log-likelihood, summed over the targets that count.

    Args:
        logits: `(B, U, V)`.
        targets: `(B, U)` token ids, or `IGNORED`.
    """
    return cross_entropy(logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="sum")


def compiled(model: Any) -> Loss:
    """Compile the layer that the model repeats, in place, and return `summed_loss`, compiled.

    Layers are compiled for each shape of a batch, so there should be few: kernels for any shape are slower by a
    twentieth. The loss isn't, since the number of positions that count is another in nearly every batch; compiled, it
    never holds logits in 32 bits.
    """
    for module in model.modules():
        if isinstance(module, GradientCheckpointingLayer):
            module.compile(dynamic=False)
    loss: Loss = torch.compile(summed_loss, dynamic=True)
    return loss


def skip_masks(model: Any, longest: int) -> None:
    """Attend to all that is on the left, without asking for a mask, wherever that is what the model does anyway.

    Args:
        model: a causal language model, with or without an adapter.
        longest: tokens of the longest sample; a model that sees fewer at once keeps its masks.
    """
    config = model.config.get_text_config()
    window = getattr(config, "sliding_window", None) or longest
    if config._attn_implementation == "sdpa" and window >= longest:
        model.set_attn_implementation(_CAUSAL)


def narrow_stream(model: Any, dtype: torch.dtype) -> None:
    """Let what flows from layer to layer be of `dtype`, as in a model whose weights are; the weights stay as they are.

    Under autocast embeddings stay as wide as their weights, and so does every sum that layers add to them: twice the
    memory, and twice the time wherever memory sets the pace. Frozen embeddings are marked as if they had a gradient, so
    that the first layer is compiled like the others.
    """

    def narrow(module: torch.nn.Module, inputs: Any, output: torch.Tensor) -> torch.Tensor:
        output = output.to(dtype)
        if module.training and torch.is_grad_enabled():
            output.requires_grad_()
        return output

    model.get_input_embeddings().register_forward_hook(narrow)
