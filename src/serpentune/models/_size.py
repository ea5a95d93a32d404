"""Floor 5, models: how large a model is."""

from __future__ import annotations

from pathlib import Path

from serpentune.common.files import read_object
from serpentune.models._find import find_base
from serpentune.models.load import LoadedModel


def bytes_on_disk(loaded: LoadedModel) -> int | None:
    """Bytes of the files with the weights that a model was opened from, those of an adapter's base included.

    None where nothing of it lies on a disk: it is one from scratch, or was made in memory, and its caller gave it a
    name.

    Raises:
        UserError: what it was opened from is gone.
    """
    if loaded.source == "scratch" or (loaded.source == "folder" and not Path(loaded.name).is_dir()):
        return None
    return _bytes(loaded.name)


def _bytes(name: str) -> int:
    folder = Path(name)
    if (note := folder / "adapter_config.json").is_file():
        return _weights(folder) + _bytes(read_object(note)["base_model_name_or_path"])
    found = find_base(name)
    return Path(found.location).stat().st_size if found.is_gguf else _weights(Path(found.location))


def _weights(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))
