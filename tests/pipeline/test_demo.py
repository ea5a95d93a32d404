"""The demo leaves what it promises, and its figures follow from the games in its folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from serpentune.common.errors import UserError
from serpentune.comparison import ModelComparator
from serpentune.datasets import load_splits
from serpentune.evaluation import EvaluationResult
from serpentune.game import verify
from serpentune.pipeline import DemoResult, DemoSettings, run_demo
from serpentune.pipeline import demo as demo_module
from tests.report.players import greedy, play, walk

TINY = DemoSettings(
    width=4,
    height=4,
    games_per_teacher=12,
    samples_per_teacher=40,
    evaluation_games=6,
    top_moves=1,
    language_records=8,
    batch_size=16,
)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[DemoResult, Path, list[str]]:
    output = tmp_path_factory.mktemp("demo") / "out"
    said: list[str] = []
    return run_demo(output, TINY, quiet=True, announce=said.append), output, said


@pytest.mark.slow
def test_every_model_really_played_the_same_seeds(demo: tuple[DemoResult, Path, list[str]]) -> None:
    result, output, _ = demo
    assert set(result.figures) == {"untuned", "LoRA", "QLoRA", "Full"}
    for name, figures in result.figures.items():
        evaluation = EvaluationResult.load(output / "evaluation" / name)
        assert evaluation.seeds == tuple(range(TINY.evaluation_seed, TINY.evaluation_seed + 6))
        assert len(evaluation.manifest["files_sha256"]) == 64  # so that a card may show the figures
        assert all(verify(game.record) is None for game in evaluation.games)
        assert tuple(evaluation.top_moves) == evaluation.seeds[:1]
        assert figures["score_mean"] == pytest.approx(evaluation.scores.mean())
        assert figures["perplexity"] > 1


@pytest.mark.slow
def test_students_differ_from_the_base_and_from_each_other(demo: tuple[DemoResult, Path, list[str]]) -> None:
    _, output, _ = demo
    hashes = {
        json.loads((output / "evaluation" / name / "manifest.json").read_text())["model_sha256"]
        for name in ("untuned", "LoRA", "QLoRA", "Full")
    }
    assert len(hashes) == 4


@pytest.mark.slow
def test_report_and_summary_are_left(demo: tuple[DemoResult, Path, list[str]]) -> None:
    result, output, said = demo
    summary = json.loads((output / "results_summary.json").read_text())
    assert summary["best_student"] == result.best_student != "untuned"
    assert summary["settings"]["seed"] == 0
    assert result.report == output / "report.html"
    page = result.report.read_text()
    assert all(name in page for name in ("untuned", "LoRA", "QLoRA", "Full"))
    assert sum("learnt from" in line for line in said) == 3
    assert sum("games played" in line for line in said) == 4


@pytest.mark.slow
def test_no_teacher_game_is_played_by_a_student(demo: tuple[DemoResult, Path, list[str]]) -> None:
    _, output, _ = demo
    taught = {seed for split in load_splits(output / "dataset").values() for seed in split["seed"]}
    assert max(taught) < TINY.evaluation_seed


def test_the_best_student_s_p_value_allows_for_the_choice(tmp_path: Path) -> None:
    players = {"untuned": walk, "LoRA": walk, "QLoRA": greedy, "Full": greedy}
    results = [play(tmp_path / name, name, player, range(8)) for name, player in players.items()]
    against_base = ModelComparator(tmp_path / "comparisons").compare_all(results, baseline="untuned")
    best, p_value = demo_module._best(results[1:], against_base)
    row = next(row for row in against_base[f"untuned_vs_{best}"].rows if row.metric == "score")
    assert best == "QLoRA" and row.p_value is not None and row.p_adjusted is not None
    assert p_value == row.p_adjusted > row.p_value


def test_a_folder_with_files_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(UserError, match="--overwrite"):
        run_demo(tmp_path, TINY, quiet=True)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_stranger_s_folders_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "mine.txt").write_text("keep")
    with pytest.raises(UserError, match=r"no serpentune-demo\.json"):
        run_demo(tmp_path, TINY, overwrite=True, quiet=True)
    assert [path.name for path in tmp_path.rglob("*")] == ["logs", "mine.txt"]


def test_a_demo_that_was_stopped_early_can_be_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []

    def stopped(*arguments: Any, **more: Any) -> None:
        found.append([path.name for path in tmp_path.iterdir()])
        (tmp_path / "logs").mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr(demo_module, "generate_runs", stopped)
    for overwrite in (False, True):
        with pytest.raises(KeyboardInterrupt):
            run_demo(tmp_path, TINY, overwrite=overwrite, quiet=True)
    assert found == [["serpentune-demo.json"]] * 2


def test_impossible_settings_are_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="3x5"):
        run_demo(tmp_path / "out", DemoSettings(width=3, height=5), quiet=True)
    with pytest.raises(UserError, match="Did you mean HAMILTONIAN"):
        run_demo(tmp_path / "out", DemoSettings(play_like="HAMILTONAIN"), quiet=True)
    with pytest.raises(UserError, match="strategies"):
        run_demo(tmp_path / "out", DemoSettings(strategies=()), quiet=True)
    assert not (tmp_path / "out").exists()
