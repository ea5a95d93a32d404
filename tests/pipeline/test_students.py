"""Models trained and evaluated side by side: what is said when a process of theirs is gone."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest

from serpentune.common.errors import UserError
from serpentune.evaluation import EvaluationSettings
from serpentune.pipeline import _students
from serpentune.pipeline._students import Job, run_jobs


def work(job: Job, messages: Any) -> None:
    """The untuned model is done at once; then LoRA's process is killed, as by a system that is out of memory."""
    done = job.output / "done"
    if job.name == "untuned":
        done.touch()
        return
    while not done.exists():
        time.sleep(0.1)
    time.sleep(1 if job.name == "LoRA" else 60)
    os.kill(os.getpid(), signal.SIGKILL)


def test_models_that_are_not_finished_when_a_process_is_gone_are_named() -> None:
    futures: dict[str, Future[dict[str, Any] | None]] = {name: Future() for name in ("untuned", "LoRA", "QLoRA")}
    futures["untuned"].set_result(None)
    futures["LoRA"].set_exception(BrokenProcessPool())
    with pytest.raises(UserError, match=r"want of memory\. Unfinished: LoRA, QLoRA\. .*--quick, with fewer strategies"):
        _students._results(futures)


@pytest.mark.slow  # each process imports torch
def test_a_process_that_is_killed_is_said_to_want_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_students, "_run", work)
    games = EvaluationSettings(games=1)
    jobs = [
        Job(name, None, "nano", tmp_path, tmp_path, games, 0, overwrite=False) for name in ("untuned", "LoRA", "Full")
    ]
    with pytest.raises(UserError, match=r"want of memory\. Unfinished: LoRA, Full\."):
        run_jobs(jobs, quiet=True, announce=lambda _: None)
