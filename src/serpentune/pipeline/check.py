"""Floor 11, pipeline: what a configuration file is, what is wrong with it, and what its training runs will be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serpentune.common.errors import UserError
from serpentune.common.settings import Settings, SettingsError, read_values
from serpentune.datasets import Recipe
from serpentune.logs import find_logs
from serpentune.pipeline.config import MultiDatasetConfig
from serpentune.training import AdvancedTrainingConfig, Forecast, forecast

_ALIKE = 0.75
"""How much like a setting a misspelt key must be to say of which class a file is."""


@dataclass(frozen=True)
class ConfigCheck:
    """What `check_config` found.

    Attributes:
        file: the configuration.
        kind: the name of its class.
        purpose: what such a file is for, in words.
        problems: what is wrong with the file itself, a sentence each; empty where only a run can't be done.
        runs: what each training run will be, by name; none where the file is wrong or trains nothing.
    """

    file: Path
    kind: str
    purpose: str
    problems: tuple[str, ...]
    runs: Mapping[str, Forecast]

    @property
    def usable(self) -> bool:
        """Whether nothing keeps it from running."""
        return not self.problems and not any(run.problems for run in self.runs.values())


@dataclass(frozen=True)
class _Kind:
    """A class of configuration files, how its training runs are told, and what of the disk it needs."""

    settings: type[Settings]
    purpose: str
    runs: Callable[[Any], Mapping[str, AdvancedTrainingConfig]]
    logs: Callable[[Any], list[str]]


_KINDS = (
    _Kind(
        AdvancedTrainingConfig,
        "a training run, for `serpentune train --config`",
        lambda config: {config.training_strategy: config},
        lambda config: [],
    ),
    _Kind(
        MultiDatasetConfig,
        "the whole way from game logs to a report, for `serpentune run --config`",
        lambda config: {config.training_strategy: config.training_config()},
        lambda config: config.heuristic_log_dirs,
    ),
    _Kind(
        Recipe,
        "a data set, for `serpentune dataset build --config`",
        lambda recipe: {},
        lambda recipe: recipe.sources,
    ),
)


def check_config(
    file: str | Path,
    values: Mapping[str, Any] | None = None,
    *,
    dataset: str | Path | None = None,
    gpus: int | None = None,
    card_memory: float | None = None,
) -> ConfigCheck:
    """Say what is wrong with a configuration file, all of it, and what will be, before anything is done.

    Which class it is of is told by its keys. Nothing is downloaded, trained or written.

    Args:
        file: YAML or JSON.
        values: settings in the place of the file's, by name, as of `Settings.with_values`.
        dataset: the data set that is to be trained on.
        gpus: GPUs that share the batches; None for this machine's device.
        card_memory: memory of one of them in GB (10⁹ bytes); None for this machine's.

    Raises:
        UserError: the file can't be read, none of its keys is a setting of any class, or as of `training.forecast`.
    """
    path = Path(file)
    kind = _kind_of(path, [*read_values(path), *(name.partition(".")[0] for name in values or {})])
    problems: list[str] = []
    runs: dict[str, Forecast] = {}
    try:
        settings = kind.settings.from_values(values or {}, path)
    except SettingsError as error:
        problems = [str(problem) for problem in error.problems]
    except UserError as error:
        problems = [str(error)]
    else:
        for place in kind.logs(settings):
            try:
                find_logs([place])
            except UserError as error:
                problems.append(str(error))
        runs = {
            name: forecast(config, dataset, gpus=gpus, card_memory=card_memory)
            for name, config in kind.runs(settings).items()
        }
    return ConfigCheck(path, kind.settings.__name__, kind.purpose, tuple(problems), runs)


def _kind_of(path: Path, keys: list[str]) -> _Kind:
    """The class that knows most of these keys, misspelt ones and synonyms included; of several the first."""
    known = {kind: sum(kind.settings.near_match(key, likeness=_ALIKE) is not None for key in keys) for kind in _KINDS}
    exact = {kind: sum(key in kind.settings.model_fields for key in keys) for kind in _KINDS}
    best = max(_KINDS, key=lambda kind: (exact[kind], known[kind]))
    if not known[best]:
        what = "; ".join(f"{kind.settings.__name__} ({kind.purpose})" for kind in _KINDS)
        raise UserError(f"{path}: none of its keys is a setting of any configuration. There are: {what}.")
    return best
