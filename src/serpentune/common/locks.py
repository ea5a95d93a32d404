"""The ground: a folder that one process at a time writes to."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from serpentune.common.errors import UserError

_LOG = logging.getLogger(__name__)


@contextmanager
def held_folder(folder: Path, *, by: str) -> Iterator[None]:
    """The folder, locked against other processes; the system unlocks it however this one ends.

    Where nothing can be locked (no such call on this system, some network file systems), that is logged as a warning.

    Args:
        folder: it exists.
        by: who else may hold it, for the message ("another evaluation").

    Raises:
        UserError: another process holds it.
        OSError: the folder can't be opened.
    """
    try:
        import fcntl
    except ImportError:
        _LOG.warning("this system has no file locks: let no two processes write to %s", folder)
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(f"{folder} is being written by {by}. Wait for it or choose another folder.") from error
        except OSError as error:
            _LOG.warning("%s can't be locked (%s): let no two processes write to it", folder, error.strerror)
        yield
    finally:
        os.close(handle)
