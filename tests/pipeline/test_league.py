"""The league of teachers: its rows are what the games say."""

from __future__ import annotations

from statistics import fmean

import pytest

from serpentune import teachers
from serpentune.common.errors import UserError
from serpentune.game import Ending
from serpentune.pipeline import play_league


def test_a_row_is_what_the_games_of_these_seeds_say() -> None:
    counted: list[int] = []
    rows = play_league(["bfs-safe-greedy", "CELL", "Cell"], 40, 6, 6, seed=7, progress=counted.append)
    assert [row.teacher for row in rows] == ["BFS-SAFE-GREEDY", "CELL"]
    assert sum(counted) == 80
    for row in rows:
        games = list(teachers.play(teachers.get(row.teacher), range(7, 47), 6, 6))
        won = [game.steps for game in games if game.ending == Ending.WIN]
        assert (row.grid, row.games, row.wins) == ("6x6", 40, len(won))
        assert row.score_mean == fmean(game.score for game in games)
        assert row.steps_to_win_mean == fmean(won)
        assert sum(row.endings.values()) == 40 and row.endings["WIN"] == len(won)
        assert row.win_rate_low < row.wins / 40 <= row.win_rate_high <= 1
        assert row.moves_per_second > 0
    assert rows[0].wins < 40 == rows[1].wins


def test_a_teacher_that_never_wins_has_no_steps_to_win() -> None:
    (row,) = play_league(["BFS"], 20, 10, 10)
    assert (row.wins, row.steps_to_win_mean, row.win_rate_low) == (0, None, 0.0)
    assert row.win_rate_high > 0.1


def test_all_teachers_play_unless_some_are_named() -> None:
    assert tuple(row.teacher for row in play_league(None, 1, 4, 5)) == teachers.names()


@pytest.mark.parametrize(
    ("names", "games", "width", "message"),
    [(["CELLL"], 1, 6, "Did you mean CELL"), ([], 1, 6, "No teacher"), (None, 0, 6, "at least 1"), (None, 1, 3, "3x6")],
)
def test_bad_input_is_refused(names: list[str] | None, games: int, width: int, message: str) -> None:
    with pytest.raises(UserError, match=message):
        play_league(names, games, width, 6)
