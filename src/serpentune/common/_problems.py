"""The ground: what is wrong with a configuration, one sentence a setting, for the person who wrote it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from serpentune.common.errors import UserError

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from serpentune.common.settings import Settings

_UNKNOWN = ("extra_forbidden", "no_such_attribute")


@dataclass(frozen=True)
class Problem:
    """What is wrong with one setting.

    Attributes:
        place: the setting, its sections before it and set off by dots; empty for what concerns several.
        before: the sentence up to the place.
        after: the rest of it.
    """

    place: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.before}{self.place}{self.after}"

    def within(self, section: str) -> Problem:
        """The same problem of a setting in a section."""
        if not section:
            return self
        if not self.place:
            return replace(self, place=section, after=f": {self.after}")
        return replace(self, place=f"{section}.{self.place}")


class SettingsError(UserError, ValueError):
    """A configuration can't be used; all that is wrong with it is said at once.

    It is a ValueError besides, so that pydantic collects what is wrong with several sections.

    Attributes:
        where: the class, and the file before it where there is one.
        problems: what is wrong, a setting each.
    """

    where: str = ""
    problems: tuple[Problem, ...] = ()


def settings_error(kind: type[Settings], error: ValidationError) -> SettingsError:
    """What pydantic found wrong, in words."""
    problems = [problem for detail in error.errors(include_url=False) for problem in _problems(kind, detail)]
    return with_problems(kind.__name__, problems)


def with_problems(where: str, problems: Sequence[Problem]) -> SettingsError:
    """The error of these problems of a class, or of a file of that class."""
    error = SettingsError(f"{where}: " + " ".join(map(str, problems)))
    error.where, error.problems = where, tuple(problems)
    return error


def _problems(kind: type[Settings], detail: ErrorDetails) -> Iterator[Problem]:
    place = ".".join(str(part) for part in detail["loc"])
    if detail["type"] in _UNKNOWN:
        hint = kind.near_match(place)
        meant = f" Did you mean {hint!r}?" if hint else ""
        yield Problem(place, "there is no setting '", f"'.{meant} Known: {', '.join(sorted(kind.model_fields))}.")
    elif detail["type"] == "missing":
        yield Problem(place, "'", "' is missing.")
    elif detail["type"] == "value_error":
        cause = detail["ctx"]["error"]
        if isinstance(cause, SettingsError) and cause.problems:
            yield from (problem.within(place) for problem in cause.problems)
        else:
            yield Problem(place, "", f" = {detail['input']!r}: {cause}" if place else str(cause))
    else:
        message = detail["msg"][0].lower() + detail["msg"][1:]
        yield Problem(place, "", f" = {_shown(detail['input'])}: {message}.")


def _shown(value: Any) -> str:
    return json.dumps(value, default=str)
