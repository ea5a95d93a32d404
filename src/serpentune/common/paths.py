"""The ground: names of files and folders that work on every system."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path


class PathUtils:
    """Names and paths as they are written to disk and into documents."""

    @staticmethod
    def safe_name(text: str) -> str:
        """Any text as the name of one file or folder on every system: hub ids hold slashes, Windows allows no colon.

        Raises:
            ValueError: the text holds no letter or digit.
        """
        name = re.sub(r"[^\w.-]+", "-", text).strip("-.")
        if not re.search(r"\w", name):
            raise ValueError(f"{text!r} holds nothing that a file could be named after")
        return name

    @staticmethod
    def timestamp() -> str:
        """The present local time as `YYYYMMDD_HHMMSS`, which sorts by time."""
        return datetime.now().strftime("%Y%m%d_%H%M%S")

    @staticmethod
    def relative(path: Path, folder: Path) -> str:
        """A path within `folder` as a document in that folder names it, with `/`, so that the folder can be moved.

        Raises:
            ValueError: the path lies outside.
        """
        return path.resolve().relative_to(folder.resolve()).as_posix()

    @staticmethod
    def from_here(text: str) -> str:
        """A path below the current folder as whoever stands there would name it; anything else as it is."""
        path, here = Path(text), Path.cwd()
        return path.relative_to(here).as_posix() if path.is_absolute() and path.is_relative_to(here) else text
