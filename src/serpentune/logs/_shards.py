"""Floor 3, logs: a run in pieces that can be made anywhere, in any order, and are put together afterwards.

A shard is some games of one teacher, by seed; as a file it is a small Parquet run. Who makes the shards doesn't matter:
the same request has the same shards, and a shard has the same games, on any machine.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from serpentune.game import GameBatch, Limits
from serpentune.logs._parquet import read_parquet_games, write_parquet_games
from serpentune.logs._refusal import Refusal
from serpentune.logs._write import replayed
from serpentune.teachers import Teacher, play_batch

_CELLS_SQUARED = 1 << 23
_MOST_GAMES = 1024
_FEWEST_GAMES = 128
_SHARDS_AT_LEAST = 32


@dataclass(frozen=True)
class Shard:
    """Some games of a run that follow each other.

    Attributes:
        index: which piece of the run it is, from 0.
        number: the first game's number within the run.
        seed: the first game's seed; the others' follow.
        games: how many.
    """

    index: int
    number: int
    seed: int
    games: int


class DamagedShard(ValueError):
    """A shard's file that doesn't hold the games of the shard; the message says why."""


def shards_of(games: int, seed: int, width: int, height: int) -> list[Shard]:
    """The shards of a run: enough of them to occupy many processor cores, and none too big to lose or to hold.

    A teacher that wanders over the whole board for each apple makes about half the square of the number of cells in
    moves, and a shard is some megabytes of them at most.
    """
    shared_out = max(_FEWEST_GAMES, -(-games // _SHARDS_AT_LEAST))
    size = max(1, min(shared_out, _MOST_GAMES, _CELLS_SQUARED // (width * height) ** 2))
    return [
        Shard(index, first + 1, seed + first, min(size, games - first))
        for index, first in enumerate(range(0, games, size))
    ]


def make_shard(teacher: Teacher, width: int, height: int, limits: Limits, noise: float, shard: Shard) -> bytes:
    """Play a shard's games, some moves at random (`play_batch`), replay them, and give the bytes of a Parquet file.

    Raises:
        ValueError: a teacher's Python function broke its contract, or a game doesn't follow from its moves.
    """
    seeds = range(shard.seed, shard.seed + shard.games)
    batch = replayed(play_batch(teacher, seeds, width, height, limits, first_number=shard.number, noise=noise))
    file = io.BytesIO()
    write_parquet_games(file, [batch])  # it is read once, and soon
    return file.getvalue()


def read_shard(path: Path, player: str, width: int, height: int, shard: Shard) -> GameBatch:
    """The games of a shard's file, replayed.

    Raises:
        DamagedShard: it is missing, torn or damaged, or holds other games than the shard's, or one that doesn't replay.
    """
    items = list(read_parquet_games(path))
    if len(items) != 1 or isinstance(items[0], Refusal):
        refusals = [item.reason for item in items if isinstance(item, Refusal)]
        raise DamagedShard(refusals[0] if refusals else "it holds games of several players or boards")
    batch = items[0]
    if (batch.player, batch.width, batch.height) != (player, width, height):
        raise DamagedShard("it holds games of another player or board")
    for column, first in ((batch.numbers, shard.number), (batch.seeds, shard.seed)):
        if column.tolist() != list(range(first, first + shard.games)) or not batch.seeded.all():
            raise DamagedShard("it holds other games")
    try:
        return replayed(batch)
    except ValueError as error:
        raise DamagedShard(str(error)) from error
