"""Plans: what is given, what is measured on earlier results, what is refused, and the command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serpentune.common.errors import UserError
from serpentune.comparison import Plan, plan_comparison
from serpentune.comparison._simulation import Population, simulate
from serpentune.evaluation.games import GameResult
from serpentune.evaluation.results import EvaluationResult
from serpentune.statistics import pairing_correlation
from tests.cli.calls import serpentune
from tests.comparison.players import cycle, greedy, play, save


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


def test_a_plan_leads_with_what_its_simulation_found(tmp_path: Path) -> None:
    """A spread that is given too small is one that theory believes."""
    perfect = save(tmp_path / "perfect", "perfect", play(cycle, range(40), 4))
    weak = save(tmp_path / "weak", "weak", play(greedy, range(40), 4))
    plan = plan_comparison("score", detect=2, deviation=1, results=[weak, perfect])
    assert plan.simulated is not None
    assert plan.simulated.power_of_theory < 0.5
    assert plan.simulated.power >= 0.8
    assert plan.games == plan.simulated.games == plan.to_json()["games"]
    assert plan.games > 2 * plan.games_by_theory
    assert f"each model plays {plan.games:,} games" in plan.sentence
    assert f"theory asks for {plan.games_by_theory:,}" in plan.sentence
    assert "None" not in plan.sentence
    # The one side is constant, and more results of these two would not help.
    assert plan.correlation_from == "not known, so 0"
    assert any("since every common game has the same value for perfect:" in note for note in plan.notes)
    assert not any("Give --correlation, or --results" in note for note in plan.notes)


def test_a_plan_shows_the_difference_that_it_is_for() -> None:
    assert "(0.825 against 0.875)" in plan_comparison("win_rate", baseline=0.825, detect=0.05).sentence
    assert "(0.88 against 0.91)" in plan_comparison("win_rate", baseline=0.88, detect=0.03).sentence
    assert "(1,234 against 1,274)" in plan_comparison("score", baseline=1234, detect=40, deviation=90).sentence


def test_training_seeds_are_planned_from_students_of_one_method(
    tmp_path: Path, played: dict[str, list[GameResult]]
) -> None:
    students = [
        save(tmp_path / str(seed), f"lora,seed={seed}", played[name], training={"seed": seed, "strategy": "lora"})
        for seed, name in enumerate(("careless", "careless-2", "greedy"))
    ]
    plan = plan_comparison("score", detect=6, results=students, paired=False)
    means = [student.scores.mean() for student in students]
    assert plan.baseline == pytest.approx(np.mean(means))
    assert plan.deviation == pytest.approx(np.sqrt(np.mean([student.scores.var(ddof=1) for student in students])))
    assert any("measured on lora (3 students)" in note for note in plan.notes)
    assert plan.seed_deviation == pytest.approx(np.std(means, ddof=1))
    assert plan.seeds is not None and f"train {plan.seeds} seeds" in plan.notes[-1]
    assert plan_comparison("score", detect=6, results=students[:1], paired=False).seeds is None


def test_a_sweep_with_its_untuned_model_is_no_base_for_a_plan(
    tmp_path: Path, played: dict[str, list[GameResult]]
) -> None:
    """The untuned model comes first in a sweep, and a plan that starts from its wins is none of the students'."""
    given = [save(tmp_path / "untuned", "untuned", played["careless"])]
    for method in ("lora", "full"):
        given += [
            save(tmp_path / f"{method}{k}", f"{method},seed={k}", played[name], training={"seed": k, "rank": method})
            for k, name in enumerate(("greedy", "careless-2"))
        ]
    with pytest.raises(UserError, match=r"5 results, of untuned, lora \(2 students\), full \(2 students\)"):
        plan_comparison("score", detect=3, results=given)
    with pytest.raises(UserError, match="3 results, of untuned"):
        plan_comparison("score", detect=3, results=given[:3])
    plan = plan_comparison("score", detect=3, results=given[1:], paired=False)
    (told,) = (note for note in plan.notes if note.startswith("What isn't given was measured on lora (2 students)"))
    assert told.endswith("and how much training seeds differ on lora (2 students) and full (2 students).")
    assert "how games go together" not in told
    assert plan_comparison("score", detect=3, results=given[:2], paired=False).baseline == given[0].scores.mean()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "What isn't given was measured on careless, and how games go together on it and greedy."),
        ({"correlation": 0.3}, "What isn't given was measured on careless."),
        ({"paired": False}, "What isn't given was measured on careless."),
    ],
)
def test_only_what_was_measured_is_said_to_be(
    results: list[EvaluationResult], options: dict[str, Any], told: str
) -> None:
    assert told in plan_comparison("score", detect=6, results=results[::2], **options).notes


