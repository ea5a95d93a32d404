from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from serpentune.common.errors import UserError
from serpentune.common.files import replacing_folder
from serpentune.game import Ending, Move, verify
from serpentune.logs import find_logs, iter_logs, read_logs, write_run
from serpentune.logs._parquet import write_parquet_games

SRC = Path(__file__).parents[2] / "src"


@pytest.mark.parametrize("kind", ["parquet", "json"])
@pytest.mark.parametrize(("width", "height"), [(6, 6), (7, 4)])
def test_games_come_back_as_they_were_written(tmp_path, random_games, kind, width, height):
    games = random_games(40, width, height, first_seed=5)
    folder = write_run(games, tmp_path / "run", metadata={}, format=kind)
    reading = read_logs([folder])
    assert list(reading.games) == games
    assert reading.refused == ()
    assert set(reading.folders) == {folder}


@pytest.mark.parametrize("kind", ["parquet", "json"])
def test_the_same_games_make_the_same_bytes(tmp_path, random_games, kind):
    first = write_run(random_games(20), tmp_path / "a", metadata={"x": 1}, format=kind)
    time.sleep(0.01)
    second = write_run(iter(random_games(20)), tmp_path / "b", metadata={"x": 1}, format=kind)
    names = sorted(path.name for path in first.iterdir())
    assert names == sorted(path.name for path in second.iterdir())
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_the_summary_counts_the_games(tmp_path, random_games):
    games = random_games(30)
    folder = write_run(games, tmp_path / "run", metadata={"limits": {"max_steps": 0}})
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["algorithm"] == "RANDOM"
    assert summary["total_games"] == 30
    assert summary["total_score"] == sum(game.score for game in games)
    assert summary["average_score"] == pytest.approx(sum(game.score for game in games) / 30)
    assert summary["total_steps"] == sum(len(game.moves) for game in games)
    assert sum(summary["endings"].values()) == 30
    assert summary["wins"] == sum(game.ending == Ending.WIN for game in games)
    assert summary["seeds"] == {"first": 0, "last": 29}
    assert summary["configuration"] == {"grid_size": 6, "limits": {"max_steps": 0}}


def test_a_json_game_has_the_keys_of_its_family_and_says_the_truth(tmp_path, random_games):
    game = max(random_games(30), key=lambda record: record.score)
    assert game.score >= 1
    folder = write_run([game], tmp_path / "run", metadata={}, format="json")
    document = json.loads((folder / f"game_{game.number}.json").read_text())
    assert document["score"] == game.score
    assert document["snake_length"] == game.score + 1
    assert document["game_over"] is True
    assert document["grid_size"] == 6
    assert document["heuristic_info"]["algorithm"] == document["metadata"]["algorithm"] == "RANDOM"
    assert document["metadata"]["game_number"] == game.number
    history = document["detailed_history"]
    assert document["round_count"] == len(history["rounds_data"]) == len(history["moves"])
    assert [move for entry in history["rounds_data"].values() for move in entry["moves"]] == history["moves"]
    # The apples that the rounds went for are the apples of the game, in their order.
    seen = [entry["apple_position"] for entry in history["rounds_data"].values()]
    changes = [seen[0]] + [b for a, b in itertools.pairwise(seen) if a != b]
    assert changes == [[p["x"], p["y"]] for p in history["apple_positions"]][: len(changes)]
    assert len(changes) >= game.score


def test_a_game_of_another_program_without_a_seed_and_with_sentinels_is_written_too(tmp_path, random_games):
    game = random_games(1)[0]
    game = replace(
        game, moves=bytes([Move.EMPTY, Move.SOMETHING_IS_WRONG]) + game.moves, steps=game.steps + 2, seed=None
    )
    assert verify(game) is None
    for kind in ("parquet", "json"):
        assert read_logs([write_run([game], tmp_path / kind, metadata={}, format=kind)]).games == (game,)


