"""`serpentune watch`: what is printed where there is no terminal, and how it behaves in one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from serpentune.game import states_before
from serpentune.game.render import ansi
from serpentune.teachers import get, play
from tests.cli.calls import environment, serpentune
from tests.cli.test_errors import refused
from tests.evaluation.chat_server import plays_bfs, serving


def test_piped_it_prints_the_last_board_and_how_the_game_ended(tmp_path: Path) -> None:
    watched = serpentune("watch", "bfs", "--grid-size", "8x6", "--seed", 4, "--save", tmp_path / "game.gif")
    assert (watched.code, watched.err) == (0, "")
    (game,) = play(get("BFS"), [4], 8, 6)
    board = ansi(states_before(game, [len(game.moves)])[0])
    said = f"BFS, seed 4: {game.score} of 47 apples in {game.steps} steps. The game ends with {game.ending.name}."
    assert watched.out == f"{board}\n{said}\n{tmp_path / 'game.gif'}\n"
    assert (tmp_path / "game.gif").read_bytes()[:6] == b"GIF89a"


def test_document(tmp_path: Path) -> None:
    options = ["HAMILTONIAN", "--grid-size", 4, "--seed", 2, "--json"]
    (game,) = play(get("HAMILTONIAN"), [2], 4, 4)
    expected = {
        "player": "HAMILTONIAN", "teacher": "HAMILTONIAN", "grid": [4, 4], "seed": 2, "score": 15, "steps": game.steps,
        "ending": "WIN", "agreed": game.steps, "file": None,
    }  # fmt: skip
    assert serpentune("watch", *options).document == expected
    path = tmp_path / "end.png"
    saved = serpentune("watch", *options, "--save", path)
    assert saved.document == expected | {"file": str(path)} and saved.err == ""
    assert path.read_bytes()[1:4] == b"PNG"


def test_a_game_that_its_opening_ends_is_not_said_to_be_saved(tmp_path: Path) -> None:
    options = ["CELL", "--grid-size", 6, "--seed", 800000, "--opening", "BFS 30", "--save", tmp_path / "end.png"]
    assert "Nothing is saved in" in serpentune("watch", *options).out
    assert serpentune("watch", *options, "--json").document["file"] is None
    assert list(tmp_path.iterdir()) == []


ON_10X10 = ["--grid-size", "10x10", "--seed", 800016]


@pytest.mark.parametrize(
    ("options", "name", "side"),
    [
        ([], "nano-6x6", 6),
        pytest.param([*ON_10X10, "--opening", "CELL 60"], "nano-10x10", 10, marks=pytest.mark.slow),
        pytest.param(ON_10X10, "nano-10x10", 10, marks=pytest.mark.slow),
    ],
)
def test_without_a_player_a_student_that_comes_along_fills_its_board(
    options: list[object], name: str, side: int
) -> None:
    watched = serpentune("watch", *options, "--json").document
    assert (watched["player"], watched["teacher"], watched["grid"]) == (name, "CELL", [side, side])
    assert (watched["score"], watched["ending"]) == (side * side - 1, "WIN")


def test_at_an_endpoint_somebody_is_asked_for() -> None:
    said = refused("watch", "--endpoint", "http://127.0.0.1:9", "--grid-size", 10)
    assert "Name the model that is served at http://127.0.0.1:9" in said


def test_on_a_board_that_no_student_was_taught_the_one_of_6x6_plays() -> None:
    assert serpentune("watch", "--grid-size", 4, "--mode", "move", "--json").document["player"] == "nano-6x6"


def test_a_model_is_asked_as_evaluate_asks_it() -> None:
    options = ["nano", "--grid-size", 4, "--seed", 1005, "--mode", "move", "--opening", "BFS 3"]
    watched = serpentune("watch", *options, "--json").document
    played = serpentune("evaluate", *options, "--games", 1, "--output", "results", "--json").document
    assert (watched["player"], watched["teacher"]) == ("nano", "BFS")
    assert watched["score"] == played["score_mean"] and watched["steps"] == played["steps_mean"]


def test_a_served_model_is_watched_like_any_other() -> None:
    with serving(plays_bfs) as server:
        options = ["--endpoint", server.url, "--grid-size", 4, "--seed", 3, "--save", "game.html"]
        asked = ["--endpoint-system", "You play Snake.", "--endpoint-parameter", "seed=7"]
        watched = serpentune("watch", "snake", *options, *asked, "--json").document
        assert server.bodies[0]["messages"][0] == {"role": "system", "content": "You play Snake."}
        assert server.bodies[0]["seed"] == 7
        spent = ["--endpoint-prices", "1000000,1000000", "--endpoint-budget", 1, "--overwrite"]
        assert "The budget is spent" in refused("watch", "snake", *options, *spent)
    assert "--endpoint-prices 1: write" in refused("watch", "snake", *options, *spent, "--endpoint-prices", 1)
    (game,) = play(get("BFS"), [3], 4, 4)
    assert (watched["player"], watched["score"]) == ("snake", game.score)
    assert watched["agreed"] == game.steps
    assert "snake plays Snake" in Path("game.html").read_text()


def test_a_game_of_an_evaluation_is_shown_again(results: list[Path], tmp_path: Path) -> None:
    untuned = results[0]
    (line,) = [line for line in (untuned / "games.jsonl").read_text().splitlines() if '"seed":1000002,' in line]
    game = json.loads(line)
    options = ["watch", untuned, "--seed", 1000002, "--teacher", "ASTAR", "--save", tmp_path / "game.gif", "--every", 4]
    watched = serpentune(*options, "--json").document
    assert (watched["player"], watched["teacher"], watched["grid"], watched["seed"]) == (
        "nano",
        "ASTAR",
        [4, 4],
        1000002,
    )
    assert [watched[key] for key in ("score", "steps", "ending")] == [game[key] for key in ("score", "steps", "end")]
    assert (tmp_path / "game.gif").read_bytes()[:6] == b"GIF89a"
    assert serpentune("watch", untuned, "--json").document["seed"] == 1000000
    assert "its 6 games have seeds from 1000000 to 1000005" in refused("watch", untuned, "--seed", 3)
    changing = [
        "--chat", "--encoding grid", "--endpoint http://x", "--grid-size 4", "--max-new-tokens 9", "--mode plan",
        "--on-unreadable end", "--opening BFS_4", "--replan-every 1", "--style plan", "--trust-remote-code",
    ]  # fmt: skip
    for option in changing:
        said = refused("watch", untuned, *option.split())
        assert f"are played already. Leave out {option.split()[0]}." in said
    assert "Leave out --mode, --style." in refused("watch", untuned, "--style", "plan", "--mode", "plan")


def test_bad_input(tmp_path: Path) -> None:
    assert "Did you mean the teacher BFS?" in refused("watch", "BSF")
    assert "There is no teacher named 'CELLO'. Did you mean CELL?" in refused("watch", "nano", "--teacher", "CELLO")
    assert "There is no completion style named 'plans'" in refused("watch", "nano", "--style", "plans")
    assert "A 3x3 board is not possible" in refused("watch", "BFS", "--grid-size", 3)
    assert "0 moves a second can't be shown" in refused("watch", "BFS", "--fps", 0)
    assert "name a .html file (a page), a .gif file" in refused("watch", "BFS", "--save", tmp_path / "game.mp4")
    assert "Every 0 steps" in refused("watch", "BFS", "--save", tmp_path / "game.gif", "--every", 0)
    (tmp_path / "mine.gif").write_text("mine")
    assert "--overwrite" in refused("watch", "BFS", "--save", tmp_path / "mine.gif")
    assert "can't be written" in refused("watch", "BFS", "--save", tmp_path / "mine.gif" / "game.gif")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]
    assert serpentune("watch", "BFS", "--save", tmp_path / "mine.gif", "--overwrite").code == 0
    assert (tmp_path / "mine.gif").read_bytes()[:6] == b"GIF89a"


def test_it_needs_none_of_the_extras_until_it_writes_a_picture() -> None:
    code = """
