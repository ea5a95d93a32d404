"""Floor 11, pipeline: the folder of one experiment: what lies where, whose it is, and what is finished in it."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from serpentune.common.errors import UserError
from serpentune.common.files import ensure_free
from serpentune.common.locks import held_folder
from serpentune.common.settings import Settings
from serpentune.common.signals import sigterm_interrupts
from serpentune.evaluation.results import EVALUATION
from serpentune.pipeline._interrupted import PipelineInterrupted
from serpentune.training.config import flat

CONFIG = "config.json"
RECIPE = "recipe.yaml"
IMPROVE = "improve.yaml"
DATASET = "datasets"
MODELS = "models"
LOGS = "logs"
GAMES = "games"
PLAYED = "played"
IMPROVED = "improved"
SUMMARY = "results_summary.json"
REPORT = "report.html"
REPORTS = (REPORT, "report.json", "report-models.csv", "report-comparisons.csv", "report.md")
ROUNDS = ("improve.json", "progress.json", "rounds.png")
_PARTS = (
    CONFIG, RECIPE, IMPROVE, DATASET, MODELS, EVALUATION, LOGS, GAMES, PLAYED, IMPROVED, SUMMARY, *REPORTS, *ROUNDS
)  # fmt: skip

_MADE = (DATASET, MODELS, EVALUATION, GAMES)
"""What is worth going on from."""


@dataclass(frozen=True)
class Experiment:
    """The folder of an experiment.

    Attributes:
        folder: the folder, `<output_dir>/<experiment's name>/`.
        config: what the experiment is.
        file: where in the folder that is kept, `CONFIG`, `RECIPE` or `IMPROVE` by its class.
    """

    folder: Path
    config: Settings
    file: str

    def check_free(self, *, overwrite: bool, sources: Sequence[Path]) -> None:
        """Refuse a folder that is taken.

        Raises:
            UserError: it holds files while `overwrite` is false, or files that are no experiment, or the logs to learn
                from.
        """
        taken = self.folder.is_dir() and any(self.folder.iterdir())
        if taken and not overwrite and holds_experiment(self.folder):
            raise UserError(
                f"{self.folder} holds an experiment already. Go on with it (--resume), replace it (--overwrite), or "
                "choose another --experiment-name."
            )
        ensure_free(self.folder, overwrite=overwrite)
        if taken and not holds_experiment(self.folder):
            raise UserError(f"{self.folder} holds files, but no experiment, so it isn't replaced. Choose another name.")
        inside = next((path for path in sources if path.resolve().is_relative_to(self.folder.resolve())), None)
        if inside is not None:
            raise UserError(f"The logs {inside} lie in {self.folder}, which would be replaced. Choose another folder.")

    def check_resumable(self, may_differ: Collection[str]) -> None:
        """Refuse to go on with an experiment that began under settings which would make another one of it.

        Args:
            may_differ: settings that change neither the data set, once it is there, nor what is learnt from it.

        Raises:
            UserError: there is no such experiment, or another setting differs.
        """
        if not (self.folder / self.file).is_file():
            raise UserError(f"{self.folder} holds no experiment to go on with: it has no {self.file}.")
        kept = type(self.config).load(self.folder / self.file)
        before, now = (flat(config.model_dump(exclude=set(may_differ))) for config in (kept, self.config))
        changed = [
            f"{key} was {before.get(key)!r} and is now {now.get(key)!r}"
            for key in {**before, **now}
            if before.get(key) != now.get(key)
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
        self.config.save(self.folder / self.file)

    @contextmanager
    def claimed(self, *, replace: bool, by: str) -> Iterator[None]:
        """The folder while this process works in it, and no other one.

        A new folder in which nothing was made is removed again, so that a run that failed at once doesn't stand in the
        way of the next one; otherwise an interruption says how to go on.

        Args:
            replace: as of `claim`.
            by: who else may work in it, as of `held_folder`.

        Raises:
            UserError: another process works in it.
            PipelineInterrupted: after Ctrl-C or SIGTERM, when there is something to go on from.
        """
        fresh = not self.folder.exists()
        self.folder.mkdir(parents=True, exist_ok=True)
        with held_folder(self.folder, by=by), sigterm_interrupts():
            self.claim(replace=replace)
            try:
                yield
            except BaseException as error:
                if fresh and not any((self.folder / name).is_dir() for name in _MADE):
                    shutil.rmtree(self.folder)
                elif isinstance(error, KeyboardInterrupt):
                    received = getattr(error, "signal", signal.SIGINT)
                    raise PipelineInterrupted(self.folder, received, "Stopped. ") from error
                raise

    @property
    def has_dataset(self) -> bool:
        """Whether the data set is complete; it appears under its name only then."""
        return (self.folder / DATASET).is_dir()


def holds_experiment(folder: Path) -> bool:
    """Whether a folder holds an experiment."""
    return any((folder / name).is_file() for name in (CONFIG, RECIPE, IMPROVE))


def here(folder: Path, file: str) -> tuple[Path, str, str]:
    """File, output folder and name of the experiment in `folder`, wherever it was moved to.

    Raises:
        UserError: the folder holds no experiment of that kind.
    """
    folder = folder.expanduser()
    if not (folder / file).is_file():
        raise UserError(f"{folder} holds no experiment: it has no {file}. Name <output-dir>/<experiment-name>.")
    return folder / file, str(folder.resolve().parent), folder.resolve().name
