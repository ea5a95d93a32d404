"""The shared utilities under their old import path do what they say."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from extensions.common import DatasetDirectoryManager, PathUtils, TrainingCLIUtils, TrainingLoggingUtils
from serpentune.common.errors import UserError
from serpentune.datasets import build_dataset
from serpentune.logs import generate_runs


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("root")
    (run,) = generate_runs(["BFS"], 5, 4, 4, 0, folder / "logs")
    for name in ("first", "second"):
        build_dataset([run], folder / "sets" / name, samples_per_teacher=10)
    (folder / "sets" / "notes").mkdir()
    return folder / "sets"


def test_data_sets_are_found_by_name(root: Path) -> None:
    manager = DatasetDirectoryManager(root)
    assert manager.names() == ["first", "second"]
    assert manager.check("first")["records"]["train"] > 0
    with pytest.raises(UserError, match="Did you mean first"):
        manager.path("frist")
    with pytest.raises(UserError, match="can't be read"):
        DatasetDirectoryManager(root / "nowhere").names()


def test_a_data_set_that_was_changed_is_refused(root: Path) -> None:
    file = root / "second" / "data" / "test.parquet"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    with pytest.raises(UserError, match=r"test\.parquet is not the file"):
        DatasetDirectoryManager(root).check("second")
    file.write_bytes(whole)


@pytest.mark.parametrize(
    ("text", "name"),
    [("microsoft/DialoGPT-medium", "microsoft-DialoGPT-medium"), ("../a: b", "a-b"), ("größe", "größe")],
)
def test_any_text_makes_a_file_name(text: str, name: str) -> None:
    assert PathUtils.safe_name(text) == name


def test_a_text_without_letters_makes_none() -> None:
    with pytest.raises(ValueError, match="holds nothing"):
        PathUtils.safe_name("../..")


def test_paths_in_documents_survive_a_move(tmp_path: Path) -> None:
    assert PathUtils.relative(tmp_path / "a" / "b.json", tmp_path) == "a/b.json"
    with pytest.raises(ValueError, match="not in the subpath"):
        PathUtils.relative(tmp_path, tmp_path / "a")
    assert re.fullmatch(r"\d{8}_\d{6}", PathUtils.timestamp())


def test_the_log_file_holds_more_than_the_terminal_shows(tmp_path: Path) -> None:
    shown: list[str] = []

    class Terminal(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            shown.append(record.getMessage())

    ours, terminal = logging.getLogger("serpentune"), Terminal()
    ours.addHandler(terminal)
    before = ours.level
    ours.setLevel(logging.WARNING)
    try:
        with TrainingLoggingUtils.log_file(tmp_path / "logs" / "run.log"):
            logging.getLogger("serpentune.training").info("quiet")
            logging.getLogger("serpentune.training").warning("loud")
        logging.getLogger("serpentune.training").warning("afterwards")
        assert ours.level == logging.WARNING
    finally:
        ours.removeHandler(terminal)
        ours.setLevel(before)
    assert shown == ["loud", "afterwards"]
    text = (tmp_path / "logs" / "run.log").read_text()
    assert "quiet" in text
    assert "loud" in text
    assert "afterwards" not in text


def test_commands_start_from_python(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        TrainingCLIUtils.run_and_exit("teachers", [])
    assert end.value.code == 0
    assert "HAMILTONIAN" in capsys.readouterr().out
    with pytest.raises(SystemExit) as end:
        TrainingCLIUtils.run_and_exit("logs", ["check", "nowhere"])
    assert end.value.code == 2
