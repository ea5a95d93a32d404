"""The ground: where things lie that can be made again, so that they are made once. Such a folder may be removed."""

from __future__ import annotations

import os
from pathlib import Path

from serpentune.common.errors import UserError

VARIABLE = "SERPENTUNE_CACHE"


def cache_folder(name: str) -> Path:
    """The folder of one cache, which need not exist yet.

    It lies in `$SERPENTUNE_CACHE`, or else in `$XDG_CACHE_HOME/serpentune`, or else in `~/.cache/serpentune`. As in the
    XDG Base Directory Specification, a relative `$XDG_CACHE_HOME` counts for nothing.

    Args:
        name: of the cache ("tokens").

    Raises:
        UserError: neither variable is set and this user has no home folder.
    """
    if own := os.environ.get(VARIABLE):
        return Path(own).expanduser().absolute() / name
    shared = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        return (shared if shared.is_absolute() else Path.home() / ".cache") / "serpentune" / name
    except RuntimeError as error:
        raise UserError(f"There is no home folder to keep a cache in. Name a folder in ${VARIABLE}.") from error
