"""Figures come from the raw files, whatever became of `play.json` and `states.json`, and without a model."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from serpentune.common.errors import UserError
from serpentune.common.files import write_json
from serpentune.evaluation import EvaluationResult, TeacherPlayer, play_games, play_metrics, recompute, states_of_games
from serpentune.evaluation.held_out import ask, write_answers
from serpentune.evaluation.language import MeasuredRecord, language_figures, save_lines
from serpentune.game import Limits
from serpentune.teachers import get
from tests.evaluation.players import Scripted
from tests.evaluation.test_judging import moody

MANIFEST: dict[str, Any] = {"name": "mine", "grid": [4, 4], "teacher": "BFS", "limits": Limits().as_dict()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A results folder as it was before there were figures in it."""
    write_json(tmp_path / "manifest.json", MANIFEST)
    games = play_games(Scripted(moody, name="mine"), range(15), 4, 4)
    (tmp_path / "games.jsonl").write_text("".join(game.to_json() + "\n" for game in games))
    write_answers(tmp_path, ask(TeacherPlayer("ASTAR"), states_of_games(["BFS", "CELL"], range(5), 4, 4, states=20)))
    return tmp_path


def figures(folder: Path, name: str = "play.json") -> Any:
    return json.loads((folder / name).read_text())["figures"]


def test_every_figure_is_computed_again_from_the_raw_files(folder: Path) -> None:
    result = recompute(folder)
    assert result.play == figures(folder) == play_metrics(result.games, get("BFS"))
    assert result.states == figures(folder, "states.json")
    assert result.states is not None and list(result.states) == ["BFS", "CELL"]
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert recompute(str(folder)).play == result.play
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert EvaluationResult.load(folder).stored_play == result.play


def test_missing_figures_are_computed_on_load_and_said_so(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        result = EvaluationResult.load(folder)
    assert f"there is no {folder / 'play.json'}" in caplog.text
    assert result.play == recompute(folder).play
    assert result.states == figures(folder, "states.json")


@pytest.mark.parametrize(
    "stale",
    [
        lambda folder: (folder / "games.jsonl").write_text(
            "".join((folder / "games.jsonl").read_text().splitlines(keepends=True)[1:])
        ),
        lambda folder: write_json(folder / "manifest.json", {**MANIFEST, "teacher": "CELL"}),
        lambda folder: write_json(folder / "manifest.json", {**MANIFEST, "limits": Limits(max_steps=9).as_dict()}),
        lambda folder: write_json(folder / "play.json", []),
        lambda folder: write_json(folder / "play.json", {"figures": {}, "made_of": {"format": 1}}),
        lambda folder: write_json(
            folder / "play.json", {**json.loads((folder / "play.json").read_text()), "figures": None}
        ),
    ],
    ids=["game gone", "another teacher", "other limits", "no figures", "no origin", "null"],
)
def test_stale_figures_are_computed_again_on_load(folder: Path, stale: Any, caplog: pytest.LogCaptureFixture) -> None:
    recompute(folder)
    stale(folder)
    result = EvaluationResult.load(folder)
    assert "play.json is not of the games" in caplog.text
    assert result.stored_play is None
    assert result.play == recompute(folder).play == figures(folder)


def test_stale_language_is_computed_again_on_load(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    records = [MeasuredRecord(f"Who {k}?", " U", " U" if k else " D", 4, tokens=2, nll=0.5, right=1) for k in range(4)]
    save_lines(folder / "language.jsonl", records)
    assert recompute(folder).language == figures(folder, "language.json") == language_figures(records)
    save_lines(folder / "language.jsonl", records[1:])
    result = EvaluationResult.load(folder)
    assert "language.json is not of the games and answers beside it" in caplog.text
    assert result.records == tuple(records[1:])
    assert result.language == language_figures(records[1:])
    assert result.language["exact_match"] == 1
    (folder / "language.jsonl").unlink()
    assert EvaluationResult.load(folder).language == language_figures(records)  # believed: the records are gone


def test_a_play_json_that_is_no_json_is_named_and_mended(folder: Path) -> None:
    (folder / "play.json").write_text("{")
    with pytest.raises(UserError, match=r"play\.json, line 1"):
        EvaluationResult.load(folder)
    assert recompute(folder).play == figures(folder)


def test_figures_by_a_teacher_that_is_not_here_are_believed(folder: Path) -> None:
    told = recompute(folder).play
    write_json(folder / "manifest.json", {**MANIFEST, "teacher": "ELSEWHERE"})
    document = json.loads((folder / "play.json").read_text())
    document["made_of"]["teachers"] = {"ELSEWHERE": "1234"}
    write_json(folder / "play.json", document)
    assert EvaluationResult.load(folder).play == told
    alone = recompute(folder).play
    assert alone["undefined"]["accuracy"] == "no teacher is registered under the name ELSEWHERE"
    assert alone["score_mean"] == told["score_mean"]


def test_a_folder_without_a_teacher_or_with_old_lines_still_loads(folder: Path) -> None:
    whole = recompute(folder).play
    old = [json.loads(line) for line in (folder / "games.jsonl").read_text().splitlines()]
    for line in old:
        for name in ("cut", "constrained", "replaced", "tokens"):
            del line[name]
        line |= {"agreed": 1, "asked": 2}
    (folder / "games.jsonl").write_text("".join(json.dumps(line) + "\n" for line in old))
    assert EvaluationResult.load(folder).play == whole
    for line in old:
        del line["dropped"]
    (folder / "games.jsonl").write_text("".join(json.dumps(line) + "\n" for line in old))
    assert EvaluationResult.load(folder).play["dropped_plans"] is None
    write_json(folder / "manifest.json", {"name": "mine", "grid": [4, 4]})
    result = EvaluationResult.load(folder)
    assert (result.agreement, result.play["teacher"]) == (None, None)


def test_a_folder_that_another_process_writes_to_is_refused(folder: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="is being written by an evaluation"):
            recompute(folder)
    finally:
        os.close(handle)
    assert not (folder / "play.json").exists()


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no results folder"):
        recompute(tmp_path)


def test_torch_is_not_needed(folder: Path) -> None:
    code = "import sys; from serpentune.evaluation import recompute; recompute(sys.argv[1])"
    code += "; assert 'torch' not in sys.modules"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code, str(folder)], env=environment, check=True)
    assert (folder / "play.json").exists() and (folder / "states.json").exists()
