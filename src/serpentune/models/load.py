"""Floor 5, models: load a base model with its tokenizer, ready to be trained or asked."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serpentune.common.errors import UserError
from serpentune.models._device import device, weight_dtype
from serpentune.models._find import Found, Source, find_base
from serpentune.models._libraries import keep_4bit_weights, quiet_libraries
from serpentune.models.strategies import QLoRAConfig, is_quantized, quantization
from serpentune.models.tokens import end_ids

if TYPE_CHECKING:
    import torch

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadedModel:
    """A causal language model in memory.

    Attributes:
        model: the transformers (or PEFT) model, on the device that will do the work, in evaluation mode.
        tokenizer: its fast tokenizer; pad and end tokens are set, padding is on the left, as generation needs it.
        name: the built-in name, the hub id, or the absolute folder.
        source: `built-in`, `folder`, `cache` (the hub's, on this disk) or `hub`.
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
) -> LoadedModel:
    """Load a base model: `nano` (built in), a local folder, or a hub id. Code that a model ships is never run.

    Args:
        name_or_path: built-in name, folder, or hub id; looked for in this order.
        quantize: hold the linear layers in 4 bits: true for NF4 with double quantisation, or a `QLoRAConfig` that says
            how.
        dtype: format of the weights (with `quantize`, of the arithmetic); chosen to suit the device when left out.
        chat: train it and ask it through its tokenizer's chat template.

    Raises:
        UserError: the model can't be found (at once when offline), holds no safetensors, isn't a causal language model,
            or has no usable tokenizer, or with `chat` no usable template.
    """
    found = find_base(name_or_path)
    dtype = dtype or weight_dtype()
    options: dict[str, Any] = {"dtype": dtype}
    if quantize:
        settings = quantize if isinstance(quantize, QLoRAConfig) else QLoRAConfig()
        options |= {"quantization_config": quantization(settings, dtype), "device_map": {"": str(device())}}
    tokenizer = load_tokenizer(found.location, found.name)
    if chat:
        end_ids(tokenizer, chat=True)  # refuses a template that can't be used, before the weights are read
    model = _pretrained(found, options)
    if is_quantized(model):
        keep_4bit_weights(model)
    else:
        model.to(device())
    model.config.pad_token_id = tokenizer.pad_token_id
    if model.generation_config is not None:
        model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.eval()
    return LoadedModel(model, tokenizer, found.name, found.source, chat)


def open_tokenizer(name_or_path: str | Path) -> Any:
    """The tokenizer of a base model, without the model: `nano` (built in), a local folder, or a hub id.

    Raises:
        UserError: the model can't be found, or has no usable tokenizer.
    """
    found = find_base(name_or_path)
    return load_tokenizer(found.location, found.name)


def context_length(config: Any) -> float:
    """Most tokens that a model of this transformers configuration sees at once; infinite where it names no limit."""
    return float(getattr(config.get_text_config(), "max_position_embeddings", None) or math.inf)


def base_context_length(name_or_path: str | Path) -> float:
    """`context_length` of a base model that isn't loaded: `nano` (built in), a local folder, or a hub id.

    Raises:
        UserError: the model can't be found, or its configuration is none that transformers knows.
    """
    from transformers import AutoConfig

    found = find_base(name_or_path)
    try:
        return context_length(AutoConfig.from_pretrained(found.location, trust_remote_code=False))
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{found.name}: its config.json can't be read ({_first_line(error)}).") from error


def load_tokenizer(location: str | Path, name: str) -> Any:
    """The fast tokenizer in `location`; a missing pad token becomes the end token, whose padding is masked anyway.

    Raises:
        UserError: there is none, it is no fast tokenizer, or it has no end token.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(str(location), trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{name}: the tokenizer can't be loaded ({_first_line(error)}).") from error
    if not tokenizer.is_fast:
        raise UserError(f"{name}: its tokenizer is no fast one (tokenizer.json), which training and play need.")
    if tokenizer.eos_token_id is None:
        raise UserError(f"{name}: its tokenizer has no end token (eos_token), so a completion could not be ended.")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
        _LOG.info("%s: the tokenizer has no pad token; its end token %r pads", name, tokenizer.eos_token)
    tokenizer.padding_side = "left"
    return tokenizer


def _pretrained(found: Found, options: dict[str, Any]) -> Any:
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    try:
        with quiet_libraries():
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                found.location, use_safetensors=True, trust_remote_code=False, output_loading_info=True, **options
            )
    except SafetensorError as error:
        raise UserError(
            f"{found.name}: a weights file is damaged ({_first_line(error)}). Fetch the model again."
        ) from error
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise UserError(f"{found.name}: can't be loaded as a causal language model ({_first_line(error)}).") from error
    model, report = loaded
    missing = sorted(report["missing_keys"])
    if missing:  # transformers would go on with random numbers in their place
        raise UserError(
            f"{found.name}: its safetensors lack {len(missing)} weights of the model, first {missing[0]!r}."
        )
    return model


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
