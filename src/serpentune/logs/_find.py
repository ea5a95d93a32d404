"""Floor 3, logs: from directories and globs to run folders."""

from __future__ import annotations

import difflib
import glob
import re
from collections.abc import Sequence
from pathlib import Path

from serpentune.common.errors import UserError

GAMES_FILE = "games.parquet"
SUMMARY_FILE = "summary.json"
_GAME_FILE = re.compile(r"game_(\d{1,18})\.json")


def find_logs(patterns: Sequence[str | Path]) -> list[Path]:
    """The run folders behind directories and globs, sorted, each once.

    A directory is either a run folder itself (it holds `games.parquet` or `game_N.json` files) or a folder of run
    folders. A pattern with `*`, `?` or `[` is a glob (`**` included) unless a directory of exactly that name exists;
    among its matches, what holds no games is passed over. Hidden folders are never entered: an interrupted write
    leaves one behind.

    Raises:
        UserError: no patterns; a directory that is missing, unreadable, or holds no games; a glob without any game
            behind it. The message names the pattern, and a sibling with nearly that name where there is one.
    """
    if not patterns:
        raise UserError("No log directory was given. Name at least one run folder, or a glob such as 'logs/*'.")
    found: dict[Path, Path] = {}
    for pattern in patterns:
        for folder in _behind(pattern):
            found.setdefault(folder.resolve(), folder)
    return sorted(found.values())


def json_game_files(folder: Path) -> list[tuple[int, Path]]:
    """The `game_N.json` files of a run folder with their numbers, ascending.

    Raises:
        OSError: the folder can't be listed.
    """
    numbered = ((_GAME_FILE.fullmatch(item.name), item) for item in folder.iterdir())
    return sorted((int(match.group(1)), item) for match, item in numbered if match)


def _behind(pattern: str | Path) -> list[Path]:
    text = str(pattern)
    path = Path(text).expanduser()
    try:
        if path.is_dir():
            return _of_directory(path)
        if path.exists():
            raise UserError(f"{text} is a file; name the run folder that holds it: {path.parent}.")
        if not glob.has_magic(text):
            raise UserError(f"There is no log directory {text}.{_near_match(path)}")
        # Path.glob takes no absolute patterns.
        matches = sorted(Path(match) for match in glob.glob(str(path), recursive=True))  # noqa: PTH207
        runs = [run for match in matches if match.is_dir() for run in runs_in(match)]
    except OSError as error:
        raise UserError(f"{text} can't be read ({error.strerror or error}).") from error
    if not matches:
        raise UserError(f"The glob {text!r} matches nothing.{_near_match(path)}")
    if not runs:
        raise UserError(f"The glob {text!r} matches {len(matches)} path(s), but no run folder with games.")
    return runs


def _of_directory(path: Path) -> list[Path]:
    runs = runs_in(path)
    if not runs:
        content = "is empty" if not any(path.iterdir()) else "holds no games"
        raise UserError(
            f"The log directory {path} {content}: {GAMES_FILE} or game_N.json files are needed, "
            "in it or in folders directly below it."
        )
    return runs


def runs_in(path: Path) -> list[Path]:
    """The run folders that a directory stands for: itself, or those directly below; none where there are no games.

    Raises:
        OSError: the directory can't be listed.
    """
    if _is_run(path):
        return [path]
    children = sorted(item for item in path.iterdir() if item.is_dir() and not item.name.startswith("."))
    return [child for child in children if _is_run(child)]


def _is_run(path: Path) -> bool:
    return any(item.name == GAMES_FILE or _GAME_FILE.fullmatch(item.name) for item in path.iterdir())


def _near_match(path: Path) -> str:
    """A hint at the sibling of nearly the name that is missing, or where the path stops to exist."""
    parent, missing = path.parent, path.name
    if glob.has_magic(str(parent)):
        return ""  # which of the folders that the pattern means has no such entry can't be said in a few words
    while not parent.is_dir() and parent != parent.parent:
        parent, missing = parent.parent, parent.name
    siblings = sorted(item.name for item in parent.iterdir() if item.is_dir() and not item.name.startswith("."))
    near = difflib.get_close_matches(missing, siblings, n=3, cutoff=0.5)
    if near:
        return f" Did you mean {' or '.join(str(parent / name) for name in near)}?"
    return "" if parent == path.parent else f" {parent} has no folder {missing}."
