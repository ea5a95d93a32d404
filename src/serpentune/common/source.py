"""The ground: which commit of our own source is running."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path


@functools.cache
def source_commit() -> str | None:
    """The commit that this package was checked out from, with `-dirty` after it where files were changed since.

    None for an installed package, also when it lies inside another project's repository, and where there is no git.
    """
    package = Path(__file__).resolve().parents[1]
    if _git(package, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    return _git(package, "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty")


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        answer = subprocess.run(["git", *arguments], cwd=folder, check=False, capture_output=True, text=True)
    except FileNotFoundError:  # no git
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None
