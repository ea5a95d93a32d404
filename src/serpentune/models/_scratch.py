"""Floor 5, models: base models that know nothing: a llama of a stated size with random weights and nano's tokenizer.

They show what size alone does: all of them read the same tokens, and whatever they can, the data taught them. Nothing
is kept of them on the disk, since a name and a seed say every weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from serpentune.common.errors import UserError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class _Shape:
    layers: int
    hidden: int
    heads: int
    intermediate: int


SCRATCH = {
    "scratch-2m": _Shape(layers=8, hidden=128, heads=4, intermediate=320),
    "scratch-10m": _Shape(layers=12, hidden=256, heads=4, intermediate=704),
    "scratch-30m": _Shape(layers=17, hidden=384, heads=6, intermediate=1024),
}
"""Shapes by name: 1.6, 9.8 and 30.3 million parameters. The smallest is nano's own shape, without what nano learned.

Deep and narrow, as small language models are best (MobileLLM, arXiv:2402.14905; SmolLM2-135M has 30 layers of 576),
with heads of 64 where the width allows, and SwiGLU of 8/3 of the width, rounded up to a multiple of 64.
"""


def scratch_config(name: str, tokenizer: Any) -> Any:
    """The transformers configuration of a model from scratch, for the vocabulary of its tokenizer."""
    from transformers import LlamaConfig

    shape = SCRATCH[name]
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        max_position_embeddings=tokenizer.model_max_length,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def scratch_model(config: Any, seed: int, dtype: torch.dtype) -> Any:
    """A model with random weights as its architecture draws them, on the processor.

    One seed gives the same weights in fp32 wherever the versions of torch and transformers are the same; `dtype` rounds
    them. The random numbers of whoever calls go on as if nothing had been drawn.
    """
    import torch
    from transformers import AutoModelForCausalLM

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model: Any = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    return model.to(dtype)


def refuse_adapter(name: str, strategy: str) -> None:
    """Refuse a strategy that leaves a base's own weights as they are, where these are random.

    Raises:
        UserError: the base is one from scratch and the strategy isn't `full`.
    """
    if name in SCRATCH and strategy != "full":
        raise UserError(
            f"{name} has random weights, and {strategy} would leave them random: an adapter only adds to what its base "
            "knows. Train every weight with the strategy full, or choose a base that was trained, such as nano."
        )
