"""Floor 4, datasets: records in short form, while they wait on the disk: numbers of what few records differ in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from serpentune.datasets._games import Piece
from serpentune.datasets.records import SCHEMA
from serpentune.datasets.texts import Texts

SHORT = pa.schema(
    [
        ("prompt", pa.string()),
        ("completion", pa.string()),
        ("game", pa.int32()),
        ("step", pa.int32()),
        ("snake_length", pa.int16()),
        ("style", pa.int8()),
        ("encoding", pa.int8()),
        ("symmetry", pa.int8()),
    ]
)
"""The columns of a record in short form, as in `SCHEMA`; game, style and encoding are places in lists."""


def short_records(prompts: Texts, completions: Texts, **numbers: NDArray[np.integer]) -> Any:
    """`n` records, an Arrow table of `SHORT`, whose other columns are given as `numbers`."""
    columns: dict[str, Any] = {"prompt": prompts.arrow(), "completion": completions.arrow()}
    for name, values in numbers.items():
        columns[name] = pa.array(values.astype(SHORT.field(name).type.to_pandas_dtype(), copy=False))
    return pa.Table.from_arrays([columns[name] for name in SHORT.names], schema=SHORT)


class Names:
    """What the numbers of a short form stand for."""

    def __init__(
        self,
        pieces: Iterable[Piece],
        styles: Sequence[str],
        encodings: Sequence[str],
        who_answers: Callable[[str], str],
    ) -> None:
        """Take the games of all pieces, lists of names, and who answers for each player."""
        ordered = sorted(pieces, key=lambda piece: piece.first)
        games = [_of_games(piece, who_answers(piece.teacher)) for piece in ordered]
        self._games = pa.concat_tables(games).combine_chunks()
        self._styles, self._encodings = pa.array(styles), pa.array(encodings)

    def written_out(self, table: Any) -> Any:
        """The records of an Arrow table of `SHORT` as one of `SCHEMA`."""
        games = self._games.take(table["game"])
        columns = {
            **{name: table[name] for name in ("prompt", "completion", "step", "snake_length", "symmetry")},
            **{name: games[name] for name in games.column_names},
            "style": self._styles.take(table["style"]),
            "encoding": self._encodings.take(table["encoding"]),
            "verified": pa.repeat(pa.scalar(True), table.num_rows),
        }
        return pa.table(columns).select(SCHEMA.names).cast(SCHEMA)


def _of_games(piece: Piece, teacher: str) -> Any:
    """What the records of each game of a piece have in common."""
    games, count = piece.games, len(piece.games)
    return pa.table(
        {
            "teacher": pa.repeat(teacher, count),
            "game": [f"{piece.folder}/{number}" for number in games.numbers.tolist()],
            "seed": pa.array(games.seeds, mask=~games.seeded),
            "board": pa.repeat(f"{games.width}x{games.height}", count),
        }
    )
