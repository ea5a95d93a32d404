"""The ground: a configuration as YAML in which each setting is explained by its class's own docstring."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from serpentune.common._yaml import yaml_text

if TYPE_CHECKING:
    from serpentune.common.settings import Settings

_WIDTH = 100
_ENTRY = re.compile(r"^    (\w+): (.*)")


def commented_yaml(settings: Settings) -> str:
    """Every setting and its value, what it means above it."""
    return "\n".join(_lines(settings, "")) + "\n"


def descriptions(kind: type[Settings]) -> dict[str, str]:
    """What the settings of a class mean, from the `Attributes` of its docstring and those of the classes above it."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        _, _, attributes = inspect.cleandoc(each.__doc__ or "").partition("\nAttributes:\n")
        name = ""
        for line in attributes.partition("\n\n")[0].splitlines():
            if entry := _ENTRY.match(line):
                name, found[entry[1]] = entry[1], entry[2]
            elif name:
                found[name] += f" {line.strip()}"
    return {name: text for name, text in found.items() if name in kind.model_fields}


def _lines(settings: Settings, indent: str) -> Iterator[str]:
    from serpentune.common.settings import Settings

    told = descriptions(type(settings))
    for name, value in settings.model_dump(mode="json").items():
        comment = f"{indent}# "
        text = re.sub(r"\bNone\b", "null", told.get(name, ""))  # as YAML has it
        yield from textwrap.wrap(
            text, _WIDTH, initial_indent=comment, subsequent_indent=comment, break_on_hyphens=False
        )
        inner = getattr(settings, name)
        if isinstance(inner, Settings):
            yield f"{indent}{name}:"
            yield from _lines(inner, f"{indent}  ")
        else:
            yield textwrap.indent(yaml_text({name: value}).rstrip("\n"), indent)
