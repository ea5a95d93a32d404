"""Players of real games for the report: a random legal walker, a greedy one and one that fills the board."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from serpentune.evaluation.games import GameResult
from serpentune.evaluation.results import GAMES, LANGUAGE, MANIFEST, PERFORMANCE, EvaluationResult
from serpentune.game import Limits, LockstepGames, Move, State

Chooser = Callable[[State, np.ndarray, np.random.Generator], int]

UNRULY = '<script>alert(1)</script><!-- </title> & "it\'s"'
"""A model name that breaks out of every context that forgets to escape it."""


def walk(state: State, legal: np.ndarray, rng: np.random.Generator) -> int:
    """A random legal move, UP where there is none; now and then an answer that can't be used."""
    if rng.random() < 0.02:
        return int(rng.choice([Move.EMPTY, Move.INVALID_REVERSAL]))
    moves = np.flatnonzero(legal)
    return int(rng.choice(moves)) if len(moves) else int(Move.UP)


def greedy(state: State, legal: np.ndarray, rng: np.random.Generator) -> int:
    """The legal move that brings the head nearest to the apple."""
    (x, y), (apple_x, apple_y) = state.xy(state.head), state.xy(state.apple)
    ahead = [(x, y + 1), (x + 1, y), (x, y - 1), (x - 1, y)]
    far = [abs(there[0] - apple_x) + abs(there[1] - apple_y) for there in ahead]
    return int(np.argmin(np.where(legal, far, 10_000)))


def cycle(state: State, legal: np.ndarray, rng: np.random.Generator) -> int:
    """A Hamiltonian cycle over a board of even height: up column 0, then left and right through the rows, downwards."""
    x, y = state.xy(state.head)
    if x == 0:
        wanted = Move.UP if y < state.height - 1 else Move.RIGHT
    elif (state.height - 1 - y) % 2 == 0:
        wanted = Move.RIGHT if x < state.width - 1 else Move.DOWN
    elif y == 0:
        wanted = Move.LEFT
    else:
        wanted = Move.LEFT if x > 1 else Move.DOWN
    return int(wanted) if legal[wanted] else int(np.argmax(legal))


def play(
    folder: Path,
    name: str,
    choose: Chooser,
    seeds: Sequence[int],
    size: tuple[int, int] = (6, 6),
    *,
    manifest: Mapping[str, Any] | None = None,
    language: Mapping[str, Any] | None = None,
    performance: Mapping[str, Any] | None = None,
) -> EvaluationResult:
    """Play real games, write them as a results folder, and read it back."""
    games = LockstepGames(seeds, *size)
    rng = np.random.default_rng(1)
    while len(running := games.running):
        states, legal = games.states(), games.legal()
        moves = np.zeros(len(games), np.int8)
        for index in running:
            moves[index] = choose(states[index], legal[index], rng)
        games.step(moves)
    folder.mkdir(parents=True)
    lines = []
    for record in games.records(name):
        kinds = {"reversal": record.moves.count(Move.INVALID_REVERSAL), "unreadable": record.moves.count(Move.EMPTY)}
        played = GameResult(record, len(record.moves), kinds, ms=2.5 * len(record.moves))
        lines.append(played.to_json() + "\n")
    (folder / GAMES).write_text("".join(lines))
    told = {
        "name": name,
        "grid": list(size),
        "teacher": "BFS",
        "limits": Limits().as_dict(),
        "policy": "greedy",
        "seeds": list(seeds),
        "versions": {"serpentune": "0.2.0"},
        **(manifest or {}),
    }
    (folder / MANIFEST).write_text(json.dumps(told))
    measured = None if language is None else {"made_of": {}, "figures": language}
    for file, figures in ((LANGUAGE, measured), (PERFORMANCE, performance)):
        if figures is not None:
            (folder / file).write_text(json.dumps(figures))
    return EvaluationResult.load(folder)
