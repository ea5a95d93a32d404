"""Floor 6, training: token ids on disk, made once for each data set, tokenizer and limit, and mapped into memory.

A file is an Arrow stream, what is to be known of it as JSON, the length of that (8 bytes, little-endian), and the
SHA-256 of all before, by which a torn or damaged file is found out. Its name is the hash of what it was made from.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from serpentune.common.cache import VARIABLE, cache_folder
from serpentune.common.errors import UserError
from serpentune.common.files import replacing_file

Write = Callable[[IO[bytes]], dict[str, Any]]
"""Writes an Arrow stream, and returns what is to be known of it."""

_BLOCK = 1 << 20
_HASH = hashlib.sha256().digest_size
_LENGTH = 8

_LOG = logging.getLogger(__name__)


def cached(key: str, write: Write, what: str) -> tuple[Any, dict[str, Any]]:
    """The rows that `write` once wrote under this key, from the cache, or made now and kept there.

    Where the cache can't be written, that is logged and the rows are made in memory. Processes that make the same rows
    at once each write a file of their own, and the last one stays.

    Args:
        key: hex SHA-256 of everything that decides the rows.
        write: makes them.
        what: name of the data set in log lines.

    Returns:
        A `datasets.Dataset`, mapped from the file where there is one, and what `write` returned.

    Raises:
        UserError: as of `write`.
    """
    began = time.perf_counter()
    try:
        path = cache_folder("tokens") / f"{key}.arrow"
        about = _checked(path, key)
        if about is not None:
            rows = _mapped(path, key)
            _LOG.info("%s: %d tokenised samples from %s in %.1f s", what, len(rows), path, time.perf_counter() - began)
            return rows, about
        with replacing_file(path, no_room=f"Free space, or name another folder in ${VARIABLE}.") as part:
            about = _written(part, key, write)
        rows = _mapped(path, key)
        _LOG.info("%s: %d samples tokenised in %.1f s to %s", what, len(rows), time.perf_counter() - began, path)
        return rows, about
    except (UserError, OSError) as error:
        # What the disk or the system refused; what `write` refuses has another cause.
        if isinstance(error, UserError) and not isinstance(error.__cause__, OSError | RuntimeError):
            raise
        _LOG.warning("the tokens of the %s can't be cached and are made in memory: %s", what, error)
    memory = io.BytesIO()
    about = write(memory)
    return _dataset(pa.py_buffer(memory.getbuffer()), key), about


def _written(part: Path, key: str, write: Write) -> dict[str, Any]:
    with part.open("wb") as file:
        about = write(file)
        note = json.dumps({**about, "key": key}).encode()
        file.write(note + len(note).to_bytes(_LENGTH, "little"))
    digest = _digest(part, part.stat().st_size)
    with part.open("ab") as file:
        file.write(digest)
    return about


def _checked(path: Path, key: str) -> dict[str, Any] | None:
    """What is to be known of the rows in `path`; None where it is missing, unreadable or damaged."""
    try:
        size = path.stat().st_size - _HASH
        with path.open("rb") as file:
            file.seek(max(size, 0))
            sound = size > 0 and file.read() == _digest(path, size)
            if sound:
                file.seek(size - _LENGTH)
                length = int.from_bytes(file.read(_LENGTH), "little")
                file.seek(size - _LENGTH - length)
                about: dict[str, Any] = json.loads(file.read(length))
                if about.pop("key") == key:
                    return about
    except FileNotFoundError:
        return None
    except OSError as error:
        _LOG.warning("%s can't be read (%s) and is made again", path, error.strerror or error)
        return None
    _LOG.warning("%s is damaged and is made again", path)
    return None


def _digest(path: Path, size: int) -> bytes:
    """SHA-256 of the first `size` bytes of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while size > 0 and (block := file.read(min(size, _BLOCK))):
            digest.update(block)
            size -= len(block)
    return digest.digest()


def _mapped(path: Path, key: str) -> Any:
    """The rows of a file, in pages that processes share; sent to another process, they are its path alone."""
    from datasets import Dataset
    from datasets.table import MemoryMappedTable

    return Dataset(MemoryMappedTable.from_file(str(path)), fingerprint=key)


def _dataset(buffer: pa.Buffer, key: str) -> Any:
    from datasets import Dataset
    from datasets.table import InMemoryTable

    return Dataset(InMemoryTable.from_buffer(buffer), fingerprint=key)
