"""Floor 5, models: where a base model is: inside the package, in a folder, in the hub's cache, or on the hub."""

from __future__ import annotations

import difflib
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from serpentune.common.errors import UserError

BUILT_IN = ("nano",)

Source = Literal["built-in", "folder", "cache", "hub"]

_LOG = logging.getLogger(__name__)
_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
_HUB_SECONDS = 10.0


@dataclass(frozen=True)
class Found:
    """A base model that exists.

    Attributes:
        name: what a saved adapter calls it, valid on another machine where that is possible: the built-in name, the
            hub id, or a folder's absolute path.
        location: what `from_pretrained` is given: a folder or a hub id.
        source: where it was found.
    """

    name: str
    location: str
    source: Source


def find_base(name_or_path: str | Path) -> Found:
    """Find a base model without loading it: a built-in name, then a folder, then the hub's cache, then the hub.

    Raises:
        UserError: nothing of that name can be had; at once when offline. The message says what can be used instead.
    """
    text = str(name_or_path)
    if text in BUILT_IN:
        return _built_in(text)
    folder = Path(text).expanduser()
    if folder.is_dir():
        return _folder(folder)
    if folder.exists():
        raise UserError(f"{folder} is a file; a base model is a folder that holds config.json and *.safetensors.")
    if not _HUB_ID.fullmatch(text) or ".." in text or "--" in text:
        raise UserError(f"There is no folder {text}. {_alternatives(text)}")
    return _hub(text)


def _built_in(name: str) -> Found:
    folder = Path(__file__).parent / name
    if not (folder / "model.safetensors").is_file():
        raise UserError(f"The built-in model {name!r} is missing from {folder}. Install serpentune again.")
    return Found(name, str(folder), "built-in")


def _folder(folder: Path) -> Found:
    if (folder / "adapter_config.json").is_file():
        raise UserError(
            f"{folder} holds an adapter, no base model. Merge it into its base first, or name the base itself."
        )
    if not (folder / "config.json").is_file():
        raise UserError(f"{folder} holds no config.json, so it is no model. {_alternatives(str(folder))}")
    if not any(folder.glob("*.safetensors")):
        raise UserError(
            f"{folder} holds no *.safetensors. Weights are read from safetensors only: convert the model first."
        )
    return Found(str(folder.resolve()), str(folder.resolve()), "folder")


def _hub(name: str) -> Found:
    from huggingface_hub import HfApi, constants, snapshot_download
    from huggingface_hub.errors import (  # type: ignore[attr-defined]  # HTTPError is imported there, not exported
        GatedRepoError,
        HFValidationError,
        HTTPError,  # of the HTTP client that this version of the hub's library uses
        RepositoryNotFoundError,
    )

    try:
        cached = snapshot_download(name, local_files_only=True)
    except HFValidationError as error:
        raise UserError(f"{name!r} is neither a folder nor a hub id. {_alternatives(name)}") from error
    except (OSError, ValueError):  # not in the cache: the one way in which this lookup fails without a network
        cached = None
    if cached is not None and any(Path(cached).glob("*.safetensors")):
        return Found(name, cached, "cache")

    if constants.HF_HUB_OFFLINE or os.environ.get("TRANSFORMERS_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        raise UserError(
            f"The base model {name!r} is neither built in nor on this disk, and the hub is switched off "
            f"(HF_HUB_OFFLINE). {_alternatives(name)}"
        )
    try:
        HfApi().model_info(name, timeout=_HUB_SECONDS)
    except GatedRepoError as error:
        raise UserError(
            f"The hub gives {name!r} only to those who accepted its terms: log in with `hf auth login`."
        ) from error
    except RepositoryNotFoundError as error:
        raise UserError(f"The hub has no model {name!r}, or it is private. {_alternatives(name)}") from error
    except (HTTPError, OSError) as error:
        raise UserError(
            f"The base model {name!r} is neither built in nor on this disk, and the hub can't be reached "
            f"({type(error).__name__}). {_alternatives(name)}"
        ) from error
    _LOG.info("downloading base model %s from the hub", name)
    return Found(name, name, "hub")


def _alternatives(name: str) -> str:
    near = difflib.get_close_matches(name.lower(), BUILT_IN, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return f"{hint}Without a network use a built-in model ({', '.join(BUILT_IN)}) or the folder of a downloaded one."
