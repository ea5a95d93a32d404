"""The ground: errors that are written for the person who typed the command."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping


class UserError(Exception):
    """Bad input that the user can mend; the command line prints it without a traceback and exits with 2.

    The message says what was wrong, where (file, line or record), and what to do about it.
    """


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UserError:
    """A `UserError` for a misspelt name: the near match first, then every known name.

    `kind` is the singular noun for the message ("teacher", "encoding").
    """
    options = sorted(known)
    meant = {option.upper(): option for option in options}
    # Of a name of several words one may have been typed.
    words = {word: option for option in options for word in re.split("[-_ ]", option.upper())}
    near = next((found for known_by in (meant, words) for found in _near(name.upper(), known_by)), None)
    hint = "" if near is None else f" Did you mean {near}?"
    return UserError(f"There is no {kind} named {name!r}.{hint} Known: {', '.join(options)}.")


def _near(name: str, known: Mapping[str, str]) -> list[str]:
    return [known[found] for found in difflib.get_close_matches(name, known, n=1, cutoff=0.6)]
