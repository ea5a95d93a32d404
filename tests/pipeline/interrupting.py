"""Somebody who presses Ctrl-C, or a machine that is shut down, when the log says something."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager


class _Finger(logging.Handler):
    def __init__(self, words: str, sent: signal.Signals) -> None:
        super().__init__(logging.INFO)
        self._words, self._sent = words, sent

    def emit(self, record: logging.LogRecord) -> None:
        if self._words and self._words in record.getMessage():
            self._words = ""
            signal.raise_signal(self._sent)


@contextmanager
def interrupted(words: str, sent: signal.Signals) -> Iterator[None]:
    """The signal comes once, when `words` are logged while the block runs."""
    logger, finger = logging.getLogger("serpentune"), _Finger(words, sent)
    logger.addHandler(finger)
    before = logger.level
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(finger)
        logger.setLevel(before)
