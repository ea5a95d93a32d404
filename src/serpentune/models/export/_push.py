"""Floor 5, models: a student to the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

from serpentune.common.errors import UserError
from serpentune.common.files import read_object
from serpentune.common.hub import upload
from serpentune.models._card import CARD

_WEIGHTS = (".safetensors", ".gguf")
_BESIDE = (".json", ".jinja", ".txt", ".model")
"""Suffixes of what tokenizers and configurations are made of."""


def push_model(folder: Path, repository: str, *, private: bool = True, token: str | None = None) -> str:
    """Send a model's folder to the hub: weights, tokenizer, configuration and card, and nothing else that lies there.

    Args:
        folder: a student's folder, or one of `export_model`.
        repository: such as `name/snake`; made where there is none.
        private: whether only its owner may see the repository.
        token: of the hub; without it the one of `HF_TOKEN` or `hf auth login`.

    Returns:
        The repository's address.

    Raises:
        UserError: the folder holds no model or no card, or an adapter whose base lies on this disk only; the hub can't
            be reached, doesn't know the token or refuses, or a public repository is there although a private one is
            wanted.
    """
    files = sorted(file.name for file in folder.glob("*") if file.suffix in (*_WEIGHTS, *_BESIDE))
    if not any(name.endswith(_WEIGHTS) for name in files):
        raise UserError(f"{folder} holds no model: neither *.safetensors nor *.gguf.")
    if not (folder / CARD).is_file():
        raise UserError(f"{folder} has no {CARD}, the card that the hub shows. --merge or --gguf writes one.")
    adapter = folder / "adapter_config.json"
    base = read_object(adapter).get("base_model_name_or_path") if adapter.is_file() else None
    if isinstance(base, str) and Path(base).is_absolute():
        raise UserError(
            f"{folder} holds an adapter on {base}, which nobody has but this machine. Push a whole model: --merge."
        )
    return upload(folder, [CARD, *files], repository, "model", private=private, token=token)
