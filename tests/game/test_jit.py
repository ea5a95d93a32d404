"""Compiled kernels are cached, and never used beyond the sources that they were made of."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from serpentune.game._jit import _cache_folder

CALLED = "from serpentune.game._jit import kernel\n\n\n@kernel()\ndef rule():\n    return {answer}\n"
CALLER = (
    "from called import rule\nfrom serpentune.game._jit import kernel\n\n\n@kernel()\ndef play():\n    return rule()\n"
)


def run(folder: Path) -> tuple[int, bool]:
    """What the calling kernel answers in a new process, and whether it came from the cache."""
    program = "from caller import play; print(play(), bool(play.stats.cache_hits))"
    path = os.pathsep.join([str(folder), *sys.path])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=folder, capture_output=True, text=True, check=True
    )
    answer, hit = ended.stdout.split()
    return int(answer), hit == "True"


@pytest.mark.slow
def test_a_changed_rule_reaches_kernels_in_other_files(tmp_path: Path) -> None:
    (tmp_path / "called.py").write_text(CALLED.format(answer=1))
    (tmp_path / "caller.py").write_text(CALLER)
    assert run(tmp_path) == (1, False)
    assert run(tmp_path) == (1, True)
    (tmp_path / "called.py").write_text(CALLED.format(answer=2))
    assert run(tmp_path) == (2, False)


@pytest.mark.slow
def test_what_had_to_be_compiled_is_known(tmp_path: Path) -> None:
    (tmp_path / "called.py").write_text(CALLED.format(answer=1).replace("kernel()", "kernel('int64()')"))
    program = "import called; from serpentune.game import compilation; print(*compilation())"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    environment["NUMBA_CACHE_DIR"] = str(tmp_path / "cache")
    found = []
    for _ in range(2):
        ended = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        found.append([float(value) for value in ended.stdout.split()])
    (kernels, seconds), later = found
    assert kernels > 10 and seconds > 0.5
    assert later == [0, 0]


def test_kernels_are_cached_below_the_users_own_cache_folder_if_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "kernels.py").write_text("")
    beside = _cache_folder(tmp_path, "")
    assert beside.parent == tmp_path / "__pycache__"
    assert _cache_folder(tmp_path, "/somewhere") == Path("/somewhere") / beside.name


@pytest.mark.slow
def test_without_a_folder_for_the_cache_kernels_are_compiled_anew_and_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "called.py").write_text(CALLED.format(answer=1))
    program = """
import numba.core.caching
numba.core.caching.CacheImpl._locator_classes = []  # as where no folder may be written to
from called import rule
print(rule())
"""
    path = os.pathsep.join([str(tmp_path), *sys.path])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ended.stdout == "1\n"
    assert ended.stderr.count("Name one in NUMBA_CACHE_DIR") == 1
