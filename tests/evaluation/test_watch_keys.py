"""Keys: what they do to a game as a function, what a terminal sends for them, and how the terminal is left."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from serpentune.evaluation.watch import open_keyboard
from serpentune.evaluation.watch._controls import Controls, pressed
from serpentune.evaluation.watch._keyboard import Keyboard, keys_in
from serpentune.game import Move

UNIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")


def after(*keys: str) -> Controls:
    controls = Controls()
    for key in keys:
        controls = pressed(controls.next_move(), key)
    return controls


def test_what_keys_do() -> None:
    assert not Controls().waits and not Controls().decided
    assert after(" ") == Controls(paused=True) and after(" ").waits
    assert after(" ", " ") == Controls()
    assert after(".") == after("s") == after("S") == Controls(paused=True, step=True)
    assert after(".").decided and not after(".").next_move().decided and after(".").next_move().waits
    assert after("left") == Controls(by_hand=True, move=Move.LEFT) and after("left").decided
    assert after("left", "up").move == Move.UP
    assert after("left", "m") == Controls() and not after("left", "m").waits
    assert after("left", ".") == Controls(by_hand=True, paused=True, step=True)
    assert after(" ", "right", "m") == Controls(paused=True), "who pauses before still waits afterwards"
    assert after("q").quit and after("Q").decided
    assert after("x") == after("\t") == Controls()


@pytest.mark.parametrize(
    ("sent", "keys", "rest"),
    [
        (b"q. ", ["q", ".", " "], b""),
        (b"\x1b[A\x1b[B\x1b[C\x1b[D", ["up", "down", "right", "left"], b""),
        (b"\x1bOA\x1bOD", ["up", "left"], b""),
        (b"\x1b[1;5C", ["right"], b""),
        (b"\x1b[3~s\x1b[15~", ["s"], b""),
        (b"s\x1b[", ["s"], b"\x1b["),
        (b"\x1b[1;", [], b"\x1b[1;"),
        (b"\x1bq", ["q"], b""),
        (b"\x00\xff\xc3\xa9m", ["m"], b""),
    ],
)
def test_what_terminals_send(sent: bytes, keys: list[str], rest: bytes) -> None:
    assert keys_in(sent) == (keys, rest)


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Our end and theirs of a terminal."""
    import pty

    ours, theirs = pty.openpty()
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


def modes(file: int) -> list[object]:
    import termios

    return termios.tcgetattr(file)


@UNIX
def test_keys_come_at_once_and_the_terminal_is_left_as_it_was(terminal: tuple[int, int]) -> None:
    ours, theirs = terminal
    before = modes(theirs)
    with open(theirs, closefd=False) as stream, open_keyboard(stream) as keyboard:
        assert keyboard.reason == "" and modes(theirs) != before
        assert keyboard.wait(0) is None
        began = time.monotonic()
        assert keyboard.wait(0.05) is None and time.monotonic() - began >= 0.05
        os.write(ours, b" \x1b[")
        assert keyboard.wait(None) == " "
        os.write(ours, b"Am")
        assert [keyboard.wait(None), keyboard.wait(5)] == ["up", "m"]
    assert modes(theirs) == before


@UNIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_leave_the_terminal_as_it_was(terminal: tuple[int, int], number: int) -> None:
    _, theirs = terminal
    before = modes(theirs)
    with (
        pytest.raises(KeyboardInterrupt),
        open(theirs, closefd=False) as stream,
        open_keyboard(stream) as keyboard,
    ):
        os.kill(os.getpid(), number)
        keyboard.wait(5)
    assert modes(theirs) == before


@UNIX
def test_a_terminal_that_is_gone_ends_the_watching() -> None:
    read, write = os.pipe()
    os.write(write, b".")
    os.close(write)
    keyboard = Keyboard(read)
    assert [keyboard.wait(None), keyboard.wait(None)] == [".", "q"]
    os.close(read)


def test_without_a_terminal_no_key_comes_and_it_says_why() -> None:
    with Path(os.devnull).open() as stream, open_keyboard(stream) as keyboard:
        assert keyboard.reason == "standard input is no terminal"
        assert keyboard.wait(0.01) is None
        with pytest.raises(ValueError, match="can't be waited for"):
            keyboard.wait(None)
