"""Floor 10, report: games packed into the page; the page replays them by the rules instead of storing their states."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Sequence
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
        data: base64 of the deflated JSON `[[seed, games, thoughts], ...]` in the order of the seeds. `games` has an
            entry a model, None or `[width, height, moves as letters, apples, ending, score, places of fatal moves]`;
            so has `thoughts`, as of `_thoughts`, which only the first rows hold. A seed is text, since JavaScript's
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
    kept, data = _fitting(len(rows), lambda count: rows[:count], budget)
    thought = thoughts(results, sorted(by_seed)[:kept])

    def with_thoughts(count: int) -> list[Any]:
        return [[*row, own] for row, own in zip(rows, thought[:count], strict=False)] + rows[count:kept]

    more = min(budget, len(data) + thought_budget)
    count, data = _fitting(len(thought), with_thoughts, more)
    return Replays(data, kept, len(rows), _counts(thought[:count], len(results)))


def _fitting(most: int, rows: Callable[[int], list[Any]], budget: int) -> tuple[int, str]:
    """How many rows fit, and their text."""
    count = most
    data = deflate(rows(count))
    while len(data) > budget and count:
        count = min(count - 1, int(count * budget / len(data)))
        data = deflate(rows(count))
    return count, data


def _counts(kept: Sequence[Sequence[Thought]], models: int) -> tuple[int, ...]:
    return tuple(sum(row[model] is not None for row in kept) for model in range(models))


def _seed(record: GameRecord) -> int:
    return record.seed or 0


def game_row(record: GameRecord) -> list[Any]:
    """A game as the page's rules take it: `[width, height, moves as letters, apples, ending]`."""
    return [record.width, record.height, letters(record.moves), list(record.apples), record.ending.name]


def deflate(rows: list[Any]) -> str:
    """What JSON knows as base64 of deflated text, which `page.js` unpacks."""
    # Rows stand by seed, so that the apples that models share lie within reach of the compressor's window.
    return base64.b64encode(zlib.compress(json.dumps(rows, separators=(",", ":")).encode(), 9)).decode()
