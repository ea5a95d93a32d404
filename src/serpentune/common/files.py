"""The ground: files that are either complete under their final name or not there at all.

Everything is written beside its destination and renamed into place, so a killed run leaves no half file.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from serpentune.common.errors import UserError

_GONE = "What was written is gone; free space and run again."


@contextlib.contextmanager
def replacing_file(path: Path, *, no_room: str = _GONE) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it replaces `path` atomically, on failure it is removed.

    Args:
        path: the file to be made; the folders above it are made too.
        no_room: what a full disk means and what to do then, for the message.

    Raises:
        UserError: the disk is full or the folder can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise _explain(error, path, no_room) from error
    part = Path(name)
    try:
        yield part
        part.chmod(0o666 & ~_umask())
        part.replace(path)
    except OSError as error:
        raise _explain(error, path, no_room) from error
    finally:
        part.unlink(missing_ok=True)


def ensure_writable(path: Path) -> None:
    """Refuse a file that `replacing_file` couldn't write, before the work that it's for is done.

    Raises:
        UserError: the disk is full or the folder can't be written.
    """
    with contextlib.suppress(_NotWritten), replacing_file(path):
        raise _NotWritten


class _NotWritten(Exception):
    """Nothing is to be written yet."""


@contextlib.contextmanager
def replacing_folder(
    path: Path, *, overwrite: bool = False, within: Path | None = None, no_room: str = _GONE
) -> Iterator[Path]:
    """Yield an empty temporary folder that becomes `path` on success and is removed on failure.

    Args:
        path: the folder to be made; the folders above it are made too.
        overwrite: whether what `path` holds may be replaced.
        within: where the temporary folder lies, on the same disk; beside `path` without.
        no_room: what a full disk means and what to do then, for the message.

    Raises:
        UserError: `path` exists and holds anything while `overwrite` is false, the disk is full, or the parent
            folder can't be written.
    """
    ensure_free(path, overwrite=overwrite)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=within or path.parent))
    except OSError as error:
        raise _explain(error, path, no_room) from error
    try:
        yield part
        part.chmod(0o777 & ~_umask())
        for file in part.rglob("*"):
            if file.is_file():  # some libraries write theirs for this user alone
                file.chmod(0o666 & ~_umask())
        _exchange(part, path)
    except OSError as error:
        raise _explain(error, path, no_room) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _exchange(part: Path, path: Path) -> None:
    """Rename `part` to `path`; what stood there is renamed first and removed last, so it's never there in halves."""
    old = part.with_suffix(".old")
    if path.exists():
        path.replace(old)
    try:
        part.replace(path)
    except BaseException:  # Ctrl-C too: what stood there must not be left under another name
        if old.exists():
            old.replace(path)
        raise
    if old.is_symlink():
        old.unlink()
    elif old.exists():
        shutil.rmtree(old)


def ensure_free(path: Path, *, overwrite: bool | None, marker: str | None = None) -> None:
    """Refuse an output folder that already holds something.

    Args:
        path: the folder to be made.
        overwrite: whether what it holds may be replaced; None where nothing ever is, so that nobody is told to ask.
        marker: a file that such a folder always has; one with files but without it is somebody else's and is refused
            with `overwrite` too.

    Raises:
        UserError: `path` is a file, or a folder with content that may not be replaced.
    """
    if path.is_file():
        raise UserError(f"{path} is a file; an output folder is needed. Choose another path.")
    if not path.is_dir() or not any(path.iterdir()):
        return
    if not overwrite:
        or_replace = "" if overwrite is None else ", or pass --overwrite to replace it"
        raise UserError(f"{path} already holds files. Choose another folder{or_replace}.")
    if marker is not None and not (path / marker).is_file():
        raise UserError(f"{path} holds files, but no {marker}: it is not one of ours, so it is not overwritten.")


def ensure_no_file(*files: Path, overwrite: bool) -> None:
    """Refuse output files that exist.

    Args:
        files: the files to be made.
        overwrite: whether those that exist may be replaced.

    Raises:
        UserError: one exists and may not be replaced.
    """
    taken = next((file for file in files if file.exists()), None)
    if taken is not None and not overwrite:
        raise UserError(f"{taken} exists. Choose another file, or pass --overwrite to replace it.")


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 `text` to `path` atomically."""
    with replacing_file(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON to `path` atomically, keys in the order given; NaN is refused."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """The JSON document in `path`.

    Raises:
        UserError: the file is missing, unreadable, not UTF-8, not JSON, or an object has a key twice; the message names
            the file, and the line where the JSON breaks off.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise UserError(f"{path}, line {error.lineno}: not valid JSON ({error.msg}).") from error
    except (ValueError, RecursionError) as error:  # not UTF-8, an endless number, or nested too deep
        raise UserError(f"{path}: not valid JSON ({error}).") from error
    except OSError as error:
        raise UserError(f"{path}: can't be read ({error.strerror or error}).") from error


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in `path`.

    Raises:
        UserError: as of `read_json`, or the document is no object.
    """
    values = read_json(path)
    if not isinstance(values, dict):
        raise UserError(f"{path}: an object is needed, not {type(values).__name__}.")
    return values


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} stands there twice")
    return values


def sha256(path: Path) -> str:
    """Hex SHA-256 of one file's bytes, or of a folder's files in sorted order with their relative names and sizes.

    Raises:
        FileNotFoundError: `path` is neither a file nor a folder.
    """
    if not path.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    digest = hashlib.sha256()
    files = [path] if path.is_file() else sorted(item for item in path.rglob("*") if item.is_file())
    for file in files:
        if file != path:
            # With its size, so that the end of one file can't pass for the next one's name.
            digest.update(f"{file.relative_to(path).as_posix()}\0{file.stat().st_size}\0".encode())
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def _explain(error: OSError, path: Path, no_room: str) -> UserError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError(f"No room left on the disk while writing {path}. {no_room}")
    return UserError(f"{path} can't be written ({error.strerror or error}).")
