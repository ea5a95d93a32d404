from __future__ import annotations

import re
from pathlib import Path

import pytest

from serpentune.common.errors import UserError
from serpentune.evaluation import EvaluationSettings, arena, evaluate_arena, open_contestant, own_apples
from serpentune.evaluation.play import DoesNotFit
from serpentune.game import Ending, Limits


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


def test_a_board_that_does_not_fit_is_left_out_and_nothing_is_left_of_it(
    llama: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(DoesNotFit, match=r"prompt of this board has (\d+)") as refused:
        open_contestant(str(llama)).check(EvaluationSettings(width=10, height=10, max_new_tokens=256))
    prompt = int(re.findall(r"board has (\d+)", str(refused.value))[0])
    settings = EvaluationSettings(width=8, height=8, games=1, max_new_tokens=257 - prompt, limits=Limits(max_steps=1))
    results = evaluate_arena(open_contestant(str(llama)), tmp_path, settings, quiet=True)
    assert "home" in results and "board-10x10" not in results
    assert "board-10x10 is left out" in caplog.text and not (tmp_path / "board-10x10").exists()
