"""The ground: YAML as people mean it. Imported only where a file or a typed value is read, for the sake of `--help`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from serpentune.common.errors import UserError

_NUMBER_WITH_EXPONENT = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+\Z")


class _Loader(yaml.SafeLoader):
    """YAML 1.1 without its surprises.

    A key that stands twice in one mapping is refused, where YAML's own loader takes the last one; `1e-3` is a number,
    and `2026-01-31` a text, such as a folder's name.
    """

    def compose_mapping_node(self, anchor: Any) -> Any:
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                problem = f"the key {key.value!r} stands there twice"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            seen.add(key.value)
        return node


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER_WITH_EXPONENT, list("-+.0123456789"))


def read_yaml(path: Path) -> Any:
    """What a YAML file holds.

    Raises:
        UserError: it can't be read or is no valid YAML; the message names file and line.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise UserError(f"{path}{where}: not valid YAML ({getattr(error, 'problem', None) or error}).") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text ({error}).") from error
    except RecursionError as error:
        raise UserError(f"{path}: not valid YAML (nested too deeply).") from error
    except OSError as error:
        raise UserError(f"{path}: can't be read ({error.strerror or error}).") from error


def parse_value(text: str) -> Any:
    """A value as it would stand in a YAML file: `1e-3`, `true`, `null`, `[BFS, ASTAR]`, a text.

    Raises:
        UserError: it is no valid YAML.
    """
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise UserError(f"{text!r} is no valid value ({getattr(error, 'problem', None) or error}).") from error


def yaml_text(value: Any) -> str:
    """A value as YAML, keys in their own order, which `read_yaml` reads back."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    return text


class _Dumper(yaml.SafeDumper):
    """Quotes what `_Loader` would take for a number, besides what YAML itself would."""


_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER_WITH_EXPONENT, list("-+.0123456789"))
