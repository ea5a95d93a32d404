"""Floor 8, evaluation: the append-only result folder: what is finished stays, what is missing is played."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from serpentune.common.errors import UserError
from serpentune.common.files import ensure_free, read_json, write_json
from serpentune.common.locks import held_folder
from serpentune.evaluation.games import GameResult
from serpentune.evaluation.results import (
    EXPLAINED,
    EXPLAINED_MOVES,
    FILES_SHA256,
    GAMES,
    LANGUAGE,
    LANGUAGE_RECORDS,
    MANIFEST,
    PERFORMANCE,
    PLAY,
    RECORDS_SHA256,
    SPEED,
    STATE_ANSWERS,
    STATES,
    tells_of_evaluation,
)
from serpentune.evaluation.top_moves import TOP_MOVES, mend_top_moves

_LOG = logging.getLogger(__name__)

_SEEN = (GAMES, LANGUAGE_RECORDS, STATE_ANSWERS, SPEED)
"""What can't be computed again from anything else; parts can't either."""

_SHORT = 40
"""Characters of a value that an error still shows."""

_PART = "games.part-{}.jsonl"
"""Games of one process of several, until the first one takes them."""

_MAY_DIFFER = frozenset({"versions", "games", "model", "training", FILES_SHA256, RECORDS_SHA256})
"""Entries of a manifest that don't decide how a game goes: a model may have moved, its hash tells its weights."""


_OF_RECORDS = {
    "language": (LANGUAGE_RECORDS, LANGUAGE, EXPLAINED_MOVES, EXPLAINED),
    "states": (STATE_ANSWERS, STATES),
}
"""What each measure makes of the records whose hash the manifest has."""


class OpenResults:
    """A results folder that this process alone writes to.

    Attributes:
        finished: seeds of the games that are there already.
    """

    def __init__(self, path: Path, stream: IO[str], finished: frozenset[int], player: str) -> None:
        self.finished = finished
        self._player = player
        self._path = path
        self._stream = stream

    def add(self, result: GameResult) -> None:
        """Append a finished game; it is with the system, safe from a kill, when this returns.

        Raises:
            UserError: the disk is full.
        """
        try:
            self._stream.write(result.to_json() + "\n")
            self._stream.flush()
        except OSError as error:
            raise UserError(
                f"{self._path} can't be written ({error.strerror or error}). "
                "The games before are kept: mend it and run the same evaluation again."
            ) from error

    def take_parts(self) -> list[GameResult]:
        """Bring the games that other processes wrote down into the one file; those games."""
        self._stream.flush()
        return _take_parts(self._path.parent, self._player)


@contextmanager
def open_results(folder: Path, manifest: Mapping[str, Any], *, overwrite: bool) -> Iterator[OpenResults]:
    """Make `folder` ready for games of this manifest, and hold it for one process at a time.

    A folder of the same evaluation is gone on with; a torn last line, left by a killed run, is removed and its game
    played again. More games than before may be asked for, but not fewer: how many decides what the figures mean.

    Raises:
        UserError: another process writes to the folder, it can't be written, or, while `overwrite` is false, it holds
            something else: an evaluation of another model, board, first seed or policy, or one of more games.
    """
    if not (folder / MANIFEST).is_file():
        ensure_free(folder, overwrite=overwrite)
    elif overwrite:
        _refuse_other_things(folder)
    with ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(held_folder(folder, by="another evaluation"))
            finished = _claim(folder, manifest, overwrite=overwrite)
            stream = held.enter_context((folder / GAMES).open("a", encoding="utf-8"))
        except OSError as error:
            raise UserError(f"{folder} can't be written ({error.strerror or error}).") from error
        yield OpenResults(folder / GAMES, stream, finished, manifest["name"])


@contextmanager
def open_part(folder: Path, number: int, player: str) -> Iterator[OpenResults]:
    """The games of one process of several, the first of which holds the folder and takes all parts in the end.

    Raises:
        UserError: the folder isn't there, as where it lies on a disk that this process doesn't share, or can't be
            written.
    """
    path = folder / _PART.format(number)
    try:
        finished = _finished(folder / GAMES, player)
        stream = path.open("a", encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{path} can't be written ({error.strerror or error}). All processes must see the results folder."
        ) from error
    with stream:
        yield OpenResults(path, stream, finished, player)


def _refuse_other_things(folder: Path) -> None:
    """Data sets have a file called like an evaluation's manifest, too; they are not what --overwrite speaks of."""
    if not tells_of_evaluation(folder / MANIFEST) and not (folder / GAMES).is_file():
        raise UserError(f"{folder} holds a {MANIFEST} that is no evaluation's. Choose another folder.")


