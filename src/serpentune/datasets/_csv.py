"""Floor 4, datasets: records as lines of a CSV, a number for everything that a board shows at a glance."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv

from serpentune.common.errors import UserError
from serpentune.datasets._answers import NO_MOVE, first_moves
from serpentune.datasets._columns import coded
from serpentune.datasets._features import FEATURES, features
from serpentune.datasets._understand import known_states
from serpentune.datasets.records import SPLITS, iter_records
from serpentune.datasets.texts import Texts
from serpentune.game import DIRECTIONS

COLUMNS = ("game_id", "step_in_game", *FEATURES, "target_move")
COLUMNS_READ = ("prompt", "completion", "teacher", "style", "game", "step", "board", "encoding")

HEADER = f"{','.join(COLUMNS)}\n".encode()

_BARE = csv.WriteOptions(include_header=False, quoting_style="none")


def game_numbers(path: Path) -> dict[str, int]:
    """The games of a data set, numbered from 0 in the order in which the splits name them first.

    Raises:
        UserError: the data set is damaged.
    """
    numbers: dict[str, int] = {}
    for split in SPLITS:
        for table in iter_records(path, split, ["game"]):
            for game in pc.unique(table["game"]).drop_null().to_pylist():
                numbers.setdefault(game, len(numbers))
    return numbers


def write_games(path: Path, numbers: Mapping[str, int]) -> None:
    """Write which game has which number, as a CSV of `game_id` and `game`."""
    games = pa.table({"game_id": pa.array(numbers.values(), pa.int64()), "game": pa.array(numbers, pa.string())})
    with path.open("wb") as stream:
        stream.write(b"game_id,game\n")
        csv.write_csv(games, stream, csv.WriteOptions(include_header=False))


def csv_lines(table: Any, numbers: Mapping[str, int]) -> bytes:
    """Records as lines of `COLUMNS`, without the header.

    Args:
        table: an Arrow table of `COLUMNS_READ`.
        numbers: `game_id` by `game`.

    Raises:
        UserError: a record whose prompt doesn't hold its state, whose completion doesn't begin with a move, or that
            names no game.
    """
    games, game = coded(table["game"])
    _refuse(table, "it names no game", np.array([name is None for name in games], np.bool_)[game])
    _refuse(table, "it doesn't say its step", pc.is_null(table["step"]).to_numpy())
    moves, _ = first_moves(Texts.of_arrow(table["completion"]))
    numbers_of = np.zeros((len(table), len(FEATURES)), np.int64)
    read = np.zeros(len(table), np.bool_)

    def refuse(check: str, row: int, reason: str) -> None:
        if check != "label":  # an answer may say more than its move
            _refuse(table, reason, np.arange(len(table)) == row)

    for known in known_states(table, refuse):
        numbers_of[known.rows], read[known.rows] = features(known.states), True
        moves[known.rows] = np.where(known.first == NO_MOVE, moves[known.rows], known.first)
    _refuse(table, "its completion doesn't begin with a move", moves == NO_MOVE)
    _refuse(table, "its prompt is in no form known, or in one that doesn't hold the whole board", ~read)
    numbered = np.array([numbers[name] for name in games if name is not None], np.int64)[game]
    named = pa.DictionaryArray.from_arrays(moves, [move.name for move in DIRECTIONS]).cast(pa.string())
    columns = [numbered, table["step"], *np.ascontiguousarray(numbers_of.T), named]
    sink = pa.BufferOutputStream()
    csv.write_csv(pa.table(columns, names=list(COLUMNS)), sink, _BARE)
    lines: bytes = sink.getvalue().to_pybytes()
    return lines


def _refuse(table: Any, reason: str, wrong: NDArray[np.bool_]) -> None:
    """Name the first of the records that are wrong."""
    if wrong.any():
        row = table.slice(int(np.argmax(wrong)), 1).to_pylist()[0]
        raise UserError(
            f"The record of step {row['step']} of game {row['game']} has no line in a CSV: {reason}. Export the data "
            "set as jsonl, or build it with the encoding grid."
        )