def test_a_long_run_is_written_in_pieces(tmp_path, random_games):
    game = random_games(1)[0]
    folder = write_run((replace(game, number=n) for n in range(1, 9002)), tmp_path / "run", metadata={})
    assert pq.ParquetFile(folder / "games.parquet").num_row_groups == 3
    assert sum(1 for _ in iter_logs([folder])) == 9001


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda games: [], "at least one game"),
        (lambda games: [games[1], games[0]], "comes after"),
        (lambda games: [games[0], replace(games[1], player="OTHER")], "another player"),
        (lambda games: [replace(games[0], score=games[0].score + 1)], "its score is"),
        (lambda games: [replace(games[0], ending=Ending.RUNNING, moves=b"", steps=0, score=0)], "not over"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(tmp_path, random_games, spoil, message):
    with pytest.raises(ValueError, match=message):
        write_run(spoil(random_games(2)), tmp_path / "run", metadata={})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_content_is_kept_unless_overwritten(tmp_path, random_games):
    folder = write_run(random_games(3), tmp_path / "run", metadata={})
    before = (folder / "games.parquet").read_bytes()
    with pytest.raises(UserError, match="--overwrite"):
        write_run(random_games(5), folder, metadata={})
    assert (folder / "games.parquet").read_bytes() == before
    write_run(random_games(5), folder, metadata={}, format="json", overwrite=True)
    assert len(read_logs([folder]).games) == 5
    assert not (folder / "games.parquet").exists()


def test_an_unknown_format_is_refused(tmp_path, random_games):
    with pytest.raises(UserError, match="parquet"):
        write_run(random_games(1), tmp_path / "run", metadata={}, format="parket")  # type: ignore[arg-type]


def test_a_failure_while_writing_leaves_the_old_run(tmp_path, random_games):
    folder = write_run(random_games(3), tmp_path / "run", metadata={})

    def breaking():
        yield from random_games(2)
        raise RuntimeError("the teacher broke")

    with pytest.raises(RuntimeError, match="teacher broke"):
        write_run(breaking(), folder, metadata={}, overwrite=True)
    assert len(read_logs([folder]).games) == 3
    assert [item.name for item in tmp_path.iterdir()] == ["run"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_said_in_words(tmp_path, random_games):
    with (
        pytest.raises(UserError, match="No room left on the disk"),
        replacing_folder(tmp_path / "run"),
    ):
        write_parquet_games(Path("/dev/full"), random_games(2))
    assert list(tmp_path.iterdir()) == []


_ENDLESS = """
import sys, time
from dataclasses import replace
from pathlib import Path
from serpentune.logs import read_logs, write_run
game = read_logs([sys.argv[1]]).games[0]
def slowly():
    for number in range(1, 10**9):
        if number > int(sys.argv[4]):
            print("writing", flush=True)
            time.sleep(0.01)
        yield replace(game, number=number)
write_run(slowly(), Path(sys.argv[2]), metadata={}, format=sys.argv[3])
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
@pytest.mark.parametrize(("kind", "games"), [("parquet", 4200), ("json", 50)])
def test_a_killed_write_leaves_no_half_run(tmp_path, random_games, kind, games):
    source = write_run(random_games(1), tmp_path / "source", metadata={})
    out = tmp_path / "logs" / "run"
    process = subprocess.Popen(
        [sys.executable, "-c", _ENDLESS, str(source), str(out), kind, str(games)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SRC)},
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"writing\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
    left = list(out.parent.iterdir())
    assert left and all(item.name.startswith(".run.") for item in left)
    with pytest.raises(UserError, match="holds no games"):
        find_logs([out.parent])
    assert len(read_logs([write_run(random_games(2), out, metadata={})]).games) == 2


_FLAT = """
import resource, sys
from dataclasses import replace
from pathlib import Path
from serpentune.logs import Refusal, iter_logs, read_logs, write_run
game = read_logs([sys.argv[1]]).games[0]
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
def many(count):
    return (replace(game, number=n) for n in range(1, count + 1))
small = write_run(many(20_000), Path(sys.argv[2]) / "small", metadata={})
assert sum(1 for _ in iter_logs([small])) == 20_000
before = peak()
large = write_run(many(200_000), Path(sys.argv[2]) / "large", metadata={})
assert sum(1 for _ in iter_logs([large])) == 200_000
print(before, peak())
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_games(tmp_path, random_games):
    source = write_run(random_games(1, 10, 10), tmp_path / "source", metadata={})
    output = subprocess.run(
        [sys.executable, "-c", _FLAT, str(source), str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SRC)},
    ).stdout
    before, after = map(int, output.split())
    assert after < before + 60, f"{before} MB for 20,000 games, {after} MB for 200,000"
