"""Floor 8, evaluation: what a model gives each of the four moves in every state of some games, kept beside the games.

`top_moves.jsonl` is append-only, a line per game. Each line carries the hash of its game, so that chances
are never shown beside moves that they are not of.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from serpentune.common.errors import UserError
from serpentune.game import GameRecord, letters, states_before

if TYPE_CHECKING:
    from serpentune.common.progress import Advance
    from serpentune.evaluation.play import ModelPlayer

TOP_MOVES = "top_moves.jsonl"

Chances = NDArray[np.float32]
"""What UP, RIGHT, DOWN and LEFT are given before each of a game's `n` moves, float32 `(n, 4)`; a row adds up to
at most 1."""

_DIGITS = 4
_ROUNDED = 4 * 0.5 * 10**-_DIGITS + 1e-6
"""How far above 1 four rounded chances may add up."""
_AGAIN = "Remove the file and run the same evaluation again with --top-moves, which plays no finished game again."
_GO_ON = "Run the same evaluation again with --top-moves; it goes on where it stopped."

_LOG = logging.getLogger(__name__)


def keep_top_moves(player: ModelPlayer, games: Sequence[GameRecord], folder: Path, *, progress: Advance) -> None:
    """Ask a model for its chances in the states of games, and append those of games that have none yet.

    Args:
        player: the model that played, asked as it was then. It is asked anew in every state, also where a plan went on.
        games: the games.
        folder: their results folder.
        progress: moved by each game.

    Raises:
        UserError: the file can't be written or is damaged, two of the moves begin with one token, or the memory is too
            small.
    """
    path = folder / TOP_MOVES
    known = read_top_moves(folder, games)
    try:
        with path.open("a", encoding="utf-8") as stream:
            for game in games:
                if game.seed not in known:
                    stream.write(_line(game, _ask(player, game)) + "\n")
                    stream.flush()
                progress(1)
    except OSError as error:
        raise UserError(f"{path} can't be written ({error.strerror or error}). The games before are kept.") from error


def read_top_moves(folder: Path, games: Sequence[GameRecord]) -> dict[int, Chances]:
    """The chances that a results folder keeps, by game seed; empty where it keeps none.

    Args:
        folder: the results folder.
        games: its games; chances of others are left alone.

    Raises:
        UserError: the file can't be read, a line is torn, holds no chances or is of another game than that of its seed,
            or a seed stands twice; the message names file and line.
    """
    path = folder / TOP_MOVES
    if not path.is_file():
        return {}
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} can't be read ({error}).") from error
    if text and not text.endswith("\n"):
        number = text.count("\n") + 1
        raise UserError(f"{path}, line {number}: it is torn, as a killed run leaves it. {_GO_ON}")
    of_seed = {game.seed: game for game in games}
    found: dict[int, Chances] = {}
    lines: dict[int, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        try:
            seed, chances = _read(line, of_seed)
        except ValueError as error:
            raise UserError(f"{path}, line {number}: {error}. {_AGAIN}") from error
        first = lines.setdefault(seed, number)
        if first != number:
            raise UserError(f"{path}, line {number}: seed {seed} stands in line {first} already. {_AGAIN}")
        if seed in of_seed:
            found[seed] = chances
    return found


class KeptTopMoves(Mapping[int, Chances]):
    """What `read_top_moves` finds, read when it is first asked for: only replays show it, so only they need the file.

    Raises:
        UserError: as of `read_top_moves`, by whatever asks first.
    """

    def __init__(self, folder: Path, games: Sequence[GameRecord]) -> None:
        self._folder, self._games = folder, games

    @cached_property
    def _read(self) -> dict[int, Chances]:
        return read_top_moves(self._folder, self._games)

    def __getitem__(self, seed: int) -> Chances:
        return self._read[seed]

    def __iter__(self) -> Iterator[int]:
        return iter(self._read)

    def __len__(self) -> int:
        return len(self._read)


def mend_top_moves(folder: Path) -> None:
    """Remove a torn last line, as a killed run leaves it; its game can be asked about again."""
    path = folder / TOP_MOVES
    if not path.is_file():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        _LOG.warning("%s: the last line is torn, as a killed run leaves it; its game is asked about again", path)
        os.truncate(path, whole)


def _ask(player: ModelPlayer, game: GameRecord) -> Chances:
    places = range(len(game.moves))
    rows = [
        player.probabilities(states_before(game, places[start : start + player.places]))
        for start in range(0, len(places), player.places)
    ]
    return np.concatenate([np.zeros((0, 4), np.float32), *rows])


def _hash(game: GameRecord) -> str:
    return hashlib.sha256(f"{game.seed} {letters(game.moves)} {list(game.apples)}".encode()).hexdigest()


def _line(game: GameRecord, chances: Chances) -> str:
    rows = [[round(chance, _DIGITS) for chance in row] for row in chances.tolist()]
    return json.dumps({"seed": game.seed, "game_sha256": _hash(game), "chances": rows}, separators=(",", ":"))


def _read(line: str, games: Mapping[int | None, GameRecord]) -> tuple[int, Chances]:
    """Seed and chances of a line.

    Raises:
        ValueError: the line is none of this format, or is of another game.
    """
    try:
        data = json.loads(line)
        seed, told = int(data["seed"]), str(data["game_sha256"])
        chances = np.array(data["chances"], np.float32).reshape(-1, 4)
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ValueError(f"no top moves of this format ({error!r})") from error
    if not np.isfinite(chances).all() or (chances < 0).any() or (chances.sum(axis=1) > 1 + _ROUNDED).any():
        raise ValueError("what it gives the moves are no probabilities")
    game = games.get(seed)
    if game is not None and (_hash(game) != told or len(chances) != len(game.moves)):
        raise ValueError(f"it is of another game than that with seed {seed}")
    return seed, chances
