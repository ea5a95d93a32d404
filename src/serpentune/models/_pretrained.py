"""Floor 5, models: transformers' `from_pretrained`, with its errors in words: weights from safetensors alone."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from serpentune.common.errors import UserError
from serpentune.models._libraries import quiet_libraries

_LOG = logging.getLogger(__name__)


def read_config(location: str | Path, name: str, **options: Any) -> Any:
    """The transformers configuration in `location`.

    Args:
        location: a folder or a hub id.
        name: what the user calls the model.
        options: passed on to `from_pretrained`.

    Raises:
        UserError: there is none, or none that transformers knows.
    """
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(str(location), trust_remote_code=False, **options)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{name}: its config.json can't be read ({first_line(error)}).") from error


def read_model(location: str | Path, name: str, **options: Any) -> Any:
    """The causal language model in `location`; arguments as of `read_config`.

    Raises:
        UserError: it is none, its safetensors are damaged, or they lack weights.
    """
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    try:
        with quiet_libraries():
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                str(location), use_safetensors=True, trust_remote_code=False, output_loading_info=True, **options
            )
    except SafetensorError as error:
        raise UserError(f"{name}: a weights file is damaged ({first_line(error)}). Fetch the model again.") from error
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise UserError(f"{name}: can't be loaded as a causal language model ({first_line(error)}).") from error
    model, report = loaded
    missing = sorted(report["missing_keys"])
    if missing:  # transformers would go on with random numbers in their place
        raise UserError(f"{name}: its files lack {len(missing)} weights of the model, first {missing[0]!r}.")
    return model


def read_tokenizer(location: str | Path, name: str, **options: Any) -> Any:
    """The fast tokenizer in `location`; a missing pad token becomes the end token, whose padding is masked anyway.

    Arguments as of `read_config`.

    Raises:
        UserError: there is none, it is no fast tokenizer, or it has no end token.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(str(location), trust_remote_code=False, **options)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{name}: the tokenizer can't be loaded ({first_line(error)}).") from error
    if not tokenizer.is_fast:
        raise UserError(f"{name}: its tokenizer is no fast one (tokenizer.json), which training and play need.")
    if tokenizer.eos_token_id is None:
        raise UserError(f"{name}: its tokenizer has no end token (eos_token), so a completion could not be ended.")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
        _LOG.info("%s: the tokenizer has no pad token; its end token %r pads", name, tokenizer.eos_token)
    tokenizer.padding_side = "left"
    return tokenizer


def first_line(error: BaseException) -> str:
    """What an error of a library says, without what follows the first line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
