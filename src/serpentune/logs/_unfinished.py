"""Floor 3, logs: the hidden folder of a run that isn't finished, and how a killed run is gone on with.

`.generate-<digest of the request>_<timestamp>.part` lies beside the run folders to be. It holds `request.json` and a
folder for each run, with its shards, and with `assembled` and `finished` once it has come so far. Each file is complete
or not there. The folder is locked while it is written to, and goes when all runs are finished.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

import serpentune
from serpentune import teachers
from serpentune.common.errors import UserError
from serpentune.common.files import ensure_free, read_json, replacing_file, replacing_folder, write_json, write_text
from serpentune.common.locks import held_folder
from serpentune.common.threads import mapped
from serpentune.game import GameBatch, Limits
from serpentune.logs._find import SUMMARY_FILE
from serpentune.logs._parquet import FORMAT_VERSION
from serpentune.logs._shards import DamagedShard, Shard, read_shard
from serpentune.logs._write import Format, write_games

_LOG = logging.getLogger(__name__)

_REQUEST_FILE = "request.json"
_ASSEMBLED, _FINISHED = "assembled", "finished"
_ANOTHER = "another run of the same request"
_GO_ON = "What is finished is kept; the same command with --resume goes on from there."
_NO_ROOM = "Free space first."


class GenerationInterrupted(KeyboardInterrupt):
    """Ctrl-C while games were being played; the message says what is kept."""


@dataclass(frozen=True)
class Request:
    """What decides the bytes of runs: two requests that are equal, of the same versions, make the same ones."""

    players: tuple[str, ...]
    games: int
    width: int
    height: int
    seed: int
    limits: Limits
    format: Format
    noise: float

    def as_json(self) -> dict[str, Any]:
        """What is wanted, and by which versions it is made, all that has a part in the bytes."""
        return {"wanted": self._wanted(), "made_by": self._made_by()}

    def _wanted(self) -> dict[str, Any]:
        return {
            "algorithms": list(self.players),
            "games": self.games,
            "width": self.width,
            "height": self.height,
            "seed": self.seed,
            "limits": self.limits.as_dict(),
            "format": self.format,
            "noise": self.noise,
        }

    def _made_by(self) -> dict[str, str]:
        return {
            "the log format": str(FORMAT_VERSION),
            "serpentune": serpentune.__version__,
            "pyarrow": pa.__version__,
            **{f"teacher {name}": teachers.fingerprint(teachers.get(name)) for name in self.players},
        }

    def part(self, output_dir: Path, stamp: str) -> Path:
        """The hidden folder of this request at that time."""
        return output_dir / f".generate-{self._digest()}_{stamp}.part"

    def unfinished(self, output_dir: Path) -> list[str]:
        """The timestamps of the unfinished runs of this request, the newest last."""
        return [_stamp_of(part) for part in self._parts(output_dir) if self.is_in(part)]

    def to_resume(self, output_dir: Path, stamp: str | None) -> str:
        """The timestamp of the unfinished run to go on with: that one, or the newest.

        Raises:
            UserError: there is none, or it was begun by other versions.
        """
        stamps = self.unfinished(output_dir)
        if stamps and stamp is None:
            return stamps[-1]
        if stamp is not None and stamp in stamps:
            return stamp
        for part in reversed(self._parts(output_dir)):
            if stamp in (None, _stamp_of(part)) and (others := self._other_versions(part)):
                raise UserError(
                    f"The unfinished run of {_stamp_of(part)} can't be gone on with: it was begun by another version "
                    f"of {', '.join(others)}. Begin anew without --resume, and delete {part}."
                )
        when = "" if stamp is None else f" of {stamp}"
        raise UserError(
            f"There is nothing to resume: {output_dir} holds no unfinished run{when} of this request. Give the same "
            "options as before, or leave out --resume."
        )

    def _other_versions(self, part: Path) -> list[str]:
        """Of what another version has begun a hidden folder of this request; empty where that can't be read."""
        try:
            begun = read_json(part / _REQUEST_FILE)["made_by"]
        except (UserError, KeyError, TypeError):  # killed before anything was begun, or no folder of ours
            return []
        now = self._made_by()
        return [name for name in now if begun.get(name) != now[name]]

    def _digest(self) -> str:
        return hashlib.sha256(json.dumps(self._wanted(), sort_keys=True).encode()).hexdigest()[:12]

    def _parts(self, output_dir: Path) -> list[Path]:
        """The hidden folders of this request, by whichever version, the newest last."""
        pattern = re.compile(rf"\.generate-{self._digest()}_\d{{8}}_\d{{6}}\.part")
        if not output_dir.is_dir():
            return []
        return sorted(item for item in output_dir.iterdir() if pattern.fullmatch(item.name))

    def is_in(self, part: Path) -> bool:
        """Whether a hidden folder is one of this request, begun and not finished."""
        try:
            return bool(read_json(part / _REQUEST_FILE) == self.as_json())
        except UserError:  # killed before anything was begun, or after all was finished
            return False


def _stamp_of(part: Path) -> str:
    return part.name.partition("_")[2].removesuffix(".part")


