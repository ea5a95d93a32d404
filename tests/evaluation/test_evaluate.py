from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from serpentune.common.errors import UserError
from serpentune.datasets import get_encoding, get_style, prompts
from serpentune.evaluation import EvaluationResult, EvaluationSettings, EvaluationSuite, evaluate_model, figures
from serpentune.game import Limits, random_states
from serpentune.models import LoadedModel

SMALL = EvaluationSettings(games=12, width=4, height=4, seed=100, limits=Limits(max_steps=40))
LONG = replace(SMALL, games=30, limits=Limits())

PLAY = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from serpentune.evaluation import EvaluationSettings, evaluate_model
from serpentune.models import load_base
settings = EvaluationSettings(games=30, width=4, height=4, seed=100)
evaluate_model(load_base("nano", dtype=torch.float32), Path(sys.argv[1]), settings, quiet=True)
"""


@pytest.fixture(scope="module")
def records() -> list[dict[str, str]]:
    texts = prompts(random_states(4, 4, 4, seed=0), "BFS", get_encoding("grid"), get_style("plan"))
    return [{"prompt": text, "completion": " U R"} for text in texts]


def trained(nano: LoadedModel) -> Any:
    """Other weights, under the name of the folder that they were once loaded from."""
    model = copy.deepcopy(nano.model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.5)
    return model


def lines(folder: Path) -> list[dict[str, Any]]:
    """The finished games without their times, in the order of their seeds."""
    found = [json.loads(line) for line in (folder / "games.jsonl").read_text().splitlines()]
    return sorted(({**line, "ms": None} for line in found), key=lambda line: line["seed"])


def play_in_another_process(folder: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-c", PLAY, str(folder)], env=environment, text=True)


def test_an_evaluation_leaves_games_language_speed_and_a_manifest(
    nano: LoadedModel, tmp_path: Path, records: list[dict[str, str]]
) -> None:
    counted: list[int] = []
    result = evaluate_model(
        nano, tmp_path / "r", SMALL, name="mine", test_records=records, quiet=True, advanced=counted.append
    )
    assert result.seeds == tuple(range(100, 112))
    assert sum(counted) == 12
    assert {path.name for path in (tmp_path / "r").iterdir()} == {
        "games.jsonl",
        "language.json",
        "language.jsonl",
        "manifest.json",
        "performance.json",
        "play.json",
    }
    assert result.performance is not None and result.language is not None
    assert result.performance["games"] == 12
    assert result.performance["moves"] == result.steps.sum()
    assert (result.performance["device"], result.performance["processes"]) == ("cpu", 1)
    speeds = [result.performance[f"{what}_per_second"] * result.performance["seconds"] for what in ("moves", "tokens")]
    written = sum(game.tokens for game in result.games)
    assert speeds == pytest.approx([result.steps.sum(), written], rel=0.02)
    assert result.language["records"] == 4
    manifest = result.manifest
    assert (manifest["name"], manifest["model"], manifest["grid"]) == ("mine", "nano", [4, 4])
    assert (manifest["first_seed"], manifest["games"], manifest["teacher"]) == (100, 12, "BFS")
    assert manifest["limits"]["max_steps"] == 40
    assert manifest["versions"]["torch"] == torch.__version__
    measured = figures(result)
    json.dumps(measured, allow_nan=False)
    assert None not in [measured[name] for name in ("win_rate", "agreement", "legal_rate", "bleu", "ms_per_move")]
    assert [(result.name, result.seeds)] == [
        (again.name, again.seeds) for again in [EvaluationResult.load(tmp_path / "r")]
    ]


def test_a_finished_evaluation_is_kept_and_may_be_extended(nano: LoadedModel, tmp_path: Path) -> None:
    folder = tmp_path / "r"
    evaluate_model(nano, folder, replace(SMALL, games=5), quiet=True)
    games, speed = (folder / "games.jsonl").read_bytes(), (folder / "performance.json").read_bytes()
    evaluate_model(nano, folder, replace(SMALL, games=5), quiet=True)
    assert (folder / "games.jsonl").read_bytes() == games
    assert (folder / "performance.json").read_bytes() == speed
    extended = evaluate_model(nano, folder, SMALL, quiet=True)
    assert extended.seeds == tuple(range(100, 112))
    assert extended.manifest["games"] == 12
    assert extended.performance is not None and extended.performance["games"] == 7
    assert (folder / "games.jsonl").read_bytes().startswith(games)
    evaluate_model(nano, tmp_path / "whole", SMALL, quiet=True)
    assert lines(folder) == lines(tmp_path / "whole")
    with pytest.raises(UserError, match="12 games, more than 5"):
        evaluate_model(nano, folder, replace(SMALL, games=5), quiet=True)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no signals and no file locks there")
def test_a_folder_is_held_by_one_process_and_gone_on_with_when_that_is_killed(
    nano: LoadedModel, tmp_path: Path
) -> None:
    folder = tmp_path / "r"
    with play_in_another_process(folder) as process:
        games = folder / "games.jsonl"
        while process.poll() is None and not (games.is_file() and games.read_bytes().count(b"\n")):
            time.sleep(0.002)
        process.send_signal(signal.SIGSTOP)
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
        for overwrite in (False, True):
            with pytest.raises(UserError, match="is being written by another evaluation"):
                evaluate_model(nano, folder, LONG, overwrite=overwrite, quiet=True)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == files
        process.kill()
    assert process.returncode == -signal.SIGKILL

    before = games.read_text().splitlines()
    assert 0 < len(before) < LONG.games
    # What a kill in the middle of a line, or of a character, leaves.
    with games.open("ab") as stream:
        stream.write(b'{"seed":159,"grid":[4,\xe2\x82')
    result = evaluate_model(nano, folder, LONG, quiet=True)
    assert games.read_text().splitlines()[: len(before)] == before
    assert result.seeds == tuple(range(100, 130))
    evaluate_model(nano, tmp_path / "whole", LONG, quiet=True)
    assert lines(folder) == lines(tmp_path / "whole")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"width": 5}, "grid"),
        ({"seed": 101}, "first_seed"),
        ({"teacher": "HAMILTONIAN"}, "teacher"),
        ({"style": "move"}, "style"),
        ({"limits": Limits(max_steps=41)}, "limits"),
    ],
)
def test_another_evaluation_s_folder_is_refused(
    nano: LoadedModel, small: Path, change: dict[str, Any], named: str
) -> None:
    before = {path.name: path.read_bytes() for path in small.iterdir()}
    with pytest.raises(UserError, match=rf"its {named} is .*--overwrite"):
        evaluate_model(nano, small, replace(SMALL, games=2, **change), quiet=True)
    assert {path.name: path.read_bytes() for path in small.iterdir()} == before


@pytest.fixture(scope="module")
def small(nano: LoadedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small") / "r"
    evaluate_model(nano, folder, replace(SMALL, games=2), quiet=True)
    return folder


def test_another_model_or_name_is_refused(nano: LoadedModel, small: Path) -> None:
    other = LoadedModel(trained(nano), nano.tokenizer, nano.name, nano.source)
    with pytest.raises(UserError, match="its model_sha256 is another"):
        evaluate_model(other, small, replace(SMALL, games=2), quiet=True)
    with pytest.raises(UserError, match="its name is"):
        evaluate_model(nano, small, replace(SMALL, games=2), name="mine", quiet=True)


def test_overwriting_starts_over(nano: LoadedModel, tmp_path: Path, records: list[dict[str, str]]) -> None:
    folder = tmp_path / "r"
    evaluate_model(nano, folder, replace(SMALL, games=3), test_records=records, quiet=True)
    result = evaluate_model(nano, folder, replace(SMALL, games=2, seed=7), overwrite=True, quiet=True)
    assert result.seeds == (7, 8)
    assert result.language is None


def test_a_folder_of_something_else_is_left_alone(nano: LoadedModel, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="already holds files"):
        evaluate_model(nano, tmp_path, SMALL, quiet=True)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(UserError, match="is a file"):
        evaluate_model(nano, tmp_path / "mine.txt", SMALL, quiet=True)


def test_a_damaged_line_is_named_before_anything_is_played(nano: LoadedModel, tmp_path: Path) -> None:
    folder = tmp_path / "r"
    evaluate_model(nano, folder, replace(SMALL, games=3), quiet=True)
    games = folder / "games.jsonl"
    games.write_text(games.read_text().replace('"score":', '"score":9', 1))
    before = games.read_bytes()
    with pytest.raises(UserError, match=r"games\.jsonl, line 1: .*--overwrite"):
        evaluate_model(nano, folder, SMALL, quiet=True)
    assert games.read_bytes() == before
    (folder / "manifest.json").write_text("[]")
    with pytest.raises(UserError, match="no evaluation manifest"):
        evaluate_model(nano, folder, SMALL, quiet=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"games": 0}, "At least one game"),
        ({"seed": -1}, "0 or more"),
        ({"width": 3}, "3x4 board"),
        ({"teacher": "BSF"}, "Did you mean BFS"),
        ({"style": "plans"}, "Did you mean plan"),
        ({"encoding": "gird"}, "Did you mean grid"),
    ],
)
def test_impossible_games_are_refused_and_nothing_is_written(
    nano: LoadedModel, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        evaluate_model(nano, tmp_path / "r", replace(SMALL, **change), quiet=True)
    assert list(tmp_path.iterdir()) == []


def test_a_suite_ranks_models_on_the_same_games(
    nano: LoadedModel, tmp_path: Path, records: list[dict[str, str]]
) -> None:
    suite = EvaluationSuite(tmp_path / "suite", SMALL, quiet=True)
    models = {"worse": (trained(nano), nano.tokenizer), "owner/nano": (nano.model, nano.tokenizer)}
    report = suite.evaluate_multiple_models(models, records)
    means = {name: float(result.scores.mean()) for name, result in report.results.items()}
    assert report.model_rankings == sorted(means.items(), key=lambda entry: -entry[1])
    assert means["owner/nano"] > means["worse"]
    assert {result.seeds for result in report.results.values()} == {tuple(range(100, 112))}
    assert len({result.manifest["model_sha256"] for result in report.results.values()}) == 2
    assert sorted(path.name for path in (tmp_path / "suite").iterdir()) == ["owner-nano", "worse"]

    saved = json.loads(report.save_report(tmp_path / "report.json").read_text())
    assert saved["model_rankings"] == [list(entry) for entry in report.model_rankings]
    assert saved["models"] == report.summary()
    first, second = str(report).splitlines()
    assert first.startswith("1. owner/nano: ") and second.startswith("2. worse: ")
    assert "of 12 games" in first


def test_a_suite_does_not_pass_off_old_games_for_a_model_that_was_trained_on(nano: LoadedModel, tmp_path: Path) -> None:
    suite = EvaluationSuite(tmp_path, replace(SMALL, games=2), quiet=True)
    suite.evaluate_single_model(nano.model, nano.tokenizer, [], "mine")
    with pytest.raises(UserError, match="model_sha256"):
        suite.evaluate_single_model(trained(nano), nano.tokenizer, [], "mine")


def test_a_model_in_training_plays_without_dropout_and_goes_on_training(tmp_path: Path) -> None:
    from serpentune.models import load_base
    from tests.models.tiny import save_gpt2

    loaded = load_base(save_gpt2(tmp_path / "gpt2"), dtype=torch.float32)
    suite = EvaluationSuite(tmp_path / "suite", replace(SMALL, games=4, limits=Limits(max_steps=4)), quiet=True)
    calm = suite.evaluate_single_model(loaded.model, loaded.tokenizer, [], "calm")
    loaded.model.train()
    training = suite.evaluate_single_model(loaded.model, loaded.tokenizer, [], "training")
    assert loaded.model.training
    assert [game.record.moves for game in training.games] == [game.record.moves for game in calm.games]


def test_a_manifest_knows_on_which_records_language_was_measured(
    nano: LoadedModel, tmp_path: Path, records: list[dict[str, str]]
) -> None:
    few = replace(SMALL, games=2)
    first = evaluate_model(nano, tmp_path / "r", few, test_records=records, quiet=True).manifest["records_sha256"]
    assert evaluate_model(nano, tmp_path / "r", few, quiet=True).manifest["records_sha256"] == first
    other = evaluate_model(nano, tmp_path / "r", few, test_records=records[:2], quiet=True)
    assert other.manifest["records_sha256"] != first and other.language and other.language["records"] == 2
    assert "records_sha256" not in evaluate_model(nano, tmp_path / "none", few, quiet=True).manifest


def test_a_data_set_is_never_replaced_by_an_evaluation(nano: LoadedModel, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"teachers": {}, "records": {}}))
    with pytest.raises(UserError, match="no evaluation's"):
        evaluate_model(nano, tmp_path, SMALL, overwrite=True, quiet=True)
    assert json.loads((tmp_path / "manifest.json").read_text()) == {"teachers": {}, "records": {}}


def test_a_folder_in_which_nothing_was_finished_is_taken_over(nano: LoadedModel, tmp_path: Path) -> None:
    evaluate_model(nano, tmp_path / "r", SMALL, measures=(), quiet=True)
    other = replace(SMALL, games=2, opening="BFS 3")
    assert evaluate_model(nano, tmp_path / "r", other, quiet=True).manifest["opening"] == "BFS 3"
    with pytest.raises(UserError, match='its opening is "BFS 3", not null'):
        evaluate_model(nano, tmp_path / "r", SMALL, quiet=True)
    with pytest.raises(UserError, match="fills a board of 4x4"):
        evaluate_model(nano, tmp_path / "none", replace(SMALL, opening="BFS 16"), quiet=True)
    assert not (tmp_path / "none").exists()
