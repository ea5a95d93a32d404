"""Reports as files, strategies, many models against a baseline, and the order of models."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from serpentune.common.errors import UserError
from serpentune.comparison import ModelComparator, compare_all, compare_results, rank
from serpentune.evaluation.games import GameResult
from serpentune.evaluation.results import EvaluationResult
from serpentune.statistics import mean_interval, wilson_interval
from tests.comparison.players import save

Played = dict[str, list[GameResult]]


@pytest.fixture
def results(tmp_path: Path, played: Played) -> dict[str, EvaluationResult]:
    """Three students; their folders bear their names."""
    return {name: save(tmp_path / name, name, games) for name, games in played.items()}


def test_folders_and_results_compare_alike(tmp_path: Path, results: dict[str, EvaluationResult]) -> None:
    comparator = ModelComparator(tmp_path / "out", seed=1)
    report = comparator.compare_two_models(tmp_path / "careless", str(tmp_path / "greedy"))
    assert report == compare_results(results["careless"], results["greedy"], seed=1)
    written = json.loads((tmp_path / "out" / "careless_vs_greedy.json").read_text())
    assert written == json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert written["verdict"] == report.verdict
    score = written["rows"][0]
    assert (score["metric"], score["effect_name"], score["verdict"]) == ("score", "Cohen's d_z", "better")
    assert score["interval"][0] < score["difference"] < score["interval"][1]
    assert (tmp_path / "out" / "careless_vs_greedy.md").read_text() == report.to_markdown()


def test_a_hub_id_makes_a_file_name(tmp_path: Path, results: dict[str, EvaluationResult], played: Played) -> None:
    other = save(tmp_path / "hub", "microsoft/DialoGPT-medium", played["greedy"])
    ModelComparator(tmp_path / "out").compare_two_models(results["careless"], other)
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["careless_vs_microsoft-DialoGPT-medium.json", "careless_vs_microsoft-DialoGPT-medium.md"]


def test_strategies_are_compared_in_pairs_as_one_family(tmp_path: Path, results: dict[str, EvaluationResult]) -> None:
    reports = ModelComparator(tmp_path / "out").compare_training_strategies(
        lora_results=results["careless"], qlora_results=results["careless-2"], full_results=tmp_path / "greedy"
    )
    assert list(reports) == ["LoRA_vs_QLoRA", "LoRA_vs_Full", "QLoRA_vs_Full"]
    assert all(report.tests == 6 for report in reports.values())
    assert reports["LoRA_vs_Full"].verdict.startswith("Full eats ")
    for name, report in reports.items():
        assert float(f"{report.summary_metrics['average_relative_improvement']:.2f}") != 0
        assert (tmp_path / "out" / f"{name}.md").exists()


def test_strategies_need_at_least_two(tmp_path: Path, results: dict[str, EvaluationResult]) -> None:
    comparator = ModelComparator(tmp_path / "out")
    two = comparator.compare_training_strategies(lora_results=results["greedy"], full_results=results["careless"])
    assert list(two) == ["LoRA_vs_Full"]
    kin = comparator.compare_training_strategies(dora_results=results["greedy"], pissa_results=results["careless"])
    assert list(kin) == ["DoRA_vs_PiSSA"]
    with pytest.raises(UserError, match="at least two"):
        comparator.compare_training_strategies(lora_results=results["greedy"])


def test_every_model_is_measured_against_the_baseline(tmp_path: Path, results: dict[str, EvaluationResult]) -> None:
    reports = compare_all(list(results.values()), baseline="careless")
    assert list(reports) == ["careless_vs_greedy", "careless_vs_careless-2"]
    assert all(report.tests == 4 for report in reports.values())
    score = reports["careless_vs_greedy"].rows[0]
    # The smallest of four p-values is multiplied by four.
    assert score.p_value is not None
    assert score.p_adjusted == pytest.approx(4 * score.p_value)
    assert ModelComparator(tmp_path / "out").compare_all(list(results.values()), baseline="careless") == reports
    assert len(list((tmp_path / "out").iterdir())) == 4


def test_unclear_baselines_and_lonely_models_are_refused(
    tmp_path: Path, results: dict[str, EvaluationResult], played: Played
) -> None:
    with pytest.raises(UserError, match=r"There is no model named 'greeedy'\. Did you mean greedy"):
        compare_all(list(results.values()), baseline="greeedy")
    with pytest.raises(UserError, match="at least two models, not 1"):
        compare_all([results["greedy"]])
    with pytest.raises(UserError, match="Two results are named 'greedy'"):
        compare_all([*results.values(), results["greedy"]])
    alike = [save(tmp_path / str(k), name, played["greedy"]) for k, name in enumerate(("a/b", "a-b"))]
    with pytest.raises(UserError, match="same file name"):
        ModelComparator(tmp_path / "out").compare_all([results["careless"], *alike])
    assert not (tmp_path / "out").exists()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere"):
        ModelComparator(tmp_path / "out").compare_two_models(tmp_path / "nowhere", tmp_path / "nowhere")


def test_models_are_ranked_by_mean_score_with_intervals(results: dict[str, EvaluationResult]) -> None:
    ranking = rank(results.values())
    assert ranking[0][0] == "greedy"
    means = [standing.score.estimate for _, standing in ranking]
    assert means == sorted(means, reverse=True)
    scores = results["greedy"].scores
    assert ranking[0][1].score == mean_interval(scores, np.random.default_rng(0), bounds=(0, 24))
    assert ranking[0][1].wins == wilson_interval(int(results["greedy"].wins.sum()), 100)


def test_a_model_without_games_can_not_be_ranked(results: dict[str, EvaluationResult]) -> None:
    with pytest.raises(UserError, match="greedy has no finished games"):
        rank([replace(results["greedy"], games=())])
