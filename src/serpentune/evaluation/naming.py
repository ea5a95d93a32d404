"""Floor 8, evaluation: what players are called beside each other, before any of them is loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from serpentune.common.errors import UserError
from serpentune.common.paths import PathUtils
from serpentune.evaluation.contestants import find_contestant
from serpentune.models import BUILT_IN, named_folder


def contestant_names(players: Sequence[str | Path]) -> list[str]:
    """A name for each of several players, in their order, all different; no weights are loaded.

    They are the short names of `find_contestant`. Where two are alike, folders and files get the name of the folder
    above before theirs, and models of the hub that of their owner.

    Args:
        players: as of `open_contestant`.

    Raises:
        UserError: there is no such player, or two would still be called the same.
    """
    short = [find_contestant(player) for player in players]
    alike = Counter(map(_folder, short))
    names = [
        name if alike[_folder(name)] == 1 else _longer(player, name)
        for player, name in zip(players, short, strict=True)
    ]
    check_different(names)
    return names


def check_different(names: Iterable[str]) -> None:
    """Refuse names of players that would share a results folder.

    Raises:
        UserError: two of them do.
    """
    first: dict[str, str] = {}
    for name in names:
        folder = _folder(name)
        if folder in first:
            raise UserError(
                f"Two players would be called {first[folder]} and {name}, and share a results folder. Name each once; "
                "or evaluate them one at a time, with a --name and an --output of their own."
            )
        first[folder] = name


def folder_name(name: str) -> str:
    """The name of the results folder of a player.

    Raises:
        UserError: the player's name holds no letter or digit.
    """
    try:
        return PathUtils.safe_name(name)
    except ValueError as error:
        raise UserError(f"{error}. Give the player another --name, with a letter or a digit.") from error


def _folder(name: str) -> str:
    """What two names share when their folders are one, on systems too that don't tell capitals from small letters."""
    return folder_name(name).casefold()


def _longer(player: str | Path, name: str) -> str:
    path = Path(player).expanduser()
    if str(player) in BUILT_IN or not path.exists():
        return str(player)
    return f"{named_folder(path).parent.name}/{name}"