def test_simulated_games_have_the_means_and_the_correlation_of_the_plan() -> None:
    rng = np.random.default_rng(0)
    scores, wins = rng.integers(0, 36, 200).astype(float), (rng.random(200) < 0.7).astype(float)
    for values, means, bounds, correlation in (
        (scores, (scores.mean(), scores.mean() + 2), (0.0, 35.0), 0.8),
        (scores, (20.0, 15.0), (0.0, 35.0), -0.3),
        (scores, (20.0, 21.0), None, 0.999),
        (wins, (0.6, 0.8), (0.0, 1.0), 0.4),
        (wins, (0.6, 0.8), (0.0, 1.0), 0.0),
    ):
        population = Population(values, values, means, bounds, correlation)
        assert population.possible == correlation
        a, b = population.draw(200_000, rng)
        assert (a.mean(), b.mean()) == (pytest.approx(means[0], rel=0.01), pytest.approx(means[1], rel=0.01))
        assert np.corrcoef(a, b)[0, 1] == pytest.approx(correlation, abs=0.01)
        if bounds is not None:
            assert set(a) | set(b) <= {*values, *bounds}


def test_a_correlation_that_can_not_be_is_said_not_to_be_simulated(results: list[EvaluationResult]) -> None:
    plan = plan_comparison("score", detect=8, correlation=0.99, results=results[:1])
    assert any("can't have a correlation of 0.99 once their means differ" in note for note in plan.notes)


@pytest.mark.slow
def test_a_given_correlation_is_simulated(results: list[EvaluationResult]) -> None:
    apart, together = (plan_comparison("score", detect=2, correlation=r, results=results[:1]) for r in (0, 0.7))
    assert apart.simulated is not None and together.simulated is not None
    assert together.simulated.games < 0.6 * apart.simulated.games


def test_a_strict_level_is_simulated_with_patterns_enough() -> None:
    """With as few as a level of 0.95 takes, no number of games could show anything."""
    scores = np.arange(25.0)
    population = Population(scores, scores, (12.0, 22.0), (0.0, 24.0), 0.0)
    rng = np.random.default_rng(0)
    assert simulate(population, 25, rng, power=0.8, level=0.998, binary=False).power_of_theory > 0.5


def test_a_simulation_says_that_no_number_of_games_met_the_power() -> None:
    wins = np.arange(100) % 2 * 1.0
    population = Population(wins, wins, (0.5, 0.505), (0.0, 1.0), 0.0)
    found = simulate(population, 100, np.random.default_rng(0), power=0.8, level=0.95, binary=True)
    assert found.power < 0.8
    assert found.games == 5_000


@pytest.mark.slow
def test_more_games_than_are_needed_are_an_answer() -> None:
    """Steps down from far too many may end below the power; what met it before is not forgotten then."""
    wins = np.arange(100) % 2 * 1.0
    population = Population(wins, wins, (0.5, 0.6), (0.0, 1.0), 0.8)
    found = simulate(population, 3_000, np.random.default_rng(0), power=0.8, level=0.95, binary=True)
    assert found.power_of_theory == 1
    assert found.games < 300
    assert found.power >= 0.8


@pytest.mark.slow
def test_a_number_of_games_that_never_met_the_power_is_no_answer(results: list[EvaluationResult]) -> None:
    """A spread that is given far too small asks for far too few games."""
    plan = plan_comparison("score", detect=0.05, deviation=0.1, results=results[:1])
    assert (plan.simulated, plan.games) == (None, None)
    assert "it isn't known how many games" in plan.sentence
    assert any("the plan doesn't hold" in note and "5,000 in" in note for note in plan.notes)


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
