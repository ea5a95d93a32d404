"""What a terminal shows of a watched game: every board, the facts of each move, why, and which keys there are."""

from __future__ import annotations

import io
import os
import re
import time
from collections.abc import Sequence

import pytest
from rich.console import Console

from serpentune.common.errors import UserError
from serpentune.datasets import get_encoding, get_style
from serpentune.evaluation import ModelPlayer, Player, TeacherPlayer
from serpentune.evaluation.watch import Keyboard, WatchedGame, show_game
from serpentune.game import Move, State, states_before
from serpentune.game.render import ansi
from serpentune.models import LoadedModel
from serpentune.teachers import BFS, Teacher, play
from tests.evaluation.players import Scripted

AHEAD = Teacher("AHEAD", "goes up", "nothing", function=lambda state: Move.UP)


def terminal(width: int = 80, height: int = 24) -> tuple[Console, io.StringIO]:
    """A terminal of that size, and what is written to it."""
    stream = io.StringIO()
    return Console(file=stream, force_terminal=True, width=width, height=height, legacy_windows=False), stream


def keys(*sent: str) -> Keyboard:
    """A keyboard at which all that will be pressed is pressed already, `q` last."""
    read, write = os.pipe()
    os.write(write, "".join(sent).encode())
    os.close(write)
    return Keyboard(read)


