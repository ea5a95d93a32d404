"""Performance profiles and what the snake's length does: the figures, and pages of models that never get anywhere."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from serpentune.evaluation.results import EvaluationResult
from serpentune.game import Move, State
from serpentune.report import write_report
from serpentune.report._bands import bands, bands_table, scores_reached, wins_from
from serpentune.report._lengths import describe
from serpentune.report._models import describe as described
from serpentune.statistics import wilson_interval
from tests.report.players import play

SCORES = np.array([0, 0, 2, 3, 3, 5], np.float64)
WON = SCORES == 5


def upwards(state: State, legal: np.ndarray, rng: np.random.Generator) -> int:
    """Into the wall ahead."""
    return int(Move.UP)


def test_a_profile_is_the_share_of_games_with_at_least_each_score() -> None:
    profile = scores_reached("model", 0, SCORES, 6)
    assert [share.part for share in profile.shares] == [int((score <= SCORES).sum()) for score in range(1, 7)]
    third = profile.at(3)
    interval = wilson_interval(3, 6).interval
    assert third is not None and interval is not None
    assert (third.value, third.low, third.high) == (0.5, interval.low, interval.high)
    assert profile.at(7) is None


def test_the_win_rate_from_a_length_on_is_of_the_games_that_reached_it() -> None:
    profile = wins_from("model", 0, SCORES, WON)
    assert [(share.part, share.whole) for share in profile.shares] == [(1, 6), (1, 4), (1, 4), (1, 3), (1, 1), (1, 1)]


def test_steps_are_drawn_level_and_once() -> None:
    (line,) = bands([scores_reached("model", 3, SCORES, 5)], "score", "games").lines
    # 4 of 6 games have a score of 1 or more and of 2 or more, then 3, then 1 and 1.
    assert line.line == "0,333 400,333 400,500 600,500 600,833 1000,833"
    assert line.band.split()[0] == "0,700" and line.colour == 3
    assert line.told.startswith("score 1: 66.7%, ") and line.told.endswith("score 5: 16.7%")


def test_the_table_says_the_same_with_intervals() -> None:
    table = bands_table([scores_reached("model", 0, SCORES, 5)], "Profiles", "{} or more")
    assert [column.head for column in table.columns] == [f"{score} or more" for score in range(1, 6)]
    assert table.rows[0].cells[2].text == "50.0%" and table.rows[0].cells[2].detail.endswith(" of 6")


def test_games_lost_at_a_length_add_up(results: list[EvaluationResult]) -> None:
    section = describe(described(results))
    assert section is not None and section["caveats"][0] == f"Without a won game: {results[0].name}, greedy."
    lost = section["tables"][0]
    for row, result in zip(lost.rows, results, strict=True):
        counts = [cell.detail.partition("\n")[0].split(" of ") for cell in row.cells if not cell.missing]
        assert sum(int(part) for part, _ in counts) == int((~result.wins).sum())
        assert counts[0][1] == str(len(result.games))
        for (part, reached), (_, later) in pairwise(counts):
            assert int(later) == int(reached) - int(part)
    assert lost.rows[2].cells[0].text == "0.0%"  # the one that fills the board


@pytest.mark.parametrize("games", [1, 5])
def test_models_without_a_win_or_an_apple_leave_no_empty_chart(tmp_path: Path, games: int) -> None:
    hungry = play(tmp_path / "all", "stuck", upwards, range(40))
    seeds = [game.record.seed or 0 for game in hungry.games if not game.record.score][:games]
    stuck = play(tmp_path / "stuck", "stuck", upwards, seeds)
    assert not stuck.scores.any() and len(stuck.games) == games
    text = write_report([stuck], tmp_path / "r.html", title="t")[0].read_text()
    assert "stuck won no game." in text and "Win rate from a length on" not in text
    assert "score 1: 0.0%" in text
    assert not re.search(r'points=""|d=""|\bnan\b|\bNone\b', text)
