"""Floor 6, training: a grid of settings, each combination of which is a training run."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serpentune.common.errors import UserError
from serpentune.common.paths import PathUtils
from serpentune.common.settings import parse_setting
from serpentune.training.config import AdvancedTrainingConfig

MAX_RUNS = 100
"""Runs of a sweep that need no asking; a mistyped list soon makes more."""

Grid = Mapping[str, Sequence[Any] | Mapping[Any, Mapping[str, Any] | None]]
"""Setting → its values, or a mapping of its values to settings that come with them."""

_SHORT = ("lr", "strategy", "epochs", "base_model")
"""Names of settings that are shorter than their own, in the names of runs."""

_NOT_SWEPT = ("output_dir", "experiment_name", *AdvancedTrainingConfig.sections())


@dataclass(frozen=True)
class Cell:
    """One run of a sweep.

    Attributes:
        name: what varies and its values, `strategy=lora,seed=0`, which is also the name of its folder.
        settings: the same, value by setting.
        config: all settings.
    """

    name: str
    settings: dict[str, Any]
    config: AdvancedTrainingConfig


def cells(config: AdvancedTrainingConfig, grid: Grid, *, max_runs: int = MAX_RUNS) -> list[Cell]:
    """Every combination of the grid's values; the last setting changes quickest.

    Args:
        config: what the runs have in common.
        grid: what varies, by setting, named as for `Settings.with_values` (`lr`, `strategy`, `lora.rank`). A mapping
            gives a value settings that come with it, such as each strategy its learning rate.
        max_runs: how many there may be.

    Raises:
        UserError: a setting is unknown or varied twice, it has no values or one twice, a value is out of range (the
            message names the run), or there are more than `max_runs` runs.
    """
    axes = _axes(grid)
    runs = math.prod(len(axis) for axis in axes.values())
    if runs > max_runs:
        sizes = ", ".join(f"{len(axis)} of {_short(key)}" for key, axis in axes.items())
        raise UserError(
            f"The sweep has {runs} runs ({sizes}), more than {max_runs}. Allow them with max_runs (--max-runs {runs})."
        )
    found: dict[str, Cell] = {}
    for combination in itertools.product(*axes.values()):
        cell = _cell(config, dict(zip(axes, combination, strict=True)))
        if cell.name in found:
            raise UserError(f"Two runs of the sweep would be called {cell.name}. Name each value once.")
        found[cell.name] = cell
    return list(found.values())


def parse_grid(texts: Sequence[str]) -> dict[str, list[Any]]:
    """The grid of `lr=1e-4,3e-4` and its like; values are read as YAML reads them.

    Raises:
        UserError: a text has no name or no `=`, its values are no valid YAML, or a name stands there twice.
    """
    grid: dict[str, list[Any]] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        if not equals or not name.strip():
            raise UserError(f"{text!r} is nothing to sweep: write KEY=VALUE,VALUE, such as lr=1e-4,3e-4.")
        name, listed = parse_setting(f"{name}=[{values}]")
        if name in grid:
            raise UserError(f"The sweep names {name} twice. Write all its values behind one {name}=.")
        grid[name] = listed
    return grid


_Value = tuple[Any, dict[str, Any]]
"""A value, and the settings that come with it by dotted key."""


def _axes(grid: Grid) -> dict[str, list[_Value]]:
    """The values of each setting that varies, by its dotted key."""
    axes: dict[str, list[_Value]] = {}
    for name, values in grid.items():
        key = _key(name)
        if key in axes:
            raise UserError(f"The sweep varies {_short(key)} twice. Name it once, with all its values.")
        if isinstance(values, str) or not isinstance(values, Sequence | Mapping):
            raise UserError(f"The sweep's {name} is {values!r}: a list of values is needed, such as [0, 1, 2].")
        if not values:
            raise UserError(f"The sweep's {name} has no values. Name at least one, or leave it out.")
        axes[key] = [(value, {}) for value in values]
        if isinstance(values, Mapping):
            axes[key] = [(value, _companions(name, value, more)) for value, more in values.items()]
    for key, axis in axes.items():
        for value, more in axis:
            for other in set(more) & set(axes):
                raise UserError(
                    f"{_short(other)} comes with {_short(key)}={value} and is varied by the sweep too. Choose one."
                )
    return axes


def _companions(name: str, value: Any, more: Any) -> dict[str, Any]:
    if more is None:
        return {}
    if not isinstance(more, Mapping):
        raise UserError(
            f"The sweep's {name}={value} has {more!r}: a mapping of settings is needed, such as {{lr: 0.001}}."
        )
    return {_key(str(setting)): setting_value for setting, setting_value in more.items()}


def _cell(config: AdvancedTrainingConfig, chosen: Mapping[str, _Value]) -> Cell:
    values = {
        place: setting for key, (value, more) in chosen.items() for place, setting in {key: value, **more}.items()
    }
    try:
        cell = config.with_values(values)
    except UserError as error:
        typed = ",".join(f"{_short(key)}={value}" for key, (value, _) in chosen.items())
        raise UserError(f"The run {typed} of the sweep: {error}") from error
    settings = {_short(key): _value_of(cell, key) for key in chosen}
    return Cell(",".join(f"{name}={_in_words(value)}" for name, value in settings.items()), settings, cell)


def _key(name: str) -> str:
    """The full name of a setting that varies."""
    key = AdvancedTrainingConfig.full_key(name)
    if key in _NOT_SWEPT:
        raise UserError(f"{name} can't vary in a sweep. Name a single setting of training, such as lr or lora.rank.")
    return key


def _short(key: str) -> str:
    """The shortest name of a setting that means it alone."""
    for name in (*_SHORT, key.rsplit(".", 1)[-1]):
        with contextlib.suppress(UserError):  # several settings end so
            if AdvancedTrainingConfig.full_key(name) == key:
                return name
    return key


def _value_of(config: AdvancedTrainingConfig, key: str) -> Any:
    found: Any = config
    for part in key.split("."):
        found = getattr(found, part)
    return found


def _in_words(value: Any) -> str:
    """A value as a part of a folder's name."""
    if isinstance(value, float) and float(f"{value:g}") == value:
        return f"{value:g}"
    if value is None or isinstance(value, bool | float | int):
        return str(value).lower()
    return PathUtils.safe_name("-".join(value) if isinstance(value, list) else str(value))
