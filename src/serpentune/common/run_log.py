"""The ground: the log file of a run, whatever the terminal shows."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from serpentune.common.errors import UserError
from serpentune.common.progress import progress_bar

_OURS = "serpentune"


class TrainingLoggingUtils:
    """What a run says while it goes on: to a file, and as a bar on the terminal."""

    progress_bar = staticmethod(progress_bar)

    @staticmethod
    @contextmanager
    def log_file(path: Path) -> Iterator[None]:
        """Append everything of level INFO and above that serpentune logs to `path` while the block runs.

        What other handlers show doesn't change: a terminal that is set to warnings gets warnings.

        Raises:
            UserError: the file can't be written.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = logging.FileHandler(path, encoding="utf-8")
        except OSError as error:
            raise UserError(f"{path} can't be written ({error.strerror or error}).") from error
        file.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
        logger = logging.getLogger(_OURS)
        own_level, shown_from = logger.level, logger.getEffectiveLevel()
        others = _handlers(logger)

        def as_before(record: logging.LogRecord) -> bool:
            ours = record.name == _OURS or record.name.startswith(f"{_OURS}.")
            return not ours or record.levelno >= shown_from

        for handler in others:
            handler.addFilter(as_before)
        logger.addHandler(file)
        logger.setLevel(min(shown_from, logging.INFO))
        try:
            yield
        finally:
            logger.setLevel(own_level)
            logger.removeHandler(file)
            for handler in others:
                handler.removeFilter(as_before)
            file.close()


def _handlers(logger: logging.Logger) -> list[logging.Handler]:
    """The handlers that a record of this logger reaches."""
    found: list[logging.Handler] = []
    place: logging.Logger | None = logger
    while place is not None:
        found += place.handlers
        place = place.parent if place.propagate else None
    return found
