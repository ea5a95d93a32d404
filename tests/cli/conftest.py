from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.calls import serpentune


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Pages as wide as the narrowest common terminal; what a command writes by default goes to the test's folder."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the fixtures below leave what a user would have after each step."""
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="session")
def logs(work: Path) -> Path:
    folder = work / "logs"
    options = ["--algorithms", "BFS", "ASTAR", "--games", 12, "--grid-size", 4]
    made = serpentune("generate", *options, "--output-dir", folder)
    assert made.code == 0, made.err
    return folder


@pytest.fixture(scope="session")
def dataset(work: Path, logs: Path) -> Path:
    folder = work / "dataset"
    made = serpentune(
        "dataset", "build", "--heuristic-dirs", logs, "--max-samples-per-algorithm", 40, "--output", folder
    )
    assert made.code == 0, made.err
    return folder


@pytest.fixture(scope="session")
def student(work: Path, dataset: Path) -> Path:
    """A student after four optimiser steps."""
    made = serpentune(
        "train", "--dataset", dataset, "--output-dir", work / "lora", "--max-steps", 4, "--batch-size", 4,
        "--gradient-accumulation-steps", 1, "--logging-steps", 2, "--eval-steps", 2, "--save-steps", 2,
    )  # fmt: skip
    assert made.code == 0, made.err
    return work / "lora" / "final_model"


@pytest.fixture(scope="session")
def results(work: Path, student: Path) -> list[Path]:
    """Results folders of the untuned model and the student on the same games."""
    folders = [work / "evaluations" / "nano", work / "evaluations" / "lora"]
    for model, folder in zip(("nano", student), folders, strict=True):
        made = serpentune("evaluate", model, "--games", 6, "--grid-size", 4, "--output", folder)
        assert made.code == 0, made.err
    return folders
