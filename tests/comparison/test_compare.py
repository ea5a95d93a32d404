"""Head-to-heads of really played games: the figures, the verdicts in words, and which options are refused."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from serpentune.common.errors import UserError
from serpentune.comparison import ComparisonReport, MetricComparison, compare_all, compare_results
from serpentune.evaluation.games import GameResult
from serpentune.evaluation.results import EvaluationResult
from serpentune.game import Ending
from serpentune.statistics import paired_permutation, pairs_needed
from tests.comparison.players import cycle, greedy, hurried, play, save

Played = dict[str, list[GameResult]]


def _row(report: ComparisonReport, metric: str) -> MetricComparison:
    return next(row for row in report.rows if row.metric == metric)


def test_a_better_student_is_called_better_in_words(base: EvaluationResult, student: EvaluationResult) -> None:
    report = compare_results(base, student)
    row = _row(report, "score")
    differences = student.scores - base.scores
    assert row.difference == pytest.approx(differences.mean())
    assert (row.mean_a, row.mean_b) == (pytest.approx(base.scores.mean()), pytest.approx(student.scores.mean()))
    assert row.interval is not None
    assert row.interval.low < row.difference < row.interval.high
    assert row.effect is not None
    assert (row.effect.name, row.effect.value) == (
        "Cohen's d_z",
        pytest.approx(differences.mean() / differences.std(ddof=1)),
    )
    assert row.correlation == pytest.approx(np.corrcoef(base.scores, student.scores)[0, 1])
    # Two tests: the least p-value of 10,000 sign patterns, doubled by Holm.
    assert (row.n, row.p_value, row.p_adjusted, row.verdict) == (100, 0.0001, 0.0002, "better")
    assert report.tests == 2
    assert report.verdict.startswith("LoRA eats ")
    assert "more apples a game than the untuned base (95% interval " in report.verdict
    assert "p = 0.0002 after Holm's correction for 2 tests, 100 paired games)" in report.verdict
    assert report.verdict.endswith(
        "This is about these two players as they are; it is no claim about how they were made."
    )


def test_what_is_known_of_their_training_decides_what_a_verdict_is_about(tmp_path: Path, played: Played) -> None:
    """A teacher was never trained, so nothing is said of its training run."""
    teacher = save(tmp_path / "CELL", "CELL", played["greedy"])
    students = [
        save(tmp_path / name, name, played["careless"], training={"seed": seed, "strategy": name})
        for seed, name in enumerate(("lora", "full"))
    ]
    both = compare_results(*students, metrics=["score"])
    assert both.scope.startswith("This is about these two checkpoints, one training run each")
    assert both.to_json()["trained"] == ["lora", "full"]
    for mixed in (compare_results(students[0], teacher), compare_results(teacher, students[0])):
        assert mixed.trained == ("lora",)
        assert "about lora, the checkpoint of one training run, against CELL as it is" in mixed.scope
        assert "no claim about the method that trained lora" in mixed.scope


def test_the_other_way_round_it_is_worse_by_as_much(base: EvaluationResult, student: EvaluationResult) -> None:
    there, back = compare_results(base, student), compare_results(student, base)
    assert _row(back, "score").verdict == "worse"
    assert _row(back, "score").difference == pytest.approx(-(_row(there, "score").difference or 0))
    sentence = _row(back, "score").sentence
    assert sentence.startswith("the untuned base eats ")
    assert "fewer apples a game than LoRA (95% interval " in sentence
    assert "interval -" not in sentence


def test_the_p_value_is_that_of_the_paired_permutation_test(base: EvaluationResult, student: EvaluationResult) -> None:
    few = replace(base, games=base.games[:9]), replace(student, games=student.games[:9])
    expected = paired_permutation(few[0].scores, few[1].scores, np.random.default_rng(0)).p_value
    assert _row(compare_results(*few), "score").p_value == expected


def test_steps_are_described_and_never_judged(base: EvaluationResult, student: EvaluationResult) -> None:
    row = _row(compare_results(base, student), "steps")
    assert (row.higher_is_better, row.p_value, row.verdict) == (None, None, "descriptive")
    assert "by itself that is neither better nor worse" in row.sentence


def test_equally_weak_players_show_no_difference(tmp_path: Path, base: EvaluationResult, played: Played) -> None:
    other = save(tmp_path / "other", "other", played["careless-2"])
    row = _row(compare_results(base, other), "score")
    assert row.verdict == "no difference shown"
    assert "that doesn't show that they are equal" in row.sentence


def test_a_visible_but_unproven_difference_asks_for_a_number_of_games(tmp_path: Path, played: Played) -> None:
    """Twenty games against the same with two of them played better: a difference, and too few games to believe it."""
    careless = played["careless"][:20]
    mixed = [played["greedy"][k] if k < 2 else game for k, game in enumerate(careless)]
    row = _row(
        compare_results(save(tmp_path / "a", "a", careless), save(tmp_path / "b", "b", mixed), metrics=["score"]),
        "score",
    )
    assert row.games_needed is not None and row.effect is not None
    assert row.games_needed == pairs_needed(row.effect.value, power=0.8, alpha=0.05)
    assert row.verdict == f"not enough games: about {row.games_needed:,} needed in all"
    assert f"about {row.games_needed} games in all, on fresh seeds, would show a difference like this" in row.sentence
    assert "with 80% power (at level 0.05)" in row.sentence
    several = _row(compare_results(*(EvaluationResult.load(tmp_path / name) for name in "ab")), "score")
    assert several.games_needed is not None
    assert several.games_needed > row.games_needed
    assert "(at level 0.025, the strictest that Holm's correction asks for in 2 tests)" in several.sentence


@pytest.mark.slow
def test_the_number_of_games_asked_for_shows_the_difference_as_often_as_is_said(tmp_path: Path, played: Played) -> None:
    """On fresh games like those that were seen, and as many in all, not as many again beside the old ones."""
    a = save(tmp_path / "a", "a", played["careless"][:30])
    b = save(tmp_path / "b", "b", [*played["greedy"][:4], *played["careless-2"][4:30]])
    row = _row(compare_results(a, b, metrics=["score"]), "score")
    assert row.games_needed is not None
    rng, seen = np.random.default_rng(0), b.scores - a.scores
    nothing = np.zeros(row.games_needed)
    shown = [
        paired_permutation(nothing, rng.choice(seen, row.games_needed), rng, resamples=199).p_value or 0
        for _ in range(300)
    ]
    assert np.mean(np.array(shown) <= 0.05) == pytest.approx(0.8, abs=0.08)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_handful_of_games_is_never_a_verdict(tmp_path: Path, played: Played, count: int) -> None:
    a = save(tmp_path / "a", "a", played["careless"][:count])
    b = save(tmp_path / "b", "b", played["greedy"][:count])
    report = compare_results(a, b)
    # With two tests the least reachable p-value 2 / 2^n passes 0.025 from seven pairs on.
    assert (_row(report, "score").verdict, _row(report, "score").games_needed) == (
        "not enough games: at least 7 needed in all",
        7,
    )
    assert "fewer than 7 pairs" in report.verdict
    assert "so play at least 7 games in all, on fresh seeds" in report.verdict
    assert report.notes[0].startswith("1 game is paired" if count == 1 else f"{count} games are paired")
    assert "nan" not in json.dumps(report.to_json(), allow_nan=False).lower()


def test_games_that_both_win_are_what_steps_to_win_takes(tmp_path: Path) -> None:
    steady, quick = play(cycle, range(30), 4), play(hurried, range(30), 4)
    won = [k for k, game in enumerate(quick) if game.record.ending is Ending.WIN]
    mixed = [quick[k] if k in won[:3] else game for k, game in enumerate(steady)]
    for count, words in ((30, r"about \d+ games that both win in all"), (4, "at least 6 games that both win in all")):
        a, b = save(tmp_path / f"a{count}", "a", steady[:count]), save(tmp_path / f"b{count}", "b", mixed[:count])
        row = _row(compare_results(a, b, metrics=["steps_to_win"]), "steps_to_win")
        assert row.verdict.startswith("not enough games: ") and "that both win needed in all" in row.verdict
        assert re.search(words, row.sentence)


def test_wins_are_compared_by_the_games_that_only_one_won(tmp_path: Path) -> None:
    seeds = range(40)
    winner = save(tmp_path / "w", "cycle", play(cycle, seeds, 4))
    loser = save(tmp_path / "l", "greedy", play(greedy, seeds, 4))
    assert winner.wins.all()
    report = compare_results(loser, winner, metrics=["win", "steps_to_win"])
    row = _row(report, "win")
    assert row.verdict == "better"
    assert (row.mean_a, row.mean_b) == (pytest.approx(loser.wins.mean()), 1)
    assert f"cycle wins {100 * (1 - loser.wins.mean()):.0f}" in row.sentence
    assert "percentage points more of its games than greedy (95% interval" in row.sentence
    both = _row(report, "steps_to_win")
    assert both.n == loser.wins.sum()
    if both.n == 0:
        assert both.verdict == "no games"
    assert all(row.metric != "score" for row in report.rows)
    assert report.verdict.startswith("cycle wins")


def test_where_both_win_fewer_steps_are_better(tmp_path: Path) -> None:
    seeds = range(300)
    steady = save(tmp_path / "steady", "steady", play(cycle, seeds, 4))
    quick = save(tmp_path / "quick", "quick", play(hurried, seeds, 4))
    row = _row(compare_results(steady, quick, metrics=["steps_to_win"]), "steps_to_win")
    both = steady.wins & quick.wins
    assert row.n == both.sum() > 200
    assert row.difference == pytest.approx((quick.steps - steady.steps)[both].mean())
    assert (row.higher_is_better, row.verdict) == (False, "better")
    assert row.sentence.startswith("Where both win, quick takes ")
    assert "fewer steps than steady (95% interval" in row.sentence


def test_the_same_games_are_called_the_same_games(tmp_path: Path, base: EvaluationResult, played: Played) -> None:
    copy = save(tmp_path / "copy", "the untuned base", played["careless"])
    report = compare_results(base, copy)
    assert (report.a, report.b) == ("the untuned base (first)", "the untuned base (second)")
    assert report.identical == 100
    assert "played all 100 common games move for move alike" in report.verdict
    assert "Are they the same model?" in report.verdict
    assert {row.verdict for row in report.rows} == {"no difference shown", "descriptive"}
    assert report.summary_metrics["average_relative_improvement"] == 0


def test_one_model_under_two_names_is_found_out(tmp_path: Path, played: Played) -> None:
    """Also where its games differ, as sampled ones do."""
    a = save(tmp_path / "a", "a", played["careless"], model_sha256="5e")
    b = save(tmp_path / "b", "b", played["careless-2"], model_sha256="5e")
    assert any("one and the same model" in note for note in compare_results(a, b).notes)


def test_all_zeros_against_all_zeros_has_reasons_instead_of_nan(tmp_path: Path, played: Played) -> None:
    zero = [
        pair
        for pair in zip(played["careless"], played["careless-2"], strict=True)
        if not any(x.record.score for x in pair)
    ]
    assert any(x.record.moves != y.record.moves for x, y in zero)
    a, b = (save(tmp_path / name, name, games) for name, games in zip("ab", zip(*zero, strict=True), strict=True))
    report = compare_results(a, b)
    row = _row(report, "score")
    assert (row.mean_a, row.mean_b, row.difference, row.correlation) == (0, 0, 0, None)
    assert row.interval is not None
    assert row.interval.low < 0 < row.interval.high
    assert any("d_z" in note for note in row.notes)
    assert report.summary_metrics == {"average_relative_improvement": 0.0}
    json.dumps(report.to_json(), allow_nan=False)


@pytest.mark.parametrize(
    ("metrics", "level", "words"),
    [(["scroe"], 0.95, "Did you mean score"), ([], 0.95, "No metric"), (["score"], 95, "between 0.5 and 1")],
)
def test_bad_options_are_refused(
    base: EvaluationResult, student: EvaluationResult, metrics: Sequence[str], level: float, words: str
) -> None:
    with pytest.raises(UserError, match=words):
        compare_results(base, student, metrics=metrics, level=level)


def test_language_without_its_records_is_shown_and_not_compared(tmp_path: Path, played: Played) -> None:
    a = save(tmp_path / "a", "a", played["careless"], {"perplexity": 2.0, "bleu": 50.0, "rouge_l": None})
    b = save(tmp_path / "b", "b", played["greedy"], {"perplexity": 1.5, "bleu": 60, "rouge_l": 0.9})
    report = compare_results(a, b)
    assert [row.metric for row in report.rows] == ["score", "win", "steps", "perplexity", "bleu"]
    row = _row(report, "perplexity")
    assert (row.higher_is_better, row.mean_a, row.mean_b, row.verdict) == (False, 2, 1.5, "not tested")
    assert (row.difference, row.p_value) == (None, None)
    assert row.sentence == "Perplexity is 2 for a and 1.5 for b (lower is better); not tested: a has no language.jsonl."


def test_only_what_can_be_compared_is_averaged(tmp_path: Path, played: Played) -> None:
    a = save(tmp_path / "a", "a", played["careless"], {"perplexity": 2.0, "bleu": 50.0})
    b = save(tmp_path / "b", "b", played["greedy"], {"perplexity": 1.5, "bleu": 60})
    report = compare_results(a, b, metrics=["score", "win", "steps", "accuracy", "ms_per_move", "bleu"])
    changes = {
        name: 100 * ((row.mean_b or 0) / (row.mean_a or 0) - 1) * (1 if row.higher_is_better else -1)
        for name in ("score", "accuracy", "ms_per_move")
        if (row := _row(report, name))
    }
    average = report.summary_metrics.pop("average_relative_improvement")
    assert report.summary_metrics == {f"{name}_relative_improvement": pytest.approx(changes[name]) for name in changes}
    assert average == pytest.approx(np.mean(list(changes.values())))
    leaves = "The average relative improvement leaves out "
    assert report.summary_notes == (
        f"{leaves}bleu: a has no language.jsonl.",
        f"{leaves}perplexity: nobody asked for it.",
        f"{leaves}steps: neither direction is better.",
        f"{leaves}win: from 0 there is no relative change.",
    )
    assert not any("relative improvement" in note for note in report.notes)  # a reader of these sees no such figure
    steps = compare_results(a, b, metrics=["steps"])
    assert steps.summary_metrics == {"average_relative_improvement": None}


def test_language_that_is_no_number_is_refused(tmp_path: Path, played: Played) -> None:
    a = save(tmp_path / "a", "a", played["careless"], {"perplexity": float("nan")})
    b = save(tmp_path / "b", "b", played["greedy"], {"perplexity": 1.5})
    with pytest.raises(UserError, match=r"a: perplexity in language.json is nan"):
        compare_results(a, b)


def test_from_nothing_the_relative_improvement_follows_the_stated_convention(tmp_path: Path, played: Played) -> None:
    zero = [game for game in played["careless"] if game.record.score == 0]
    seeds = {game.record.seed for game in zero}
    a = save(tmp_path / "a", "a", zero)
    b = save(tmp_path / "b", "b", [game for game in played["greedy"] if game.record.seed in seeds])
    report = compare_results(a, b)
    assert report.summary_metrics == {"average_relative_improvement": 100.0}
    assert any("by convention" in note for note in report.summary_notes)


def test_holm_covers_the_whole_family(base: EvaluationResult, student: EvaluationResult) -> None:
    alone = compare_results(base, student)
    again = (replace(student, name=f"LoRA {k}") for k in (2, 3))
    family = list(compare_all([base, student, *again]).values())
    assert [report.tests for report in family] == [6, 6, 6]
    assert _row(alone, "score").p_adjusted == 0.0002
    assert _row(family[0], "score").p_adjusted == pytest.approx(0.0006)


def test_the_answer_follows_from_the_seed_and_not_from_the_other_metrics(
    base: EvaluationResult, student: EvaluationResult
) -> None:
    report = compare_results(base, student, seed=3)
    assert report == compare_results(base, student, seed=3)
    alone = compare_results(base, student, metrics=["score"], seed=3)
    assert _row(alone, "score").interval == _row(report, "score").interval


def test_differently_prompted_students_are_compared_and_said_to_be(
    tmp_path: Path, base: EvaluationResult, played: Played
) -> None:
    other = save(tmp_path / "plan", "plan", played["greedy"], style="plan")
    notes = " ".join(compare_results(base, other).notes)
    assert "different styles ('move' and 'plan')" in notes


def test_markdown_says_the_verdict_first_and_survives_hostile_names(
    tmp_path: Path, base: EvaluationResult, played: Played
) -> None:
    other = save(tmp_path / "x", "a|b\n# <script>", played["greedy"])
    page = compare_results(base, other).to_markdown()
    lines = page.splitlines()
    assert "eats" in lines[2]
    assert "<script>" not in page
    assert not any(line.startswith("# <") for line in lines)
    table = [line for line in lines if line.startswith("|")]
    assert len({line.replace("\\|", "").count("|") for line in table}) == 1
    assert "exact McNemar test" in page
    assert "paired permutation test (Monte Carlo" in page


def test_a_large_family_of_tests_can_still_show_something(base: EvaluationResult, student: EvaluationResult) -> None:
    """With 10,000 sign patterns the least p-value, 0.0001, would be 0.0012 after Holm's correction for 12 tests."""
    few = [replace(each, games=each.games[:30]) for each in (base, student)]
    again = (replace(few[1], name=f"LoRA {k}") for k in range(2, 13))
    report = compare_all([*few, *again], metrics=["score"], level=0.999)["the untuned base_vs_LoRA"]
    assert report.tests == 12
    assert report.rows[0].verdict == "better"


def test_a_level_asks_for_resamples_or_is_refused(base: EvaluationResult, student: EvaluationResult) -> None:
    row = compare_results(base, student, level=0.9999).rows[0]
    assert row.interval is not None
    assert row.verdict == "better"
    for level in (0.9999999, 1.0):
        with pytest.raises(UserError, match="confidence level"):
            compare_results(base, student, level=level)
