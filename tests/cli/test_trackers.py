"""`serpentune train --report-to` with W&B, MLflow and trackio, offline, as a process of its own."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.calls import process

pytestmark = pytest.mark.slow  # the packages are not in the test extra, and take their time to import


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the processes that a test starts ask of the network: a proxy that notes it and hangs up."""
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:  # closed
                    return
                with connection:
                    asked.append(connection.recv(200).decode(errors="replace").splitlines()[0])

        threading.Thread(target=listen, daemon=True).start()
        proxy = f"http://127.0.0.1:{server.getsockname()[1]}"
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy)
            monkeypatch.setenv(name.lower(), proxy)
        yield asked
        server.shutdown(socket.SHUT_RDWR)


def train(dataset: Path, folder: Path, tracker: str) -> dict[str, Any]:
    """The one document on standard output of a short training run."""
    done = process(
        "train", "--dataset", dataset, "--output-dir", folder, "--max-steps", 4, "--batch-size", 4,
        "--gradient-accumulation-steps", 1, "--logging-steps", 2, "--eval-steps", 2, "--report-to", tracker, "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def of(document: dict[str, Any], key: str) -> dict[int, float]:
    """Values of the history by step."""
    return {entry["step"]: entry[key] for entry in document["history"] if key in entry}


def test_weights_and_biases_keeps_an_offline_run(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: list[str]
) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    document = train(dataset, tmp_path / "run", "wandb")
    folder = tmp_path / "run" / "trackers" / "wandb"
    (kept,) = folder.rglob("*.wandb")
    assert kept.name == f"run-{(folder / 'run_id.txt').read_text()}.wandb"
    written = kept.read_bytes()
    for key in ("loss", "eval_loss"):
        assert all(repr(value).encode() in written for value in of(document, key).values())
    digest = json.loads((tmp_path / "run" / "training.json").read_text())["data_sha256"]
    assert digest.encode() in written
    assert calls == []


def test_without_an_account_weights_and_biases_says_how_to_go_on(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    options = ["--dataset", dataset, "--output-dir", tmp_path / "run", "--report-to", "wandb"]
    done = process("train", *options, stdin=subprocess.DEVNULL)
    assert done.returncode == 2, done.stderr
    assert "`wandb login`" in done.stderr and "WANDB_MODE=offline" in done.stderr


def test_mlflow_keeps_a_run_in_a_database_of_its_own(dataset: Path, tmp_path: Path, calls: list[str]) -> None:
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("alembic")
    document = train(dataset, tmp_path / "run", "mlflow")
    folder = tmp_path / "run" / "trackers" / "mlflow"
    client = mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    run = client.get_run((folder / "run_id.txt").read_text())
    assert (run.info.run_name, run.info.status) == ("run", "FINISHED")
    for key in ("loss", "eval_loss"):
        values = {metric.step: metric.value for metric in client.get_metric_history(run.info.run_id, key)}
        assert values == pytest.approx(of(document, key))
    digest = json.loads((tmp_path / "run" / "training.json").read_text())["data_sha256"]
    assert (run.data.tags["serpentune.data_sha256"], run.data.tags["serpentune.lora.rank"]) == (digest, "16")
    assert not (Path.cwd() / "mlruns").exists()
    assert calls == []


def test_trackio_keeps_a_run_in_its_folder(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: list[str]
) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))  # read when trackio is imported
    pytest.importorskip("trackio")
    document = train(dataset, tmp_path / "run", "trackio")
    from trackio.sqlite_storage import SQLiteStorage

    for key, name in (("loss", "train/loss"), ("eval_loss", "eval/loss")):
        logs = SQLiteStorage.get_logs("serpentune", "run")
        assert {log["train/global_step"]: log[name] for log in logs if name in log} == pytest.approx(of(document, key))
    digest = json.loads((tmp_path / "run" / "training.json").read_text())["data_sha256"]
    config = SQLiteStorage.get_run_config("serpentune", "run")
    assert config is not None and config["serpentune"]["data_sha256"] == digest
    assert calls == []
