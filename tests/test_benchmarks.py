"""Each benchmark runs as a plain script, with output that machines and people can read."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from serpentune.training import AdvancedTrainingConfig

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = sorted((ROOT / "benchmarks").glob("[a-z]*.py"))
QUICK_SECONDS = 60


def run(script: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, str(script), *options], check=False, capture_output=True, text=True, env=environment
    )


def test_every_promised_benchmark_is_there() -> None:
    assert {script.stem for script in SCRIPTS} >= {"generation", "teachers", "datasets", "training", "play", "report"}


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_benchmark_answers_in_json(script: Path) -> None:
    done = run(script, "--quick", "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)  # one document, and nothing else on standard output
    assert rows
    for row in rows:
        assert list(row) == ["name", "value", "unit", "target", "met"]
        assert row["name"].endswith(("(higher is better)", "(lower is better)"))
        assert math.isfinite(row["value"]) and row["value"] >= 0
        assert row["unit"]
        reached = row["target"] is not None and (
            row["value"] >= row["target"] if "higher" in row["name"] else row["value"] <= row["target"]
        )
        assert row["met"] == (None if row["target"] is None else reached)
    assert len({row["name"] for row in rows}) == len(rows)
    taken = re.search(r"done in (\d+) s", done.stderr)
    assert taken is not None
    # A slower or busier machine than two free cores may take longer; not by an order of magnitude.
    assert int(taken[1]) < 4 * QUICK_SECONDS


def test_a_benchmark_prints_a_table_without_json() -> None:
    done = run(ROOT / "benchmarks" / "teachers.py", "--quick")
    assert done.returncode == 0, done.stderr
    (row,) = [line.split() for line in done.stdout.splitlines() if line.startswith("HAMILTONIAN, 10x10")]
    assert row[2:6] == ["✓", "100", "98.1", "99.0"]
    assert "\x1b" not in done.stdout


def test_a_student_that_was_measured_is_not_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks import _ways

    def train(*given: Any, callbacks: list[_ways.Stopwatch], **_: Any) -> SimpleNamespace:
        student: Path = given[3] / "student"
        student.mkdir()
        callbacks[0].ends += range(9)
        return SimpleNamespace(model_path=student)

    monkeypatch.setattr(_ways, "train", train)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    task = _ways.Task(AdvancedTrainingConfig(), list(range(64)))
    assert _ways.measured(task, _ways.ours).samples_per_second == task.batch
    assert not list(tmp_path.iterdir())


def test_an_unknown_option_is_refused() -> None:
    done = run(ROOT / "benchmarks" / "teachers.py", "--slow")
    assert done.returncode == 2
    assert "--slow" in done.stderr


def test_a_mistake_of_the_user_is_said_without_a_traceback() -> None:
    done = run(ROOT / "benchmarks" / "flagship.py", "--folder", "nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: nowhere") and "Traceback" not in done.stderr
