"""The ground: what every configuration class stands on: strict keys, checked values, errors for people.

A configuration is a pydantic model whose mistakes are `UserError`s: an unknown key is answered with its near match, a
value out of range with the range, and both at once, before any work is done. It is read and written as JSON or YAML,
by the suffix of the file.
"""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from serpentune.common.errors import UserError
from serpentune.common.files import read_json, write_json, write_text

_YAML = (".yaml", ".yml")


class Settings(BaseModel):
    """A configuration class: unknown keys are refused, and assignments are checked like arguments.

    Raises:
        UserError: on construction, assignment and loading, for an unknown key, a missing one, or a value that is out
            of range, of the wrong type, or at odds with another.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True, validate_default=True, allow_inf_nan=False)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise _explain(type(self), error) from None

    def __setattr__(self, name: str, value: Any) -> None:
        before = dict(self.__dict__)
        try:
            super().__setattr__(name, value)
        except ValidationError as error:
            # A check across several fields runs after the value was stored: put the old one back.
            self.__dict__.update(before)
            raise _explain(type(self), error) from None

    def save(self, path: str | Path) -> Path:
        """Write every setting to `path` (`.json`, `.yaml` or `.yml`) atomically, and return the path.

        Raises:
            UserError: the suffix is none of these, or the file can't be written.
        """
        path = Path(path)
        values = self.model_dump(mode="json")
        if _kind(path) == "json":
            write_json(path, values)
        else:
            import yaml

            write_text(path, yaml.safe_dump(values, sort_keys=False, allow_unicode=True))
        return path

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """The settings that `save` or a person wrote to `path`.

        Raises:
            UserError: the file is missing, not valid JSON or YAML, no mapping, or holds a setting that is unknown or
                wrong; the message names the file.
        """
        path = Path(path)
        values = read_json(path) if _kind(path) == "json" else _read_yaml(path)
        if not isinstance(values, dict):
            raise UserError(f"{path}: a mapping of settings to values is needed, not {type(values).__name__}.")
        unnamed = [key for key in values if not isinstance(key, str)]
        if unnamed:
            raise UserError(f"{path}: the key {unnamed[0]!r} is not a name.")
        try:
            return cls(**values)
        except UserError as error:
            raise UserError(f"{path}: {error}") from None


def _kind(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix == ".json":
        return "json"
    if suffix in _YAML:
        return "yaml"
    raise UserError(f"{path}: a configuration ends in .json, .yaml or .yml.")


def _read_yaml(path: Path) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """Refuses a key that stands twice in one mapping, of which YAML's own loader takes the last one."""

        def compose_mapping_node(self, anchor: Any) -> Any:
            node = super().compose_mapping_node(anchor)
            seen: set[str] = set()
            for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
                if key.value in seen:
                    problem = f"the key {key.value!r} stands there twice"
                    raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
                seen.add(key.value)
            return node

    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader)
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


def _explain(kind: type[BaseModel], error: ValidationError) -> UserError:
    lines = []
    for problem in error.errors(include_url=False):
        place = ".".join(str(part) for part in problem["loc"])
        if problem["type"] in ("extra_forbidden", "no_such_attribute"):
            near = difflib.get_close_matches(place, kind.model_fields, n=1, cutoff=0.5)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            lines.append(f"there is no setting {place!r}.{hint} Known: {', '.join(sorted(kind.model_fields))}.")
        elif problem["type"] == "missing":
            lines.append(f"{place!r} is missing.")
        elif problem["type"] == "value_error":
            text = str(problem["ctx"]["error"])
            lines.append(f"{place} = {problem['input']!r}: {text}" if place else text)
        else:
            message = problem["msg"][0].lower() + problem["msg"][1:]
            lines.append(f"{place} = {json.dumps(problem['input'], default=str)}: {message}.")
    return UserError(f"{kind.__name__}: " + " ".join(lines))
