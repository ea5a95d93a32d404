"""Floor 5, models: transformers' `from_pretrained`, made safe, with its errors in words.

Weights are read from safetensors alone, never from a pickle, which may run anything. Code that a model's folder brings
is run only where `trust_remote_code` says so. What its files name decides no path that is written to.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

from serpentune.common.errors import UserError
from serpentune.models._libraries import quiet_libraries

_LOG = logging.getLogger(__name__)
_PLAIN_NAME = re.compile(r"\w[\w.-]*")


def read_config(location: str | Path, name: str, *, trust_remote_code: bool = False, **options: Any) -> Any:
    """The transformers configuration in `location`.

    Args:
        location: a folder or a hub id.
        name: what the user calls the model.
        trust_remote_code: whether code that the model brings may be run.
        options: passed on to `from_pretrained`.

    Raises:
        UserError: there is none, none that transformers knows, or one that needs code of the model's own.
    """
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(str(location), trust_remote_code=trust_remote_code, **options)
    except (OSError, ValueError, KeyError) as error:
        raise _explain(error, f"{name}: its config.json can't be read", name) from error


def read_model(location: str | Path, name: str, *, trust_remote_code: bool = False, **options: Any) -> Any:
    """The causal language model in `location`; arguments as of `read_config`.

    Raises:
        UserError: it is none, its safetensors are damaged or lack weights, or it needs code of its own.
    """
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    try:
        with quiet_libraries():
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                str(location),
                use_safetensors=True,
                trust_remote_code=trust_remote_code,
                output_loading_info=True,
                **options,
            )
    except SafetensorError as error:
        raise UserError(f"{name}: a weights file is damaged ({first_line(error)}). Fetch the model again.") from error
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise _explain(error, f"{name}: can't be loaded as a causal language model", name) from error
    model, report = loaded
    missing = sorted(report["missing_keys"])
    if missing:  # transformers would go on with random numbers in their place
        raise UserError(f"{name}: its files lack {len(missing)} weights of the model, first {missing[0]!r}.")
    return model


def read_tokenizer(location: str | Path, name: str, *, trust_remote_code: bool = False, **options: Any) -> Any:
    """The fast tokenizer in `location`; a missing pad token becomes the end token, whose padding is masked anyway.

    Arguments as of `read_config`.

    Raises:
        UserError: there is none, it is no fast tokenizer, it has no end token, a chat template of its has a name that
            is none of a file, or it needs code of its own.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(str(location), trust_remote_code=trust_remote_code, **options)
    except (OSError, ValueError, KeyError) as error:
        raise _explain(error, f"{name}: the tokenizer can't be loaded", name) from error
    if not tokenizer.is_fast:
        raise UserError(f"{name}: its tokenizer is no fast one (tokenizer.json), which training and play need.")
    if isinstance(tokenizer.chat_template, dict):  # saving it writes a file for each name
        for template in tokenizer.chat_template:
            if not _PLAIN_NAME.fullmatch(template):
                raise UserError(f"{name}: its tokenizer has a chat template named {template!r}, which no file can be.")
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


def _explain(error: Exception, what: str, name: str) -> UserError:
    if "trust_remote_code" in str(error):
        return UserError(
            f"{name} brings code of its own, which is not run unasked, since it may do anything. Read it; if you trust "
            "it, pass --trust-remote-code (trust_remote_code: true)."
        )
    return UserError(f"{what} ({first_line(error)}).")
