"""Margins: what is shown to be too small to matter, and that nobody is called the same without one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serpentune.common.errors import UserError
from serpentune.comparison import ComparisonReport, MetricComparison, compare_all, compare_results
from serpentune.evaluation.games import GameResult
from serpentune.evaluation.results import EvaluationResult
from serpentune.statistics import equivalence, holm
from tests.comparison.players import cycle, hurried, play, save

Played = dict[str, list[GameResult]]


def _row(report: ComparisonReport, metric: str) -> MetricComparison:
    return next(row for row in report.rows if row.metric == metric)


@pytest.fixture
def alike(tmp_path: Path, played: Played) -> tuple[EvaluationResult, EvaluationResult]:
    """Two equally weak players."""
    return save(tmp_path / "a", "a", played["careless"]), save(tmp_path / "b", "b", played["careless-2"])


def test_what_lies_within_the_margin_is_called_the_same(alike: tuple[EvaluationResult, EvaluationResult]) -> None:
    report = compare_results(*alike, margins={"score": 2, "win": 0.1})
    row, won = _row(report, "score"), _row(report, "win")
    a, b = alike
    assert won.p_same == equivalence(a.wins, b.wins, np.random.default_rng(0), margin=0.1).p_value
    assert row.p_same is not None
    assert row.p_same < 0.05
    assert (row.p_same_adjusted, won.p_same_adjusted) == holm((row.p_same, won.p_same))
    assert (row.verdict, won.verdict, row.margin, won.margin) == ("the same", "the same", 2, 0.1)
    assert row.sentence.startswith("b and a are the same in apples a game (difference ")
    assert "shown to be smaller than the margin of 2 (p " in row.sentence
    assert "the margin of 10 percentage points (p " in won.sentence
    assert (report.tests, report.margin_tests) == (2, 2)
    assert any("a family of its own with its own correction (2 tests)" in note for note in report.notes)
    assert _row(report, "steps").margin is None
    json.dumps(report.to_json(), allow_nan=False)


def test_without_a_margin_nobody_is_the_same(alike: tuple[EvaluationResult, EvaluationResult]) -> None:
    report = compare_results(*alike)
    assert {row.verdict for row in report.rows} == {"no difference shown", "descriptive"}
    assert (_row(report, "score").p_same, report.margin_tests) == (None, 0)


def test_a_margin_that_is_too_small_shows_neither(alike: tuple[EvaluationResult, EvaluationResult]) -> None:
    row = _row(compare_results(*alike, margins={"score": 0.01}), "score")
    assert row.verdict == "no difference shown"
    assert "nor is it shown to be smaller than the margin of 0.01 (p = " in row.sentence


def test_a_real_difference_may_be_too_small_to_matter(tmp_path: Path) -> None:
    seeds = range(300)
    steady = save(tmp_path / "steady", "steady", play(cycle, seeds, 4))
    quick = save(tmp_path / "quick", "quick", play(hurried, seeds, 4))
    row = compare_results(steady, quick, metrics=["steps_to_win"], margins={"steps_to_win": 20}).rows[0]
    assert row.verdict == "better, within the margin"
    assert row.sentence.startswith("Where both win, quick takes ")
    assert "That is a real difference, and one that is shown to be smaller than the margin of 20" in row.sentence


def test_what_has_no_direction_can_be_the_same(alike: tuple[EvaluationResult, EvaluationResult]) -> None:
    row = compare_results(*alike, metrics=["steps"], margins={"steps": 1000}).rows[0]
    assert (row.verdict, row.p_value) == ("the same", None)
    row = compare_results(*alike, metrics=["steps"], margins={"steps": 0.01}).rows[0]
    assert row.verdict == "descriptive"
    assert "so that isn't tested, and it isn't shown to be smaller than the margin of 0.01 (p = " in row.sentence


def test_a_handful_of_games_is_never_the_same(tmp_path: Path, played: Played) -> None:
    """Not even where both lost all of them alike: five games don't rule out that one in ten differs."""
    a, b = (save(tmp_path / name, name, played["careless"][:5]) for name in "ab")
    report = compare_results(a, b, margins={"win": 0.1, "score": 1})
    assert report.identical == 5
    assert {row.verdict for row in report.rows} == {"no difference shown", "descriptive"}


def test_margins_are_corrected_over_the_whole_family(tmp_path: Path, played: Played) -> None:
    results = [save(tmp_path / name, name, games) for name, games in played.items()]
    reports = compare_all(results, margins={"score": 2}, all_pairs=True)
    assert [report.margin_tests for report in reports.values()] == [3, 3, 3]
    assert _row(reports["careless_vs_careless-2"], "score").verdict == "the same"
    assert _row(reports["greedy_vs_careless"], "score").verdict == "worse"


@pytest.mark.parametrize(
    ("margins", "words"),
    [
        ({"scoer": 1}, r"no metric named 'scoer'\. Did you mean score"),
        ({"accuracy": 0.1}, "margin for accuracy, which isn't compared"),
        ({"score": 0}, "The margin of score is 0; it is a number above 0"),
        ({"score": -1.0}, "a number above 0"),
        ({"score": float("nan")}, "a number above 0"),
        ({"score": float("inf")}, "a number above 0"),
        ({"score": True}, "a number above 0"),
        ({"score": "2"}, "a number above 0"),
        ({"win": 3}, r"a share between 0 and 1: write 0\.03"),
        ({"ms_per_move": 1}, "which isn't tested"),
    ],
)
def test_margins_that_are_none_are_refused(
    alike: tuple[EvaluationResult, EvaluationResult], margins: dict[str, Any], words: str
) -> None:
    with pytest.raises(UserError, match=words):
        compare_results(*alike, metrics=["score", "win", "ms_per_move"], margins=margins)
