"""Floor 6, training: the sizes of a model that decide its memory, from its configuration alone, without its weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from serpentune.common.errors import UserError


@dataclass(frozen=True)
class LinearLayer:
    """A linear layer by its name in the model, `inputs` and `outputs` wide."""

    name: str
    inputs: int
    outputs: int


@dataclass(frozen=True)
class ModelSizes:
    """A decoder-only transformer, in numbers.

    Attributes:
        parameters: all weights; one that two layers share counts once.
        linear: the linear layers but the output layer: what adapters and 4 bits are for.
        layers: transformer blocks.
        hidden: width of the residual stream.
        intermediate: width inside the MLP.
        gated: whether the MLP multiplies two branches (SwiGLU), as llama's does and GPT-2's doesn't.
        head_norms: whether queries and keys are normalised, as Qwen3's are.
        queries: width of all query heads together.
        keys: width of all key heads together; as wide are the values.
        vocabulary: tokens that the output layer tells apart.
    """

    parameters: int
    linear: tuple[LinearLayer, ...]
    layers: int
    hidden: int
    intermediate: int
    gated: bool
    head_norms: bool
    queries: int
    keys: int
    vocabulary: int

    @property
    def linear_parameters(self) -> int:
        """Weights of the linear layers but the output layer, biases not counted."""
        return sum(layer.inputs * layer.outputs for layer in self.linear)

    def adapted(self, target_modules: str | Sequence[str]) -> tuple[LinearLayer, ...]:
        """The linear layers that get an adapter.

        Args:
            target_modules: `all-linear`, or names of layers, as in `LoRAConfig`.

        Raises:
            UserError: no layer has such a name.
        """
        if target_modules == "all-linear":
            return self.linear
        chosen = tuple(
            layer
            for layer in self.linear
            if any(layer.name == name or layer.name.endswith(f".{name}") for name in target_modules)
        )
        if not chosen:
            names = sorted({layer.name.rpartition(".")[2] for layer in self.linear})
            raise UserError(
                f"target_modules = {target_modules!r}: the model has no such layer. Its layers: {', '.join(names)}."
            )
        return chosen


def model_sizes(config: Any, *, trust_remote_code: bool = False) -> ModelSizes:
    """The sizes of the causal language model of a transformers configuration.

    The model is made on torch's `meta` device, where tensors have shapes and no memory, so every architecture that
    transformers knows is counted exactly, in seconds.

    Args:
        config: the configuration.
        trust_remote_code: run code that the model brings, which may do anything.

    Raises:
        UserError: transformers knows no causal language model of that configuration, or not its sizes.
    """
    import torch
    from transformers import AutoModelForCausalLM

    text = config.get_text_config()
    try:
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config, trust_remote_code=trust_remote_code)
        layers, hidden, heads = text.num_hidden_layers, text.hidden_size, text.num_attention_heads
    except (ValueError, AttributeError) as error:
        kind = getattr(config, "model_type", type(config).__name__)
        raise UserError(f"A model of the type {kind!r} can't be counted: it is no causal language model.") from error
    output = model.get_output_embeddings()
    linear = tuple(
        LinearLayer(name, *_widths(module))
        for name, module in model.named_modules()
        if module is not output and type(module).__name__ in ("Linear", "Conv1D")
    )
    head = getattr(text, "head_dim", None) or hidden // heads
    return ModelSizes(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        linear=linear,
        layers=layers,
        hidden=hidden,
        intermediate=getattr(text, "intermediate_size", None) or getattr(text, "n_inner", None) or 4 * hidden,
        gated=any(layer.name.endswith("gate_proj") for layer in linear),
        head_norms=any(name.endswith("q_norm") for name, _ in model.named_modules()),
        queries=heads * head,
        keys=(getattr(text, "num_key_value_heads", None) or heads) * head,
        vocabulary=text.vocab_size,
    )


def _widths(module: Any) -> tuple[int, int]:
    rows, columns = module.weight.shape
    return (rows, columns) if type(module).__name__ == "Conv1D" else (columns, rows)  # GPT-2's holds it transposed
