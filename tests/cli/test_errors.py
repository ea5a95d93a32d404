"""Bad input gets a clear error, exit code 2, and loses nothing; a fault of ours says that it is one."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import pytest

from serpentune import logs, teachers
from serpentune.common.paths import PathUtils
from serpentune.game import Move, State
from serpentune.teachers import _registry
from tests.cli.calls import Result, serpentune


@pytest.fixture(autouse=True)
def _stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """`refused` says everything twice, and folders are named after the second in which a command began."""
    monkeypatch.setattr(PathUtils, "timestamp", staticmethod(lambda: "20260101_000000"))


def refused(*arguments: object) -> str:
    """What is said of bad input, which is said once, without a traceback, and as JSON where that is wanted."""
    result = serpentune(*arguments)
    assert result.code == 2, result
    assert result.err.startswith("Error: ") and "Traceback" not in result.err
    assert result.out == ""
    as_json = serpentune(*arguments, "--json")
    assert as_json.code == 2
    assert as_json.document == {"error": result.err.removeprefix("Error: ").rstrip("\n"), "exit_code": 2}
    return result.err


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("nowhere", "There is no log directory {tmp}/nowhere."),
        ("empty", "{tmp}/empty is empty"),
        ("nothing-*", "The glob '{tmp}/nothing-*' matches nothing."),
        ("file.json", "{tmp}/file.json is a file"),
    ],
)
@pytest.mark.parametrize("command", ["check", "build", "run"])
def test_logs_that_are_not_there(command: str, place: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.json").write_text("{}")
    path, out = tmp_path / place, tmp_path / "out"
    arguments: dict[str, list[object]] = {
        "check": ["logs", "check", path],
        "build": ["dataset", "build", "--heuristic-dirs", path, "--output", out],
        "run": ["run", "--heuristic-dirs", path, "--output-dir", out],
    }
    assert said.format(tmp=tmp_path) in refused(*arguments[command])
    assert not out.exists()


def test_unreadable_and_truncated_logs(logs: Path, tmp_path: Path) -> None:
    shutil.copytree(logs, tmp_path / "logs")
    bfs = next((tmp_path / "logs").glob("*bfs*/games.parquet"))
    bfs.write_bytes(bfs.read_bytes()[:400])
    games = tmp_path / "logs" / "games_of_mine"
    games.mkdir()
    (games / "game_1.json").write_text('{"score": 3, "moves"')
    checked = serpentune("logs", "check", tmp_path / "logs", "--json")
    assert checked.code == 2
    assert checked.document["accepted"] == 12
    assert {entry["file"] for entry in checked.document["refused"]} == {str(bfs), str(games / "game_1.json")}
    assert "BFS" in refused(
        "dataset", "build", "--heuristic-dirs", tmp_path / "logs", "--algorithms", "BFS", "--output", tmp_path / "set"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--algorithms", "BSF"], "There is no teacher named 'BSF'. Did you mean BFS?"),
        (["--algorithms", "BFS", "--grid-size", "3"], "A 3x3 board is not possible"),
        (["--algorithms", "BFS", "--grid-size", "ten"], "'ten' is no board size"),
        (["--algorithms", "BFS", "--games", "0"], "0 games can't be played"),
    ],
)
def test_games_that_cannot_be_played(arguments: list[str], said: str, tmp_path: Path) -> None:
    assert said in refused("generate", *arguments, "--output-dir", tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("share", ["0", "1", "1.5", "-0.2"])
def test_impossible_splits(share: str, logs: Path, tmp_path: Path) -> None:
    build = refused(
        "dataset", "build", "--heuristic-dirs", logs, "--train-test-split", share, "--output", tmp_path / "set"
    )
    assert share in build and "between 0 and 1" in build
    run = refused("run", "--heuristic-dirs", logs, "--train-test-split", share, "--output-dir", tmp_path / "out")
    assert f"--train-test-split {float(share)}: " in run
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["train", "evaluate", "run"])
def test_base_model_that_cannot_be_had_offline(command: str, logs: Path, dataset: Path, tmp_path: Path) -> None:
    arguments: dict[str, list[object]] = {
        "train": ["train", "--dataset", dataset, "--output-dir", tmp_path / "out", "--base-model", "nanoo"],
        "evaluate": ["evaluate", "nanoo", "--output", tmp_path / "out"],
        "run": ["run", "--heuristic-dirs", logs, "--output-dir", tmp_path / "out", "--base-model", "nanoo"],
    }
    said = refused(*arguments[command])
    assert "'nanoo' is neither built in nor on this disk" in said and "Did you mean 'nano'?" in said
    assert not (tmp_path / "out").exists()


def test_a_chat_needs_a_chat_template(dataset: Path, logs: Path, tmp_path: Path) -> None:
    for arguments in (
        ["train", "--chat", "--dataset", dataset, "--output-dir", tmp_path / "out"],
        ["evaluate", "nano", "--chat", "--output", tmp_path / "out"],
        ["run", "--chat", "--heuristic-dirs", logs, "--output-dir", tmp_path / "out"],
    ):
        assert "nano: its tokenizer has no chat template" in refused(*arguments)
    assert not (tmp_path / "out").exists()


def test_full_folders_are_never_overwritten_by_themselves(
    dataset: Path, logs: Path, student: Path, results: list[Path], tmp_path: Path
) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.html").write_text("mine")
    for arguments in (
        ["dataset", "build", "--heuristic-dirs", logs, "--output", full],
        ["evaluate", "nano", "--games", 2, "--output", full],
        ["demo", "--quick", "--output", full],
        ["train", "--dataset", dataset, "--output-dir", student.parent],
        ["evaluate", "nano", "--games", 2, "--output", results[1]],
        ["report", *results, "--output", full / "mine.html"],
    ):
        assert "--overwrite" in refused(*arguments)
    assert (full / "mine.html").read_text() == "mine"
    assert (student / "adapter_model.safetensors").is_file()


def test_options_of_training_are_named_as_typed(dataset: Path, tmp_path: Path) -> None:
    def train(*options: object) -> str:
        return refused("train", "--dataset", dataset, "--output-dir", tmp_path / "out", *options)

    assert "Error: --epochs -1.0: input should be greater than 0" in train("--epochs", -1)
    assert "Error: --lora-dropout 2.0: input should be less than 1" in train("--lora-dropout", 2)
    assert "There is no training strategy named 'loar'. Did you mean lora?" in train("--training-strategy", "loar")
    assert "Error: 'lr' sets nothing: write KEY=VALUE" in train("--set", "lr")
    assert "'rank' could be lora.rank or qlora.rank" in train("--set", "rank=4")
    assert "hyperparameters.learning_rate = -1: input should be greater than 0" in train("--set", "lr=-1")
    settings = tmp_path / "settings.yaml"
    settings.write_text("lorra: {}\n")
    assert f"{settings}: " in train("--config", settings) and "Did you mean 'lora'?" in train("--config", settings)
    assert "settings.toml" in train("--config", tmp_path / "settings.toml")
    assert not (tmp_path / "out").exists()


def test_data_sets_models_and_results_that_are_none(student: Path, results: list[Path], tmp_path: Path) -> None:
    assert "is no data set" in refused("train", "--dataset", tmp_path, "--output-dir", tmp_path / "out")
    assert f"Name the student in it: {student}" in refused("evaluate", student.parent)
    assert "holds no config.json" in refused("evaluate", tmp_path)
    assert "manifest.json" in refused("compare", results[0], tmp_path)
    assert "at least two models" in refused("compare", results[0])
    assert "no metric named 'scoer'. Did you mean score?" in refused("compare", *results, "--metrics", "scoer")
    assert "no model named 'larva'" in refused("compare", *results, "--baseline", "larva")
    assert "holds no experiment" in refused("run", "--resume", tmp_path)
    assert "--heuristic-dirs is missing" in refused("run")
    assert "Leave out --set" in refused("run", "--resume", tmp_path, "--set", "lr=1")
    assert "no completion style named 'plna'. Did you mean plan?" in refused("evaluate", "nano", "--style", "plna")


def test_damaged_results_name_file_and_line(results: list[Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(results[0], broken)
    lines = (broken / "games.jsonl").read_text().splitlines()
    first = json.loads(lines[0])
    lines[0] = json.dumps({**first, "score": first["score"] + 1})
    (broken / "games.jsonl").write_text("\n".join(lines) + "\n")
    assert f"{broken / 'games.jsonl'}, line 1: " in refused("report", broken, "--output", tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_no_room_on_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    # A full disk can't be had in a test without rights of the system's owner; this is what the system says of one.
    monkeypatch.setattr("serpentune.common.files.tempfile.mkdtemp", full)
    assert "No room left on the disk" in refused(
        "generate", "--algorithms", "BFS", "--games", 2, "--grid-size", 4, "--output-dir", tmp_path / "runs"
    )


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a folder that may not be written to")
def test_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "can't be written" in refused("generate", "--algorithms", "BFS", "--output-dir", tmp_path / "runs")


def test_a_teacher_s_fault_is_told_to_who_wrote_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def strikes(_: State) -> Move:
        raise RuntimeError("the teacher is on strike")

    striker = teachers.Teacher("STRIKER", summary="Plays nothing.", guarantee="None.", function=strikes)
    monkeypatch.setitem(_registry._TEACHERS, striker.name, striker)  # known in this test only
    options = ["--algorithms", "STRIKER", "--games", 1, "--grid-size", 4, "--output-dir", tmp_path]
    said = refused("generate", *options)
    assert "STRIKER failed on a state (RuntimeError: the teacher is on strike" in said and "test_errors.py" in said


def test_fault_says_that_it_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def strikes(*_: object, **__: object) -> None:
        raise RuntimeError("the library is on strike")

    monkeypatch.setattr(logs, "generate_runs", strikes)
    arguments = ["generate", "--algorithms", "BFS", "--games", 1, "--grid-size", 4]
    plain = serpentune(*arguments)
    assert plain.code == 1 and plain.out == ""
    assert "RuntimeError: the library is on strike" in plain.err
    assert "run again with --debug" in plain.err and "Traceback" not in plain.err
    assert serpentune(*arguments, "--json").document["exit_code"] == 1
    assert "Traceback (most recent call last)" in serpentune(*arguments, "--debug").err


@pytest.mark.parametrize("place", [0, 1])
def test_debug_shows_the_traceback(place: int) -> None:
    arguments = ["generate", "--algorithms", "BSF"]
    arguments.insert(place and len(arguments), "--debug")
    result: Result = serpentune(*arguments)
    assert result.code == 2
    assert "Traceback (most recent call last)" in result.err and "Did you mean BFS?" in result.err
