"""Really played games of simple players, saved as evaluations and read back."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from serpentune.evaluation.games import GameResult
from serpentune.evaluation.results import GAMES, LANGUAGE, MANIFEST, EvaluationResult
from serpentune.game import NO_MOVE, Ending, Limits, LockstepGames, States


def greedy(states: States, legal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Toward the apple where that is legal, else any legal move."""
    head, apple = states.body[:, 0].astype(np.int64), states.apple
    side = states.width
    dx, dy = apple % side - head % side, apple // side - head // side
    wanted = np.stack([dy > 0, dx > 0, dy < 0, dx < 0], axis=1) & legal
    return np.argmax(2 * wanted + legal + 0.5 * rng.random(legal.shape), axis=1)


def careless(states: States, legal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Any legal move, at random."""
    return np.argmax(legal + rng.random(legal.shape) * 0.5, axis=1)


def cycle(states: States, legal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Along a Hamiltonian cycle of a 4x4 board: wins every game there."""
    head = states.body[:, 0].astype(np.int64)
    x, y = head % 4, head // 4
    # Up the left column, then a zig-zag back down through the other three.
    zigzag = np.where(y % 2 == 1, np.where(x < 3, 1, 2), np.where(x > 1, 3, np.where(y > 0, 2, 3)))
    return np.where(x == 0, np.where(y < 3, 0, 1), zigzag)


def hurried(states: States, legal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As `cycle`, but straight to the first apple; wins nearly every game, in fewer steps."""
    on_cycle = cycle(states, legal, rng)
    blocked = ~np.take_along_axis(legal, on_cycle[:, None], axis=1)[:, 0]
    return np.where((states.length == 1) | blocked, greedy(states, legal, rng), on_cycle)


Player = Callable[[States, np.ndarray, np.random.Generator], np.ndarray]


def play(player: Player, seeds: Sequence[int], side: int, own_seed: int = 0) -> list[GameResult]:
    """Every game to its end."""
    games, rng = LockstepGames(seeds, side, side), np.random.default_rng(own_seed)
    while len(games.running):
        chosen = player(games.states(), games.legal(), rng)
        games.step(np.where(games.endings == Ending.RUNNING, chosen, NO_MOVE).astype(np.int8))
    return [GameResult(record, record.steps, {}, ms=1.0) for record in games.records("player")]


def save(
    folder: Path, name: str, played: Sequence[GameResult], language: dict[str, Any] | None = None, **manifest: Any
) -> EvaluationResult:
    """An evaluation folder, and the evaluation as it is read back from it."""
    folder.mkdir(parents=True)
    side = played[0].record.width
    fields = {
        "name": name,
        "grid": [side, side],
        "limits": Limits().as_dict(),
        "first_seed": played[0].record.seed,
        "games": len(played),
        "style": "move",
        "teacher": "BFS",
        "policy": "greedy",
        **manifest,
    }
    (folder / MANIFEST).write_text(json.dumps(fields))
    (folder / GAMES).write_text("".join(game.to_json() + "\n" for game in played))
    if language is not None:
        (folder / LANGUAGE).write_text(json.dumps({"made_of": {}, "figures": language}))
    return EvaluationResult.load(folder)
