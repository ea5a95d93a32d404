"""Floor 6, training: what makes a GPU's step quick without changing what is learnt.

docs/training.md has the measurements behind each part. A layer that is compiled once and used for all layers starts in
seconds, where the whole model takes a minute, and runs as fast.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import Any

import torch
from torch.nn.attention.varlen import varlen_attn
from torch.nn.functional import cross_entropy
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.modeling_layers import GradientCheckpointingLayer

from serpentune.training._batches import IGNORED, Collator, Packer

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

# torch 2.11 takes fewer heads of keys than of queries without being told.
_GROUPED: dict[str, Any] = {"enable_gqa": True} if "enable_gqa" in inspect.signature(varlen_attn).parameters else {}

_ALIKE = 0.05
"""Share of the largest logit by which those of 16 bits may differ."""

_ATTENTION_DROPOUT = ("attention_dropout", "attn_pdrop")
"""What configurations of models call its probability."""

_LOG = logging.getLogger(__name__)


def _causal_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    sequence_ends: torch.Tensor | None = None,
    longest_sequence: int = 0,
    scaling: float | None = None,
    **more: Any,
) -> tuple[torch.Tensor, None]:
    """Attention to all that is on the left, or, in a batch of `Packer`, to all of it that is of the same sequence."""
    if sequence_ends is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **more)
    # One row of all sequences: (1, H, N, D) -> (N, H, D).
    queries, keys, values = (states.squeeze(0).transpose(0, 1).to(value.dtype) for states in (query, key, value))
    ends, longest = sequence_ends, longest_sequence
    attended: Any = varlen_attn(
        queries, keys, values, ends, ends, longest, longest, scale=scaling, window_size=(-1, 0), **_GROUPED
    )
    return attended[None], None


_CAUSAL = "causal"
# Under a name that it doesn't know transformers makes no mask. To find out whether one is needed it looks at positions
# in the device's memory, for which every forward pass would wait until all work before it is done.
AttentionInterface.register(_CAUSAL, _causal_attention)


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
    twentieth. The loss isn't, since the number of positions that count is another in nearly every padded batch;
    compiled, it never holds logits in 32 bits.
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


def can_pack(model: Any) -> bool:
    """Whether samples can stand one after another: on a GPU, in a model that tells attention where each of them ends.

    It is tried, under the caller's autocast: two samples must be answered as they are when they stand below each other.
    """
    config = model.config.get_text_config()
    if model.device.type != "cuda" or config._attn_implementation != _CAUSAL:
        return False
    if any(getattr(config, name, None) for name in _ATTENTION_DROPOUT):
        _LOG.info("samples are padded: attention to packed ones knows no dropout, which the model's has")
        return False
    samples = [{"input_ids": list(range(1, length + 1)), "prompt_length": length - 1} for length in (9, 5)]
    training = model.training
    model.eval()
    try:
        below, after = (
            model(**_inputs(batch, model.device), use_cache=False).logits.float()
            for batch in (Collator(0)(samples), Packer(0, 128, 2, 2, 9)(samples))
        )
        after.sum().backward()
    except torch.OutOfMemoryError:
        raise
    except (TypeError, ValueError, RuntimeError) as error:  # unknown arguments, or a kernel that this card hasn't
        _LOG.warning("samples are padded, as %s can't be asked for packed ones: %s", type(model).__name__, error)
        return False
    finally:
        model.zero_grad()
        model.train(training)
    # The two last positions: (9, 5) in rows of their own, of which both positions are kept, and one after the other.
    expected = torch.stack((below[0, -1], below[1, 0]))
    off = float((after[0] - expected).abs().max() / expected.abs().max())
    if not off < _ALIKE:  # it may be no number
        _LOG.warning("samples are padded, as %s answers packed ones otherwise, by %.2g", type(model).__name__, off)
        return False
    return True


def _inputs(batch: dict[str, Any], device: torch.device) -> dict[str, Any]:
    return {
        key: value.to(device) if isinstance(value, torch.Tensor) else value
        for key, value in batch.items()
        if key != "targets"
    }


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
