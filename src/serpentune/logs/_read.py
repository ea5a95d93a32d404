"""Floor 3, logs: every game of many run folders, replayed; what doesn't follow from its moves is refused by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from serpentune.common.errors import UserError
from serpentune.common.threads import mapped
from serpentune.game import GameBatch, GameRecord, verify
from serpentune.logs._find import GAMES_FILE, find_logs, json_game_files
from serpentune.logs._json import Unusable, load_document, parse_game
from serpentune.logs._parquet import read_parquet_games
from serpentune.logs._positions import contradiction
from serpentune.logs._refusal import Refusal


@dataclass(frozen=True)
class LogReading:
    """What was read from run folders.

    Attributes:
        games: every accepted game, folder by folder, in the order of their numbers.
        folders: the run folder of each game, as long as `games`: player and number name a game within it only.
        refused: what was left out, and why.
        passed_over: games of players that were not asked for, by player; they are not replayed.
    """

    games: tuple[GameRecord, ...]
    folders: tuple[Path, ...]
    refused: tuple[Refusal, ...]
    passed_over: dict[str, int]


def read_logs(patterns: Sequence[str | Path], *, players: Collection[str] | None = None) -> LogReading:
    """Read every game behind directories and globs; `iter_logs` does it without holding them all.

    Args:
        patterns: as of `find_logs`.
        players: keep the games of these players only, in upper or lower case; None keeps all.

    Raises:
        UserError: as of `find_logs`. What is wrong with a file or a game is never raised, but listed in `refused`.
    """
    games: list[GameRecord] = []
    folders: list[Path] = []
    refused: list[Refusal] = []
    passed_over: Counter[str] = Counter()
    for folder in find_logs(patterns):
        for item in _games_of(folder, _wanted(players), passed_over):
            if isinstance(item, Refusal):
                refused.append(item)
            else:
                games.extend(item)
                folders.extend([folder] * len(item))
    return LogReading(tuple(games), tuple(folders), tuple(refused), dict(passed_over))


def iter_logs(
    patterns: Sequence[str | Path], *, players: Collection[str] | None = None
) -> Iterator[GameRecord | Refusal]:
    """The games and refusals of `read_logs` one after another, so that memory stays flat.

    Games of players that were not asked for are passed over.

    Raises:
        UserError: as of `find_logs`, when the function is called.
    """
    batches = iter_batches(patterns, players=players)
    return (game for item in batches for game in ([item] if isinstance(item, Refusal) else item))


def iter_batches(
    patterns: Sequence[str | Path],
    *,
    players: Collection[str] | None = None,
    passed_over: Counter[str] | None = None,
) -> Iterator[GameBatch | Refusal]:
    """The games of `iter_logs` as columns, many at a time: neighbours of one player on one board.

    The games of a batch were replayed, all accepted, and stand in one run folder; a refused one stands between batches.

    Args:
        patterns: as of `find_logs`.
        players: as of `read_logs`.
        passed_over: where games of players that were not asked for are counted, by player, as they are met.

    Raises:
        UserError: as of `find_logs`, when the function is called.
    """
    folders, wanted = find_logs(patterns), _wanted(players)
    others: Counter[str] = Counter() if passed_over is None else passed_over
    return (item for folder in folders for item in _games_of(folder, wanted, others))


def check_logs(patterns: Sequence[str | Path]) -> dict[str, Any]:
    """What `logs check` answers: `{"accepted": n, "refused": [{"file", "reason", "games"}]}`.

    The reason names the game where a file holds many; `games` is how many are left out, None where nobody can say.

    Raises:
        UserError: as of `find_logs`.
    """
    accepted = 0
    refused = []
    for item in iter_batches(patterns):
        if isinstance(item, Refusal):
            refused.append({"file": str(item.file), "reason": item.explanation, "games": item.games})
        else:
            accepted += len(item)
    return {"accepted": accepted, "refused": refused}


def _wanted(players: Collection[str] | None) -> frozenset[str] | None:
    return None if players is None else frozenset(player.casefold() for player in players)


def _games_of(folder: Path, wanted: frozenset[str] | None, passed_over: Counter[str]) -> Iterator[GameBatch | Refusal]:
    """The games of one run folder, replayed; those of players that are not `wanted` are only counted."""
    try:
        files = json_game_files(folder)
    except OSError as error:
        raise UserError(f"{folder} can't be read ({error.strerror or error}).") from error

    def wants(games: GameBatch | GameRecord) -> bool:
        if wanted is None or games.player.casefold() in wanted:
            return True
        passed_over[games.player] += len(games) if isinstance(games, GameBatch) else 1
        return False

    parquet = folder / GAMES_FILE
    if parquet.exists():
        read = (item for item in read_parquet_games(parquet) if isinstance(item, Refusal) or wants(item))
        for items in mapped(partial(_replayed, parquet), read):
            yield from items
        for _, path in files:
            # Read both, and a game could stand on both sides of a split.
            yield Refusal(path, None, f"its folder holds {GAMES_FILE} too, which was read instead")
        return
    for number, path in files:
        try:
            document = load_document(path)
            record = parse_game(document, number, folder)
        except Unusable as error:
            yield Refusal(path, None, str(error))
            continue
        if not wants(record):
            continue
        if problem := verify(record) or contradiction(document, record):
            yield Refusal(path, None, problem)
        else:
            yield GameBatch.from_records([record])


def _replayed(file: Path, games: GameBatch | Refusal) -> list[GameBatch | Refusal]:
    """A batch, cut where a game is refused."""
    if isinstance(games, Refusal):
        return [games]
    result: list[GameBatch | Refusal] = []
    first = 0
    for place, problem in games.verify().items():
        result += [games[first:place], Refusal(file, int(games.numbers[place]), problem)]
        first = place + 1
    result.append(games[first:])
    return [piece for piece in result if isinstance(piece, Refusal) or len(piece)]
