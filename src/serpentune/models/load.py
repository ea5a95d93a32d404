"""Floor 5, models: load a base model with its tokenizer, ready to be trained or asked."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serpentune.models._device import device, weight_dtype
from serpentune.models._find import Source, find_base
from serpentune.models._gguf import gguf_config
from serpentune.models._libraries import keep_4bit_weights
from serpentune.models._pretrained import read_config, read_model, read_tokenizer
from serpentune.models._scratch import refuse_adapter, scratch_config, scratch_model
from serpentune.models.strategies import QLoRAConfig, is_quantized, quantization
from serpentune.models.tokens import end_ids

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class LoadedModel:
    """A causal language model in memory.

    Attributes:
        model: the transformers (or PEFT) model, on the device that will do the work, in evaluation mode.
        tokenizer: its fast tokenizer; pad and end tokens are set, padding is on the left, as generation needs it.
        name: the built-in name, the hub id, or the absolute path of the folder or GGUF file.
        source: `built-in`, `scratch`, `folder`, `gguf`, `cache` (the hub's, on this disk) or `hub`.
        chat: whether it is trained and asked through its tokenizer's chat template.
    """

    model: Any
    tokenizer: Any
    name: str
    source: Source
    chat: bool = False


def load_base(
    name_or_path: str | Path,
    *,
    quantize: bool | QLoRAConfig = False,
    dtype: torch.dtype | None = None,
    chat: bool = False,
    seed: int = 0,
    trust_remote_code: bool = False,
) -> LoadedModel:
    """Load a base model, from safetensors alone; one from scratch (`scratch-10m`) is made in memory.

    Args:
        name_or_path: a built-in name (`BUILT_IN`), a folder, a GGUF file, or a hub id; looked for in this order.
        quantize: hold the linear layers in 4 bits: true for NF4 with double quantisation, or a `QLoRAConfig` that says
            how.
        dtype: format of the weights (with `quantize`, of the arithmetic); chosen to suit the device when left out.
        chat: train it and ask it through its tokenizer's chat template.
        seed: of the weights of a model from scratch; the others have theirs.
        trust_remote_code: run code that the model brings, which may do anything.

    Raises:
        UserError: the model can't be found (at once when offline), holds no safetensors, isn't a causal language model,
            has no usable tokenizer, or with `chat` no usable template, or needs code that isn't trusted; or random
            weights shall be held in 4 bits.
    """
    found = find_base(name_or_path)
    if quantize:
        refuse_adapter(found.name, "qlora")
    dtype = dtype or weight_dtype()
    options: dict[str, Any] = {"dtype": dtype}
    if quantize:
        settings = quantize if isinstance(quantize, QLoRAConfig) else QLoRAConfig()
        options |= {"quantization_config": quantization(settings, dtype), "device_map": {"": str(device())}}
    location = found.pretrained()
    tokenizer = read_tokenizer(location, found.name, trust_remote_code=trust_remote_code)
    if chat:
        end_ids(tokenizer, chat=True)  # refuses a template that can't be used, before the weights are read
    if found.source == "scratch":
        model = scratch_model(scratch_config(found.name, tokenizer), seed, dtype)
    else:
        model = read_model(location, found.name, trust_remote_code=trust_remote_code, **options)
    if is_quantized(model):
        keep_4bit_weights(model)
    else:
        model.to(device())
    model.config.pad_token_id = tokenizer.pad_token_id
    if model.generation_config is not None:
        model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.eval()
    return LoadedModel(model, tokenizer, found.name, found.source, chat)


def open_tokenizer(name_or_path: str | Path, *, trust_remote_code: bool = False) -> Any:
    """The tokenizer of a base model of `load_base`, without the model.

    Raises:
        UserError: the model can't be found, has no usable tokenizer, or one that needs code that isn't trusted.
    """
    found = find_base(name_or_path)
    return read_tokenizer(found.pretrained(), found.name, trust_remote_code=trust_remote_code)


def context_length(config: Any) -> float:
    """Most tokens that a model of this transformers configuration sees at once; infinite where it names no limit."""
    return float(getattr(config.get_text_config(), "max_position_embeddings", None) or math.inf)


def base_config(name_or_path: str | Path, *, trust_remote_code: bool = False) -> Any:
    """The transformers configuration of a base model of `load_base`, without its weights.

    Raises:
        UserError: the model can't be found, or its configuration is none that transformers knows, or needs code that
            isn't trusted.
    """
    found = find_base(name_or_path)
    if found.source == "scratch":
        return scratch_config(found.name, read_tokenizer(found.location, found.name))
    if found.is_gguf:
        return gguf_config(Path(found.location), found.name)
    return read_config(found.location, found.name, trust_remote_code=trust_remote_code)
