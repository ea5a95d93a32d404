from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import trim_mean

from serpentune.common.errors import UserError
from serpentune.evaluation import GameResult, play_games, play_metrics
from serpentune.evaluation.judging import judge
from serpentune.evaluation.metrics import limits_of
from serpentune.evaluation.play import Opening
from serpentune.game import Ending, Limits, State
from serpentune.statistics import clustered_share, wilson_interval
from serpentune.teachers import get
from serpentune.teachers import play as play_teacher
from tests.evaluation.players import Scripted, plan
from tests.evaluation.test_judging import moody

SEEDS = range(40)


@pytest.fixture(scope="module")
def games() -> list[GameResult]:
    """Some won, some lost, with unusable answers and fatal moves."""
    return [
        game
        for teacher, seeds in (("BFS", SEEDS[:20]), ("CELL", SEEDS[20:30]))
        for game in play_games(Scripted(plan(teacher)), seeds, 4, 4)
    ] + list(play_games(Scripted(moody), SEEDS[30:], 4, 4))


def test_figures_are_what_the_games_say(games: list[GameResult]) -> None:
    metrics = play_metrics(games, get("BFS"))
    json.dumps(metrics, allow_nan=False)
    records = [game.record for game in games]
    wins = sum(record.ending == Ending.WIN for record in records)
    assert (metrics["games"], metrics["wins"], metrics["win_rate"]) == (40, wins, wins / 40)
    wilson = wilson_interval(wins, 40).interval
    assert wilson is not None
    assert (metrics["win_rate_low"], metrics["win_rate_high"]) == (wilson.low, wilson.high)
    for name in ("score", "steps"):
        values = [getattr(record, name) for record in records]
        assert metrics[f"{name}_mean"] == pytest.approx(np.mean(values))
        assert metrics[f"{name}_median"] == np.median(values)
        assert metrics[f"{name}_iqm"] == pytest.approx(np.mean(sorted(values)[10:30])) == trim_mean(values, 0.25)
        for figure, method in (
            (f"{name}_mean", "bootstrap-t and t, the wider of both"),
            (f"{name}_iqm", "BCa bootstrap"),
        ):
            assert metrics[f"{figure}_low"] < metrics[figure] < metrics[f"{figure}_high"]
            assert metrics["methods"][figure] == method
    assert sum(metrics["endings"].values()) == 40
    assert metrics["invalid"] == {kind: sum(game.invalid.get(kind, 0) for game in games) for kind in metrics["invalid"]}
    assert metrics["answers"] == sum(game.answers for game in games)


def test_decisions_are_shares_with_intervals_over_whole_games(games: list[GameResult]) -> None:
    metrics = play_metrics(games, get("BFS"))
    ordered = sorted(games, key=lambda game: game.record.seed or 0)
    judged = judge(ordered, get("BFS"))
    exact, decisions = judged.exact.sum(axis=1), judged.decisions.sum(axis=1)
    found = clustered_share(exact, decisions, np.random.default_rng(0))
    assert found.interval is not None
    assert metrics["accuracy"] == exact.sum() / decisions.sum()
    assert (metrics["accuracy_low"], metrics["accuracy_high"]) == (found.interval.low, found.interval.high)
    assert metrics["accuracy"] < metrics["accuracy_equal"] == judged.equal.sum() / decisions.sum()
    assert metrics["legal_rate"] == judged.legal.sum() / judged.answers.sum() < 1
    assert metrics["fatal_per_1000_moves"] == pytest.approx(1000 * judged.fatal.sum() / judged.moves.sum())
    assert 0 < metrics["fatal_per_1000_moves_low"] < metrics["fatal_per_1000_moves"]
    for figure in ("decisions", "moves", "fatal_moves"):
        assert sum(row[figure] for row in metrics["by_length"]) == metrics[figure]
    assert [(row["length_from"], row["length_to"]) for row in metrics["by_length"]] == [(1, 5), (6, 10), (11, 20)]


