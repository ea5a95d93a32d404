"""Watching a game: what the terminal shows is the game, move by move, and the file is there first."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from serpentune.common.errors import UserError
from serpentune.game import Move, State, states_before
from serpentune.game.render import ansi
from serpentune.teachers import BFS, HAMILTONIAN, Teacher, play, watch

AHEAD = Teacher("AHEAD", "goes up", "nothing", function=lambda state: Move.UP)


def terminal(width: int = 80, height: int = 24) -> tuple[Console, io.StringIO]:
    """A terminal of that size, and what is written to it."""
    stream = io.StringIO()
    return Console(file=stream, force_terminal=True, width=width, height=height, legacy_windows=False), stream


def scenes(written: str) -> list[list[str]]:
    """The lines of each scene, without colours and without what moves the cursor."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", written)
    return [("┌" + scene).splitlines() for scene in plain.split("┌")[1:]]


def test_the_terminal_shows_every_board_and_the_facts_of_each_move() -> None:
    console, stream = terminal()
    record = watch(BFS, 7, 6, 5, console=console, fps=1000)
    (expected,) = play(BFS, [7], 6, 5)
    assert record == expected
    shown = scenes(stream.getvalue())
    assert shown.pop() == shown[-1], "rich draws the last one again when it stops"
    states = states_before(record, range(len(record.moves) + 1))
    gave_up = record.ending.name == "NO_PATH_FOUND"
    # The last board is shown with the last question and with the ending.
    boards = [*states, states[len(record.moves)]] if gave_up else list(states)
    assert len(shown) == len(boards)
    for step, (scene, state) in enumerate(zip(shown, boards, strict=True)):
        assert [line[:15] for line in scene[:7]] == ansi(state).splitlines()
        above = scene[:9] if step < len(shown) - 1 else scene[:-1]
        facts = dict(re.split(r"\s{2,}", line[15:].strip(), maxsplit=1) for line in above if line[15:].strip())
        assert facts["player"] == "BFS" and facts["seed"] == "7"
        assert facts["score"] == f"{len(state.body) - 1} of 29" and facts["length"] == str(len(state.body))
        assert facts["steps"] == str(min(step, record.steps))
        if step < len(shown) - 1:
            decision = BFS.decide(state)
            assert facts["move"] == decision.move.name
            assert facts["path length"] == str(decision.path_length or "no path")
            assert facts["nodes expanded"] == str(decision.nodes_expanded)
            assert facts["equally good"].split() == ([move.name for move in decision.equal_moves] or ["none"])
            assert " ".join(scene[9:]).split() == BFS.explain(state).split()
        else:
            assert "move" not in facts
            assert scene[-1] == f"The game ends with {record.ending.name}."
    assert stream.getvalue().rstrip().endswith("\x1b[?25h"), "the cursor is back"


def test_without_a_terminal_only_the_game_comes_back() -> None:
    assert [watch(HAMILTONIAN, seed, 6, 6) for seed in (1, 2)] == [
        next(play(HAMILTONIAN, [seed], 6, 6)) for seed in (1, 2)
    ]


def test_a_teacher_of_one_s_own_can_be_watched(tmp_path: Path) -> None:
    console, stream = terminal()
    record = watch(AHEAD, 1, 6, 6, console=console, fps=1000, save=tmp_path / "game.gif")
    assert record == next(play(AHEAD, [1], 6, 6)) and record.ending.name == "WALL"
    assert "AHEAD answers UP, which is not legal here." in stream.getvalue()
    assert "no path" in stream.getvalue() and "The game ends with WALL." in stream.getvalue()
    assert (tmp_path / "game.gif").is_file()


def test_a_broken_off_watching_leaves_the_file_and_the_cursor(tmp_path: Path) -> None:
    asked = 0

    def impatient(state: State) -> Move:
        nonlocal asked
        asked += 1
        if asked == 20:
            raise KeyboardInterrupt
        return BFS.decide(state).move

    (game,) = play(BFS, [1], 4, 4)
    assert len(game.moves) < 19 < 2 * len(game.moves), "the first game is played to its end, the shown one is not"
    console, stream = terminal()
    with pytest.raises(KeyboardInterrupt):
        watch(
            Teacher("IMPATIENT", "leaves", "nothing", function=impatient),
            1, 4, 4, console=console, fps=1000, save=tmp_path / "game.png",
        )  # fmt: skip
    assert (tmp_path / "game.png").is_file()
    assert stream.getvalue().rstrip().endswith("\x1b[?25h")


@pytest.mark.parametrize("fps", [0, -1, 0.09, 1001, float("nan"), float("inf")])
def test_impossible_speeds_are_refused(fps: float) -> None:
    with pytest.raises(UserError, match=r"choose from 0\.1 to 1000"):
        watch(BFS, 1, 6, 6, fps=fps)


def test_a_terminal_that_is_too_small_is_named_with_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="needs a terminal of 80 columns and 23 lines; this one has 79 and 24"):
        watch(BFS, 1, 20, 20, console=terminal(79)[0])
    with pytest.raises(UserError, match="20x20 board needs"):
        watch(BFS, 1, 20, 20, console=terminal(80, 22)[0], save=tmp_path / "game.gif")
    assert not list(tmp_path.iterdir())
    with pytest.raises(UserError, match="and 10 lines"):
        watch(BFS, 1, 4, 4, console=terminal(80, 9)[0])


def test_the_smallest_terminals_show_all() -> None:
    for width, height, size in ((20, 20, (80, 23)), (4, 4, (48, 10))):
        console, stream = terminal(*size)
        watch(AHEAD, 1, width, height, console=console, fps=1000)
        for scene in scenes(stream.getvalue())[:-1]:
            assert all("…" not in line for line in scene[: height + 2])
            assert [line[: 2 * width + 3] for line in scene[: height + 2]][-1].startswith("└")
            assert scene[0].rstrip().endswith("AHEAD")


def test_the_pace_is_that_of_the_moves_a_second(tmp_path: Path) -> None:
    console, _ = terminal()
    began = time.perf_counter()
    record = watch(AHEAD, 1, 6, 6, console=console, fps=8, save=tmp_path / "game.gif")
    assert len(record.moves) == 3 and time.perf_counter() - began >= 3 / 8
    with Image.open(tmp_path / "game.gif") as image:
        assert image.info["duration"] == 120, "GIFs count in hundredths of a second"
    watch(AHEAD, 1, 6, 6, fps=1000, save=tmp_path / "fast.gif")
    with Image.open(tmp_path / "fast.gif") as image:
        assert image.info["duration"] == 20
