from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time

import pytest
import torch

import serpentune
from serpentune.common.memory import host_peak_bytes
from serpentune.evaluation.resources import measure, versions


@pytest.mark.slow
def test_seconds_are_wall_time_and_the_host_peak_sees_memory_that_is_gone() -> None:
    before = host_peak_bytes()
    assert before is not None
    with measure("cpu") as used:
        # Bytes other than 0, so that every page is really touched.
        size = before + 50_000_000
        del_me = b"\x01" * size
        assert len(del_me) == size
        del del_me
        time.sleep(0.05)
    assert 0.05 <= used.seconds < 30
    assert used.device_peak_bytes is None
    assert used.host_peak_bytes is not None and used.host_peak_bytes >= size
    assert used.peak_memory_mb == used.host_peak_bytes / 1_000_000
    assert used.joules is None and "NVIDIA" in used.unmetered


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands a parent's peak on")
def test_the_host_peak_is_this_process_own_not_its_parents() -> None:
    ballast = b"\x01" * 500_000_000
    code = "from serpentune.common.memory import host_peak_bytes; print(host_peak_bytes())"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    answer = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert int(answer.stdout) < len(ballast)


def test_nothing_is_measured_before_the_block_ends() -> None:
    with measure("cpu") as used, pytest.raises(AttributeError):
        _ = used.seconds


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_cuda_work_is_waited_for_and_its_peak_seen() -> None:
    device = torch.device("cuda", 0)
    matrix = torch.randn(8192, 8192, device=device)
    matrix @ matrix  # loads the library
    torch.cuda.synchronize()
    began = torch.cuda.Event(enable_timing=True)
    ended = torch.cuda.Event(enable_timing=True)
    with measure(device) as used:
        began.record()
        for _ in range(20):
            _ = matrix @ matrix
        ended.record()
    assert used.seconds * 1000 >= began.elapsed_time(ended)
    assert used.device_peak_bytes is not None
    assert 2 * matrix.nbytes <= used.device_peak_bytes <= 4 * matrix.nbytes
    assert used.peak_memory_mb == used.device_peak_bytes / 1_000_000
    with measure(device) as idle:
        pass
    assert idle.device_peak_bytes is not None and idle.device_peak_bytes < used.device_peak_bytes


def test_versions_are_those_that_run_and_fit_into_json() -> None:
    found = versions()
    assert found["python"] == platform.python_version()
    assert found["serpentune"] == serpentune.__version__
    assert found["torch"] == torch.__version__
    assert {"transformers", "peft", "trl", "numba"} <= found.keys()
    assert found["processor"] and found["cores"] >= 1
    assert (found["gpu"] is None) is not torch.cuda.is_available()
    assert json.loads(json.dumps(found)) == found


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_energy_is_the_cards_or_there_is_a_reason() -> None:
    matrix = torch.randn(8192, 8192, device="cuda")
    with measure("cuda") as used:
        began = time.perf_counter()
        while time.perf_counter() - began < 1:
            _ = matrix @ matrix
            torch.cuda.synchronize()
    if used.joules is None:
        assert used.unmetered
    else:
        assert not used.unmetered
        assert 10 < used.joules / used.seconds < 2000  # watts of a card at work
    with measure("cuda") as idle:
        pass
    assert (idle.joules is None) is bool(idle.unmetered)