def test_a_win_after_a_dropped_plan_is_none_as_written() -> None:
    def hasty(state: State) -> str:
        return "U U U U" if state.direction is None else plan("CELL")(state)

    played = list(play_games(Scripted(hasty), SEEDS, 4, 4))
    metrics = play_metrics(played, get("CELL"))
    kept = sum(not game.dropped for game in played)
    assert metrics["wins"] == 40 and 0 < kept < 40
    assert (metrics["dropped_plans"], metrics["wins_as_written"]) == (40 - kept, kept)
    wilson = wilson_interval(kept, 40).interval
    assert wilson is not None and metrics["win_rate_as_written_low"] == wilson.low
    old = play_metrics([*played[1:], replace(played[0], dropped=None)], None)
    assert (old["dropped_plans"], old["wins_as_written"], old["win_rate_as_written"]) == (None, None, None)
    assert old["undefined"]["win_rate_as_written"] == "games of before dropped plans were counted"


def test_the_order_of_the_games_changes_nothing(games: list[GameResult]) -> None:
    assert play_metrics(games[::-1], get("BFS")) == play_metrics(games, get("BFS"))


def test_steps_are_held_against_the_teacher_s_where_both_won(games: list[GameResult]) -> None:
    metrics = play_metrics(games, get("BFS"))
    others = {record.seed: record for record in play_teacher(get("BFS"), SEEDS, 4, 4)}
    ratios = [
        game.record.steps / others[game.record.seed].steps
        for game in games
        if game.record.ending == others[game.record.seed].ending == Ending.WIN
    ]
    assert 0 < metrics["steps_ratio_games"] == len(ratios) < metrics["wins"]
    assert metrics["steps_ratio"] == pytest.approx(np.mean(ratios))
    # So few games have no interval, and the figures say why.
    assert len(ratios) < 6 and metrics["steps_ratio_low"] is None


def test_the_teacher_plays_by_the_limits_of_the_games(games: list[GameResult]) -> None:
    metrics = play_metrics(games, get("CELL"), limits=Limits(max_steps=3))
    assert (metrics["steps_ratio"], metrics["steps_ratio_games"]) == (None, 0)
    assert metrics["undefined"]["steps_ratio"] == "CELL won none of the games that the player won"


def named_reasons(metrics: dict[str, object], names: Sequence[str]) -> None:
    undefined = metrics["undefined"]
    assert isinstance(undefined, dict)
    assert {name for name, value in metrics.items() if value is None} - {"teacher"} == set(undefined)
    assert set(names) <= set(undefined)


def test_what_cannot_be_computed_is_none_with_a_reason(games: list[GameResult]) -> None:
    alone = play_metrics(games, None)
    named_reasons(alone, ["accuracy", "accuracy_equal", "steps_ratio"])
    assert (alone["teacher"], alone["decisions"]) == (None, 0)
    assert alone["undefined"]["accuracy"] == "no teacher is named whose moves are the right ones"
    assert alone["fatal_moves"] > 0 and 0 < alone["legal_rate"] < 1

    silent = play_metrics(list(play_games(Scripted(lambda _: ""), range(3), 4, 4)), get("BFS"))
    named_reasons(silent, ["fatal_per_1000_moves", "steps_ratio", "steps_mean_low", "score_iqm_low"])
    assert silent["accuracy"] == silent["legal_rate"] == 0
    assert silent["undefined"]["fatal_per_1000_moves"] == "no move of the player moved the snake"
    assert silent["undefined"]["steps_ratio"] == "the player won no game"
    assert (
        silent["methods"]["score_mean"] == "exact binomial limit of how many values are unlike the usual one (0 of 3)"
    )

    begun = list(play_games(Scripted(plan("CELL")), range(4), 4, 4, opening=Opening.parse("HAMILTONIAN 5")))
    assert play_metrics(begun, get("CELL"))["undefined"]["steps_ratio"] == "the games begin with an opening"

    (one,) = play_games(Scripted(plan("CELL")), [3], 4, 4)
    named_reasons(play_metrics([one], get("CELL")), ["steps_mean_low", "accuracy_low", "steps_ratio_low"])


@pytest.mark.parametrize("limits", [[], {"max_steps": "many"}, {"max_moves": 3}, {"max_steps": None}])
def test_limits_that_are_none_are_refused(limits: object) -> None:
    with pytest.raises(UserError, match="limits are none of the rules"):
        limits_of({"limits": limits})


def test_the_limits_of_a_manifest_come_back() -> None:
    limits = Limits(max_steps=7, max_consecutive_empty_moves=2)
    assert limits_of({"limits": limits.as_dict()}) == limits
    assert limits_of({}) == Limits()
