"""Floor 2, teachers: the registry of names, ours and those that other packages bring along.

A package adds a teacher without touching this one, through an entry point that yields a `Teacher`:

    [project.entry-points."serpentune.teachers"]
    ZIGZAG = "my_package.teachers:ZIGZAG"
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from serpentune.common.errors import UserError, unknown_name
from serpentune.game._jit import sources_digest
from serpentune.teachers._noise import NOISY
from serpentune.teachers._teacher import Teacher

ENTRY_POINTS = "serpentune.teachers"

_TEACHERS: dict[str, Teacher] = {}
_ALIASES = {"A*": "ASTAR"}


def register(teacher: Teacher) -> Teacher:
    """Make a teacher known under its name for this process, and return it.

    Raises:
        ValueError: another teacher has that name.
    """
    if _TEACHERS.setdefault(teacher.name, teacher) is not teacher:
        raise ValueError(f"a teacher named {teacher.name} is registered already")
    return teacher


def get(name: str) -> Teacher:
    """The teacher of that name; case doesn't matter, `_` is read as `-`, and `A*` is ASTAR.

    Raises:
        UserError: no such teacher; the message suggests the near match. Or an entry point is broken.
    """
    found = find(name)
    if found is None and "," in name:
        raise UserError(f"There is no teacher named {name!r}. Separate several names by spaces, not by commas.")
    if found is None:
        raise unknown_name("teacher", name, _TEACHERS)
    return found


def find(name: str) -> Teacher | None:
    """The teacher that `get` gives for a name, or None where there is none.

    Raises:
        UserError: an entry point is broken.
    """
    key = name.strip().upper().replace("_", "-")
    key = _ALIASES.get(key, key)
    if key not in _TEACHERS:
        _load_entry_points()
    return _TEACHERS.get(key)


def behind(player: str) -> Teacher | None:
    """The teacher who played the games of a player, without random moves or with (`NOISY`); None for a stranger's.

    Raises:
        UserError: an entry point is broken.
    """
    return find(player.removesuffix(NOISY))


def names() -> tuple[str, ...]:
    """All names, ours first, then those of other packages.

    Raises:
        UserError: an entry point is broken.
    """
    _load_entry_points()
    return tuple(_TEACHERS)


def fingerprint(teacher: Teacher) -> str:
    """What changes when the teacher may play otherwise: a digest of its code, the sources beside it, and the rules'.

    A named function of a file has the same one in every version of Python.
    """
    function: Any = teacher.function or teacher.kernel
    code = getattr(function, "py_func", function).__code__
    in_file = code.co_name != "<lambda>" and Path(code.co_filename).is_file()
    which = f"{code.co_qualname} {code.co_firstlineno}" if in_file else code.co_code.hex()
    text = f"{sources_digest(Path(code.co_filename).parent)} {which}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def _load_entry_points() -> None:
    for point in entry_points(group=ENTRY_POINTS):
        teacher = _load(point)
        try:
            register(teacher)
        except ValueError as error:
            raise UserError(f"{_where(point)} can't be used: {error}. Rename it, or uninstall the package.") from error


def _load(point: EntryPoint) -> Teacher:
    try:
        teacher = point.load()
    except Exception as error:
        raise UserError(
            f"{_where(point)} can't be loaded ({type(error).__name__}: {error}). Mend or uninstall the package."
        ) from error
    if not isinstance(teacher, Teacher):
        raise UserError(f"{_where(point)} is a {type(teacher).__name__}, not a Teacher. Mend or uninstall the package.")
    return teacher


def _where(point: EntryPoint) -> str:
    package = f" of package {point.dist.name}" if point.dist else ""
    return f"The teacher {point.name} = {point.value}{package}"
