"""Floor 10, report: games packed into the page; the page replays them by the rules instead of storing their states."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from serpentune.evaluation.results import EvaluationResult
from serpentune.game import GameRecord, letters

REPLAY_BUDGET = 850_000
"""Bytes of packed games a report may hold, so that the file stays below 1 MB."""


@dataclass(frozen=True)
class Replays:
    """Games of all models, packed.

    Attributes:
        data: base64 of the deflated JSON `[[seed, [game or null, one a model]], ...]` in the order of the seeds, a
            game being `[width, height, moves as letters, apples, ending]`. A seed is text, since JavaScript's
            numbers hold 53 bits and seeds 64.
        kept: seeds in the page.
        total: seeds in the results.
    """

    data: str
    kept: int
    total: int


def pack(results: Sequence[EvaluationResult], budget: int = REPLAY_BUDGET) -> Replays:
    """Pack the games of `results`; where they don't fit the budget, only those of as many of the first seeds as do."""
    by_seed: dict[int, list[list[Any] | None]] = {}
    for index, result in enumerate(results):
        for game in result.games:
            row = by_seed.setdefault(_seed(game.record), [None] * len(results))
            row[index] = game_row(game.record)
    rows = [[str(seed), by_seed[seed]] for seed in sorted(by_seed)]
    kept = len(rows)
    data = deflate(rows)
    while len(data) > budget and kept:
        kept = min(kept - 1, int(kept * budget / len(data)))
        data = deflate(rows[:kept])
    return Replays(data, kept, len(rows))


def _seed(record: GameRecord) -> int:
    return record.seed or 0


def game_row(record: GameRecord) -> list[Any]:
    """A game as the page's rules take it: `[width, height, moves as letters, apples, ending]`."""
    return [record.width, record.height, letters(record.moves), list(record.apples), record.ending.name]


def deflate(rows: list[Any]) -> str:
    """What JSON knows as base64 of deflated text, which `page.js` unpacks."""
    # Rows stand by seed, so that the apples that models share lie within reach of the compressor's window.
    return base64.b64encode(zlib.compress(json.dumps(rows, separators=(",", ":")).encode(), 9)).decode()
