"""Floor 8, evaluation: the append-only result folder: what is finished stays, what is missing is played."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from serpentune.common.errors import UserError
from serpentune.common.files import ensure_free, read_json, write_json
from serpentune.evaluation.results import GAMES, MANIFEST, GameResult

_LOG = logging.getLogger(__name__)

_MAY_DIFFER = frozenset({"versions", "games"})
"""Entries of a manifest that don't decide how a game goes."""


def claim_folder(folder: Path, manifest: Mapping[str, Any], *, overwrite: bool) -> set[int]:
    """Make `folder` ready for games of this manifest; the seeds that are finished there already.

    A folder of the same evaluation is gone on with; a torn last line, left by a killed run, is removed and its game
    played again.

    Raises:
        UserError: the folder holds something else, or an evaluation of another model, board, seed range or policy, while
            `overwrite` is false.
    """
    path = folder / MANIFEST
    if overwrite or not path.is_file():
        ensure_free(folder, overwrite=overwrite)
        for name in (GAMES, "language.json", "performance.json"):
            (folder / name).unlink(missing_ok=True)
        write_json(path, dict(manifest))
        return set()
    before = read_json(path)
    differing = [
        key
        for key in sorted({*before, *manifest} - _MAY_DIFFER)
        if before.get(key) != json.loads(json.dumps(manifest.get(key)))
    ]
    if differing:
        raise UserError(
            f"{folder} holds another evaluation (its {', '.join(differing)} differ{'s' if len(differing) == 1 else ''}). "
            "Choose another folder, or pass --overwrite to replace it."
        )
    write_json(path, dict(manifest))
    return _finished(folder / GAMES, manifest["name"])


def _finished(path: Path, player: str) -> set[int]:
    if not path.is_file():
        return set()
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        _LOG.warning("%s: the last line is torn, as a killed run leaves it; its game is played again", path)
        os.truncate(path, len(whole))
    seeds = set()
    for number, line in enumerate(whole.decode("utf-8", "replace").splitlines(), 1):
        try:
            seeds.add(GameResult.from_json(line, player).record.seed or 0)
        except ValueError as error:
            raise UserError(f"{path}, line {number}: {error}. Pass --overwrite to play all games again.") from error
    if seeds:
        _LOG.info("%s holds %d finished games; they are kept", path, len(seeds))
    return seeds


@contextmanager
def appending(folder: Path) -> Iterator[IO[str]]:
    """The open `games.jsonl`, for one process at a time.

    Raises:
        UserError: another process writes to it.
    """
    with (folder / GAMES).open("a", encoding="utf-8") as stream:
        try:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            _LOG.warning("this system has no file locks: don't run two evaluations on one folder")
        except OSError as error:
            raise UserError(f"{folder} is being written by another evaluation. Wait for it or choose another folder.") from error
        yield stream
