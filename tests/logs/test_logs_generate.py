from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from serpentune.common.errors import UserError
from serpentune.common.progress import progress_bar
from serpentune.game import Limits, states_before
from serpentune.logs import generate_runs, read_logs
from serpentune.teachers import Teacher, get, legal_and_safe, names, play_batch

STAMP = "20260102_030405"


def test_every_teacher_gets_a_folder_and_meets_the_same_apples(tmp_path):
    done = []
    folders = generate_runs(
        ["bfs", "HAMILTONIAN", "Bfs"], 5, 6, 6, 100, tmp_path / "logs", timestamp=STAMP, progress=done.append
    )
    assert [folder.name for folder in folders] == [f"heuristics-bfs_{STAMP}", f"heuristics-hamiltonian_{STAMP}"]
    assert sum(done) == 10
    reading = read_logs([tmp_path / "logs"])
    assert reading.refused == ()
    by_player: dict[str, list] = {}
    for game in reading.games:
        by_player.setdefault(game.player, []).append(game)
    assert set(by_player) == {"BFS", "HAMILTONIAN"}
    for games in by_player.values():
        assert [game.seed for game in games] == [100, 101, 102, 103, 104]
        assert [game.number for game in games] == [1, 2, 3, 4, 5]
    assert [game.apples[0] for game in by_player["BFS"]] == [game.apples[0] for game in by_player["HAMILTONIAN"]]


@pytest.mark.parametrize("kind", ["parquet", "json"])
def test_the_same_seed_makes_the_same_bytes_of_every_teacher(tmp_path, kind):
    runs = [
        generate_runs(names(), 20, 6, 6, 3, tmp_path / name, format=kind, timestamp=stamp)
        for name, stamp in (("a", STAMP), ("b", "20270101_000000"))
    ]
    contents = [[{path.name: path.read_bytes() for path in run.iterdir()} for run in several] for several in runs]
    assert contents[0] == contents[1]
    (other,) = generate_runs(names()[:1], 20, 6, 6, 4, tmp_path / "c", format=kind, timestamp=STAMP)
    assert {path.name: path.read_bytes() for path in other.iterdir()} != contents[0][0]


def test_noise_is_random_moves_by_the_games_seed_and_stands_in_the_run(tmp_path):
    plain, noisy, again = (
        generate_runs(["CELL"], 30, 6, 6, 3, tmp_path / name, timestamp=STAMP, noise=noise)[0]
        for name, noise in (("plain", 0), ("noisy", 0.1), ("again", 0.1))
    )
    assert noisy.name == f"heuristics-cell-noise_{STAMP}"
    assert [path.read_bytes() for path in sorted(noisy.iterdir())] == [
        path.read_bytes() for path in sorted(again.iterdir())
    ]
    summary, of_plain = (json.loads((run / "summary.json").read_text()) for run in (noisy, plain))
    assert (summary["algorithm"], summary["configuration"]["noise"]) == ("CELL+NOISE", 0.1)
    assert of_plain["algorithm"] == "CELL" and "noise" not in of_plain["configuration"]
    reading = read_logs([noisy])
    assert reading.refused == ()
    # The apples are those of the games without noise.
    assert [game.apples[0] for game in reading.games] == [game.apples[0] for game in read_logs([plain]).games]
    other = moves = 0
    for game in reading.games:
        states = states_before(game, range(len(game.moves)))
        right = get("CELL").moves(states)
        played = np.frombuffer(game.moves, np.int8)
        legal = legal_and_safe(states)[0]
        assert ((1 << played.astype(np.int64) & legal) != 0).all()
        other += int((right != played).sum())
        moves += len(played)
    # One in ten is drawn, from one to three moves of which one is the teacher's.
    assert moves > 3000 and 0.02 < other / moves < 0.1


def test_a_python_function_strays_as_its_kernel_does():
    function = Teacher("SLOW", "As BFS.", "None.", function=lambda state: get("BFS").decide(state).move)
    batches = [play_batch(teacher, range(12), 6, 5, Limits(), noise=0.3) for teacher in (get("BFS"), function)]
    assert [batch.player for batch in batches] == ["BFS+NOISE", "SLOW+NOISE"]
    assert batches[0].moves.tobytes() == batches[1].moves.tobytes()
    assert batches[0].apples.tobytes() == batches[1].apples.tobytes()
    assert play_batch(get("BFS"), range(12), 6, 5, Limits()).moves.tobytes() != batches[0].moves.tobytes()
    with pytest.raises(ValueError, match="NOISE"):
        Teacher("BFS+NOISE", "", "", function=function.function)


def test_the_limits_hold_and_stand_in_the_summary(tmp_path):
    (folder,) = generate_runs(["HAMILTONIAN"], 3, 6, 6, 0, tmp_path, limits=Limits(max_steps=10), timestamp=STAMP)
    assert {game.steps for game in read_logs([folder]).games} == {10}
    configuration = json.loads((folder / "summary.json").read_text())["configuration"]
    assert configuration["limits"]["max_steps"] == 10
    assert (configuration["max_games"], configuration["seed"]) == (3, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"algorithms": ["BFS", "BSF"]}, "Did you mean BFS"),
        ({"algorithms": []}, "No teacher"),
        ({"games": 0}, "at least 1"),
        ({"seed": -1}, "out of range"),
        ({"seed": 2**63}, "out of range"),
        ({"width": 3}, "3x6"),
        ({"format": "csv"}, "parquet"),
        ({"timestamp": "today"}, "YYYYMMDD"),
        ({"noise": 1.5}, "no probability"),
        ({"noise": float("nan")}, "no probability"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(tmp_path, changes, message):
    arguments = {"algorithms": ["BFS"], "games": 2, "width": 6, "height": 6, "seed": 0, "timestamp": STAMP, **changes}
    with pytest.raises(UserError, match=message):
        generate_runs(output_dir=tmp_path / "logs", **arguments)
    assert not (tmp_path / "logs").exists()


def test_one_taken_folder_stops_all_before_anything_is_written(tmp_path):
    generate_runs(["DFS"], 2, 6, 6, 0, tmp_path, timestamp=STAMP)
    with pytest.raises(UserError, match="--overwrite"):
        generate_runs(["BFS", "DFS"], 2, 6, 6, 0, tmp_path, timestamp=STAMP)
    assert [item.name for item in tmp_path.iterdir()] == [f"heuristics-dfs_{STAMP}"]
    generate_runs(["BFS", "DFS"], 3, 6, 6, 0, tmp_path, timestamp=STAMP, overwrite=True)
    assert len(read_logs([tmp_path]).games) == 6


def test_an_output_path_that_is_a_file_is_refused(tmp_path):
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(UserError, match="is a file"):
        generate_runs(["BFS"], 1, 6, 6, 0, path)


def test_a_folder_without_timestamp_given_is_named_by_the_clock(tmp_path):
    (folder,) = generate_runs(["BFS"], 1, 6, 6, 0, Path(tmp_path))
    assert re.fullmatch(r"heuristics-bfs_\d{8}_\d{6}", folder.name)


def test_no_bar_is_drawn_into_a_pipe(capsys):
    with progress_bar("Playing", 2, quiet=False) as advance:
        advance()
        advance(1, note="nearly")
    assert capsys.readouterr() == ("", "")
