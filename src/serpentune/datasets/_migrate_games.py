"""Floor 4, datasets: `game_N.json` of the first version as records of ours, one for each move that can be learned."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from serpentune.datasets._faults import Faults
from serpentune.datasets._migrate_lines import Emit
from serpentune.datasets._moments import LEGAL, USABLE, moments
from serpentune.datasets.completions import get_style, prompts
from serpentune.datasets.encodings import get_encoding
from serpentune.datasets.records import SCHEMA
from serpentune.datasets.splits import game_key
from serpentune.game import GameBatch, GameRecord, states_before
from serpentune.game.record import replayed_moves
from serpentune.logs._json import Unusable, load_document, parse_game
from serpentune.logs._positions import contradictions

NOT_WHOLE = "its game does not replay as a whole"
NO_MOVE = "entries that don't move the snake, or on a board without an apple"
FATAL = "moves into a wall or the body"
AFTER = "moves after the first contradiction in their game"

_MAX_BYTES = 256 << 20
"""Of a file, which is read as a whole."""

STYLE, ENCODING = "move", "grid"


def migrate_game(file: Path, number: int, faults: Faults, left_out: Counter[str], emit: Emit) -> str | None:
    """Read one game and hand its records over.

    Args:
        file: a `game_N.json`.
        number: its N.
        faults: a game of which no state can be known goes there.
        left_out: counts moves that become no records.
        emit: takes the records.

    Returns:
        What is wrong with a game that doesn't replay as a whole.
    """
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise Unusable(f"it is larger than {_MAX_BYTES >> 20} MiB")
        document = load_document(file)
        whole = parse_game(document, number, file.parent)
    except Unusable as error:
        faults.add(file, {}, "the game can't be read", str(error))
        return None
    count, problem = replayed_moves(whole)
    record = _beginning(whole, count)
    doubts = min(contradictions(document, record), default=None) if count else None
    # A beginning is short of the moves after it: that its document goes on is no contradiction.
    if doubts is not None and (problem is None or doubts[0] < count):
        count, problem = doubts[0], problem or doubts[1]
        record = _beginning(whole, count)
    if not count:
        reason = problem or "it has no move"
        faults.add(file, {}, "no state of the game can be known", reason)
        return None
    left_out[AFTER] += len(whole.moves) - count
    flags = moments(GameBatch.from_records([record])).flags
    usable, legal = (flags & USABLE) != 0, (flags & LEGAL) != 0
    left_out[NO_MOVE] += int((~usable).sum())
    left_out[FATAL] += int((usable & ~legal).sum())
    emit(
        _records(record, np.flatnonzero(usable & legal), f"{file.parent.name}/{number}", verified=problem is None),
        game_key(record.width, record.height, record.seed, record.apples),
        None if problem is None else NOT_WHOLE,
    )
    return problem


def _beginning(record: GameRecord, count: int) -> GameRecord:
    return replace(record, moves=record.moves[:count])


def _records(record: GameRecord, at: Any, game: str, *, verified: bool) -> list[dict[str, Any]]:
    style = get_style(STYLE)
    states = states_before(record, at)
    player = record.player.upper()
    rows = zip(at.tolist(), prompts(states, player, get_encoding(ENCODING), style), states.length.tolist(), strict=True)
    return [
        dict.fromkeys(SCHEMA.names)
        | {
            "prompt": prompt,
            "completion": style.completion(record.moves[step : step + 1]),
            "teacher": player,
            "style": STYLE,
            "game": game,
            "seed": record.seed,
            "step": step,
            "snake_length": length,
            "board": f"{record.width}x{record.height}",
            "encoding": ENCODING,
            "symmetry": 0,
            "verified": verified,
        }
        for step, prompt, length in rows
    ]
