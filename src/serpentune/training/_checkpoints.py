"""Floor 6, training: checkpoints that are complete and as they were written, or not there at all.

A checkpoint is written in `<checkpoints>/.part/`, listed file by file with size and SHA-256, brought to the disk, and
then renamed to `<checkpoints>/checkpoint-<step>/`. Older ones are removed only after that. So whenever a process dies,
the newest complete checkpoint stands under its name; and where a disk lost some of it later, the list tells.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from serpentune.common.errors import UserError
from serpentune.common.files import read_json, sha256, write_json

KEPT = 2
"""Complete checkpoints that stay: one to go on from, and one before it, should the disk damage the first."""

_MANIFEST = "files.json"
_NAME = "checkpoint-"
_PART = ".part"
_PICKLED_SETTINGS = "training_args.bin"
_TORCH_WRITER = "inline_container"
"""Stands in what torch says when a file can't be written; it has no class of its own for that."""

_LOG = logging.getLogger(__name__)


def part_folder(checkpoints: Path) -> Path:
    """Where a checkpoint is written before it gets its name."""
    return checkpoints / _PART


@contextmanager
def explained_disk(checkpoints: Path, step: int) -> Iterator[None]:
    """Say what it means that a checkpoint can't be written.

    Raises:
        UserError: the disk refuses what the block writes.
    """
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        if isinstance(error, RuntimeError) and _TORCH_WRITER not in str(error):
            raise
        raise UserError(
            f"The checkpoint of step {step} can't be written to {checkpoints} ({error}), so training stopped. Those "
            "before are whole: free space, or mend what the message says, and go on with --resume."
        ) from error


def publish(checkpoints: Path, step: int) -> Path:
    """Give the checkpoint that was written to `part_folder` its name, then remove all but the newest `KEPT`.

    One process of a run calls this, after all of them have written.

    Returns:
        The folder of the checkpoint.
    """
    part = part_folder(checkpoints)
    written, final = part / f"{_NAME}{step}", checkpoints / f"{_NAME}{step}"
    if final.exists():  # an observer asked for the same step twice
        shutil.rmtree(part)
        return final
    (written / _PICKLED_SETTINGS).unlink(missing_ok=True)  # transformers' own; nothing here reads a pickle
    listed = {
        path.relative_to(written).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256(path)}
        for path in sorted(written.rglob("*"))
        if path.is_file()
    }
    write_json(written / _MANIFEST, {"step": step, "files": listed})
    for path in (*written.rglob("*"), written):
        _sync(path)
    written.rename(final)
    _sync(checkpoints)
    for old in _newest_first(checkpoints)[KEPT:]:
        # Renamed before it is removed, which takes a while: what has a name is whole.
        shutil.rmtree(old.rename(part / f"old-{old.name}"))
    part.rmdir()
    return final


def step_of(checkpoint: Path) -> int:
    """Optimiser steps that had been taken when `checkpoint` was saved."""
    return int(checkpoint.name.removeprefix(_NAME))


def last_sound(checkpoints: Path, *, remove: bool = True) -> Path | None:
    """The newest checkpoint that is as it was written, or None.

    Newer ones that aren't are named in warnings and removed, so that the run can write them again.

    Args:
        checkpoints: the folder of a run's checkpoints.
        remove: whether this process may remove; one of a run's processes does.

    Raises:
        UserError: it holds files that weren't written with it. Some of their names would be read in place of its own
            files, and it isn't removed for them, since nothing of it is lost.
    """
    if remove:
        shutil.rmtree(part_folder(checkpoints), ignore_errors=True)
    for folder in _newest_first(checkpoints):
        fault = _fault(folder)
        if fault is None:
            _refuse_strangers(folder)
            return folder
        _LOG.warning("the checkpoint %s can't be resumed from, because %s; it is removed", folder, fault)
        if remove:
            shutil.rmtree(folder)
    return None


def _newest_first(checkpoints: Path) -> list[Path]:
    found = (path for path in checkpoints.glob(f"{_NAME}*") if path.name.removeprefix(_NAME).isdecimal())
    return sorted(found, key=step_of, reverse=True)


def _fault(folder: Path) -> str | None:
    """What is wrong with a checkpoint, or None."""
    if not (folder / _MANIFEST).is_file():
        return f"it has no {_MANIFEST}, which is written at its end"
    try:
        listed = read_json(folder / _MANIFEST)["files"]
        return next(_faults(folder, listed), None)
    except (UserError, KeyError, TypeError, AttributeError) as error:  # another shape than is written
        return f"its {_MANIFEST} is damaged ({error})"
    except OSError as error:
        return f"{error.filename} can't be read ({error.strerror})"


def _faults(folder: Path, listed: dict[str, dict[str, int | str]]) -> Iterator[str]:
    """What is wrong with its files; sizes first, which costs nothing."""
    for name, about in listed.items():
        size = (folder / name).stat().st_size
        if size != about["bytes"]:
            yield f"{name} has {size} bytes, not {about['bytes']}"
    for name, about in listed.items():
        if sha256(folder / name) != about["sha256"]:
            yield f"{name} is not what was written"


def _refuse_strangers(folder: Path) -> None:
    known = {_MANIFEST, *read_json(folder / _MANIFEST)["files"]}
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    if strangers := sorted(found - known):
        raise UserError(
            f"The checkpoint {folder} holds files that weren't written with it: {', '.join(strangers)}. "
            "Remove them to go on from it."
        )


def _sync(path: Path) -> None:
    """Wait until the disk has a file's content, or a folder's names."""
    if path.is_dir():
        if os.name == "nt":
            return  # Windows opens no folder
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    else:
        with path.open("rb+") as file:
            os.fsync(file.fileno())
