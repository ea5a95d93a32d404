"""Students are asked as they were taught, where nobody says otherwise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from serpentune.common.errors import UserError
from serpentune.evaluation import EvaluationSettings
from serpentune.models import STUDENT


def student(folder: Path, **data: list[str]) -> Path:
    folder.mkdir()
    (folder / STUDENT).write_text(json.dumps({"training": {"data": data}}))
    return folder


def test_what_all_students_were_taught_alike_is_taken(tmp_path: Path) -> None:
    usual = EvaluationSettings(games=7, width=10, height=10)
    one = student(tmp_path / "one", teacher=["DFS"], style=["move"], encoding=["coordinates"], board=["8x6"])
    asked = usual.as_taught(one)
    assert (asked.teacher, asked.style, asked.encoding) == ("DFS", "move", "coordinates")
    assert (asked.width, asked.height, asked.games) == (8, 6, 7)
    both = student(tmp_path / "both", teacher=["BFS", "DFS"], board=["8x6"])
    assert usual.as_taught(both) == EvaluationSettings(games=7, width=8, height=6)
    assert usual.as_taught(one, both, "nano", "CELL").teacher == usual.teacher
    assert usual.as_taught(one, both).width == 8
    assert usual.as_taught("nano", "CELL", "random", tmp_path) == usual == usual.as_taught()


def test_damaged_notes_are_named(tmp_path: Path) -> None:
    (tmp_path / STUDENT).write_text("{")
    with pytest.raises(UserError, match=STUDENT):
        EvaluationSettings().as_taught(tmp_path)
