"""Changes to `game_N.json` files, for tests that spoil them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the document in a file."""
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def history(document: dict[str, Any]) -> dict[str, Any]:
    """Where the moves and apples of a document are."""
    return document["detailed_history"]  # type: ignore[no-any-return]