def _claim(folder: Path, manifest: Mapping[str, Any], *, overwrite: bool) -> frozenset[int]:
    """Settle the manifest; the seeds that are finished."""
    path = folder / MANIFEST
    if overwrite or not path.is_file():
        made = (
            GAMES, LANGUAGE, LANGUAGE_RECORDS, EXPLAINED, EXPLAINED_MOVES, PERFORMANCE, PLAY, SPEED, STATE_ANSWERS,
            STATES, TOP_MOVES,
        )  # fmt: skip
        for old in (*(folder / name for name in made), *_parts(folder)):
            old.unlink(missing_ok=True)
        write_json(path, dict(manifest))
        return frozenset()
    before = read_json(path)
    if not isinstance(before, dict):
        raise UserError(f"{path}: no evaluation manifest. Choose another folder, or pass --overwrite to replace it.")
    now = json.loads(json.dumps(dict(manifest)))
    differing = [key for key in sorted({*before, *now} - _MAY_DIFFER) if before.get(key) != now.get(key)]
    seen = [path for path in (*(folder / name for name in _SEEN), *_parts(folder)) if path.is_file()]
    if differing and not any(path.stat().st_size for path in seen):
        write_json(path, now)  # nothing was finished by the other settings
        return frozenset()
    if differing:
        changed = ", ".join(_changed(key, before.get(key), now.get(key)) for key in differing)
        raise UserError(
            f"{folder} holds another evaluation: {changed}. "
            "Choose another folder or name, or pass --overwrite to replace it."
        )
    if isinstance(before.get("games"), int) and before["games"] > now["games"]:
        raise UserError(
            f"{folder} holds an evaluation of {before['games']} games, more than {now['games']}. Ask for as many, "
            "choose another folder, or pass --overwrite to replace it."
        )
    mend_top_moves(folder)
    _take_parts(folder, manifest["name"])
    finished = _finished(folder / GAMES, manifest["name"])
    if FILES_SHA256 in before:  # the games that are kept were played from these
        now[FILES_SHA256] = before[FILES_SHA256]
    if records := _claim_records(folder, before, now):
        now[RECORDS_SHA256] = records
    write_json(path, now)
    return finished


def _claim_records(folder: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, str]:
    """The hash of the records of each measure; what is asked again, of other records, loses its files."""
    kept = before.get(RECORDS_SHA256)
    known: dict[str, str] = kept if isinstance(kept, dict) else {}  # one hash of all, as there was, names no measure
    asked: dict[str, str] = now.get(RECORDS_SHA256, {})
    for measure, sha256 in asked.items():
        for name in _OF_RECORDS[measure] if known.get(measure) != sha256 else ():
            (folder / name).unlink(missing_ok=True)
    return {**known, **asked}


def _changed(key: str, before: Any, now: Any) -> str:
    shown = [json.dumps(value) for value in (before, now)]
    return f"its {key} is {shown[0]}, not {shown[1]}" if max(map(len, shown)) < _SHORT else f"its {key} is another"


def _parts(folder: Path) -> list[Path]:
    return sorted(folder.glob(_PART.format("*")))


def _take_parts(folder: Path, player: str) -> list[GameResult]:
    """Append what parts hold to the one file of games, once, wherever an earlier try was killed."""
    parts = _parts(folder)
    known = set(_finished(folder / GAMES, player)) if parts else set()
    taken: list[GameResult] = []
    for part in parts:
        _finished(part, player)  # cuts off a torn last line, and refuses what is no game
        lines = part.read_text(encoding="utf-8").splitlines()
        games = [GameResult.from_json(line, player) for line in lines]
        new = [game for game in games if game.record.seed not in known]
        with (folder / GAMES).open("a", encoding="utf-8") as stream:
            stream.writelines(game.to_json() + "\n" for game in new)
            stream.flush()
            os.fsync(stream.fileno())
        part.unlink()
        taken += new
        known |= {game.record.seed or 0 for game in new}
    return taken


def _finished(path: Path, player: str) -> frozenset[int]:
    if not path.is_file():
        return frozenset()
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    seeds = set()
    for number, line in enumerate(whole.decode("utf-8", "replace").splitlines(), 1):
        try:
            seeds.add(GameResult.from_json(line, player).record.seed or 0)
        except ValueError as error:
            raise UserError(f"{path}, line {number}: {error}. Pass --overwrite to play all games again.") from error
    if whole != content:
        _LOG.warning("%s: the last line is torn, as a killed run leaves it; its game is played again", path)
        os.truncate(path, len(whole))
    if seeds:
        _LOG.info("%s holds %d finished games; they are kept", path, len(seeds))
    return frozenset(seeds)