class Unfinished:
    """The hidden folder of a run that this process alone writes to."""

    def __init__(self, request: Request, part: Path) -> None:
        self._request = request
        self._part = part

    def is_finished(self, folder: Path) -> bool:
        """Whether that run folder is there in its final form, and has not been moved away since."""
        return (self._of(folder) / _FINISHED).exists() and (folder / SUMMARY_FILE).exists()

    def ensure_free(self, folder: Path, *, overwrite: bool) -> None:
        """Refuse a run folder that holds something, unless it is ours, from before a kill.

        Raises:
            UserError: it does.
        """
        ensure_free(folder, overwrite=overwrite or self._is_assembled(folder))

    def look_for(self, shards: Sequence[Shard], player: str, folder: Path) -> Iterator[bool]:
        """Which shards are there whole, with the right games; the others are to be made."""
        return mapped(partial(self._is_there, player=player, folder=folder), shards)

    def store(self, shard: Shard, folder: Path, content: bytes) -> None:
        """Keep a shard's file; it is complete under its name, or not there.

        Raises:
            UserError: the disk is full, or the folder can't be written.
        """
        with replacing_file(self._path(shard, folder), no_room=_NO_ROOM) as file:
            file.write_bytes(content)

    def assemble(self, shards: Sequence[Shard], player: str, folder: Path, *, overwrite: bool) -> None:
        """Make the run folder of its shards, which go then.

        Raises:
            UserError: the disk is full, or the folder can't be written.
            DamagedShard: a shard's file has gone bad since it was written.
        """
        request, own = self._request, self._of(folder)
        metadata = {"max_games": request.games, "seed": request.seed, "limits": request.limits.as_dict()}
        metadata |= {"noise": request.noise} if request.noise else {}
        batches = mapped(partial(self._read, player=player, folder=folder), shards)
        free = overwrite or self._is_assembled(folder)
        with (
            contextlib.closing(batches),
            replacing_folder(folder, overwrite=free, within=own, no_room=_NO_ROOM) as run,
        ):
            write_games(batches, run, metadata, request.format)
            (own / _ASSEMBLED).touch()
        write_text(own / _FINISHED, "")
        for shard in shards:
            self._path(shard, folder).unlink()

    def _is_assembled(self, folder: Path) -> bool:
        return (self._of(folder) / _ASSEMBLED).exists()

    def _is_there(self, shard: Shard, player: str, folder: Path) -> bool:
        path = self._path(shard, folder)
        if not path.exists():
            return False
        try:
            self._read(shard, player, folder)
        except DamagedShard as error:
            _LOG.warning("%s is no whole shard (%s); its games are played again", path, error)
            return False
        return True

    def _read(self, shard: Shard, player: str, folder: Path) -> GameBatch:
        return read_shard(self._path(shard, folder), player, self._request.width, self._request.height, shard)

    def _path(self, shard: Shard, folder: Path) -> Path:
        return self._of(folder) / f"shard-{shard.index:06d}.parquet"

    def _of(self, folder: Path) -> Path:
        return self._part / folder.name


@contextmanager
def unfinished_run(request: Request, output_dir: Path, stamp: str, *, resume: bool) -> Iterator[Unfinished]:
    """Make or find the hidden folder of a run and hold it; without an error it goes at the end.

    A folder of the same request, versions and timestamp is gone on with in any case: it can only become the same bytes.

    Raises:
        UserError: another process writes to it, it can't be written, or it is gone. One that is raised in the block is
            raised again with what `resume` can do then.
        GenerationInterrupted: Ctrl-C in the block.
    """
    part = request.part(output_dir, stamp)
    others = [other for other in request.unfinished(output_dir) if other != stamp]
    if others and not resume:
        _LOG.warning(
            "%s holds an unfinished run of this request, of %s; --resume would go on with it", output_dir, others[-1]
        )
    try:
        if not resume:
            part.mkdir(parents=True, exist_ok=True)
        held = contextlib.ExitStack()
        held.enter_context(held_folder(part, by=_ANOTHER))
    except OSError as error:
        if resume and not part.exists():
            raise UserError(f"There is nothing to resume: the run of {stamp} has just been finished.") from error
        raise UserError(
            f"{output_dir} can't be written ({error.strerror or error}). Choose another folder (--output-dir)."
        ) from error
    with held:
        if resume and not request.is_in(part):
            raise UserError(f"There is nothing to resume: the run of {stamp} has just been finished.")
        if not request.is_in(part):
            _remove_runs(part)  # of other versions, at the very same second
        write_json(part / _REQUEST_FILE, request.as_json())
        try:
            yield Unfinished(request, part)
        except (Exception, KeyboardInterrupt) as error:
            if not any(item.is_dir() and any(item.iterdir()) for item in part.iterdir()):
                _remove(part)
                raise
            if isinstance(error, KeyboardInterrupt):
                raise GenerationInterrupted(f"Interrupted. {_GO_ON}") from error
            if isinstance(error, UserError):
                raise UserError(f"{error} {_GO_ON}") from error
            _LOG.warning("%s", _GO_ON)
            raise
        _remove(part)


def _remove(part: Path) -> None:
    """Remove the folder so that a kill in between leaves a finished run or marks alone, and no data."""
    for item in part.glob("*/*"):
        if item.is_dir():
            shutil.rmtree(item)
        elif item.name not in (_ASSEMBLED, _FINISHED):
            item.unlink()
    (part / _REQUEST_FILE).unlink()  # without it this is nobody's unfinished run
    shutil.rmtree(part)


def _remove_runs(part: Path) -> None:
    for item in part.iterdir():
        if item.is_dir():
            shutil.rmtree(item)
