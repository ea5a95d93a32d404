"""Small data sets made record by record, of players whom no teacher knows too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from serpentune import teachers
from serpentune.datasets import get_encoding, get_style, prompts
from serpentune.datasets.records import SCHEMA, SPLITS
from serpentune.datasets.store import DatasetWriter, writing_dataset
from serpentune.game import States, random_states

MAKER = {"games_refused": 0, "games_repeated": 0, "games_of_other_players": {}}


def positions(count: int, width: int = 6, height: int = 6) -> States:
    """Different random states in which a move is legal."""
    states = random_states(2 * count, width, height, 5)
    return states.take(np.flatnonzero(teachers.get("BFS").moves(states) < 4)[:count])


def records(
    states: States, teacher: str, moves: Sequence[int] | None = None, style: str = "move"
) -> list[dict[str, Any]]:
    """A record for each state, answered by `moves` or else by the registered teacher of that name."""
    chosen = get_style(style)
    answers = teachers.get(teacher).moves(states).tolist() if moves is None else moves
    return [
        {
            "prompt": prompt,
            "completion": chosen.completion(bytes([answer])),
            "teacher": teacher,
            "style": style,
            "game": "run/1",
            "seed": 1,
            "step": step,
            "snake_length": int(states.length[step]),
            "board": f"{states.width}x{states.height}",
            "encoding": "grid",
            "symmetry": 0,
            "verified": True,
        }
        for step, (prompt, answer) in enumerate(
            zip(prompts(states, teacher, get_encoding("grid"), chosen), answers, strict=True)
        )
    ]


def write(folder: Path, rows: Mapping[str, Sequence[Sequence[dict[str, Any]]]], **manifest: Any) -> Path:
    """A data set with these row groups by split."""
    names = sorted({str(row["teacher"]) for groups in rows.values() for group in groups for row in group})
    empty = dict.fromkeys(SPLITS, 0)

    def about(writer: DatasetWriter) -> dict[str, Any]:
        of = {name: {"games": 1, "boards": ["6x6"], "records": empty} for name in names}
        shared = {"serpentune": "0.1.0", "seed": 0, "encoding": "grid", "styles": ["move"], "teachers": of}
        return {**MAKER, **shared, "records": dict(writer.records), **manifest}

    with writing_dataset(folder, about, formats=("parquet",), overwrite=True) as writer:
        for split, groups in rows.items():
            for group in groups:
                writer.write(split, pa.Table.from_pylist(list(group), schema=SCHEMA))
    return folder
