"""Floor 4, datasets: the data sets below one folder, and whether their files are still what was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from serpentune.common.errors import UserError, unknown_name
from serpentune.common.files import sha256
from serpentune.datasets.records import MANIFEST, SPLITS, split_file
from serpentune.datasets.store import read_manifest


class DatasetDirectoryManager:
    """Finds the data sets directly below `root` and checks them."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def names(self) -> list[str]:
        """Names of the data sets, sorted; unfinished ones and other folders are passed over.

        Raises:
            UserError: the folder can't be read.
        """
        try:
            folders = sorted(item for item in self.root.iterdir() if not item.name.startswith("."))
        except OSError as error:
            raise UserError(f"{self.root} can't be read ({error.strerror or error}).") from error
        return [folder.name for folder in folders if (folder / MANIFEST).is_file() and (folder / "data").is_dir()]

    def path(self, name: str) -> Path:
        """The folder of the data set `name`.

        Raises:
            UserError: there is none; the message names the near match.
        """
        if name not in (known := self.names()):
            raise unknown_name(f"data set in {self.root}", name, known)
        return self.root / name

    def check(self, name: str) -> dict[str, Any]:
        """The manifest of the data set `name`, after its Parquet files were compared with the hashes in it.

        Raises:
            UserError: there is no such data set, or a file is missing or was changed.
        """
        return check_files(self.path(name))


def check_files(folder: Path) -> dict[str, Any]:
    """The manifest of the data set `folder`, after its Parquet files were compared with the hashes in it.

    Raises:
        UserError: the manifest is missing or damaged, or a file is missing or was changed.
    """
    manifest = read_manifest(folder)
    hashes = manifest.get("sha256")
    if not isinstance(hashes, dict) or set(hashes) != set(SPLITS):
        raise UserError(f"{folder / MANIFEST} names no hash of each of {', '.join(SPLITS)}. Build the data set again.")
    for split, expected in hashes.items():
        file = split_file(folder, split)
        if not file.is_file() or sha256(file) != expected:
            raise UserError(f"{file} is not the file that the data set was written with. Build the data set again.")
    return manifest
