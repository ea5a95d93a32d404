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
from serpentune.datasets._features import FEATURES, features
from serpentune.datasets.completions import STYLES, board_texts, read_moves
from serpentune.datasets.encodings import ENCODINGS
from serpentune.datasets.records import SPLITS, iter_records
from serpentune.datasets.texts import Texts
from serpentune.game import Move, parse_board

COLUMNS = ("game_id", "step_in_game", *FEATURES, "target_move")
COLUMNS_READ = ("prompt", "completion", "teacher", "style", "game", "step", "board", "encoding")

HEADER = f"{','.join(COLUMNS)}\n".encode()

_BARE = csv.WriteOptions(include_header=False, quoting_style="none")
_FIRST_WORD = r"^[\s,]*(?P<word>[^\s,]*)"


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
    games, game = _coded(table["game"])
    _refuse(table, "it names no game", np.isin(game, [place for place, name in enumerate(games) if name is None]))
    words, word = _coded(pc.struct_field(pc.extract_regex(table["completion"], _FIRST_WORD), "word"))
    moves = [read_moves(text or "") for text in words]
    _refuse(table, "its completion doesn't begin with a move", np.array([not move for move in moves], np.bool_)[word])
    numbered = np.array([numbers[name] for name in games if name is not None], np.int64)[game]
    named = pa.DictionaryArray.from_arrays(word, [Move(move[0]).name for move in moves])
    columns = [numbered, table["step"], *np.ascontiguousarray(_features_of(table).T), named.cast(pa.string())]
    sink = pa.BufferOutputStream()
    csv.write_csv(pa.table(columns, names=list(COLUMNS)), sink, _BARE)
    lines: bytes = sink.getvalue().to_pybytes()
    return lines


def _features_of(table: Any) -> NDArray[np.int64]:
    """The features of each record's state, int64 `(n, 16)`."""
    result = np.empty((table.num_rows, len(FEATURES)), np.int64)
    encodings, encoding = _coded(table["encoding"])
    boards, board = _coded(table["board"])
    kinds, kind = np.unique(encoding * len(boards) + board, return_inverse=True)
    for place, (name, size) in enumerate(
        (encodings[code // len(boards)], boards[code % len(boards)]) for code in kinds
    ):
        rows = np.flatnonzero(kind == place)
        if name not in ENCODINGS or not ENCODINGS[name].exact or size is None:
            written = (
                f"its prompt is written in the encoding {name!r}" if name else "its prompt is in no encoding of ours"
            )
            _refuse(table, f"{written}, which doesn't hold the whole board", kind == place)
        width, height = parse_board(size)
        own = table if len(rows) == table.num_rows else table.take(rows)
        texts, fits = _boards_of(own)
        states, readable = ENCODINGS[name].read(texts, width, height)
        _refuse(own, f"its prompt shows no {width}x{height} board in the encoding {name!r}", ~(fits & readable))
        result[rows] = features(states)
    return result


def _boards_of(table: Any) -> tuple[Texts, NDArray[np.bool_]]:
    """The boards' texts in the prompts, and which of them begin and end as their teacher and style ask."""
    teachers, teacher = _coded(table["teacher"])
    styles, style = _coded(table["style"])
    known = np.array([name in STYLES for name in styles], np.bool_)[style]
    known &= np.array([name is not None for name in teachers], np.bool_)[teacher]
    forms = [(player or "", STYLES.get(name or "", STYLES["move"])) for player in teachers for name in styles]
    texts, fits = board_texts(Texts.of_arrow(table["prompt"]), forms, teacher * len(styles) + style)
    return texts, fits & known


def _coded(column: Any) -> tuple[list[str | None], NDArray[np.int64]]:
    """A column's different values, null among them, and the place of each row's value."""
    encoded = pa.chunked_array([column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column])
    encoded = pc.dictionary_encode(encoded, null_encoding="encode").combine_chunks()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)


def _refuse(table: Any, reason: str, wrong: NDArray[np.bool_]) -> None:
    """Name the first of the records that are wrong."""
    if wrong.any():
        row = table.slice(int(np.argmax(wrong)), 1).to_pylist()[0]
        raise UserError(
            f"The record of step {row['step']} of game {row['game']} has no line in a CSV: {reason}. Export the data "
            "set as jsonl, or build it with the encoding grid."
        )
