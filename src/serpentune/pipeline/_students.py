"""Floor 11, pipeline: several students trained and evaluated side by side, a process each.

A small model gains little from a second processor core, and threads that wait for each other collapse on a busy
machine. So without a GPU each student gets a process with its share of the cores; on a GPU they go one after another.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing.managers import SyncManager
from pathlib import Path
from queue import Queue
from typing import TYPE_CHECKING, Any

from serpentune.common.errors import UserError
from serpentune.common.progress import progress_bars
from serpentune.evaluation import (
    EvaluationSettings,
    evaluate_contestant,
    figures,
    open_contestant,
    read_test_records,
)
from serpentune.evaluation.resources import usable_cores
from serpentune.training import AdvancedTrainingConfig

if TYPE_CHECKING:
    from transformers import TrainerCallback

Message = tuple[str, str, int, str] | None
"""`(bar, "add" or "advance", number, note)`; None ends the stream."""


@dataclass(frozen=True)
class Job:
    """A model to evaluate, after it was trained where `config` says how.

    Attributes:
        name: what the model is called in results.
        config: how to train it; None evaluates the base model `base` as it is.
        base: the base model's name.
        dataset: a data set folder; `train` and `validation` are learnt from, `test` measures language.
        output: folder of the demo; the student goes to `students/<name>`, its results to `evaluation/<name>`.
        games: which games are played.
        language_records: records of `test` that are used.
        overwrite: whether what the folders hold may be replaced.
    """

    name: str
    config: AdvancedTrainingConfig | None
    base: str
    dataset: Path
    output: Path
    games: EvaluationSettings
    language_records: int
    overwrite: bool

    @property
    def results(self) -> Path:
        """Where the evaluation lies."""
        return self.output / "evaluation" / self.name


def run_jobs(jobs: Sequence[Job], *, quiet: bool, announce: Callable[[str], None]) -> dict[str, dict[str, Any] | None]:
    """Train and evaluate every model; the training results by name, None for what was not trained.

    Args:
        jobs: the models.
        quiet: show no progress bars.
        announce: called with a sentence whenever a model has been trained and whenever one has been evaluated.

    Raises:
        UserError: as `training.train` and `evaluate_contestant`, or a process was ended from outside, as by a system
            that is out of memory; the other models are given up.
        KeyboardInterrupt: after Ctrl-C; finished games stay.
    """
    from serpentune.models import device

    cores = usable_cores()
    workers = min(len(jobs), cores) if device().type == "cpu" else 1
    context = multiprocessing.get_context("spawn")
    manager = SyncManager(ctx=context)
    manager.start(_end_with_parent)
    with manager, progress_bars(quiet=quiet) as add:
        messages: Queue[Message] = manager.Queue()
        reader = threading.Thread(target=_show, args=(messages, add, announce), daemon=True)
        reader.start()
        others = set(multiprocessing.active_children())
        with ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(cores // workers,)) as pool:
            with _deaf_to_ctrl_c():
                futures = {job.name: pool.submit(_run, job, messages) for job in jobs}
            try:
                results = _results(futures)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                # Nothing is left to wait for, and leaving the pool would wait for every model to be trained.
                for process in set(multiprocessing.active_children()) - others:
                    process.kill()
                raise
            finally:
                messages.put(None)
                reader.join(timeout=5)
    return results


def _results(futures: Mapping[str, Future[dict[str, Any] | None]]) -> dict[str, dict[str, Any] | None]:
    """What every job returns, or what the first that fails raises, whichever it is."""
    try:
        for future in wait(futures.values(), return_when=FIRST_EXCEPTION).done:
            future.result()
        return {name: future.result() for name, future in futures.items()}
    except BrokenProcessPool as error:
        unfinished = [name for name, future in futures.items() if not future.done() or future.exception() is not None]
        raise UserError(
            f"A process that trains and evaluates was ended from outside, most likely for want of memory. Unfinished: "
            f"{', '.join(unfinished)}. Run again with --overwrite and --quick, with fewer strategies "
            "(DemoSettings.strategies), or with more free memory."
        ) from error


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Let processes that start in the block ignore Ctrl-C: this one stops them, without a traceback from each."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _start_worker(threads: int) -> None:
    import torch

    torch.set_num_threads(max(1, threads))
    _end_with_parent()


def _end_with_parent() -> None:
    """End this process when the one that started it is gone: killed, it can't say so, and we would wait for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait_for_it() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait_for_it, daemon=True).start()


def _run(job: Job, messages: Queue[Message]) -> dict[str, Any] | None:
    """One job, in a worker process."""
    from serpentune.datasets import load_splits
    from serpentune.training import train

    splits = load_splits(job.dataset)
    trained = None
    if job.config is not None:
        result = train(
            job.config,
            splits["train"],
            splits["validation"],
            job.output / "students" / job.name,
            overwrite=job.overwrite,
            callbacks=[_reporter(job.name, messages)],
            quiet=True,
        )
        trained = {"strategy": job.config.training_strategy, **asdict(result), "model_path": str(result.model_path)}
        messages.put(
            (
                job.name,
                "say",
                0,
                f"{job.name}: {result.samples} samples learnt from in {result.seconds:.0f} s, "
                f"loss {result.final_loss:.3f}, {result.trainable_parameters:,} weights trained",
            )
        )
    bar = f"{job.name} plays"
    messages.put((bar, "add", job.games.games, ""))
    evaluation = evaluate_contestant(
        open_contestant(job.base if trained is None else trained["model_path"], name=job.name),
        job.results,
        job.games,
        test_records=read_test_records(job.dataset, job.language_records),
        overwrite=job.overwrite,
        quiet=True,
        advanced=lambda games: messages.put((bar, "advance", games, "")),
    )
    main = figures(evaluation)
    messages.put(
        (
            job.name,
            "say",
            0,
            f"{job.name}: {main['games']} games played, {main['score_mean']:.2f} apples a game, "
            f"{main['wins']} boards filled",
        )
    )
    return trained


def _reporter(name: str, messages: Queue[Message]) -> TrainerCallback:
    from transformers import TrainerCallback

    class Reporter(TrainerCallback):
        """Sends the steps and the loss of a training run to the process that shows them."""

        shown = 0

        def on_train_begin(self, args: Any, state: Any, control: Any, **unused: Any) -> None:
            messages.put((f"{name} learns", "add", state.max_steps, ""))

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **unused: Any) -> None:
            if logs and "loss" in logs:
                done, self.shown = state.global_step - self.shown, state.global_step
                messages.put((f"{name} learns", "advance", done, f"loss {logs['loss']:.3f}"))

    return Reporter()


def _show(messages: Queue[Message], add: Any, announce: Callable[[str], None]) -> None:
    bars: dict[str, Any] = {}
    while (message := messages.get()) is not None:
        bar, kind, number, text = message
        if kind == "say":
            announce(text)
        elif kind == "add":
            bars[bar] = add(bar, number)
        else:
            bars[bar](number, note=text)
