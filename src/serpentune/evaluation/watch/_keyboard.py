"""Floor 8, evaluation: single keys from a terminal, which is left as it was found."""

from __future__ import annotations

import os
import re
import select
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from serpentune.common.signals import sigterm_interrupts

_KEYS = re.compile(rb"\x1b[\[O][0-9;]*([A-Za-z~])|\x1b|([\x20-\x7f])|.", re.DOTALL)
"""An arrow or another key that is sent as a sequence, the key Esc, or a character."""

_CUT_OFF = re.compile(rb"\x1b[\[O][0-9;]*$")
_ARROWS = {b"A": "up", b"B": "down", b"C": "right", b"D": "left"}
_GONE = "q"
"""What is read where nobody can press a key any more."""


class Keyboard:
    """Keys, one after another.

    Attributes:
        reason: why none can be read, for people; empty where they can.
    """

    def __init__(self, file: int | None, reason: str = "") -> None:
        """Read from a file descriptor in cbreak mode; from None there never comes a key."""
        self.reason = reason
        self._file = file
        self._rest = b""
        self._keys: deque[str] = deque()

    def wait(self, seconds: float | None) -> str | None:
        """The next key as `pressed` takes it, or None where none has come after so many seconds (None: ever).

        Raises:
            ValueError: to wait for ever for a key that can't come.
        """
        if self._file is None:
            if seconds is None:
                raise ValueError("a key that can't be read can't be waited for")
            time.sleep(max(0.0, seconds))
            return None
        until = None if seconds is None else time.monotonic() + max(0.0, seconds)
        while not self._keys:
            left = None if until is None else max(0.0, until - time.monotonic())
            if not select.select([self._file], [], [], left)[0]:
                return None
            self._take(os.read(self._file, 1024))
        return self._keys.popleft()

    def _take(self, read: bytes) -> None:
        if not read:
            self._keys.append(_GONE)
        found, self._rest = keys_in(self._rest + read)
        self._keys.extend(found)


def keys_in(data: bytes) -> tuple[list[str], bytes]:
    """The keys that a terminal sent, and the beginning of one whose rest is still to come."""
    cut = _CUT_OFF.search(data)
    whole, rest = (data, b"") if cut is None else (data[: cut.start()], data[cut.start() :])
    keys = []
    for found in _KEYS.finditer(whole):
        sequence, character = found.groups()
        if sequence in _ARROWS:
            keys.append(_ARROWS[sequence])
        elif character:
            keys.append(character.decode())
    return keys, rest


@contextmanager
def open_keyboard(stream: IO[str] | None = None) -> Iterator[Keyboard]:
    """The keys of a terminal (standard input without), neither echoed nor held back until the line ends.

    However the block ends, SIGTERM and Ctrl-C included, the terminal is then as it was before. Where no keys can be
    read, the keyboard says why and gives none.
    """
    source = sys.stdin if stream is None else stream
    try:
        import termios
        import tty
    except ImportError:
        yield Keyboard(None, "this system gives no single keys to programs like this one")
        return
    if source is None or source.closed or not source.isatty():
        yield Keyboard(None, "standard input is no terminal")
        return
    file = source.fileno()
    before = termios.tcgetattr(file)
    with sigterm_interrupts():
        try:
            tty.setcbreak(file)
            yield Keyboard(file)
        finally:
            termios.tcsetattr(file, termios.TCSAFLUSH, before)
