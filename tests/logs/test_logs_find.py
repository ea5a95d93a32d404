from __future__ import annotations

from pathlib import Path

import pytest

from serpentune.common.errors import UserError
from serpentune.logs import find_logs, read_logs, write_run


@pytest.fixture
def logs(tmp_path, random_games) -> Path:
    root = tmp_path / "logs"
    for name in ("heuristics-bfs_1", "heuristics-bfs_2", "heuristics-dfs_1"):
        write_run(random_games(2), root / name, metadata={})
    (root / "notes").mkdir()
    (root / ".hidden").mkdir()
    (root / ".hidden" / "games.parquet").touch()
    return root


def names(folders):
    return [folder.name for folder in folders]


def test_a_run_folder_a_folder_of_runs_and_globs_at_once_each_run_once(logs):
    assert names(find_logs([logs / "heuristics-dfs_1"])) == ["heuristics-dfs_1"]
    assert names(find_logs([logs])) == ["heuristics-bfs_1", "heuristics-bfs_2", "heuristics-dfs_1"]
    assert names(find_logs([str(logs / "*bfs*")])) == ["heuristics-bfs_1", "heuristics-bfs_2"]
    assert names(find_logs([str(logs / "*_2"), logs, logs / "heuristics-bfs_1" / ".."])) == names(find_logs([logs]))
    assert names(find_logs([str(logs.parent / "**")])) == names(find_logs([logs]))


def test_relative_globs_start_where_the_user_stands(logs, monkeypatch):
    monkeypatch.chdir(logs.parent)
    assert find_logs(["logs/heuristics-bfs_*"]) == [Path("logs/heuristics-bfs_1"), Path("logs/heuristics-bfs_2")]


def test_a_link_to_a_run_is_the_same_run(logs):
    (logs / "zz").symlink_to(logs / "heuristics-bfs_1", target_is_directory=True)
    assert names(find_logs([logs])) == ["heuristics-bfs_1", "heuristics-bfs_2", "heuristics-dfs_1"]


def test_a_folder_whose_name_looks_like_a_glob_is_itself(logs):
    (logs / "heuristics-bfs_1").rename(logs / "run[1]")
    assert names(find_logs([logs / "run[1]"])) == ["run[1]"]


def test_a_missing_directory_is_named_with_its_near_match(logs):
    with pytest.raises(UserError, match=r"no log directory .*heuristics-bsf_1\. Did you mean .*heuristics-bfs_1"):
        find_logs([logs / "heuristics-bsf_1"])
    with pytest.raises(UserError, match=r"Did you mean .*/logs\?"):
        find_logs([logs.parent / "log" / "heuristics-bfs_1"])


def test_a_glob_that_matches_nothing_is_named_with_its_near_match(logs):
    with pytest.raises(UserError, match=r"heuristics-bsf_\*' matches nothing\. Did you mean .*heuristics-bfs_1"):
        find_logs([logs, str(logs / "heuristics-bsf_*")])


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("notes", "notes is empty"),
        ("note*", "no run folder with games"),
        ("heuristics-bfs_1/games.parquet", "is a file; name the run folder"),
        ("heuristics-bfs_1/summary.*", "no run folder with games"),
    ],
)
def test_what_holds_no_games_is_named(logs, path, message):
    with pytest.raises(UserError, match=message):
        find_logs([str(logs / path)])


def test_a_directory_with_other_files_only_holds_no_games(logs):
    (logs / "notes" / "game_x.json").touch()
    with pytest.raises(UserError, match="holds no games"):
        find_logs([logs / "notes"])


def test_no_pattern_is_an_error():
    with pytest.raises(UserError, match="No log directory was given"):
        find_logs([])


def test_several_runs_are_read_folder_by_folder(logs):
    reading = read_logs([logs])
    assert len(reading.games) == 6
    assert names(reading.folders) == [name for name in names(find_logs([logs])) for _ in range(2)]
