"""Floor 11, pipeline: the folder of one experiment: what lies where, whose it is, and what is finished in it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from serpentune.common.errors import UserError
from serpentune.common.files import ensure_free, read_json, write_json
from serpentune.common.paths import PathUtils
from serpentune.datasets.directory import DatasetDirectoryManager
from serpentune.pipeline.config import MultiDatasetConfig
from serpentune.training import TrainingResult

CONFIG = "config.json"
DATASET = "datasets"
MODELS = "models"
EVALUATION = "evaluation"
LOGS = "logs"
SUMMARY = "results_summary.json"
REPORT = "report.html"
_PARTS = (CONFIG, DATASET, MODELS, EVALUATION, LOGS, SUMMARY, REPORT)

_MAY_DIFFER = frozenset(
    {
        "output_dir",
        "experiment_name",
        "heuristic_log_dirs",
        "dataloader_num_workers",
        "save_steps",
        "eval_steps",
        "logging_steps",
        "evaluation_games",
        "evaluation_seed",
        "evaluation_teacher",
        "evaluation_records",
        "grid_size",
    }
)
"""Settings that change neither the data set, once it is there, nor what is learnt from it."""


class Experiment:
    """The folder `<output_dir>/<experiment_name>/`.

    Attributes:
        folder: the folder.
        config: the configuration, with the experiment's name filled in.
    """

    def __init__(self, config: MultiDatasetConfig) -> None:
        name = config.experiment_name or f"{config.training_strategy}_{PathUtils.timestamp()}"
        self.config = config.model_copy(update={"experiment_name": name}, deep=True)
        self.folder = Path(config.output_dir).expanduser() / name

    @classmethod
    def load(cls, folder: Path) -> Experiment:
        """The experiment in `folder`, wherever it was moved to.

        Raises:
            UserError: the folder holds no experiment, or its configuration is damaged.
        """
        folder = folder.expanduser()
        if not (folder / CONFIG).is_file():
            raise UserError(f"{folder} holds no experiment: it has no {CONFIG}. Name <output-dir>/<experiment-name>.")
        here = {"output_dir": str(folder.resolve().parent), "experiment_name": folder.resolve().name}
        return cls(MultiDatasetConfig.load(folder / CONFIG).model_copy(update=here))

    def check_free(self, *, overwrite: bool, sources: Sequence[Path]) -> None:
        """Refuse a folder that is taken.

        Raises:
            UserError: it holds files while `overwrite` is false, or files that are no experiment, or the logs to learn
                from.
        """
        taken = self.folder.is_dir() and any(self.folder.iterdir())
        if taken and not overwrite and (self.folder / CONFIG).is_file():
            raise UserError(
                f"{self.folder} holds an experiment already. Go on with it (--resume), replace it (--overwrite), or "
                "choose another --experiment-name."
            )
        ensure_free(self.folder, overwrite=overwrite)
        if taken and not (self.folder / CONFIG).is_file():
            raise UserError(f"{self.folder} holds files, but no experiment, so it isn't replaced. Choose another name.")
        inside = next((path for path in sources if path.resolve().is_relative_to(self.folder.resolve())), None)
        if inside is not None:
            raise UserError(f"The logs {inside} lie in {self.folder}, which would be replaced. Choose another folder.")

    def check_resumable(self) -> None:
        """Refuse to go on with an experiment that began under settings which would make another one of it.

        Raises:
            UserError: there is no such experiment, or a setting differs.
        """
        before, now = Experiment.load(self.folder).config.model_dump(), self.config.model_dump()
        changed = [
            f"{key} was {before[key]!r} and is now {now[key]!r}"
            for key in before
            if key not in _MAY_DIFFER and before[key] != now[key]
        ]
        if changed:
            raise UserError(
                f"{self.folder} began with other settings: {'; '.join(changed)}. Set them back, or choose another "
                "--experiment-name."
            )

    def claim(self, *, replace: bool) -> None:
        """Make the folder, without the parts of an earlier experiment where `replace`, and write the configuration."""
        for part in _PARTS if replace else ():
            path = self.folder / part
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        self.config.save(self.folder / CONFIG)

    @property
    def has_dataset(self) -> bool:
        """Whether the data set is complete; it appears under its name only then."""
        return (self.folder / DATASET).is_dir()

    def dataset_manifest(self) -> dict[str, Any]:
        """The manifest of the data set, after its files were compared with the hashes in it.

        Raises:
            UserError: a file is missing or was changed.
        """
        return DatasetDirectoryManager(self.folder).check(DATASET)

    def save_training(self, result: TrainingResult) -> None:
        """Keep what training gave, so that a resumed experiment needn't train again."""
        values = {**asdict(result), "model_path": PathUtils.relative(result.model_path, self.folder)}
        write_json(self.folder / LOGS / "training.json", values)

    def finished_training(self) -> TrainingResult | None:
        """What training gave, or None where it hasn't ended yet."""
        path = self.folder / LOGS / "training.json"
        if not path.is_file():
            return None
        values = read_json(path)
        model = self.folder / values["model_path"]
        return TrainingResult(**{**values, "model_path": model}) if model.is_dir() else None