def scenes(written: str) -> list[list[str]]:
    """The lines of each scene, without colours and without what moves the cursor."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", written)
    return [("┌" + scene).splitlines() for scene in plain.split("┌")[1:]]


def facts(scene: Sequence[str], state: State) -> dict[str, str]:
    beside = (line[2 * state.width + 3 :].strip() for line in scene[: max(state.height + 2, 12)])
    return dict(re.split(r"\s{2,}", line, maxsplit=1) for line in beside if re.search(r"\s{2,}", line))


def test_the_terminal_shows_every_board_and_the_facts_of_each_move() -> None:
    console, stream = terminal()
    game = WatchedGame(TeacherPlayer("BFS"), 7, 6, 5)
    show_game(game, console, fps=1000)
    (expected,) = play(BFS, [7], 6, 5)
    assert game.record.moves == expected.moves and game.record.ending == expected.ending
    shown = scenes(stream.getvalue())
    assert shown.pop() == shown[-1], "rich draws the last one again when it stops"
    assert len(shown) == len(game.moments) + 1
    for scene, moment in zip(shown, game.moments, strict=False):
        state, decision = moment.state, moment.teacher
        assert [line[:15] for line in scene[:7]] == ansi(state).splitlines()
        told = facts(scene[:10], state)
        assert told["player"] == "BFS" and told["seed"] == "7"
        assert told["score"] == f"{len(state.body) - 1} of 29" and told["length"] == str(len(state.body))
        assert told["steps"] == str(moment.step) and told["move"] == decision.move.name
        assert told["path length"] == str(decision.path_length or "no path")
        assert told["nodes expanded"] == str(decision.nodes_expanded)
        assert told["equally good"].split() == ([move.name for move in decision.equal_moves] or ["none"])
        assert scene[10].startswith("No keys can be read: standard input is no terminal.")
        assert " ".join(scene[11:]).split() == BFS.explain(state).split()
    last = states_before(expected, [len(expected.moves)])[0]
    assert [line[:15] for line in shown[-1][:7]] == ansi(last).splitlines()
    assert shown[-1][-1] == f"The game ends with {expected.ending.name}."
    assert stream.getvalue().rstrip().endswith("\x1b[?25h"), "the cursor is back"


def test_a_model_s_shares_stand_beside_its_board_and_the_teacher_s_choice(nano: LoadedModel) -> None:
    console, stream = terminal()
    player = ModelPlayer(nano, teacher="BFS", encoding=get_encoding("grid"), style=get_style("plan"))
    game = WatchedGame(player, 3, 4, 4)
    show_game(game, console, fps=1000)
    for scene, moment in zip(scenes(stream.getvalue()), game.moments, strict=False):
        told = facts(scene, moment.state)
        assert moment.probabilities is not None
        for move, share in zip(("UP", "RIGHT", "DOWN", "LEFT"), moment.probabilities, strict=True):
            assert told[move].endswith(f"{100 * share:.1f}%")
        likeliest = ("UP", "RIGHT", "DOWN", "LEFT")[moment.probabilities.index(max(moment.probabilities))]
        assert told["move"] == moment.move.name + (", as planned" if moment.at else "")
        other = bool(moment.at) and likeliest != moment.move.name
        assert (f"asked anew it would begin with {likeliest}." in " ".join(scene)) == other
        choice = moment.teacher.move.name if moment.differs else "the same"
        assert told["BFS"] == choice + (", both good" if moment.differs and moment.equally_good else "")


def test_sentences_that_the_board_refutes_are_marked_with_the_reason() -> None:
    def lying(state: State) -> str:
        return " U\nThe legal moves are UP, RIGHT, DOWN and LEFT. The legal moves are UP and DOWN. I am sure.\x1b[2J"

    console, stream = terminal()
    show_game(WatchedGame(Scripted(lying), 1, 6, 6), console, fps=1000)
    first = " ".join(" ".join(scenes(stream.getvalue())[0]).split())
    assert "✓ The legal moves are UP, RIGHT, DOWN and LEFT." in first and r"? I am sure.\x1b[2J" in first
    assert re.search(r"✗ The legal moves are UP and DOWN\. \(.*RIGHT.*\)", first)


def test_answers_that_are_no_moves_are_quoted() -> None:
    console, stream = terminal()
    show_game(WatchedGame(Scripted(lambda _: "up?\x1b[2J"), 1, 6, 6), console, fps=1000)
    assert r"scripted gives no move, its answer is unreadable: 'up?\x1b[2J'" in "\n".join(scenes(stream.getvalue())[0])


def test_keys_pause_step_take_over_and_quit() -> None:
    console, stream = terminal()
    game = WatchedGame(Scripted(lambda _: " U"), 1, 8, 8)
    show_game(game, console, fps=0.1, keyboard=keys(" ", ".", "s", "\x1b[C", ".", "\x1b[D", "m", " ", " "))
    played = [(moment.move.name, moment.by) for moment in game.moments]
    assert played == [
        ("UP", "player"), ("UP", "player"), ("RIGHT", "human"), ("UP", "player"), ("LEFT", "human"),
    ]  # fmt: skip
    said = [line for scene in scenes(stream.getvalue()) for line in scene if "quit" in line]
    assert said[0].startswith("space pause") and said[1].startswith("paused  space go on")
    assert any(line.startswith("you move  arrows move") and "m hand back" in line for line in said)
    assert scenes(stream.getvalue())[-1][-1] == "Left after 5 steps."


def test_a_teacher_of_one_s_own_is_shown_with_what_is_not_legal() -> None:
    console, stream = terminal()
    show_game(WatchedGame(TeacherPlayer(AHEAD), 1, 6, 6), console, fps=1000)
    assert "AHEAD answers UP, which is not legal here." in stream.getvalue()
    assert "no path" in stream.getvalue() and "The game ends with WALL." in stream.getvalue()


def test_a_broken_off_watching_gives_the_cursor_back() -> None:
    asked = 0

    def impatient(state: State) -> Move:
        nonlocal asked
        asked += 1
        if asked == 20:
            raise KeyboardInterrupt
        return BFS.decide(state).move

    console, stream = terminal()
    game = WatchedGame(TeacherPlayer(Teacher("IMPATIENT", "leaves", "nothing", function=impatient)), 1, 6, 6)
    with pytest.raises(KeyboardInterrupt):
        show_game(game, console, fps=1000)
    assert game.record.steps == len(game.moments) > 3
    assert stream.getvalue().rstrip().endswith("\x1b[?25h")


@pytest.mark.parametrize("fps", [0, -1, 0.09, 1001, float("nan"), float("inf")])
def test_impossible_speeds_are_refused(fps: float) -> None:
    with pytest.raises(UserError, match=r"choose from 0\.1 to 1000"):
        show_game(WatchedGame(TeacherPlayer(BFS), 1, 6, 6), terminal()[0], fps=fps)


@pytest.mark.parametrize(
    ("side", "size", "needed"),
    [
        (20, (79, 24), "80 columns and 24 lines; this one has 79 and 24"),
        (20, (80, 23), "24 lines"),
        (4, (80, 11), "12"),
    ],
)
def test_a_terminal_that_is_too_small_is_named_with_what_is_needed(
    side: int, size: tuple[int, int], needed: str
) -> None:
    with pytest.raises(UserError, match=f"{side}x{side} board needs a terminal of .*{needed}"):
        show_game(WatchedGame(TeacherPlayer(BFS), 1, side, side), terminal(*size)[0])


def test_the_smallest_terminals_show_all(nano: LoadedModel) -> None:
    model = ModelPlayer(nano, teacher="BFS", encoding=get_encoding("grid"), style=get_style("plan"))
    cases: list[tuple[Player, int, tuple[int, int]]] = [
        (TeacherPlayer(AHEAD), 20, (80, 24)), (TeacherPlayer(AHEAD), 4, (48, 12)), (model, 4, (48, 14)),
    ]  # fmt: skip
    for player, side, size in cases:
        console, stream = terminal(*size)
        show_game(WatchedGame(player, 1, side, side), console, fps=1000)
        for scene in scenes(stream.getvalue())[:-2]:
            assert all("…" not in line for line in scene[: side + 2])
            assert len(scene) <= size[1] and all(len(line) <= size[0] for line in scene)
            assert [line[: 2 * side + 3] for line in scene[: side + 2]][-1].startswith("└")


def test_the_pace_is_that_of_the_moves_a_second() -> None:
    began = time.perf_counter()
    game = WatchedGame(TeacherPlayer(AHEAD), 1, 6, 6)
    show_game(game, terminal()[0], fps=8)
    assert len(game.moments) == 3 and time.perf_counter() - began >= 3 / 8
