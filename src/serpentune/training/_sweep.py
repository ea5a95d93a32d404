"""Floor 6, training: every run of a grid over one data set, kept one by one, so that a stopped sweep goes on."""

from __future__ import annotations

import gc
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serpentune import __version__
from serpentune.common.errors import UserError
from serpentune.common.files import ensure_free, read_object, write_json
from serpentune.common.paths import PathUtils
from serpentune.common.processes import is_first_process, wait_for_all
from serpentune.datasets import load_splits
from serpentune.datasets.directory import check_files
from serpentune.models import find_base
from serpentune.training._grid import MAX_RUNS, Cell, Grid, cells
from serpentune.training._machine import check_machine
from serpentune.training._prepare import CHECKPOINTS, RUN
from serpentune.training.config import AdvancedTrainingConfig, refuse_difference
from serpentune.training.run import TrainingResult, train

if TYPE_CHECKING:
    from transformers import TrainerCallback

SWEEP = "sweep.json"
RESULT = "result.json"

_LEARNT_FROM = "dataset_sha256"
"""The entry of `RESULT` for the hash of each file of the data set."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class SweepRun:
    """A finished run of a sweep.

    Attributes:
        name: what varies and its values, as of `Cell`; also the name of its folder.
        settings: the same, value by setting.
        config: all settings that it was trained with.
        result: what training left.
    """

    name: str
    settings: dict[str, Any]
    config: AdvancedTrainingConfig
    result: TrainingResult

    def summary(self) -> dict[str, Any]:
        """Name, settings, losses, parameters and time as plain values; the history is left out."""
        values = {key: value for key, value in asdict(self.result).items() if key != "history"}
        about = {"strategy": self.config.training_strategy, "seed": self.config.seed}
        return {
            "name": self.name,
            "settings": self.settings,
            **about,
            **values,
            "model_path": str(values["model_path"]),
        }


@dataclass(frozen=True)
class SweepResult:
    """What a sweep leaves.

    Attributes:
        folder: its folder; each run has one in it.
        dataset: the data set's folder, as it was named.
        runs: the finished runs in the order of the grid, then those of earlier grids in the same folder.
    """

    folder: Path
    dataset: Path
    runs: tuple[SweepRun, ...]

    @classmethod
    def load(cls, folder: str | Path) -> SweepResult:
        """The sweep in a folder, wherever it was moved to; unfinished runs are left out.

        Raises:
            UserError: the folder holds no sweep, or one of its files is damaged.
        """
        folder = Path(folder)
        if not is_sweep(folder):
            raise UserError(f"{folder} holds no sweep: it has no {SWEEP}. `serpentune train --sweep` makes one.")
        about = read_object(folder / SWEEP)
        try:
            dataset, entries = Path(about["dataset"]["path"]), about["runs"]
            named = [(str(entry["name"]), dict(entry["settings"])) for entry in entries]
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{folder / SWEEP} isn't what a sweep writes ({error!r}).") from error
        outside = next((name for name, _ in named if Path(name).name != name), None)
        if outside is not None:
            raise UserError(f"{folder / SWEEP}: the run {outside!r} would lie outside the sweep's folder.")
        runs = []
        for name, settings in named:
            result = load_result(folder / name)
            if result is not None:
                runs.append(SweepRun(name, settings, trained_with(folder / name), result))
        return cls(folder, dataset, tuple(runs))


def is_sweep(folder: Path) -> bool:
    """Whether a folder holds a sweep."""
    return (folder / SWEEP).is_file()


def sweep(
    config: AdvancedTrainingConfig,
    grid: Grid,
    dataset: str | Path,
    output_dir: str | Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    max_runs: int = MAX_RUNS,
    callbacks: Sequence[TrainerCallback] = (),
    quiet: bool = False,
    announce: Callable[[str], None] = lambda _: None,
) -> SweepResult:
    """Train every combination of the grid, one after another, each in `<output_dir>/<its name>/` as `train` does.

    `<output_dir>/sweep.json` lists the runs with their settings and, as they finish, losses, paths and seconds.

    Args:
        config: what the runs have in common.
        grid: what varies, as of `cells`.
        dataset: a data set's folder; `train` and `validation` are learnt from.
        output_dir: the sweep's folder.
        resume: go on with the sweep in `output_dir`: finished runs are kept, a begun one goes on from its last
            checkpoint. The grid may have grown.
        overwrite: replace the sweep in `output_dir`.
        max_runs: how many runs there may be.
        callbacks: observers of every run, as transformers' `TrainerCallback`.
        quiet: show no progress bars.
        announce: called with a sentence when a run begins and when one has ended.

    Raises:
        UserError: before anything is trained: the grid is wrong (see `cells`), a run's settings don't suit this
            machine, a base model can't be found, the folder is taken, or a run in it began with other settings or data.
            Afterwards as of `train`, naming the run.
        TrainingInterrupted: after Ctrl-C or SIGTERM; what is finished is kept.
    """
    dataset, output_dir = Path(dataset), Path(output_dir)
    planned = [_named(cell) for cell in cells(config, grid, max_runs=max_runs)]
    hashes = check_files(dataset)["sha256"]
    _check_machine(planned)
    # One process looks at the folder before any of them changes it.
    kept = _claim(output_dir, planned, hashes, resume=resume, overwrite=overwrite) if is_first_process() else ()
    splits = load_splits(dataset)
    about = {"serpentune": __version__, "dataset": {"path": str(dataset), "sha256": hashes}}
    done: dict[str, SweepRun] = {}

    def note() -> None:
        if is_first_process():
            entries = [
                _relative(done[cell.name], output_dir)
                if cell.name in done
                else {"name": cell.name, "settings": cell.settings}
                for cell in planned
            ]
            write_json(output_dir / SWEEP, {**about, "runs": entries + [_relative(run, output_dir) for run in kept]})

    note()
    wait_for_all()
    for number, cell in enumerate(planned, 1):
        announce(f"Run {number} of {len(planned)}: {cell.name}")
        try:
            result = train_once(cell.config, splits, hashes, output_dir / cell.name, callbacks=callbacks, quiet=quiet)
        except UserError as error:
            raise UserError(
                f"The run {cell.name} of the sweep: {error} What is finished is kept: go on with --resume."
            ) from error
        done[cell.name] = SweepRun(cell.name, cell.settings, cell.config, result)
        note()
        announce(f"{cell.name}: loss {result.final_loss:.4f}, {result.steps} steps in {result.seconds:.0f} s")
        gc.collect()  # a trainer and its model refer to each other, and the next model wants their memory
    return SweepResult(output_dir, dataset, (*done.values(), *kept))


def train_once(
    config: AdvancedTrainingConfig,
    splits: Any,
    hashes: Mapping[str, str],
    output_dir: Path,
    *,
    callbacks: Sequence[TrainerCallback] = (),
    quiet: bool = False,
) -> TrainingResult:
    """As `train`, but what is finished in `output_dir` is kept, and what was begun is gone on with.

    Args:
        config: the settings.
        splits: the splits `train` and `validation` of a data set, by name.
        hashes: of that data set's files by split, `sha256` of its manifest; kept with the result.
        output_dir: as of `train`; the result is kept there too.
        callbacks: as of `train`.
        quiet: show no progress bar.

    Raises:
        UserError: as of `train`, or what is finished there had other settings or learnt from other data.
        TrainingInterrupted: as of `train`.
    """
    finished = load_result(output_dir)
    if finished is not None:
        refuse_difference(trained_with(output_dir), config)
        refuse_other_data(output_dir, hashes)
        _LOG.info("the student in %s is trained already", output_dir)
        return finished
    result = train(
        config,
        splits["train"],
        splits["validation"],
        output_dir,
        resume=(output_dir / CHECKPOINTS).is_dir(),
        callbacks=callbacks,
        quiet=quiet,
    )
    if is_first_process():
        write_json(
            output_dir / RESULT,
            {
                **asdict(result),
                "model_path": PathUtils.relative(result.model_path, output_dir),
                _LEARNT_FROM: dict(hashes),
            },
        )
    return result


def refuse_other_data(
    output_dir: Path,
    hashes: Mapping[str, str],
    way_out: str = "Train into another folder, or again with --overwrite.",
) -> None:
    """Refuse a student that learnt from other data. That a result doesn't say from which, or is gone, is logged.

    Args:
        output_dir: as of `train_once`.
        hashes: as of `train_once`.
        way_out: what the message advises.

    Raises:
        UserError: it learnt from other data, or a file is damaged.
    """
    told = read_object(output_dir / RESULT).get(_LEARNT_FROM) if (output_dir / RESULT).is_file() else None
    if told is None:
        _LOG.warning("%s doesn't say which data set the student learnt from, so that isn't checked", output_dir)
    elif told != hashes:
        raise UserError(f"The data set isn't the one that the student in {output_dir} learnt from. {way_out}")


def load_result(output_dir: Path) -> TrainingResult | None:
    """What `train_once` left in a folder; None where it hasn't ended yet or the student is gone.

    Raises:
        UserError: the file is damaged.
    """
    path = output_dir / RESULT
    if not path.is_file():
        return None
    values = read_object(path)
    try:
        told = {key: value for key, value in values.items() if key != _LEARNT_FROM}
        result = TrainingResult(**{**told, "model_path": output_dir / values["model_path"]})
    except (KeyError, TypeError) as error:
        raise UserError(f"{path} isn't what a training run writes ({error}). Train again with --overwrite.") from error
    return result if result.model_path.is_dir() else None


def trained_with(output_dir: Path) -> AdvancedTrainingConfig:
    """The settings of the training run in a folder.

    Raises:
        UserError: there is none, or its note is damaged.
    """
    note = read_object(output_dir / RUN)
    if not isinstance(note.get("config"), dict):
        raise UserError(f"{output_dir / RUN} isn't what a training run writes.")
    return AdvancedTrainingConfig(**note["config"])


def _named(cell: Cell) -> Cell:
    """The run under its own name, or trackers would call all of them alike."""
    return replace(cell, config=cell.config.model_copy(update={"experiment_name": cell.name}))


def _check_machine(planned: Sequence[Cell]) -> None:
    """Refuse now what the last run would be refused for in some hours."""
    found: set[str] = set()
    for cell in planned:
        try:
            check_machine(cell.config)
            if cell.config.base_model_name not in found:
                find_base(cell.config.base_model_name)
        except UserError as error:
            raise UserError(f"The run {cell.name} of the sweep: {error}") from error
        found.add(cell.config.base_model_name)


def _claim(
    folder: Path, planned: Sequence[Cell], hashes: dict[str, str], *, resume: bool, overwrite: bool
) -> tuple[SweepRun, ...]:
    """Make sure that the folder is free or ours to go on with; finished runs in it that aren't planned again."""
    if resume and overwrite:
        raise UserError("A sweep is either gone on with (resume) or replaced (overwrite).")
    if not resume:
        ensure_free(folder, overwrite=overwrite, marker=SWEEP)
        if folder.is_dir():
            for part in folder.iterdir():
                if (part / RUN).is_file():
                    shutil.rmtree(part)
            (folder / SWEEP).unlink(missing_ok=True)
        return ()
    if not is_sweep(folder):
        ensure_free(folder, overwrite=False)
        return ()
    before = SweepResult.load(folder)
    if read_object(folder / SWEEP)["dataset"].get("sha256") != hashes:
        raise UserError(f"The data set isn't the one that the sweep in {folder} began with. Sweep into another folder.")
    for cell in planned:
        if (folder / cell.name / RUN).is_file():
            try:
                refuse_difference(trained_with(folder / cell.name), cell.config)
            except UserError as error:
                raise UserError(f"{folder / cell.name}: {error}") from error
    names = {cell.name for cell in planned}
    return tuple(run for run in before.runs if run.name not in names)


def _relative(run: SweepRun, folder: Path) -> dict[str, Any]:
    return {**run.summary(), "model_path": PathUtils.relative(run.result.model_path, folder)}
