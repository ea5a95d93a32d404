"""How alike models play, and places that are not separated."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from serpentune.common.errors import UserError
from serpentune.comparison import (
    ComparisonReport,
    MetricComparison,
    agreement,
    compare_all,
    rank_pairs,
    ranking_metric,
)
from serpentune.evaluation.games import GameResult
from serpentune.evaluation.results import EvaluationResult
from tests.comparison.players import cycle, greedy, hurried, play, save

Played = dict[str, list[GameResult]]


@pytest.fixture
def results(tmp_path: Path, played: Played) -> list[EvaluationResult]:
    return [save(tmp_path / name, name, games) for name, games in played.items()]


def test_moves_agree_up_to_the_first_that_differs(results: list[EvaluationResult]) -> None:
    found = agreement(results)
    assert found.names == ("greedy", "careless", "careless-2")
    agreed = states = alike = 0
    for first, second in zip(results[0].games, results[1].games, strict=True):
        for x, y in zip(first.record.moves, second.record.moves, strict=False):
            states += 1
            if x != y:
                break
            agreed += 1
        alike += first.record.moves == second.record.moves
    assert found.moves[0][1] == found.moves[1][0] == pytest.approx(agreed / states)
    assert found.states[0][1] == states
    assert found.games[0][1] == alike / 100
    assert [found.moves[k][k] for k in range(3)] == [found.games[k][k] for k in range(3)] == [1, 1, 1]
    assert found.states[0][0] == results[0].steps.sum()
    json.dumps(found.to_json(), allow_nan=False)


def test_without_a_common_game_nothing_is_known(results: list[EvaluationResult]) -> None:
    halves = [replace(results[0], games=results[0].games[:50]), replace(results[1], games=results[1].games[50:])]
    found = agreement(halves)
    assert (found.moves[0][1], found.states[0][1], found.games[0][1]) == (None, 0, None)


def test_what_can_not_be_held_together_is_refused(tmp_path: Path, results: list[EvaluationResult]) -> None:
    with pytest.raises(UserError, match="no results"):
        agreement([])
    with pytest.raises(UserError, match="Two results are named 'greedy'"):
        agreement([results[0], results[0]])
    with pytest.raises(UserError, match="is given twice"):
        agreement([tmp_path / "greedy", tmp_path / "careless" / ".." / "greedy"])
    small = save(tmp_path / "small", "small", play(cycle, range(1000, 1004), 4))
    with pytest.raises(UserError, match="differ in grid"):
        agreement([results[0], small])


@pytest.mark.slow
def test_a_place_says_from_whom_it_is_not_separated(results: list[EvaluationResult]) -> None:
    places = rank_pairs(compare_all(results, all_pairs=True))
    assert places[0].name == "greedy"
    assert places[0].not_separated == ()
    assert places[0].sentence.endswith("shown to differ from all others.")
    assert {place.name: place.not_separated for place in places[1:]} == {
        "careless": ("careless-2",),
        "careless-2": ("careless",),
    }
    assert places[1].sentence.endswith(f"not shown to differ from {places[2].name}.")
    same = rank_pairs(compare_all(results, all_pairs=True, margins={"score": 2}))
    assert same[1].same == (same[2].name,)
    assert same[1].sentence.endswith(f"the same as {same[2].name}.")
    assert [place.number for place in places] == [1, 2, 3]
    fatal = rank_pairs(compare_all(results, all_pairs=True, metrics=["fatal_per_1000_moves"]), "fatal_per_1000_moves")
    assert [place.figure for place in fatal] == sorted(place.figure for place in fatal)


def test_equal_players_have_one_place(tmp_path: Path, played: dict[str, list[GameResult]]) -> None:
    games = {"x": played["careless"], "y": played["greedy"], "z": played["greedy"]}
    places = rank_pairs(compare_all([save(tmp_path / name, name, own) for name, own in games.items()], all_pairs=True))
    assert [(place.name, place.number) for place in places] == [("y", 1), ("z", 1), ("x", 3)]
    assert places[0].sentence.endswith(", level with z.")
    assert places[2].sentence.endswith(", shown to differ from all others.")


def test_figures_of_other_games_for_every_pair_make_no_order(tmp_path: Path) -> None:
    """C takes fewer steps than both wherever both win; by the first figure of each, B would stand before it."""

    def report(a: str, b: str, mean_a: float, mean_b: float) -> ComparisonReport:
        row = MetricComparison("steps_to_win", False, 50, "a test", "better", "", mean_a, mean_b, mean_b - mean_a)
        return ComparisonReport(a, b, (row,), 50, 0, 0, 0.95, 3, 0, (), {})

    reports = {name: report(*name, *means) for name, means in (("AB", (30, 20)), ("AC", (50, 25)), ("BC", (40, 24)))}
    with pytest.raises(UserError, match="no order by steps_to_win: A has 30 beside B and 50 beside C"):
        rank_pairs(reports, "steps_to_win")
    assert ranking_metric(reports) is None
    players = {"cycle": cycle, "hurried": hurried, "greedy": greedy}
    results = [save(tmp_path / f"4{name}", name, play(player, range(80), 4)) for name, player in players.items()]
    played = compare_all(results, all_pairs=True, metrics=["steps_to_win", "score"])
    assert all(each.rows[0].n for each in played.values())
    assert ranking_metric(played) == "score"


@pytest.mark.slow
def test_a_ranking_needs_every_pair_and_a_direction(results: list[EvaluationResult]) -> None:
    with pytest.raises(UserError, match=r"are not compared\. A ranking needs every pair"):
        rank_pairs(compare_all(results))
    with pytest.raises(UserError, match="can't be ranked by steps"):
        rank_pairs(compare_all(results, all_pairs=True), "steps")
    with pytest.raises(UserError, match=r"no compared metric named 'scores'\. Did you mean score"):
        rank_pairs(compare_all(results, all_pairs=True), "scores")
    with pytest.raises(UserError, match="no comparisons to rank by"):
        rank_pairs({})
    with pytest.raises(UserError, match="there is no baseline"):
        compare_all(results, all_pairs=True, baseline="greedy")
