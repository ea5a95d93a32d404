from __future__ import annotations

from pathlib import Path

import pytest

from serpentune.logs import generate_runs

TEACHERS = ("ASTAR", "BFS", "HAMILTONIAN")


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of three teachers that played the same 24 seeds on 6x6."""
    folder = tmp_path_factory.mktemp("logs")
    generate_runs(TEACHERS, 24, 6, 6, 0, folder, timestamp="20250101_000000")
    return folder


@pytest.fixture(scope="session")
def few_logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of the same teachers on 8 seeds, for tests that read every record's board."""
    folder = tmp_path_factory.mktemp("few_logs")
    generate_runs(TEACHERS, 8, 6, 6, 0, folder, timestamp="20250101_000000")
    return folder
