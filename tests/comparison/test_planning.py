"""Plans: what is given, what is measured on earlier results, what is refused, and the command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from serpentune.common.errors import UserError
from serpentune.comparison import Plan, plan_comparison
from serpentune.evaluation.games import GameResult
from serpentune.evaluation.results import EvaluationResult
from serpentune.statistics import pairing_correlation
from tests.cli.calls import serpentune
from tests.comparison.players import save


@pytest.fixture
def results(tmp_path: Path, played: dict[str, list[GameResult]]) -> list[EvaluationResult]:
    return [save(tmp_path / name, name, played[name]) for name in ("careless", "careless-2", "greedy")]


def test_without_results_the_correlation_is_not_made_up() -> None:
    plan = plan_comparison("win_rate", baseline=0.88, detect=0.03)
    assert plan.games == 1641
    assert plan.correlation == 0
    assert any("--correlation" in note for note in plan.notes)
    given = plan_comparison("win_rate", baseline=0.88, detect=0.03, correlation=0.5)
    assert given.games < 0.6 * plan.games
    assert plan_comparison("win_rate", baseline=0.6, detect=0.05, paired=False).games == 1471


def test_what_is_not_given_is_measured(results: list[EvaluationResult]) -> None:
    plan = plan_comparison("score", detect=3, results=results[::2])
    assert plan.baseline == results[0].scores.mean()
    assert plan.expected == plan.baseline + 3
    assert plan.deviation == results[0].scores.std(ddof=1)
    assert plan.correlation == pairing_correlation(results[0].scores, results[2].scores).estimate
    assert plan.correlation_from == "measured"


def test_games_of_earlier_results_confirm_the_plan(results: list[EvaluationResult]) -> None:
    plan = plan_comparison("score", detect=3, results=results[:1])
    assert plan.simulated is not None
    assert plan.simulated.interval.low <= 0.8 <= plan.simulated.interval.high
    assert "None" not in plan.sentence and f"{plan.games:,} games" in plan.sentence


def test_training_seeds_are_planned_from_students_of_one_method(
    tmp_path: Path, played: dict[str, list[GameResult]]
) -> None:
    students = [
        save(tmp_path / str(seed), f"lora,seed={seed}", played[name], training={"seed": seed, "strategy": "lora"})
        for seed, name in enumerate(("careless", "careless-2", "greedy"))
    ]
    plan = plan_comparison("score", detect=6, results=students, paired=False)
    means = [student.scores.mean() for student in students]
    assert plan.seed_deviation == pytest.approx(np.std(means, ddof=1))
    assert plan.seeds is not None and f"train {plan.seeds} seeds" in plan.notes[-1]
    assert plan_comparison("score", detect=6, results=students[:1], paired=False).seeds is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"baseline": 0.98, "detect": 0.03}, "Nobody can win 101%"),
        ({"baseline": 88, "detect": 3}, "between 0 and 1"),
        ({"baseline": 0.5, "detect": -0.1}, "above 0"),
        ({"baseline": 0.5, "detect": 0}, "above 0"),
        ({"detect": 0.1}, "Give --baseline"),
        ({"baseline": 0.5, "detect": 0.4, "correlation": 0.9}, "can't have a correlation"),
        ({"baseline": 0.5, "detect": 0.1, "correlation": 0.2, "paired": False}, "--unpaired"),
        ({"baseline": 0.5, "detect": 0.1, "power": 1}, "The power is 1"),
        ({"baseline": 0.5, "detect": 0.1, "level": 95}, "The confidence level is 95"),
        ({"baseline": 0.5, "detect": 0.1, "deviation": 1}, "Leave out --deviation"),
        ({"metric": "score", "detect": 1}, "Give --deviation"),
        ({"metric": "score", "detect": 1, "deviation": -1}, "lies above 0"),
        ({"metric": "score", "detect": 0.001, "deviation": 9}, "Ask for a larger one"),
        ({"metric": "scroe", "detect": 1}, "Did you mean score"),
    ],
)
def test_what_does_not_fit_together_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        plan_comparison(**{"metric": "win_rate", **arguments})  # type: ignore[arg-type]


def test_a_score_above_the_board_is_refused(results: list[EvaluationResult]) -> None:
    with pytest.raises(UserError, match="on this board it lies between 0 and 24"):
        plan_comparison("score", detect=24, results=results[:1])


def test_nothing_is_planned_on_steps_of_games_that_nobody_won(results: list[EvaluationResult]) -> None:
    with pytest.raises(UserError, match="won no game"):
        plan_comparison("steps_to_win", detect=5, results=results[:1])


def test_the_command_says_what_the_library_says() -> None:
    options = ("plan", "--metric", "win_rate", "--baseline", 0.88, "--detect", 0.03, "--power", 0.9, "--paired")
    plan: Plan = plan_comparison("win_rate", baseline=0.88, detect=0.03, power=0.9)
    assert serpentune(*options, "--json").document == {**plan.to_json(), "notes": list(plan.notes)}
    printed = serpentune(*options)
    assert printed.code == 0 and f"{plan.games:,} games" in " ".join(printed.out.split())
    refused = serpentune("plan", "--baseline", 0.98, "--detect", 0.03)
    assert refused.code == 2 and "Nobody can win 101%" in refused.err
