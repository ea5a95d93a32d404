"""The command as a process: entry points, signals, pipes, terminals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import serpentune
from tests.cli.calls import environment, process


def test_version() -> None:
    done = process("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"serpentune {serpentune.__version__}\n", "")


def test_exit_code_and_document_reach_the_shell() -> None:
    done = process("generate", "--algorithms", "BSF", "--json")
    assert done.returncode == 2
    assert "Did you mean BFS?" in json.loads(done.stdout)["error"]
    assert "Did you mean BFS?" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGPIPE")
@pytest.mark.parametrize("arguments", [["teachers"], ["teachers", "--json"], ["--help"]], ids=" ".join)
def test_reader_that_has_gone_is_no_error(arguments: list[str]) -> None:
    command = [sys.executable, "-c", "import sys; from serpentune.cli import main; sys.exit(main(sys.argv[1:]))"]
    command += arguments
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as nobody:
        done = subprocess.run(
            command, stdout=nobody, stderr=subprocess.PIPE, text=True, env=environment(), timeout=60, check=False
        )
    assert done.stderr == ""
    assert done.returncode == 128 + signal.SIGPIPE


@pytest.mark.slow
def test_of_two_processes_that_train_one_answers(dataset: Path, tmp_path: Path) -> None:
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    where = ["--dataset", str(dataset), "--output-dir", str(tmp_path)]
    command = [*launch, "serpentune", "train", *where, "--max-steps", "1", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["steps"] == 1


def test_no_colour_and_no_bars_when_piped(tmp_path: Path) -> None:
    done = process("generate", "--algorithms", "BFS", "--games", 3, "--grid-size", 4, "--output-dir", tmp_path)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout and done.stderr == ""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals are sent otherwise on Windows")
def test_ctrl_c_leaves_a_checkpoint_and_says_how_to_go_on(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "serpentune", "train", "--dataset", dataset, "--output-dir", out, "--epochs", 5000]
    command += ["--batch-size", 2, "--save-steps", 2, "--gradient-accumulation-steps", 1]
    running = subprocess.Popen(
        list(map(str, command)), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 90
    while not list(out.glob("checkpoints/checkpoint-*")) and running.poll() is None:
        assert time.monotonic() < deadline, "no checkpoint"
        time.sleep(0.1)
    running.send_signal(signal.SIGINT)
    stdout, stderr = running.communicate(timeout=60)
    assert running.returncode == 130, stderr
    assert stdout == ""
    assert "Training stopped at step" in stderr and "--resume" in stderr and "Traceback" not in stderr
