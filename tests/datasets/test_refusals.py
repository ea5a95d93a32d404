"""Bad input: a clear error, and nothing lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from serpentune.common.errors import UserError
from serpentune.datasets import SPLITS, build_dataset, load_splits, read_manifest
from serpentune.datasets.splits import assign_splits
from serpentune.logs import generate_runs


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan"), float("inf")])
def test_an_impossible_split_is_refused(logs: Path, tmp_path: Path, share: float) -> None:
    with pytest.raises(UserError, match=r"split.train"):
        build_dataset([logs], tmp_path / "set", split={"train": share})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("games", [1, 2])
def test_too_few_games_are_refused(tmp_path: Path, games: int) -> None:
    generate_runs(["BFS", "ASTAR"], games, 4, 4, 0, tmp_path / "logs", timestamp="20250101_000000")
    with pytest.raises(UserError, match="play at least 3"):
        build_dataset([tmp_path / "logs"], tmp_path / "set")


@pytest.mark.parametrize(("games", "share"), [(3, 0.8), (3, 0.01), (4, 0.99), (10, 0.8), (100, 0.5), (1000, 0.999)])
def test_every_split_gets_a_game_and_train_its_share(games: int, share: float) -> None:
    keys = [f"game {number // 2}" for number in range(2 * games)]
    splits = [SPLITS[split] for split in assign_splits(keys, share, seed=0)]
    assert splits[::2] == splits[1::2]
    counts = {split: splits.count(split) // 2 for split in SPLITS}
    assert counts["validation"] == counts["test"] >= 1
    assert counts["train"] >= 1
    assert abs(counts["train"] - share * games) <= max(2, 0.01 * games) + (share * games < 3) * 1


def test_the_split_depends_on_the_games_and_the_seed_alone() -> None:
    keys = [f"seed {number}" for number in range(40)]
    splits = dict(zip(keys, assign_splits(keys, 0.8, seed=1).tolist(), strict=True))
    again = dict(zip(keys[::-1], assign_splits(keys[::-1], 0.8, seed=1).tolist(), strict=True))
    assert splits == again
    assert splits != dict(zip(keys, assign_splits(keys, 0.8, seed=2).tolist(), strict=True))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"teachers": ["BSF"]}, "Did you mean BFS"),
        ({"teachers": ["BFS", "DFS"]}, "'DFS'.*Known: ASTAR, BFS, HAMILTONIAN"),
        ({"teachers": []}, "teachers = .*name at least one"),
        ({"styles": ("plan", "plans")}, "Did you mean plan"),
        ({"styles": ()}, "styles = .*name at least one"),
        ({"encodings": "gird"}, "Did you mean grid"),
        ({"samples_per_teacher": 0}, "greater than or equal to 1"),
        ({"samples_per_teacher": 1, "styles": ("plan", "move")}, "too few"),
        ({"seed": -1}, "seed = -1"),
    ],
)
def test_impossible_options_are_refused_and_nothing_is_written(
    logs: Path, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        build_dataset([logs], tmp_path / "set", **options)
    assert list(tmp_path.iterdir()) == []


def test_missing_logs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no log directory"):
        build_dataset([tmp_path / "nowhere"], tmp_path / "set")


def test_an_algorithm_whose_games_were_all_refused_is_told_so(tmp_path: Path) -> None:
    run = generate_runs(["BFS"], 3, 4, 4, 0, tmp_path / "logs", format="json", timestamp="20250101_000000")[0]
    for path in run.glob("game_*.json"):
        path.write_text("{")
    with pytest.raises(UserError, match="3 games were refused: `serpentune logs check` says why"):
        build_dataset([tmp_path / "logs"], tmp_path / "set", teachers=["BFS"])


def test_a_folder_that_holds_files_is_not_overwritten_unless_asked(logs: Path, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    mine = tmp_path / "set" / "mine.txt"
    mine.write_text("mine")
    with pytest.raises(UserError, match="--overwrite"):
        build_dataset([logs], tmp_path / "set")
    assert mine.read_text() == "mine"
    with pytest.raises(UserError, match="not one of ours"):
        build_dataset([logs], tmp_path / "set", samples_per_teacher=20, overwrite=True)
    assert mine.read_text() == "mine"


def test_a_data_set_is_replaced_when_asked(logs: Path, tmp_path: Path) -> None:
    build_dataset([logs], tmp_path / "set", samples_per_teacher=20)
    before = (tmp_path / "set" / "manifest.json").read_text()
    build_dataset([logs], tmp_path / "set", samples_per_teacher=30, overwrite=True)
    assert (tmp_path / "set" / "manifest.json").read_text() != before
    assert len(load_splits(tmp_path / "set")) == 3


def test_a_file_is_no_output_folder(logs: Path) -> None:
    with pytest.raises(UserError, match="is a file"):
        build_dataset([logs], Path(__file__), overwrite=True)


def test_logs_are_never_overwritten_by_what_is_made_of_them(tmp_path: Path) -> None:
    runs = tmp_path / "logs"
    generate_runs(["BFS"], 4, 4, 4, 0, runs, timestamp="20250101_000000")
    for output in (runs, runs / "heuristics-bfs_20250101_000000"):
        with pytest.raises(UserError, match="not one of ours"):
            build_dataset([runs], output, overwrite=True)
    build_dataset([runs], tmp_path / "set", samples_per_teacher=8)
    inside = tmp_path / "set" / "logs"
    generate_runs(["BFS"], 4, 4, 4, 0, inside, timestamp="20250101_000000")
    with pytest.raises(UserError, match="holds the logs"):
        build_dataset([inside], tmp_path / "set", overwrite=True)
    assert len(list(tmp_path.rglob("games.parquet"))) == 2


def test_a_failed_rebuild_leaves_the_old_data_set(logs: Path, tmp_path: Path) -> None:
    build_dataset([logs], tmp_path / "set", samples_per_teacher=20)
    before = read_manifest(tmp_path / "set")
    with pytest.raises(UserError):
        build_dataset([logs], tmp_path / "set", teachers=["NOBODY"], overwrite=True)
    assert read_manifest(tmp_path / "set") == before


@pytest.mark.skipif(sys.platform == "win32", reason="processes can't be killed this way")
def test_a_killed_build_leaves_nothing_under_the_final_name(logs: Path, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from serpentune.datasets import build_dataset\n"
        "build_dataset([sys.argv[1]], Path(sys.argv[2]), styles=('plan', 'move'))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code, str(logs), str(tmp_path / "set")]
    with subprocess.Popen(command, env=environment) as process:
        # Half of it is on disk, beside the final name.
        while process.poll() is None and not list(tmp_path.glob(".set.*/jsonl")):
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "set").exists()
    build_dataset([logs], tmp_path / "set", samples_per_teacher=20)
    assert len(load_splits(tmp_path / "set")["train"]) > 0


def test_a_folder_that_is_no_data_set_is_refused(logs: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no data set"):
        load_splits(tmp_path)
    build_dataset([logs], tmp_path / "set", samples_per_teacher=20)
    (tmp_path / "set" / "data" / "test.parquet").write_bytes(b"PAR1 torn")
    with pytest.raises(UserError, match=r"test\.parquet: it can't be read"):
        load_splits(tmp_path / "set")
    (tmp_path / "set" / "data" / "test.parquet").unlink()
    with pytest.raises(UserError, match=r"test\.parquet: it can't be read"):
        load_splits(tmp_path / "set")
    (tmp_path / "set" / "manifest.json").write_text("[]")
    with pytest.raises(UserError, match="no manifest of a data set"):
        read_manifest(tmp_path / "set")
