"""Rounds of improvement: what is refused, what a round learns from, and that a stop changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from serpentune.common.errors import UserError
from serpentune.common.files import sha256
from serpentune.comparison import by_method
from serpentune.datasets import Recipe, build_dataset, load_splits, read_manifest
from serpentune.datasets.completions import parse_prompt
from serpentune.datasets.encodings import get_encoding
from serpentune.evaluation import results_folders
from serpentune.logs import write_run
from serpentune.pipeline import ImproveConfig, ImproveResult, PipelineInterrupted, PipelineResults, improve
from serpentune.pipeline._improve_rounds import Rounds
from serpentune.pipeline._improve_student import settled
from serpentune.teachers import get
from tests.pipeline.killed_rounds import settings
from tests.report.players import play, walk

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"teacher": "CEL"}, "Did you mean CELL"),
        ({"rounds": 0}, "rounds = 0"),
        ({"rounds": 100}, "rounds = 100"),
        ({"student_share": 0}, "student_share = 0"),
        ({"samples": 3}, "samples = 3"),
        ({"style": "plans"}, "Did you mean plan"),
        ({"encoding": "gird"}, "Did you mean grid"),
        ({"grid_size": 3}, "grid_size"),
        ({"symmetries": "all"}, "symmetries"),
        ({"balance": ["teacher"]}, "balance"),
        ({"evaluation_seed": 999_900}, r"evaluation_seed\) reach up to seed 1000099"),
        ({"first_seed": 999_000}, r"first_seed\) reach up to seed 1000499"),
        ({"teacher_seed": 1_000_000}, r"teacher_seed\) reach up to seed"),
        ({"first_seed": 899_000}, r"first_seed\) and the evaluation's .* share seeds, such as 900000"),
        ({"teacher_seed": 101_400}, r"first_seed\) and the teacher's .* share seeds, such as 101400"),
        ({"student_share": 1, "heuristic_log_dirs": ["logs"]}, "leaves no record to heuristic_log_dirs"),
        ({"training": {"training_strategy": "full"}}, "training.training_strategy follows from the student"),
        ({"training": {"lora": {"rank": 8}}}, "training.lora follows from the student"),
        ({"training": {"output_dir": "there"}}, "training.output_dir is the rounds' own"),
    ],
)
def test_settings_that_can_t_be_meant_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        ImproveConfig(**{"student": "nano", "teacher": "CELL"} | wrong)


def test_every_round_has_games_of_its_own() -> None:
    config = ImproveConfig(student="nano", teacher="cell", rounds=2, games=10, first_seed=5000)
    assert [config.round_seeds(1), config.round_seeds(2)] == [range(5000, 5010), range(5010, 5020)]
    assert config.round_seeds() == range(5000, 5020) and config.evaluation_seeds() == range(900_000, 900_200)
    assert not ImproveConfig(student="nano", teacher="CELL", student_share=1).teacher_seeds()
    assert not ImproveConfig(student="nano", teacher="CELL", heuristic_log_dirs="logs").teacher_seeds()


def test_settings_are_saved_and_loaded(tmp_path: Path) -> None:
    config = settings(tmp_path, Path("nano"), grid_size=4, balance=["length"])
    assert ImproveConfig.load(config.save(tmp_path / "improve.yaml")) == config
    assert "training_strategy" not in (tmp_path / "improve.yaml").read_text(), "it follows from the student"
    changed = ImproveConfig.from_values({"lr": 1e-3, "epochs": 1, "model": "other"}, tmp_path / "improve.yaml")
    assert (changed.student, changed.training.hyperparameters.learning_rate) == ("other", 1e-3)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"student": "nowhere/at-all"}, "neither built in nor on this disk"),
        ({}, "doesn't say on which board it was trained. Say on which it shall play: --grid-size"),
        ({"grid_size": 50}, "tokens"),
        ({"grid_size": 4, "heuristic_log_dirs": ["nowhere"]}, "There is no log directory nowhere"),
        ({"grid_size": 4, "training": {"fsdp": True}}, "fsdp"),
        ({"grid_size": 6, "heuristic_log_dirs": ["{logs}"]}, "no game that replays was played on 6x6"),
        ({"grid_size": 4, "heuristic_log_dirs": ["{logs}"], "evaluation_seed": 9}, "seeds of held-out ones, such as 9"),
        ({"student": "scratch-2m", "grid_size": 4}, "scratch-2m has random weights"),
    ],
)
def test_what_can_t_be_done_is_said_before_anything_is(
    wrong: dict[str, Any], message: str, logs: Path, tmp_path: Path
) -> None:
    if "{logs}" in wrong.get("heuristic_log_dirs", ()):
        wrong = wrong | {"heuristic_log_dirs": [logs]}  # games on 4x4
    with pytest.raises(UserError, match=message):
        improve(settings(tmp_path, **{"student": Path("nano")} | wrong), quiet=True)
    assert not any(tmp_path.iterdir())


def test_a_folder_is_begun_once_and_gone_on_with_by_its_own_student(finished: PipelineResults, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"holds no experiment: it has no improve\.yaml"):
        improve(resume=tmp_path)
    with pytest.raises(UserError, match="either begun, by a configuration, or gone on with"):
        improve()
    config = settled(settings(tmp_path, finished.model_path, name=None))
    assert config.name == "tiny-improved"  # the name of the experiment that the student came from
    assert (config.grid_size, config.encoding, config.style) == ("4x4", "grid", "plan")
    folder = tmp_path / "tiny-improved"
    folder.mkdir()
    config.save(folder / "improve.yaml")
    with pytest.raises(UserError, match="holds an experiment already"):
        improve(config)
    (folder / "progress.json").write_text(json.dumps({"student_sha256": "0" * 64, "seconds": {}}))
    with pytest.raises(UserError, match="its files have changed"):
        improve(resume=folder)
    with pytest.raises(UserError, match=r"has 2 rounds; there can be more of them \(--rounds\), but not fewer"):
        improve(resume=folder, rounds=1)


def test_rounds_are_not_gone_on_with_and_replaced_in_one_call(tmp_path: Path) -> None:
    config = settings(tmp_path, Path("nano"), grid_size=4)
    folder = tmp_path / "rounds"
    kept = [folder / place / "kept" for place in ("datasets", "models", "evaluation", "games")]
    for file in kept:
        file.parent.mkdir(parents=True)
        file.write_text("of hours")
    config.save(folder / "improve.yaml")
    with pytest.raises(UserError, match=r"either gone on with \(resume\) or replaced \(overwrite\)"):
        improve(resume=folder, overwrite=True, quiet=True)
    assert all(file.is_file() for file in kept)


def test_a_number_of_rounds_beside_a_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"config\.rounds"):
        improve(settings(tmp_path, Path("nano"), grid_size=4), rounds=5, quiet=True)
    assert not any(tmp_path.iterdir())


def test_a_student_is_asked_for_moves_where_it_learnt_to_give_them(finished: PipelineResults, tmp_path: Path) -> None:
    student = tmp_path / "explainer"
    shutil.copytree(finished.model_path, student)
    about = json.loads((student / "student.json").read_text())
    for learnt, asked in ((["explain", "move"], "move"), (["explain"], "explain"), (["move", "plan"], "plan")):
        about["training"]["data"]["style"] = learnt
        (student / "student.json").write_text(json.dumps(about))
        assert settled(settings(tmp_path, student)).style == asked


def test_what_a_kill_left_half_written_is_removed(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path, settings(tmp_path, Path("nano"), grid_size=4), True, print, resume=True)
    run, history, note = "games/.student-1.x.part", "models/round-01/.history.csv.x.part", ".progress.json.x.part"
    for place in (run, "models/round-01", "games/student-1"):
        (tmp_path / place).mkdir(parents=True)
    for place in (f"{run}/games.parquet", history, note):
        (tmp_path / place).write_text("half")
    rounds._remove_unfinished()
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    assert left == {"games", "games/student-1", "models", "models/round-01"}


def test_a_round_learns_the_teacher_s_moves_from_everybody_s_games(tmp_path: Path) -> None:
    config = settled(settings(tmp_path, Path("nano"), grid_size=4, student_share=0.75, samples=400, teacher_games=40))
    rounds = Rounds(tmp_path / "here", config, True, print, resume=False)
    rounds.folder.mkdir()
    for number in (1, 2):
        walks = play(tmp_path / str(number), f"STUDENT-{number}", walk, config.round_seeds(number), (4, 4))
        records = [replace(game.record, number=place) for place, game in enumerate(walks.games)]
        write_run(records, rounds.folder / f"games/student-{number}", metadata={})
    rounds._build(2)
    folder = rounds.folder / "datasets/round-02"
    manifest = json.loads((folder / "manifest.json").read_text())
    drawn = {player: of["drawn"]["plan"] for player, of in manifest["players"].items()}
    assert set(drawn) == {"BFS", "STUDENT-1", "STUDENT-2"}
    assert drawn["BFS"] == pytest.approx(sum(drawn.values()) / 4, abs=1)
    bfs, grid, seen = get("BFS"), get_encoding("grid"), Counter[str]()
    for record in (row for split in load_splits(folder).values() for row in split):
        who, board, style = parse_prompt(record["prompt"])  # type: ignore[misc]
        assert (who, style.name) == ("BFS", "plan")
        assert record["completion"].split()[0] == "URDL"[bfs.decide(grid.decode(board)).move]
        seen[record["game"].partition("/")[0]] += 1
    assert len(seen) == 3
    before = sha256(folder)
    rounds._build(2)
    assert sha256(folder) == before


def test_a_round_s_student_is_kept_for_the_data_that_it_learnt_from(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path, settings(tmp_path, Path("nano"), grid_size=4), True, print, resume=False)
    data = Recipe(generate=[{"teachers": ["BFS"], "games": 8, "grid_size": 4}], samples_per_teacher=40)
    build_dataset(data, tmp_path / "datasets/round-01")
    hashes = read_manifest(tmp_path / "datasets/round-01")["sha256"]
    rounds.seconds = {"round-01": {"train": 1.0}}
    result = tmp_path / "models/round-01/result.json"
    result.parent.mkdir(parents=True)
    for kept in ({}, {"dataset_sha256": hashes}):  # an earlier version kept none
        result.write_text(json.dumps(kept))
        rounds._train(1)
    result.write_text(json.dumps({"dataset_sha256": {**hashes, "train": "0" * 64}}))
    with pytest.raises(UserError, match=r"data set isn't the one .*round-01 learnt from\. .*--experiment-name"):
        rounds._train(1)
    shutil.rmtree(tmp_path / "datasets/round-01")  # a finished round is kept without its data
    rounds._train(1)


def test_a_student_that_was_improved_before_is_of_another_method(tmp_path: Path) -> None:
    trained = {"training_strategy": "full", "seed": 0, "data_sha256": "d" * 64}
    before = {"teacher": "BFS", "rounds": 1}
    told = {}
    for name, method in {"once": trained, "twice": {**trained, "improved": before}}.items():
        run = tmp_path / name / "run"
        run.mkdir(parents=True)
        (run / "training.json").write_text("{}")
        (run / "method.json").write_text(json.dumps(method))
        config = settings(tmp_path, run / "final_model", grid_size=4)
        told[name] = Rounds(tmp_path / name / "rounds", config, True, print, resume=False)._method(2)
    once, twice = told["once"]["improved"], told["twice"]["improved"]
    assert twice == {**once, "after": before}
    results = [
        play(tmp_path / name / "played", name, walk, range(2), (4, 4), manifest={"training": {**method, "seed": seed}})
        for seed, (name, method) in enumerate(told.items())
    ]
    assert [method.students for method in by_method(results)] == [("once",), ("twice",)]


def test_the_rounds_of_a_base_model_come_after_no_others(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path, settings(tmp_path, Path("nano"), grid_size=4), True, print, resume=False)
    (tmp_path / "models/round-01").mkdir(parents=True)
    (tmp_path / "models/round-01/method.json").write_text(json.dumps({"seed": 0, "improved": {"rounds": 1}}))
    improved = rounds._method(2)["improved"]
    assert improved["rounds"] == 2 and "after" not in improved


def test_games_of_an_earlier_student_don_t_pass_for_this_one_s(tmp_path: Path) -> None:
    walks = play(tmp_path / "played", "STUDENT-2", walk, range(2), (4, 4))
    records = [replace(game.record, number=place) for place, game in enumerate(walks.games)]
    run = write_run(records, tmp_path / "run", metadata={})
    with pytest.raises(UserError, match="games of STUDENT-2, as this student's own will be called"):
        improve(settings(tmp_path / "output", Path("nano"), grid_size=4, heuristic_log_dirs=[run]), quiet=True)


def _kept(found: ImproveResult) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """What has to be alike however often the rounds were stopped: bytes by file, and figures."""
    files = [
        path
        for place in ("games", "datasets", "models")
        for path in (found.folder / place).rglob("*")
        if path.suffix in (".parquet", ".safetensors") and "checkpoints" not in path.parts
    ]
    rows = [{key: value for key, value in row.items() if key not in ("seconds", "training")} for row in found.rounds]
    for row in rows:
        del row["files_sha256"]  # which counts where the base lies
    return {path.relative_to(found.folder).as_posix(): sha256(path) for path in files}, rows


@pytest.mark.slow
def test_rounds_that_are_killed_end_as_if_nothing_had_happened(finished: PipelineResults, tmp_path: Path) -> None:
    student = finished.model_path
    whole = improve(settings(tmp_path / "whole", student), quiet=True)
    folder = tmp_path / "killed/rounds"
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    script = str(Path(__file__).parent / "killed_rounds.py")
    for place in ("games/student-1", "datasets/round-01", "checkpoint-4", "models/round-02/final_model", "rounds.png"):
        done = subprocess.run([sys.executable, script, str(folder), str(student), place], env=environment, check=False)
        assert done.returncode == -signal.SIGKILL, place
    found = improve(resume=folder, quiet=True)
    assert _kept(found) == _kept(whole)
    assert not [path for place in ("games", "datasets", "models") for path in (folder / place).rglob(".*.part")]
    assert len(_kept(whole)[0]) == 2 + 1 + 2 * 3 + 2  # games of students and teacher, splits, adapters
    began, gone_on = (ImproveConfig.load(one.folder / "improve.yaml").model_dump() for one in (whole, found))
    assert {key for key in began if began[key] != gone_on[key]} == {"output_dir"}


@pytest.mark.slow
def test_rounds_are_kept_through_a_signal_and_may_become_more(finished: PipelineResults, tmp_path: Path) -> None:
    config = settings(tmp_path, finished.model_path, rounds=1)
    with pytest.raises(PipelineInterrupted, match="--resume") as stopped:
        improve(config, quiet=True, announce=lambda _: signal.raise_signal(signal.SIGTERM))
    assert stopped.value.signal == signal.SIGTERM
    said: list[str] = []
    found = improve(resume=stopped.value.folder, rounds=2, quiet=True, announce=said.append)
    assert len(said) == 2 and said[1].startswith("Round 2 of 2: ")
    assert [row["round"] for row in found.rounds] == [0, 1, 2]
    assert [row.get("player") for row in found.rounds] == [None, "STUDENT-1", "STUDENT-2"]
    assert set(found.rounds[2]["records"]) == {"BFS", "STUDENT-1", "STUDENT-2"}
    assert {result.seeds for result in found.results} == {(900_000, 900_001, 900_002)}
    assert list(found.comparisons) == ["round-00_vs_round-01", "round-00_vs_round-02"]
    assert json.loads((found.folder / "improve.json").read_text()) == json.loads(json.dumps(found.to_json()))
    page = found.report_path.with_suffix(".md").read_text()
    assert (
        "| Games of | round-01 | round-02 |" in page
        and f"| STUDENT-2 | none | {found.rounds[2]['records']['STUDENT-2']} |" in page
    )
    assert (found.folder / "rounds.png").stat().st_size > 1000
    assert [place.name for place in results_folders(found.folder)] == ["round-00", "round-01", "round-02"]
    assert ImproveConfig.load(found.folder / "improve.yaml").rounds == 2
