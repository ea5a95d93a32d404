"""Floor 10, report: games packed into the page; the page replays them by the rules instead of storing their states."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from serpentune.evaluation.judging import fatal_moves
from serpentune.evaluation.results import EvaluationResult
from serpentune.game import GameRecord, letters
from serpentune.report._thoughts import Thought, thoughts

REPLAY_BUDGET = 600_000
"""Bytes of packed games that a report may hold, so that the file stays below 1 MB."""

THOUGHT_BUDGET = 150_000
"""Bytes that a report may hold of what players thought of their moves, which is less needed than games."""


@dataclass(frozen=True)
class Replays:
    """Games of all models, packed.

    Attributes:
        data: base64 of the deflated JSON `[games, thoughts]`. `games` has a row a seed, in their order: the seed and an
            entry a model, None or `[width, height, moves as letters, apples, ending, score, places of fatal moves]`.
            `thoughts` has rows of entries for the first seeds, as of `_thoughts`. A seed is text, since JavaScript's
            numbers hold 53 bits and seeds 64.
        kept: seeds in the page.
        total: seeds in the results.
        thought: games in the page with what was thought of their moves, by model, in the order of the results.
    """

    data: str
    kept: int
    total: int
    thought: tuple[int, ...]


def pack(
    results: Sequence[EvaluationResult], budget: int = REPLAY_BUDGET, thought_budget: int = THOUGHT_BUDGET
) -> Replays:
    """Pack the games of `results`; where they don't fit the budget, only those of as many of the first seeds as do."""
    by_seed: dict[int, list[list[Any] | None]] = {}
    for index, result in enumerate(results):
        for game, fatal in zip(result.games, fatal_moves(result.games), strict=True):
            row = by_seed.setdefault(_seed(game.record), [None] * len(results))
            row[index] = [*game_row(game.record), game.record.score, fatal]
    rows = [[str(seed), by_seed[seed]] for seed in sorted(by_seed)]
    kept = len(rows)
    data = deflate([rows, []])
    while len(data) > budget and kept:
        kept = min(kept - 1, int(kept * budget / len(data)))
        data = deflate([rows[:kept], []])
    known = _affordable(thoughts(results, sorted(by_seed)[:kept]), min(thought_budget, budget - len(data)))
    thought = tuple(sum(row[model] is not None for row in known) for model in range(len(results)))
    return Replays(deflate([rows[:kept], known]) if known else data, kept, len(rows), thought)


def _affordable(rows: Iterable[list[Thought]], budget: int) -> list[list[Thought]]:
    """The first rows, as many as fit, up to the last that holds anything."""
    kept: list[list[Thought]] = []
    size = held = 0
    for row in rows:
        size += len(deflate(row))  # together they take less
        if size > budget:
            break
        kept.append(row)
        if any(thought is not None for thought in row):
            held = len(kept)
    return kept[:held]


def _seed(record: GameRecord) -> int:
    return record.seed or 0


def game_row(record: GameRecord) -> list[Any]:
    """A game as the page's rules take it: `[width, height, moves as letters, apples, ending]`."""
    return [record.width, record.height, letters(record.moves), list(record.apples), record.ending.name]


def deflate(rows: list[Any]) -> str:
    """What JSON knows as base64 of deflated text, which `page.js` unpacks."""
    # Rows stand by seed, so that the apples that models share lie within reach of the compressor's window.
    return base64.b64encode(zlib.compress(json.dumps(rows, separators=(",", ":")).encode(), 9)).decode()
