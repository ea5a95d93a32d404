"""Runs made on a cluster: byte for byte those of one machine, whatever dies meanwhile."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from serpentune.common.errors import UserError
from serpentune.common.files import sha256
from serpentune.logs import generate_runs

STAMP = "20260102_030405"
GAMES = 12_000
"""A few dozen shards: the run is long enough to lose a worker and a machine meanwhile."""

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None and os.environ.get("CI") != "true",
    reason="Ray is not installed: pip install 'serpentune[cluster]'",
)


def _run(folder: Path, **options: object) -> Path:
    (run,) = generate_runs(["HAMILTONIAN"], GAMES, 10, 10, 0, folder, noise=0.01, timestamp=STAMP, **options)
    return run


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of the run that this machine makes by itself."""
    return sha256(_run(tmp_path_factory.mktemp("alone")))


@pytest.fixture
def cluster() -> Iterator[object]:
    """Three machines, as far as Ray knows: one that only keeps the books, and two with a processor each."""
    import ray
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    made.add_node(num_cpus=1)
    made.add_node(num_cpus=1)
    yield made
    ray.shutdown()
    made.shutdown()


def _busy_workers() -> list[psutil.Process]:
    """Ray's processes that play a shard right now; they name themselves after the task."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any("ray::_make" in word for word in process.info["cmdline"] or ()):
            found.append(process)
    return found


@needs_ray
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_cluster_that_loses_a_worker_and_a_machine_makes_the_same_bytes(
    tmp_path: Path, alone: str, cluster: object
) -> None:
    killed: list[str] = []
    counted: list[int] = []

    def kill_a_worker() -> None:
        for _ in range(200):
            for process in _busy_workers():
                process.send_signal(signal.SIGKILL)
                killed.append("worker")
                return
            time.sleep(0.05)

    def progress(games: int) -> None:
        counted.append(games)
        if len(counted) == 1:
            threading.Thread(target=kill_a_worker).start()
        if len(counted) == 4:
            cluster.remove_node(cluster.worker_nodes.copy().pop(), allow_graceful=False)  # type: ignore[attr-defined]
            killed.append("machine")

    run = _run(tmp_path, engine="ray", address=cluster.address, progress=progress)  # type: ignore[attr-defined]
    assert sorted(killed) == ["machine", "worker"]
    assert sum(counted) == GAMES
    assert sha256(run) == alone
    assert [item.name for item in tmp_path.iterdir()] == [run.name]


@needs_ray
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_cluster_of_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import serpentune

    monkeypatch.setattr(serpentune, "__version__", "9.9.9")
    with pytest.raises(UserError, match=r"the run began with 9\.9\.9\. Install the same version"):
        _run(tmp_path, engine="ray")


@needs_ray
@pytest.mark.slow
def test_an_address_where_nothing_listens_is_refused_soon(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(UserError, match=r"No Ray cluster could be reached at 127\.0\.0\.1:9 \(.*refused"):
        _run(tmp_path, engine="ray", address="127.0.0.1:9")
    assert time.monotonic() - began < 60
    assert list(tmp_path.iterdir()) == []


def test_without_ray_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"pip install 'serpentune\[cluster\]'"):
        _run(tmp_path, engine="ray")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "rey"}, "no engine named 'rey'. Did you mean ray"),
        ({"address": "host:6379"}, "is for the engine ray"),
    ],
)
def test_engines_are_checked_first(tmp_path: Path, options: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        _run(tmp_path / "logs", **options)
    assert not (tmp_path / "logs").exists()
