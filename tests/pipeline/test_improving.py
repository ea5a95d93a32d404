"""Rounds of improvement within an experiment: what is refused, whose games are mixed in; a stop changes nothing."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from serpentune.common.errors import UserError
from serpentune.common.files import sha256
from serpentune.datasets import build_dataset
from serpentune.datasets.directory import check_files
from serpentune.evaluation import EvaluationResult
from serpentune.pipeline import (
    ExperimentPipeline,
    ExperimentRecipe,
    ExperimentResults,
    PipelineInterrupted,
    design,
    resume_experiment,
)
from serpentune.pipeline._improving import Improvement
from serpentune.report import scaling_points
from tests.pipeline.interrupting import interrupted

ROOT = Path(__file__).parents[2]
PLAYED = {"teachers": ["BFS"], "games": 12, "grid_size": 4}


def recipe(**more: Any) -> ExperimentRecipe:
    """Two students after four steps each, and two rounds of four games and three steps."""
    values: dict[str, Any] = {
        "name": "small",
        "dataset": {"generate": [PLAYED], "samples_per_teacher": 60},
        "training": {
            "hyperparameters": {"max_steps": 4, "batch_size": 8, "gradient_accumulation_steps": 1},
            "save_steps": 2,
        },
        "sweep": {"strategy": {"lora": {"lr": 5e-3}, "full": {"lr": 1e-3}}},
        "improve": {
            "teacher": "BFS",
            "rounds": 2,
            "games": 4,
            "samples": 60,
            "evaluation_games": 3,
            "training": {"max_steps": 3},
        },
        "evaluation": {"games": 4, "records": 4},
    }
    return ExperimentRecipe(**values | more)


def test_games_to_choose_by_aren_t_among_those_learnt_from(tmp_path: Path) -> None:
    wrong = recipe(improve={"teacher": "BFS", "evaluation_games": 500, "evaluation_seed": 0, "teacher_seed": 500})
    with pytest.raises(
        UserError, match=r"^improve: \d+ of the evaluation's games have seeds that the student is trained"
    ):
        ExperimentPipeline(wrong, output_dir=tmp_path, quiet=True).run()
    assert not list(tmp_path.rglob("models"))


def test_several_processes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match=r"run in one process\. Start this recipe without torchrun"):
        ExperimentPipeline(recipe(), output_dir=tmp_path, quiet=True).run()
    assert not any(tmp_path.iterdir())


def test_an_ablation_does_no_rounds() -> None:
    with pytest.raises(UserError, match="An ablation does no rounds of improvement"):
        design(recipe(sweep={}), {"style": ["move", "plan"]})
    with pytest.raises(UserError, match="An ablation does no rounds of improvement"):
        design(recipe(sweep={}, improve=None), {"improve.rounds": [1, 2]})


def test_games_of_the_data_set_are_mixed_in_where_the_teacher_s_answers_are_in_them(tmp_path: Path) -> None:
    orders = [
        {"teachers": ["BFS", "DFS"], "games": 6, "grid_size": 4},
        {"teachers": ["BFS"], "games": 6, "grid_size": 5},
        {"teachers": ["BFS", "DFS"], "games": 6, "grid_size": 4, "noise": 0.1},
    ]
    asked = recipe(dataset={"generate": orders, "label": "player", "samples_per_teacher": 40})
    data = asked.data_recipe()
    assert data is not None
    build_dataset(data, tmp_path / "set")
    manifest = check_files(tmp_path / "set")
    with pytest.raises(UserError, match=r"games on 4x4, 5x5; say which board the rounds shall use \(improve.grid_size"):
        Improvement.of(asked, manifest, tmp_path / "set")

    def mixed_in(manifest: dict[str, Any], **changes: Any) -> list[str]:
        changed = asked.with_values({f"improve.{name}": value for name, value in changes.items()})
        found = Improvement.of(changed, manifest, tmp_path / "set")
        assert found is not None
        return [Path(run).name.partition("_")[0] for run in found.games]

    assert mixed_in(manifest, grid_size="4") == ["heuristics-bfs-noise", "heuristics-bfs"]
    assert mixed_in(manifest, grid_size="4", teacher="CELL") == []  # which then plays its own
    played, answered = ({**manifest, "recipe": {**manifest["recipe"], "label": label}} for label in (None, "CELL"))
    assert mixed_in(played, grid_size="4") == ["heuristics-bfs"]
    assert len(mixed_in(answered, grid_size="4", teacher="CELL")) == 4
    assert mixed_in(manifest, grid_size="4", student_share=1.0) == []
    assert mixed_in(manifest, grid_size="4", heuristic_log_dirs=["logs/mine_1"]) == ["mine"]
    of_evaluation = asked.with_values({"evaluation.grid_size": "5"})
    found = Improvement.of(of_evaluation, manifest, tmp_path / "set")
    assert found is not None and (found.board, len(found.games)) == ("5x5", 1)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> ExperimentResults:
    return ExperimentPipeline(recipe(), output_dir=tmp_path_factory.mktemp("output"), quiet=True).run()


@pytest.mark.slow
def test_students_and_what_became_of_them_play_the_same_games(done: ExperimentResults) -> None:
    students = ["strategy=lora", "strategy=full"]
    improved = [f"{name}-improved" for name in students]
    assert (list(done.results), list(done.improved)) == (["untuned", *students, *improved], improved)
    assert len({result.seeds for result in done.results.values()}) == 1
    assert list(done.comparisons)[4:] == [f"{name}_vs_{name}-improved" for name in students]
    summary = json.loads((done.folder / "results_summary.json").read_text())
    assert list(summary["seconds"]) == ["collect", "prepare", "train", "improve", "evaluate", "report", "total"]
    assert [method["name"] for method in summary["methods"]] == [*students, *improved]
    told = summary["improved"]["strategy=full-improved"]
    assert (told["origin"], told["steps"], len(told["rounds"])) == ("strategy=full", 3, 3)
    assert told["model"] == "improved/strategy=full/models/round-02/final_model"
    assert set(told["rounds"][2]["records"]) == {"BFS", "STUDENT-1", "STUDENT-2"}
    assert not list(done.folder.glob("improved/*/games/teacher"))  # the data set's games were mixed in
    assert done.report_path is not None
    page = done.report_path.read_text()
    assert all(name in page for name in improved) and "is strategy=full after 2 rounds in which it played 4" in page


@pytest.mark.slow
def test_improved_students_are_no_points_of_a_scaling_curve(done: ExperimentResults) -> None:
    points, left_out = scaling_points([done.folder])
    assert sorted(point.name for point in points) == ["strategy=full", "strategy=lora"]
    assert left_out["strategy=full-improved"] == "it met other samples in its rounds of improvement"


@pytest.mark.slow
def test_rounds_are_gone_on_with_wherever_the_experiment_lies_now(done: ExperimentResults, tmp_path: Path) -> None:
    with interrupted("round-02: build", signal.SIGTERM), pytest.raises(PipelineInterrupted) as stopped:
        ExperimentPipeline(recipe(), output_dir=tmp_path / "here", quiet=True).run()
    assert stopped.value.folder == tmp_path / "here/small"  # not that of the rounds
    folder = (tmp_path / "here").rename(tmp_path / "there") / "small"
    found = resume_experiment(folder, quiet=True).run()
    for name, student in found.improved.items():
        assert student.trained.model_path.is_relative_to(folder)
        before = done.improved[name].trained.model_path
        for weights in before.glob("*.safetensors"):
            assert sha256(student.trained.model_path / weights.name) == sha256(weights)
    played = {name: [game.record for game in result.games] for name, result in found.results.items()}
    assert played == {name: [game.record for game in result.games] for name, result in done.results.items()}
    other = found.recipe.with_values({"improve.samples": 50})
    with pytest.raises(UserError, match=r"began with other settings: samples was 60 and is now 50"):
        ExperimentPipeline(other, output_dir=folder.parent, resume=True, quiet=True).run()
    other = found.recipe.with_values({"improve.training": {"max_steps": 5}})
    with pytest.raises(UserError, match=r"hyperparameters\.max_steps was 3 and is now 5"):
        ExperimentPipeline(other, output_dir=folder.parent, resume=True, quiet=True).run()


@pytest.mark.slow
def test_the_flagship_in_little_and_improved(tmp_path: Path) -> None:
    little = {
        "dataset.generate": [
            {"teachers": ["CELL"], "games": 30, "grid_size": 4},
            {"teachers": ["CELL"], "games": 30, "grid_size": 4, "first_seed": 100, "noise": 0.1},
        ],
        "dataset.samples_per_teacher": 150,
        "base_model": "nano",
        "bf16": False,
        "max_steps": 6,
        "batch_size": 8,
        "warmup_steps": 1,
        "improve": {
            "teacher": "CELL",
            "rounds": 2,
            "games": 4,
            "samples": 100,
            "train_share": 0.5,
            "evaluation_games": 3,
            "training": {"warmup_steps": 1},
        },
        "evaluation.games": 4,
        "evaluation.records": 4,
    }
    file = ROOT / "recipes/flagship.yaml"
    flagship = ExperimentRecipe.from_values(little, file)
    done = ExperimentPipeline(flagship, output_dir=tmp_path, quiet=True).run()
    assert list(done.results) == ["untuned", "full", "full-improved"]
    assert (done.results["full-improved"].seeds[0], len(done.improved["full-improved"].rounds.rounds)) == (2_000_000, 3)
    again = EvaluationResult.load(done.folder / "evaluation/full-improved")
    assert again.manifest["training"]["improved"]["teacher"] == "CELL"
