"""Unfinished runs: what a kill leaves, what is gone on with, and what isn't."""

from __future__ import annotations

import errno
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pytest

import serpentune
from serpentune import teachers
from serpentune.common.errors import UserError
from serpentune.common.locks import held_folder
from serpentune.game import Limits, Move
from serpentune.logs import _generate, _shards, generate_runs, read_logs
from serpentune.teachers import BFS, DFS, Teacher
from tests.logs.killed_runs import content

STAMP = "20260102_030405"
LATER = "20260102_030406"
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_shards, "_MOST_GAMES", 4)


def generate(folder: Path, algorithms: Sequence[str] = ("BFS", "DFS"), games: int = 11, **others: Any) -> list[Path]:
    return generate_runs(algorithms, games, 6, 6, 3, folder, **{"timestamp": STAMP, **others})


class Stop(Exception):
    """What ends a run in the middle."""


def interrupted(folder: Path, after: int = 5, error: type[BaseException] = Stop, **others: Any) -> Path:
    """The hidden folder of a run that was stopped once `after` games were there."""
    done = 0

    def stop(games: int) -> None:
        nonlocal done
        done += games
        if done >= after:
            raise error

    with pytest.raises(error):
        generate(folder, progress=stop, **others)
    (part,) = folder.glob(f".generate-*_{others.get('timestamp', STAMP)}.part")
    return part


# --- kills ----------------------------------------------------------------------------------------------------------


def check_kills(folder: Path, kind: str, moments: Sequence[object], seed: int = 1) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "tests/logs/killed_runs.py", str(folder), kind, str(seed), ",".join(map(str, moments))],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(moments)
    for answer in answers:
        # A kill in the last moment leaves finished runs and nothing to resume.
        assert answer["same"] and answer["code"] in (0, 3) and not answer["left"], answer
    return answers


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
@pytest.mark.parametrize("kind", ["parquet", "json"])
def test_a_killed_run_is_gone_on_with_and_ends_with_the_same_bytes(tmp_path: Path, kind: str) -> None:
    answers = check_kills(tmp_path, kind, [1, 4, 9, 20, 33, 47, 60, 74, "time", "time"])
    assert sum(-9 in answer["kills"] for answer in answers) >= 8


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
@pytest.mark.parametrize("kind", ["parquet", "json"])
def test_a_run_may_be_killed_at_every_touch_of_the_disk_and_at_any_time(tmp_path: Path, kind: str) -> None:
    answers = check_kills(tmp_path, kind, [*range(1, 120), *["time"] * 60], seed=2)
    killed = [-9 in answer["kills"] for answer in answers]
    touches, timed = killed[:119], killed[119:]
    # A run's touches are counted; how many runs are quicker than a random time is the machine's affair.
    assert touches == sorted(touches, reverse=True) and sum(touches) >= 60
    assert any(timed)


# --- what is kept ---------------------------------------------------------------------------------------------------


def test_what_was_played_is_not_played_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = interrupted(tmp_path / "logs", after=85, games=80)
    kept = {path.name for path in part.glob("heuristics-dfs*/shard-*")}
    made = []
    make: Callable[..., bytes] = _generate.make_shard

    def counting(player: teachers.Teacher, *others: Any) -> bytes:
        made.append((player.name, others[-1].games))
        return make(player, *others)

    monkeypatch.setattr(_generate, "make_shard", counting)
    counted: list[int] = []
    folders = generate(tmp_path / "logs", games=80, resume=True, progress=counted.append)
    assert {name for name, _ in made} == {"DFS"}
    assert len(made) == 20 - len(kept) < 20
    assert sum(counted) == 160
    generate(tmp_path / "whole", games=80)
    assert content(tmp_path / "logs") == content(tmp_path / "whole")
    assert [folder.name for folder in folders] == [f"heuristics-bfs_{STAMP}", f"heuristics-dfs_{STAMP}"]
    assert {path.name for path in (tmp_path / "logs").iterdir()} == {folder.name for folder in folders}


def test_a_noisy_run_is_gone_on_with(tmp_path: Path) -> None:
    interrupted(tmp_path / "logs", noise=0.2)
    generate(tmp_path / "logs", resume=True, noise=0.2)
    generate(tmp_path / "whole", noise=0.2)
    assert content(tmp_path / "logs") == content(tmp_path / "whole")


