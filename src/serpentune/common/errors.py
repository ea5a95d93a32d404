"""The ground: errors that are written for the person who typed the command."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Bad input that the user can mend; the command line prints it without a traceback and exits with 2.

    The message says what was wrong, where (file, line or record), and what to do about it.
    """


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UserError:
    """A `UserError` for a misspelt name: the near match first, then every known name.

    `kind` is the singular noun for the message ("teacher", "encoding").
    """
    options = sorted(known)
    near = difflib.get_close_matches(name.upper(), [option.upper() for option in options], n=1, cutoff=0.6)
    hint = next((f" Did you mean {option}?" for option in options if near and option.upper() == near[0]), "")
    return UserError(f"There is no {kind} named {name!r}.{hint} Known: {', '.join(options)}.")
