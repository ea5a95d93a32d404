"""One player that plays like several teachers: a row and a folder each, beside the teacher's own games."""

from __future__ import annotations

from pathlib import Path

import pytest

from serpentune.common.errors import UserError
from serpentune.datasets import get_encoding, get_style, prompts
from serpentune.evaluation import (
    EvaluationSettings,
    evaluate_imitation,
    model_contestant,
    open_contestant,
    results_folders,
)
from serpentune.game import random_states
from serpentune.models import LoadedModel
from tests.cli.calls import serpentune

FEW = EvaluationSettings(width=4, height=4, games=1)


def test_each_teacher_has_its_records_and_its_own_games(nano: LoadedModel, tmp_path: Path) -> None:
    grid, move = get_encoding("grid"), get_style("move")
    records = [
        {"prompt": prompt, "completion": " U", "game": "run/1"}
        for teacher, count in (("BFS", 4), ("CELL", 3), ("DFS", 2))
        for prompt in prompts(random_states(count, 4, 4, seed=count), teacher, grid, move)
    ]
    found = evaluate_imitation(
        model_contestant(nano, "mine"), tmp_path, FEW, ["bfs", "CELL"], measures=["play", "states"],
        test_records=records, quiet=True,
    )  # fmt: skip
    assert list(found) == ["mine-as-BFS", "BFS", "mine-as-CELL", "CELL"] == [each.name for each in found.values()]
    assert {path.name for path in tmp_path.iterdir()} == set(found)
    for teacher, count in (("BFS", 4), ("CELL", 3)):
        student, own = found[f"mine-as-{teacher}"], found[teacher]
        assert student.states is not None and {n: f["states"] for n, f in student.states.items()} == {teacher: count}
        assert student.manifest["teacher"] == own.manifest["teacher"] == teacher
        assert own.play["accuracy"] == 1 and own.seeds == student.seeds
    assert found["mine-as-BFS"].manifest["model_sha256"] == found["mine-as-CELL"].manifest["model_sha256"]


def test_a_name_with_a_slash_makes_a_folder_that_is_found(tmp_path: Path) -> None:
    found = evaluate_imitation(
        open_contestant("random", name="me/it"), tmp_path, FEW, ["BFS", "CELL"], measures="play", quiet=True
    )
    assert [found[place].name for place in ("me-it-as-BFS", "me-it-as-CELL")] == ["me/it-as-BFS", "me/it-as-CELL"]
    assert {path.name for path in results_folders(tmp_path)} == set(found)


@pytest.mark.parametrize("teachers", [["BFS"], [], ["BFS", "bfs"]])
def test_fewer_than_two_teachers_are_refused(tmp_path: Path, teachers: list[str]) -> None:
    with pytest.raises(UserError, match="at least two, each once"):
        evaluate_imitation(open_contestant("random"), tmp_path, FEW, teachers)


def test_several_teachers_are_typed_behind_each_other(tmp_path: Path) -> None:
    few = ["--games", 2, "--grid-size", 4]
    made = serpentune("evaluate", "random", "--teacher", "BFS", "CELL", *few, "--output", tmp_path / "r", "--json")
    assert made.code == 0, made.err
    rows = made.document["models"]
    assert [row["name"] for row in rows] == ["random-as-BFS", "BFS", "random-as-CELL", "CELL"]
    assert [row["teacher"] for row in rows] == ["BFS", "BFS", "CELL", "CELL"]
    assert all(Path(row["folder"]) == tmp_path / "r" / row["name"] for row in rows)
    compared = serpentune("compare", tmp_path / "r" / "CELL", tmp_path / "r" / "random-as-CELL", "--json")
    assert compared.code == 0, compared.err
    refused = serpentune("evaluate", "random", "--teacher", "BFS", "CELL", "--suite", "generalise", *few)
    assert refused.code == 2 and "Leave out --teacher" in refused.err