import sys
sys.modules |= dict.fromkeys(["gymnasium", "PIL"])  # what Python does when there are no such packages
from serpentune.cli import main
assert main(["watch", "BFS", "--grid-size", "4"]) == 0
sys.exit(main(["watch", "BFS", "--grid-size", "4", "--save", "game.gif"]))
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, env=environment())
    assert done.returncode == 2 and done.stdout.count("┌") == 1
    assert "pip install 'serpentune[images]'" in done.stderr and not Path("game.gif").exists()


UNIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")


def start(*arguments: object) -> tuple[subprocess.Popen[bytes], int]:
    """A command in a terminal of its own, and our end of that terminal."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 90, 0, 0))
    command = [sys.executable, "-m", "serpentune", "watch", *map(str, arguments)]
    variables = {name: value for name, value in environment().items() if name not in ("COLUMNS", "NO_COLOR")}
    running = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=variables | {"TERM": "xterm-256color"}
    )
    os.close(theirs)
    return running, ours


def rest(ours: int, modes: list[Any] | None = None) -> str:
    """What is shown until the command is over, with its terminal in the modes that it had before."""
    import termios

    read = b""
    while True:
        try:
            block = os.read(ours, 1 << 16)
        except OSError:  # Linux says that the other end is closed
            block = b""
        if not block:
            if modes is not None:
                assert termios.tcgetattr(ours) == modes
            os.close(ours)
            return read.decode().removesuffix("\x1b[0m")  # Numba's colorama takes its leave
        read += block


@UNIX
def test_the_game_is_shown_in_colour_to_its_end(tmp_path: Path) -> None:
    running, ours = start("BFS", "--grid-size", 4, "--fps", 1000, "--save", tmp_path / "game.gif")
    shown = rest(ours)
    assert running.wait(60) == 0
    (game,) = play(get("BFS"), [0], 4, 4)
    assert shown.count("┌") >= len(game.moves) + 1 and "\x1b[1;92m" in shown
    assert "nodes expanded" in shown and f"The game ends with {game.ending.name}." in shown
    assert shown.rstrip().endswith("game.gif") and shown.count("\x1b[?25h") == shown.count("\x1b[?25l") > 0


@UNIX
def test_quiet_shows_the_last_board_only() -> None:
    running, ours = start("BFS", "--grid-size", 4, "--quiet")
    shown = rest(ours)
    assert running.wait(60) == 0
    assert shown.count("┌") == 1 and "\x1b" not in shown


def until(ours: int, wanted: bytes) -> bytes:
    """What is shown until something is."""
    read = b""
    while wanted not in read:
        read += os.read(ours, 1 << 16)
    return read


@UNIX
def test_keys_pause_step_take_over_hand_back_and_quit(tmp_path: Path) -> None:
    import termios

    running, ours = start("HAMILTONIAN", "--grid-size", 6, "--fps", 0.1, "--save", tmp_path / "game.html")
    before = termios.tcgetattr(ours)
    until(ours, b"quit")
    assert termios.tcgetattr(ours) != before
    os.write(ours, b" ")
    until(ours, b"paused")
    os.write(ours, b"..")
    until(ours, b"paused")
    os.write(ours, b"\x1b[C")
    until(ours, b"you move")
    os.write(ours, b"mq")
    shown = rest(ours, before)
    assert running.wait(60) == 0 and "Left after 3 steps." in shown
    assert shown.rstrip().endswith("game.html") and "A human played 1 move." in (tmp_path / "game.html").read_text()


@pytest.mark.slow
@UNIX
@pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGINT, 130, "Interrupted."), (signal.SIGTERM, 143, "")],
)
def test_signals_end_it_quietly_keep_the_file_and_give_the_terminal_back(
    tmp_path: Path, number: int, code: int, said: str
) -> None:
    import termios

    running, ours = start("BFS", "--fps", 5, "--save", tmp_path / "game.gif")
    before = termios.tcgetattr(ours)
    first = until(ours, b"nodes expanded") + until(ours, b"nodes expanded") + until(ours, b"nodes expanded")
    running.send_signal(number)
    shown = first.decode(errors="replace") + rest(ours, before)
    assert running.wait(60) == code
    assert "Traceback" not in shown and said in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
    assert (tmp_path / "game.gif").read_bytes()[:6] == b"GIF89a"
