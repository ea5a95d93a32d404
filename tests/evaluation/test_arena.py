from __future__ import annotations

from pathlib import Path

import pytest

from serpentune.common.errors import UserError
from serpentune.evaluation import EvaluationSettings, arena, evaluate_arena, open_contestant, own_apples
from serpentune.game import Ending


def test_the_rows_are_other_boards_lengths_and_states() -> None:
    rows = arena(EvaluationSettings(width=6, height=6, games=9))
    assert list(rows) == [
        "home", "board-5x5", "board-4x9", "board-9x4", "board-7x7", "board-8x8",
        "length-9", "length-18", "length-27", "after-DFS",
    ]  # fmt: skip
    assert {row.games for row in rows.values()} == {9}
    small = arena(EvaluationSettings(width=4, height=4))
    assert "board-3x3" not in small and "board-5x5" in small
    assert all(min(row.width, row.height) >= 4 for row in small.values())
    with pytest.raises(UserError, match="openings of its own"):
        arena(EvaluationSettings(opening="BFS 4"))


def test_a_teacher_in_the_arena(tmp_path: Path) -> None:
    settings = EvaluationSettings(width=4, height=4, games=6)
    results = evaluate_arena(open_contestant("hamiltonian"), tmp_path, settings, quiet=True)
    assert set(results) == set(arena(settings))
    assert {path.name for path in tmp_path.iterdir()} == set(results)
    for name, result in results.items():
        wins = {game.record.ending for game in result.games} == {Ending.WIN}
        assert wins or name == "after-DFS"
    assert own_apples(results["home"]) == 15
    assert own_apples(results["length-12"]) == 4
    again = evaluate_arena(open_contestant("hamiltonian"), tmp_path, settings, quiet=True)
    assert again["length-8"].games == results["length-8"].games
