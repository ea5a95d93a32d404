"""The ground: what every configuration class stands on: strict keys, checked values, errors for people.

A configuration is a pydantic model whose mistakes are `UserError`s: an unknown key is answered with its near match, a
value out of range with the range, and all of them at once, before any work is done. It is read and written as JSON or
YAML, by the suffix of the file, and changed by `key=value`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, core_schema

from serpentune.common._problems import Problem, SettingsError, settings_error, with_problems
from serpentune.common.errors import UserError
from serpentune.common.files import read_json, write_json, write_text

__all__ = ["Problem", "Settings", "SettingsError", "parse_setting", "read_values"]

_YAML = (".yaml", ".yml")


class Settings(BaseModel):
    """A configuration class: unknown keys are refused, and assignments are checked like arguments.

    A setting's name in full has the names of its sections before it, set off by dots: `hyperparameters.learning_rate`.
    Where a name is typed (`with_values`, `from_values`), the last parts of it are enough if they mean one setting only,
    and `synonyms` count too.

    Attributes:
        synonyms: what else people call a setting, and its name here.
        typed_in_full: sections whose settings are called like those of others, so that theirs need the section's name.

    Raises:
        SettingsError: on construction, assignment and loading, for an unknown key, a missing one, or a value that is
            out of range, of the wrong type, or at odds with another.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True, validate_default=True, allow_inf_nan=False)

    synonyms: ClassVar[Mapping[str, str]] = {}
    typed_in_full: ClassVar[Sequence[str]] = ()

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise settings_error(type(self), error) from None

    def __setattr__(self, name: str, value: Any) -> None:
        before = dict(self.__dict__)
        try:
            super().__setattr__(name, value)
        except ValidationError as error:
            # A check across several fields runs after the value was stored: put the old one back.
            self.__dict__.update(before)
            raise settings_error(type(self), error) from None

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        inner: Any = handler.resolve_ref_schema(schema)
        while inner["type"] != "model-fields":
            inner = inner["schema"]
        for field in inner["fields"].values():
            holder = field["schema"] if field["schema"]["type"] == "default" else field
            holder["schema"] = core_schema.no_info_wrap_validator_function(_collected, holder["schema"])
        return schema

    def with_values(self, values: Mapping[str, Any]) -> Self:
        """A copy in which some settings have other values.

        Args:
            values: by name, in full (`hyperparameters.learning_rate`) or short (`learning_rate`, `lr`).

        Raises:
            UserError: a name means no setting or several, or the configuration can't be used so.
        """
        return type(self)(**self._placed(self.model_dump(), values))

    @classmethod
    def from_values(cls, values: Mapping[str, Any], file: str | Path | None = None) -> Self:
        """The settings of a file, or the defaults, with some of them changed, which may also be those that are missing.

        Args:
            values: by name, as in `with_values`.
            file: JSON or YAML.

        Raises:
            UserError: as of `with_values` and `load`.
        """
        if file is None:
            return cls(**cls._placed({}, values))
        try:
            return cls(**cls._placed(read_values(file), values))
        except UserError:
            cls.load(file)  # where the file itself is wrong, say so, and name it
            raise

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
            from serpentune.common._yaml import yaml_text

            write_text(path, yaml_text(values))
        return path

    def commented_yaml(self) -> str:
        """Every setting as YAML, with what it means above it, as its class's docstring says."""
        from serpentune.common._commented import commented_yaml

        return commented_yaml(self)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """The settings that `save` or a person wrote to `path`.

        Raises:
            UserError: the file is missing, not valid JSON or YAML, no mapping, or holds a setting that is unknown or
                wrong; the message names the file.
        """
        values = read_values(path)
        try:
            return cls(**values)
        except SettingsError as error:
            raise with_problems(f"{path}: {cls.__name__}", error.problems) from None
        except UserError as error:
            raise UserError(f"{path}: {error}") from None

    @classmethod
    def full_key(cls, name: str) -> str:
        """The full name of a setting that was typed: `hyperparameters.learning_rate` for `lr`.

        Below a setting that is a mapping, of a section too, every key is taken: `teachers.BFS.weight`.

        Raises:
            UserError: it means no setting, or several.
        """
        known = dict(cls._typed_names())
        if name in known:
            return known[name]
        apart = tuple(f"{section}." for section in cls.typed_in_full)
        meant = sorted(
            {full for typed, full in known.items() if typed.endswith(f".{name}") and not typed.startswith(apart)}
        )
        if len(meant) > 1:
            raise UserError(f"The setting {name!r} could be {' or '.join(meant)}: write one of them.")
        if meant:
            return meant[0]
        if cls._below_mapping(name):
            return name
        near = cls.near_match(name)
        hint = f" Did you mean {near!r}?" if near else ""
        raise UserError(f"{cls.__name__} has no setting {name!r}.{hint} Known: {', '.join(sorted(cls.model_fields))}.")

    @classmethod
    def near_match(cls, name: str, *, likeness: float = 0.5) -> str | None:
        """What somebody may have meant by a name that is no setting; a setting of a section has it before its name.

        `likeness` is how much alike a misspelt name must be, 1 being the name itself, as of `difflib`.
        """
        known = dict(cls._typed_names())
        if name in known:
            return known[name]
        inner = sorted({full for typed, full in known.items() if typed.endswith(f".{name}")})
        if inner:
            return inner[0]
        last_parts = {typed.rpartition(".")[2]: full for typed, full in known.items()}
        near = difflib.get_close_matches(name, last_parts | known, n=1, cutoff=likeness)
        return (last_parts | known)[near[0]] if near else None

    @classmethod
    def sections(cls) -> dict[str, type[Settings]]:
        """The settings that are configurations of their own, by name."""
        found = {}
        for name, field in cls.model_fields.items():
            for kind in (field.annotation, *get_args(field.annotation)):
                if isinstance(kind, type) and issubclass(kind, Settings):
                    found[name] = kind
        return found

    @classmethod
    def _below_mapping(cls, name: str) -> bool:
        """Whether a full name is that of a key of a mapping, here or in a section."""
        section, _, rest = name.partition(".")
        if not rest or section not in cls.model_fields:
            return False
        inner = cls.sections().get(section)
        return _is_mapping(cls.model_fields[section].annotation) if inner is None else inner._below_mapping(rest)

    @classmethod
    def _typed_names(cls) -> Iterator[tuple[str, str]]:
        """Whatever can be typed for each setting, and its full name; the names themselves before synonyms."""
        for synonym, name in cls.synonyms.items():
            yield synonym, name
        for name, kind in cls.sections().items():
            for typed, full in kind._typed_names():
                yield f"{name}.{typed}", f"{name}.{full}"
        for name in cls.model_fields:
            yield name, name

    @classmethod
    def _placed(cls, values: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
        """`values` with the changes in their places; sections are made where they are missing."""
        for name, value in changes.items():
            *sections, key = cls.full_key(name).split(".")
            target = values
            for section in sections:
                inner = target.get(section)
                if inner is not None and not isinstance(inner, dict):
                    raise UserError(f"{name} can't be set: {section!r} is {inner!r} there, not a mapping.")
                target[section] = {} if inner is None else dict(inner)
                target = target[section]
            target[key] = value
        return values


def parse_setting(text: str) -> tuple[str, Any]:
    """Name and value of `learning_rate=1e-3`; the value is read as YAML reads it.

    Raises:
        UserError: there is no name or no `=`, or the value is no valid YAML.
    """
    from serpentune.common._yaml import parse_value

    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise UserError(f"{text!r} sets nothing: write KEY=VALUE, such as learning_rate=1e-3.")
    try:
        return name.strip(), parse_value(value)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None


def parse_settings(texts: Sequence[str]) -> dict[str, Any]:
    """Values by name of several `KEY=VALUE`; of a name that is typed twice the last one counts.

    Raises:
        UserError: as of `parse_setting`.
    """
    return dict(map(parse_setting, texts))


def read_values(path: str | Path) -> dict[str, Any]:
    """The settings that a file names, unchecked.

    Raises:
        UserError: the file is missing, not valid JSON or YAML, or no mapping with texts as keys.
    """
    path = Path(path)
    if _kind(path) == "json":
        values = read_json(path)
    else:
        from serpentune.common._yaml import read_yaml

        values = read_yaml(path)
    if not isinstance(values, dict):
        raise UserError(f"{path}: a mapping of settings to values is needed, not {type(values).__name__}.")
    unnamed = [key for key in values if not isinstance(key, str)]
    if unnamed:
        raise UserError(f"{path}: the key {unnamed[0]!r} is not a name.")
    return values


def _kind(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix == ".json":
        return "json"
    if suffix in _YAML:
        return "yaml"
    raise UserError(f"{path}: a configuration ends in .json, .yaml or .yml.")


def _is_mapping(annotation: Any) -> bool:
    return any(get_origin(kind) is dict for kind in (annotation, *get_args(annotation)))


def _collected(value: Any, handler: core_schema.ValidatorFunctionWrapHandler) -> Any:
    """Let pydantic collect what a field's own checks refuse, and go on with the other fields."""
    try:
        return handler(value)
    except UserError as error:
        if isinstance(error, ValueError):
            raise
        raise ValueError(str(error)) from error