@pytest.mark.parametrize("damage", ["torn", "flipped", "empty", "another", "other games"])
def test_a_damaged_shard_is_found_and_its_games_are_played_again(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    part = interrupted(tmp_path / "logs", after=11, games=40)
    first, second = sorted(part.glob("heuristics-bfs*/shard-*"))[:2]
    whole = first.read_bytes()
    if damage == "flipped":
        middle = len(whole) // 3
        first.write_bytes(whole[:middle] + bytes([whole[middle] ^ 0x10]) + whole[middle + 1 :])
    elif damage == "other games":
        interrupted(tmp_path / "others", after=11, games=40, algorithms=["DFS"])
        (other,) = (tmp_path / "others").glob(".generate*/heuristics-*/shard-000000.parquet")
        first.write_bytes(other.read_bytes())
    else:
        first.write_bytes({"torn": whole[:-9], "empty": b"", "another": second.read_bytes()}[damage])
    generate(tmp_path / "logs", games=40, resume=True)
    assert "shard-000000.parquet is no whole shard" in caplog.text
    generate(tmp_path / "whole", games=40)
    assert content(tmp_path / "logs") == content(tmp_path / "whole")


def test_leftovers_of_a_killed_write_are_passed_over_and_go(tmp_path: Path) -> None:
    part = interrupted(tmp_path / "logs")
    (own,) = part.glob("heuristics-bfs*")
    (own / ".shard-000001.parquet.x7.part").write_bytes(b"half")
    (own / ".heuristics-bfs_x.part").mkdir()
    generate(tmp_path / "logs", resume=True)
    assert not part.exists()


# --- which run is gone on with --------------------------------------------------------------------------------------


def test_the_newest_unfinished_run_is_gone_on_with(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    interrupted(tmp_path)
    interrupted(tmp_path, timestamp=LATER)
    assert f"an unfinished run of this request, of {STAMP}; --resume would go on with it" in caplog.text
    assert generate(tmp_path, timestamp=None, resume=True)[0].name == f"heuristics-bfs_{LATER}"
    assert generate(tmp_path, timestamp=None, resume=True)[0].name == f"heuristics-bfs_{STAMP}"
    with pytest.raises(UserError, match="nothing to resume"):
        generate(tmp_path, timestamp=None, resume=True)
    assert len(read_logs([tmp_path]).games) == 44


@pytest.mark.parametrize(
    "other",
    [
        {"games": 12},
        {"algorithms": ["BFS"]},
        {"algorithms": ["DFS", "BFS"]},
        {"format": "json"},
        {"limits": Limits(max_steps=9)},
        {"noise": 0.1},
        {"timestamp": LATER},
    ],
)
def test_another_request_is_left_alone(tmp_path: Path, other: dict[str, Any]) -> None:
    part = interrupted(tmp_path)
    before = {path: path.read_bytes() for path in part.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match="nothing to resume"):
        generate(tmp_path, resume=True, **other)
    generate(tmp_path, **{"timestamp": LATER, **other})
    assert {path: path.read_bytes() for path in part.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("module", "name"), [(serpentune, "__version__"), (pyarrow, "__version__"), (teachers, "fingerprint")]
)
def test_a_run_that_other_versions_began_is_not_mixed_with_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, name: str
) -> None:
    part = interrupted(tmp_path)
    with monkeypatch.context() as changed:
        changed.setattr(module, name, (lambda teacher: "other") if name == "fingerprint" else "9.9.9")
        of = {"serpentune": "serpentune", "pyarrow": "pyarrow"}.get(module.__name__, "teacher BFS, teacher DFS")
        with pytest.raises(
            UserError, match=rf"of {STAMP} can't be gone on with: .* another version of {of}\. .*{part}"
        ):
            generate(tmp_path, resume=True)
        generate(tmp_path)  # at the very same time: begun anew
    assert not part.exists()
    assert len(read_logs([tmp_path]).games) == 22


def test_a_teacher_of_another_code_has_another_fingerprint() -> None:
    up, down = (Teacher("SOME", "a move", "none", function=function) for function in (lambda _: 0, lambda _: 2 + 0 * _))
    assert len({teachers.fingerprint(teacher) for teacher in (up, down, BFS, DFS)}) == 4
    assert teachers.fingerprint(BFS) == teachers.fingerprint(teachers.get("bfs"))


def test_a_fingerprint_is_of_the_source_not_of_what_python_makes_of_it() -> None:
    def up(_: Any) -> Move:
        return Move.UP

    teacher = Teacher("SOME", "a move", "none", function=up)
    before = teachers.fingerprint(teacher)
    up.__code__ = up.__code__.replace(co_code=b"\x09\x00" + up.__code__.co_code)  # as another version would
    assert teachers.fingerprint(teacher) == before


def test_a_finished_run_that_was_moved_away_is_made_again(tmp_path: Path) -> None:
    interrupted(tmp_path, after=15)
    moved = tmp_path / f"heuristics-bfs_{STAMP}"
    moved.rename(tmp_path / "mine")
    assert all((folder / "summary.json").is_file() for folder in generate(tmp_path, resume=True))
    assert content(moved) == content(tmp_path / "mine")


@pytest.mark.parametrize("resume", [False, True])
def test_a_run_that_another_process_is_writing_is_not_joined(tmp_path: Path, resume: bool) -> None:
    part = interrupted(tmp_path)
    with (
        held_folder(part, by="a test"),
        pytest.raises(UserError, match=r"\.part is being written by another run of the same request"),
    ):
        generate(tmp_path, resume=resume)
    assert part.is_dir()
    generate(tmp_path, resume=resume)


def test_the_same_request_and_time_goes_on_unasked(tmp_path: Path) -> None:
    part = interrupted(tmp_path / "logs")
    generate(tmp_path / "logs")
    assert not part.exists()
    generate(tmp_path / "whole")
    assert content(tmp_path / "logs") == content(tmp_path / "whole")


def test_a_folder_that_was_taken_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    interrupted(tmp_path)
    taken = tmp_path / f"heuristics-dfs_{STAMP}"
    taken.mkdir()
    (taken / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="already holds files"):
        generate(tmp_path, resume=True)
    assert [item.name for item in taken.iterdir()] == ["notes.txt"]
    generate(tmp_path, resume=True, overwrite=True)
    assert len(read_logs([tmp_path]).games) == 22


def test_nowhere_to_resume_in(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing to resume"):
        generate(tmp_path / "missing", resume=True)
    assert not (tmp_path / "missing").exists()


# --- what is said ---------------------------------------------------------------------------------------------------


def test_ctrl_c_says_how_to_go_on(tmp_path: Path) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="the same command with --resume goes on"):
        generate(tmp_path, progress=stop)


@pytest.mark.parametrize("moment", ["a shard", "the run"])
def test_a_full_disk_keeps_what_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """A full disk can't be had in a test without rights of the system's owner; this is what the system says of one."""

    name, room_for = ("mkstemp", 3) if moment == "a shard" else ("mkdtemp", 0)  # the request is a file too
    make = getattr(tempfile, name)
    made = []

    def full(*arguments: Any, **named: Any) -> Any:
        if len(made) == room_for:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        made.append(arguments)
        return make(*arguments, **named)

    interrupted(tmp_path / "logs", games=80)
    with monkeypatch.context() as patched:
        patched.setattr(tempfile, name, full)
        with pytest.raises(UserError, match=r"No room left .*Free space first\. What is finished is kept.*--resume"):
            generate(tmp_path / "logs", games=80, resume=True)
    generate(tmp_path / "logs", games=80, resume=True)
    generate(tmp_path / "whole", games=80)
    assert content(tmp_path / "logs") == content(tmp_path / "whole")


def test_a_failure_says_that_what_is_finished_is_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    interrupted(tmp_path)
    assert "What is finished is kept" in caplog.records[-1].getMessage()
    assert caplog.records[-1].levelno == logging.WARNING


def test_a_run_that_fails_before_its_first_games_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def strikes(_: object) -> Move:
        raise RuntimeError("on strike")

    striker = teachers.Teacher("STRIKER", summary="Nothing.", guarantee="None.", function=strikes)
    monkeypatch.setitem(teachers._registry._TEACHERS, "STRIKER", striker)
    with pytest.raises(UserError, match=r"STRIKER failed .* on strike"):
        generate(tmp_path, algorithms=["STRIKER"])
    assert list(tmp_path.iterdir()) == []


# --- the same bytes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_number_of_threads_is_not_in_the_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    generate(tmp_path / "default")
    monkeypatch.setattr("serpentune.common.threads.processors", lambda: threads)
    generate(tmp_path / "other")
    assert content(tmp_path / "default") == content(tmp_path / "other")


@pytest.mark.parametrize("most", [1, 3, 7, 1000])
def test_the_size_of_shards_is_not_in_the_games(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    generate(tmp_path / "default")
    monkeypatch.setattr(_shards, "_MOST_GAMES", most)
    generate(tmp_path / "other")
    assert read_logs([tmp_path / "other"]).games == read_logs([tmp_path / "default"]).games
