"""Floor 11, pipeline: what a configuration file is, what is wrong with it, and what its training runs will be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serpentune.common.errors import UserError
from serpentune.common.settings import Settings, SettingsError, read_values
from serpentune.datasets import Recipe
from serpentune.logs import find_logs
from serpentune.models import training_origin
from serpentune.pipeline._improve_student import training_on
from serpentune.pipeline.config import MultiDatasetConfig
from serpentune.pipeline.improve_config import OF_STUDENT, ImproveConfig
from serpentune.pipeline.recipe import ExperimentRecipe
from serpentune.training import AdvancedTrainingConfig, Forecast, forecast

_WITHOUT_BEARING = {"seed": 0, "learning_rate": 1, "weight_decay": 0}
"""Settings that make no difference to a forecast; runs that differ in these alone share one."""

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
class _Plan:
    """What a configuration wants.

    Attributes:
        runs: training runs by name.
        rounds: training of rounds of improvement by name, whose data sets follow from games that aren't played yet.
        logs: to learn from.
        dataset: that is there already.
    """

    runs: Mapping[str, AdvancedTrainingConfig] = field(default_factory=dict)
    rounds: Mapping[str, AdvancedTrainingConfig] = field(default_factory=dict)
    logs: Sequence[str] = ()
    dataset: Path | None = None


@dataclass(frozen=True)
class _Kind:
    """A class of configuration files, what they are for, and how to read from one what it wants."""

    settings: type[Settings]
    purpose: str
    plan: Callable[[Any], _Plan]


def _plan_of_experiment(experiment: ExperimentRecipe) -> _Plan:
    data, rounds = experiment.data_recipe(), experiment.improve
    logs = [] if data is None else data.sources
    return _Plan(
        runs={cell.name: cell.config for cell in experiment.cells()},
        rounds={}
        if rounds is None
        else {
            f"{cell.name}-improved, each round": rounds.of_student(cell.config, cell.name).training.with_values(
                {name: getattr(cell.config, name) for name in OF_STUDENT}
            )
            for cell in experiment.cells()
        },
        logs=logs if rounds is None else [*logs, *rounds.heuristic_log_dirs],
        dataset=Path(str(experiment.dataset)).expanduser() if data is None else None,
    )


_KINDS = (
    _Kind(
        AdvancedTrainingConfig,
        "a training run, for `serpentune train --config`",
        lambda config: _Plan({config.training_strategy: config}),
    ),
    _Kind(
        MultiDatasetConfig,
        "the whole way from game logs to a report, for `serpentune run --config`",
        lambda config: _Plan({config.training_strategy: config.training_config()}, logs=config.heuristic_log_dirs),
    ),
    _Kind(
        Recipe,
        "a data set, for `serpentune dataset build --config`",
        lambda recipe: _Plan(logs=recipe.sources),
    ),
    _Kind(
        ImproveConfig,
        "rounds in which a student learns from its own mistakes, for `serpentune improve --config`",
        lambda config: _Plan(
            {"each round": training_on(config, training_origin(config.student))}, logs=config.heuristic_log_dirs
        ),
    ),
    _Kind(ExperimentRecipe, "an experiment, for `serpentune run`", _plan_of_experiment),
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
        plan = kind.plan(kind.settings.from_values(values or {}, path))
    except SettingsError as error:
        problems = [str(problem) for problem in error.problems]
    except UserError as error:
        problems = [str(error)]
    else:
        for place in plan.logs:
            try:
                find_logs([place])
            except UserError as error:
                problems.append(str(error))
        alike: dict[str, Forecast] = {}
        planned = [(name, config, dataset or plan.dataset) for name, config in plan.runs.items()]
        planned += [(name, config, None) for name, config in plan.rounds.items()]
        for name, config, learnt in planned:
            key = f"{learnt} {config.with_values(_WITHOUT_BEARING).model_dump_json()}"
            if key not in alike:
                alike[key] = forecast(config, learnt, gpus=gpus, card_memory=card_memory)
            runs[name] = alike[key]
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
