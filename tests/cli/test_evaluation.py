"""`serpentune evaluate`: which options go together, what players are called, and what several of them leave."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from serpentune.common.errors import UserError
from serpentune.datasets import load_splits
from serpentune.evaluation import contestant_names, read_test_records
from serpentune.models import find_base
from tests.cli.calls import serpentune

FEW = ["--games", 2, "--grid-size", 4]


@pytest.fixture
def namesakes(tmp_path: Path) -> list[Path]:
    """Two models in folders of the same name."""
    folders = [tmp_path / "a" / "student", tmp_path / "b" / "student"]
    for folder in folders:
        shutil.copytree(find_base("nano").location, folder, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    return folders


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["results", "--recompute", "--games", 200], "--games"),
        (["results", "--recompute", "--overwrite"], "--overwrite"),
        (["BFS", "--endpoint-budget", 5], "--endpoint-budget"),
        (["m", "--endpoint", "http://localhost:1/v1", "--chat"], "--chat"),
        (["m", "--endpoint", "http://localhost:1/v1", "--top-moves", 3], "--top-moves"),
        (["nano", "--suite", "speed", "--top-moves", 3], "--top-moves"),
        (["BFS", "--chat"], "--chat"),
        (["BFS", "random", "--top-moves", 3], "--top-moves"),
        (["BFS", "--mode", "move", "--encoding", "simple", "--max-new-tokens", 3], "--encoding"),
        (["CELL", "--mode", "plan"], "--mode"),
        (["cell", "--style", "explain"], "--style"),
        (["m", "--endpoint", "http://localhost:1/v1", "--trust-remote-code"], "--trust-remote-code"),
        (["m", "--endpoint", "http://localhost:1/v1", "--suite", "language", "--dataset", "d"], "--suite"),
        (["BFS", "--address", "localhost:6379"], "--address"),
        (["BFS", "--engine", "ray", "--suite", "speed"], "--engine"),
        (["BFS", "--suite", "play", "--dataset", "d"], "--dataset"),
        (["BFS", "--suite", "generalise", "--dataset", "d"], "--dataset"),
        (["BFS", "--language-records", 10], "--language-records"),
        (["BFS", "random", "--name", "x"], "--name"),
    ],
)
def test_an_option_without_effect_is_refused(arguments: list[object], wrong: str, tmp_path: Path) -> None:
    refused = serpentune("evaluate", *arguments)
    assert refused.code == 2
    assert refused.err.rstrip().endswith(f"Leave out {wrong}."), refused.err
    assert not list(tmp_path.iterdir())


def test_nobody_plays_before_all_are_found(tmp_path: Path) -> None:
    refused = serpentune("evaluate", "BFS", "DSF", *FEW)
    assert refused.code == 2 and "Did you mean the teacher DFS?" in refused.err
    refused = serpentune("evaluate", "BFS", "bfs", *FEW)
    assert refused.code == 2 and "share a results folder" in refused.err
    refused = serpentune("evaluate", "BFS", "--name", "/", *FEW)
    assert refused.code == 2 and "with a letter or a digit" in refused.err
    assert not list(tmp_path.iterdir())


def test_namesakes_have_folders_of_their_own(namesakes: list[Path], tmp_path: Path) -> None:
    played = serpentune("evaluate", *namesakes, "random", *FEW, "--json")
    assert played.code == 0, played.err
    assert [(each["name"], each["folder"]) for each in played.document["models"]] == [
        ("a/student", "output/evaluations/a-student"),
        ("b/student", "output/evaluations/b-student"),
        ("random", "output/evaluations/random"),
    ]
    assert all((tmp_path / each["folder"] / "games.jsonl").is_file() for each in played.document["models"])


def test_the_hint_names_players_as_they_were_named(tmp_path: Path) -> None:
    """The first one is what `compare` measures the others against, and need not be the best."""
    played = serpentune("evaluate", "random", "BFS", *FEW)
    hint = "Compare them: serpentune compare output/evaluations/random output/evaluations/BFS"
    assert hint in " ".join(played.out.split()), played.err
    alone = serpentune("evaluate", "BFS", *FEW)
    assert " ms a move\n" in alone.out and "tokens/s" not in alone.out


def test_an_adapter_without_its_base_is_found_wanting_unloaded(tmp_path: Path) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text('{"base_model_name_or_path": "no/such-base"}')
    with pytest.raises(UserError, match=r"holds an adapter_config\.json but no"):
        contestant_names(["BFS", adapter])
    (adapter / "adapter_model.safetensors").touch()
    with pytest.raises(UserError, match=r"adapter: .*no/such-base"):
        contestant_names(["BFS", adapter])


def test_several_arenas_are_one_document() -> None:
    played = serpentune("evaluate", "BFS", "random", "--suite", "generalise", "--games", 1, "--grid-size", 4, "--json")
    assert played.code == 0, played.err
    models = played.document["models"]
    assert [each["folder"] for each in models] == [f"output/evaluations/{n}-generalise" for n in ("BFS", "random")]
    assert all(each["rows"]["home"]["games"] == 1 for each in models)


def test_no_more_records_are_read_than_asked_for(dataset: Path) -> None:
    test = load_splits(dataset)["test"]
    assert read_test_records(dataset, 3) == list(test.select(range(3)).select_columns(["prompt", "completion", "game"]))
    assert len(read_test_records(dataset, len(test) + 1)) == len(test)
    assert read_test_records(dataset, 0) == []
