"""Decisions and language as metrics: clustered by game, in their direction, or with the reason for no test."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serpentune.common.errors import UserError
from serpentune.comparison import METRICS, ComparisonReport, MetricComparison, compare_all, compare_results
from serpentune.evaluation.games import GameResult
from serpentune.evaluation.language import MeasuredRecord, language_figures, save_lines
from serpentune.evaluation.results import LANGUAGE_RECORDS, EvaluationResult
from tests.comparison.players import save

Played = dict[str, list[GameResult]]

DECISIONS = ("accuracy", "accuracy_equal", "fatal_per_1000_moves", "legal_rate")


def _row(report: ComparisonReport, metric: str) -> MetricComparison:
    return next(row for row in report.rows if row.metric == metric)


@pytest.fixture
def base(tmp_path: Path, played: Played) -> EvaluationResult:
    return save(tmp_path / "base", "base", played["careless"])


@pytest.fixture
def student(tmp_path: Path, played: Played) -> EvaluationResult:
    return save(tmp_path / "student", "student", played["greedy"])


def test_decisions_are_compared_by_games_and_agree_with_play_json(
    base: EvaluationResult, student: EvaluationResult
) -> None:
    report = compare_results(base, student, metrics=DECISIONS)
    for name in DECISIONS:
        row = _row(report, name)
        assert row.mean_a == pytest.approx(base.play[name])
        assert row.mean_b == pytest.approx(student.play[name])
        assert row.n == 100
    better = _row(report, "accuracy")
    assert (better.verdict, better.higher_is_better) == ("better", True)
    assert better.sentence.startswith("student's share of decisions that are the teacher's move is ")
    assert "percentage points higher than base's (95% interval " in better.sentence
    assert "jackknife parts of games" in better.method
    fatal = _row(report, "fatal_per_1000_moves")
    # Who runs straight for the apple eats more and shuts itself in more often.
    assert (fatal.verdict, fatal.higher_is_better) == ("worse", False)
    assert fatal.difference is not None
    assert fatal.difference > 0
    assert fatal.sentence.startswith("student makes ")
    assert "more fatal moves per 1,000 moves than base" in fatal.sentence
    json.dumps(report.to_json(), allow_nan=False)


def test_decisions_by_different_teachers_are_not_tested(tmp_path: Path, base: EvaluationResult, played: Played) -> None:
    other = save(tmp_path / "other", "other", played["greedy"], teacher="CELL")
    row = _row(compare_results(base, other, metrics=["accuracy", "score"]), "accuracy")
    assert (row.p_value, row.difference, row.verdict) == (None, None, "no games")
    assert row.sentence.endswith("the decisions are held against different teachers (BFS, CELL).")


def test_without_a_teacher_there_is_a_reason(tmp_path: Path, played: Played) -> None:
    a, b = (save(tmp_path / name, name, played[name], teacher=None) for name in ("careless", "greedy"))
    row = _row(compare_results(a, b, metrics=["accuracy"]), "accuracy")
    assert (row.verdict, row.mean_a) == ("no games", None)


def test_time_is_shown_and_never_tested(base: EvaluationResult, student: EvaluationResult) -> None:
    """A busy minute of the machine is in all games of one model, so hundreds of games would not make it chance."""
    row = _row(compare_results(base, student, metrics=["ms_per_move"]), "ms_per_move")
    assert (row.verdict, row.p_value, row.higher_is_better) == ("not tested", None, False)
    assert row.mean_a == pytest.approx(100 / base.steps.sum())
    assert "the clock ran once for each model" in row.sentence


def _records(nll: float, wrong: int = 0, *, games: int | None = 10, count: int = 60) -> list[MeasuredRecord]:
    rng = np.random.default_rng(int(100 * nll))
    return [
        MeasuredRecord(
            f"Prompt {k}",
            " U R",
            " U R" if k >= wrong else " D",
            limit=6,
            tokens=3,
            nll=3 * nll + float(rng.random()),
            right=2,
            game=None if games is None else f"g{k % games}",
        )
        for k in range(count)
    ]


def _measured(result: EvaluationResult, records: Sequence[MeasuredRecord]) -> EvaluationResult:
    return replace(result, records=tuple(records), language=language_figures(records))


def test_language_is_tested_where_it_is_asked_for(base: EvaluationResult, student: EvaluationResult) -> None:
    a, b = _measured(base, _records(1.0, wrong=50)), _measured(student, _records(0.5))
    names = ["perplexity", "loss", "bits_per_byte", "token_accuracy", "exact_match", "rouge_l", "bleu"]
    report = compare_results(a, b, metrics=names)
    assert [row.metric for row in report.rows] == names
    assert a.language is not None
    assert b.language is not None
    for row in report.rows:
        assert (row.mean_a, row.mean_b) == (
            pytest.approx(a.language[row.metric]),
            pytest.approx(b.language[row.metric]),
        )
    perplexity = _row(report, "perplexity")
    assert (perplexity.verdict, perplexity.higher_is_better, perplexity.n) == ("better", False, 10)
    assert perplexity.sentence.startswith("student's perplexity is ")
    assert "lower than base's (95% interval " in perplexity.sentence
    assert "60 paired records of 10 games" in perplexity.sentence
    assert _row(report, "exact_match").verdict == _row(report, "rouge_l").verdict == "better"
    assert _row(report, "token_accuracy").verdict == "no difference shown"
    assert (_row(report, "bleu").verdict, _row(report, "bleu").p_value) == ("not tested", None)
    assert report.tests == 6
    assert report.verdict.startswith("student's perplexity")


def test_records_from_a_folder_are_paired_by_their_text(tmp_path: Path, base: EvaluationResult, played: Played) -> None:
    a = _measured(base, _records(1.0)[5:])
    save(tmp_path / "b", "b", played["greedy"])
    save_lines(tmp_path / "b" / LANGUAGE_RECORDS, _records(0.5)[::-1][10:])
    b = EvaluationResult.load(tmp_path / "b")
    row = _row(compare_results(a, b, metrics=["loss"]), "loss")
    assert "45 paired records of 10 games" in row.sentence
    # Five records are b's alone and ten are a's alone: none of the fifteen has a partner.
    assert row.notes[0] == "15 records were left out: not every model was measured on them"
    common = {record.prompt: record for record in b.records or ()}
    kept = [record.nll for record in a.records or () if record.prompt in common]
    assert row.mean_a == pytest.approx(sum(kept) / 3 / len(kept))


def test_whatever_is_left_out_is_counted(base: EvaluationResult, student: EvaluationResult) -> None:
    long = [replace(record, answer=None) if k in (3, 8) else record for k, record in enumerate(_records(0.5))]
    row = _row(compare_results(_measured(base, _records(1.0)), _measured(student, long), metrics=["loss"]), "loss")
    assert row.notes[0] == "2 records were left out: not every model's context holds them"
    assert "58 paired records of 10 games" in row.sentence
    nothing = [replace(record, answer=None) for record in _records(0.5)]
    row = _row(compare_results(_measured(base, _records(1.0)), _measured(student, nothing), metrics=["loss"]), "loss")
    assert "there is no record that every model's context holds" in row.sentence


def test_games_without_a_decision_are_counted(base: EvaluationResult, student: EvaluationResult) -> None:
    silent = [replace(game, answers=0, opening=game.record.steps) for game in student.games[:2]]
    student = replace(student, games=(*silent, *student.games[2:]))
    row = _row(compare_results(base, student, metrics=["accuracy"]), "accuracy")
    assert row.n == 98
    assert row.notes[0].startswith("2 games were left out: ")


def test_what_is_not_known_of_records_is_said(base: EvaluationResult, student: EvaluationResult) -> None:
    def row(records: Sequence[MeasuredRecord], metric: str = "loss") -> MetricComparison:
        pair = _measured(base, _records(1.0)), _measured(student, records)
        return _row(compare_results(*pair, metrics=["score", metric]), metric)

    other_tokens = [replace(record, tokens=4) for record in _records(0.5)]
    assert "the models' tokens differ; bits_per_byte can be compared" in row(other_tokens).sentence
    assert (row(other_tokens).verdict, row(other_tokens).difference) == ("not tested", None)
    assert row(other_tokens, "bits_per_byte").p_value is not None
    elsewhere = [replace(record, prompt="Other " + record.prompt) for record in _records(0.5)]
    assert "the models were measured on different records" in row(elsewhere).sentence
    nothing = [replace(_records(0.5)[0], nll=math.nan), *_records(0.5)[1:]]
    assert "no finite probability" in row(nothing).sentence
    huge = [replace(record, nll=5000.0) for record in _records(0.5)]
    assert "too large for a floating-point number" in row(huge, "perplexity").sentence


def test_what_nobody_asked_for_is_held_against_each_other_on_the_same_records_alone(
    base: EvaluationResult, student: EvaluationResult
) -> None:
    def shown(records: Sequence[MeasuredRecord]) -> ComparisonReport:
        return compare_results(_measured(base, _records(1.0, wrong=30)), _measured(student, records))

    report = shown(_records(0.5))
    perplexity, bleu, rouge_l = (_row(report, name) for name in ("perplexity", "bleu", "rouge_l"))
    assert perplexity.difference == pytest.approx((perplexity.mean_b or 0) - (perplexity.mean_a or 0))
    assert "not tested: only metrics that are asked for are (--metrics perplexity)" in perplexity.sentence
    assert bleu.difference is not None and rouge_l.difference is not None
    assert "The average relative improvement leaves out perplexity, bleu, rouge_l: nobody asked for it." in (
        report.summary_notes
    )
    other_tokens = shown([replace(record, tokens=4) for record in _records(0.5)])
    perplexity = _row(other_tokens, "perplexity")
    assert (perplexity.difference, perplexity.mean_b is None) == (None, False)
    assert "not tested: the models' tokens differ" in perplexity.sentence
    assert _row(other_tokens, "bleu").difference is not None
    for row in shown(_records(0.5)[:30]).rows[-3:]:
        assert (row.difference, row.sentence.split("; ")[-1]) == (
            None,
            "not tested: the models were not measured on the same records.",
        )


def test_records_of_unknown_games_say_that_they_are_too_sure(base: EvaluationResult, student: EvaluationResult) -> None:
    pair = _measured(base, _records(1.0, games=None)), _measured(student, _records(0.5, games=None))
    row = _row(compare_results(*pair, metrics=["loss"]), "loss")
    assert row.n == 60
    assert "60 paired records)" in row.sentence
    assert "each stands for itself" in row.notes[0]


def test_what_only_one_side_has_is_shown_and_what_none_has_is_left_out(
    base: EvaluationResult, student: EvaluationResult
) -> None:
    report = compare_results(base, _measured(student, _records(0.5)), metrics=["score", "loss"])
    row = _row(report, "loss")
    assert (row.verdict, row.mean_a, row.difference) == ("not tested", None, None)
    assert row.sentence.startswith("Loss is ")
    assert "base has no language.jsonl" in row.sentence
    report = compare_results(base, student, metrics=["score", "loss", "bleu"])
    assert [row.metric for row in report.rows] == ["score"]
    assert "Neither has loss, bleu, so that isn't compared." in report.notes
    with pytest.raises(UserError, match=r"Neither base nor student has anything to compare in loss\. Measure"):
        compare_results(base, student, metrics=["loss"])


def test_every_metric_at_once_leaves_no_nan(tmp_path: Path, played: Played) -> None:
    results = [
        _measured(save(tmp_path / name, name, games), _records(0.3 + 0.2 * k, wrong=9 * k))
        for k, (name, games) in enumerate(played.items())
    ]
    margins: dict[str, Any] = {"accuracy": 0.05, "fatal_per_1000_moves": 50, "perplexity": 3, "exact_match": 0.5}
    for count in (100, 3, 1):
        few = [replace(result, games=result.games[:count]) for result in results]
        reports = compare_all(few, metrics=list(METRICS), margins=margins, all_pairs=True)
        for report in reports.values():
            text = json.dumps(report.to_json(), allow_nan=False)
            assert "nan" not in (report.to_markdown() + text).lower()
            few_games = {row.verdict for row in report.rows if count < 6 and row.n is not None and row.n <= count}
            assert not few_games & {"better", "worse", "the same"}
