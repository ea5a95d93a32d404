"""Floor 6, training: TensorBoard, Weights & Biases, trackio and MLflow, through transformers' own integrations.

Those write down the entries of the history as they come. What they leave to their environment variables is decided
here: the run's name, what it is made of, that it is gone on with after `resume`, that it ends when training does, and
that its files lie in the run's own folder.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serpentune.common.errors import UserError, unknown_name
from serpentune.common.files import write_text

if TYPE_CHECKING:
    from transformers import TrainerCallback

PROJECT = "serpentune"
"""What the runs stand under in W&B, trackio and MLflow, unless the environment names something else."""

_RUN_ID = "run_id.txt"


@dataclass(frozen=True)
class TrackedRun:
    """What a tracker is told.

    Attributes:
        name: of the run.
        folder: for the tracker's files.
        facts: what the run is made of, by dotted names; they stand under `serpentune` beside what transformers notes.
        first_step: optimiser steps that were done before; 0 for a new run.
        quiet: let the tracker say nothing.
    """

    name: str
    folder: Path
    facts: Mapping[str, Any]
    first_step: int
    quiet: bool


@dataclass(frozen=True)
class Tracker:
    """One tracker: the modules it needs, and how a run is opened, whose observer it yields."""

    modules: tuple[str, ...]
    open: Callable[[TrackedRun], AbstractContextManager[TrainerCallback]]


@contextmanager
def _tensorboard(run: TrackedRun) -> Iterator[TrainerCallback]:
    from torch.utils.tensorboard import SummaryWriter
    from transformers.integrations.integration_utils import TensorBoardCallback

    # What an earlier run in this folder wrote of the steps that are to come, TensorBoard shows no more.
    writer = SummaryWriter(str(run.folder), purge_step=run.first_step + 1 if run.first_step else 0)
    writer.add_text(PROJECT, f"```json\n{json.dumps(run.facts, indent=2)}\n```")
    observer = TensorBoardCallback(writer)
    observer.logging_dir = str(run.folder)
    try:
        yield observer
    finally:
        writer.close()


@contextmanager
def _wandb(run: TrackedRun) -> Iterator[TrainerCallback]:
    import wandb
    from transformers.integrations.integration_utils import WandbCallback

    try:
        with _printing_elsewhere(run):
            live = wandb.init(
                project=os.environ.get("WANDB_PROJECT", PROJECT),
                name=run.name,
                id=_earlier(run),
                resume="allow",
                config={PROJECT: dict(run.facts)},
                dir=run.folder,
                # Its copy of the terminal would hold a progress bar and little else.
                settings=wandb.Settings(console="off", **({"silent": True} if run.quiet else {})),
            )
    except wandb.errors.Error as error:
        raise UserError(
            f"Weights & Biases can't take the run: {error} Log in with `wandb login`, or set WANDB_MODE=offline to "
            f"keep it in {run.folder} and `wandb sync` it later."
        ) from error
    write_text(run.folder / _RUN_ID, live.id)
    with live:  # an exception that passes through marks the run as failed
        yield WandbCallback()


@contextmanager
def _trackio(run: TrackedRun) -> Iterator[TrainerCallback]:
    import trackio
    from transformers.integrations.integration_utils import TrackioCallback

    class Observer(TrackioCallback):
        """Adds what the run is made of, and leaves the run's end to the block below, which failed runs reach too."""

        def setup(self, args: Any, state: Any, model: Any, **more: Any) -> None:
            args.project, args.run_name = PROJECT, run.name
            with _printing_elsewhere(run):
                super().setup(args, state, model, **more)  # type: ignore[no-untyped-call]
            trackio.config.update({PROJECT: dict(run.facts)})

        def on_train_end(self, *unused: Any, **ignored: Any) -> None:
            pass

    try:
        yield Observer()  # type: ignore[no-untyped-call]
    finally:
        if trackio.context_vars.current_run.get() is not None:
            with _printing_elsewhere(run):
                trackio.finish()


@contextmanager
def _printing_elsewhere(run: TrackedRun) -> Iterator[None]:
    """Standard output belongs to the command's answer: what a tracker prints goes to standard error, if anywhere."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere if run.quiet else sys.stderr):
        yield


@contextmanager
def _mlflow(run: TrackedRun) -> Iterator[TrainerCallback]:
    import mlflow
    from transformers.integrations.integration_utils import MLflowCallback

    if "MLFLOW_TRACKING_URI" not in os.environ:
        mlflow.set_tracking_uri(f"sqlite:///{run.folder.resolve() / 'mlflow.db'}")
    experiment = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
    if mlflow.get_experiment_by_name(experiment) is None:
        artifacts = None if "MLFLOW_TRACKING_URI" in os.environ else (run.folder.resolve() / "artifacts").as_uri()
        mlflow.create_experiment(experiment, artifact_location=artifacts)
    mlflow.set_experiment(experiment)
    with mlflow.start_run(run_id=_earlier(run), run_name=run.name) as live:
        write_text(run.folder / _RUN_ID, live.info.run_id)
        mlflow.set_tags({f"{PROJECT}.{key}": str(value) for key, value in run.facts.items()})
        yield MLflowCallback()


def _earlier(run: TrackedRun) -> str | None:
    """What the tracker called the run that is gone on with; None for a new one."""
    noted = run.folder / _RUN_ID
    return noted.read_text(encoding="utf-8") if run.first_step and noted.is_file() else None


TRACKERS = {
    "mlflow": Tracker(("mlflow", "sqlalchemy", "alembic"), _mlflow),
    "tensorboard": Tracker(("tensorboard",), _tensorboard),
    "trackio": Tracker(("trackio",), _trackio),
    "wandb": Tracker(("wandb",), _wandb),
}


def check_trackers(names: Sequence[str]) -> None:
    """Refuse a tracker that can't be used, before any work is done.

    Raises:
        UserError: there is none of that name, or a package that it needs is not installed.
    """
    for name in names:
        if name not in TRACKERS:
            raise unknown_name("tracker", name, TRACKERS)
        missing = [module for module in TRACKERS[name].modules if importlib.util.find_spec(module) is None]
        if missing:
            raise UserError(
                f"report_to names {name}, for which {', '.join(missing)} is missing here: "
                f"pip install 'serpentune[{name}]'."
            )


@contextmanager
def tracking(
    names: Sequence[str], folder: Path, name: str, facts: Mapping[str, Any], *, first_step: int, quiet: bool
) -> Iterator[list[TrainerCallback]]:
    """Open a run in each tracker; they end with the block, as failed ones where an exception leaves it.

    Args:
        names: of the trackers, as `check_trackers` passed them.
        folder: gets a folder for the files of each.
        name: of the run.
        facts: what the run is made of.
        first_step: the step that training goes on from.
        quiet: let the trackers say nothing.

    Yields:
        an observer for each tracker.
    """
    with ExitStack() as stack:
        observers = []
        for tracker in names:
            own = folder / tracker
            own.mkdir(parents=True, exist_ok=True)
            observers.append(
                stack.enter_context(TRACKERS[tracker].open(TrackedRun(name, own, facts, first_step, quiet)))
            )
        yield observers
