"""Endpoints and their players, as the tests of served models ask them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from serpentune.datasets import get_encoding, get_style
from serpentune.evaluation import (
    Endpoint,
    EndpointPlayer,
    EvaluationResult,
    EvaluationSettings,
    GameResult,
    Player,
    endpoint_contestant,
    evaluate_contestant,
    play_games,
)
from serpentune.game import Limits
from tests.evaluation.chat_server import Replies, Reply, plays_bfs

SIDE = 4
SMALL = EvaluationSettings(
    games=6, width=SIDE, height=SIDE, seed=100, mode="free", limits=Limits(max_steps=40), places=3
)
PAGE = "<!DOCTYPE html><html><body>\x1b[31mBad gateway</body></html>"


def endpoint(url: str, **options: Any) -> Endpoint:
    return Endpoint(url, "snake", **{"first_wait": 0.01, "timeout": 20, **options})


def player(asked: Endpoint, **options: Any) -> EndpointPlayer:
    return EndpointPlayer(asked, teacher="BFS", encoding=get_encoding("grid"), style=get_style("plan"), **options)


def games(of: Player) -> list[tuple[Any, ...]]:
    return described(play_games(of, range(4), SIDE, SIDE, limits=Limits(max_steps=40)))


def described(found: Iterable[GameResult]) -> list[tuple[Any, ...]]:
    return sorted((game.record.seed, game.record.moves, game.answers, sorted(game.invalid.items())) for game in found)


def first(*replies: Reply) -> Replies:
    """These to the first questions about each prompt, then what is right."""
    return lambda prompt, number: replies[number] if number < len(replies) else plays_bfs(prompt, number)


def lines(folder: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (folder / "games.jsonl").read_text().splitlines()]
    return sorted(({**line, "ms": None} for line in found), key=lambda line: line["seed"])


def account(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "performance.json").read_text())["endpoint"]
    return found


def evaluated(asked: Endpoint, folder: Path, settings: EvaluationSettings = SMALL) -> EvaluationResult:
    return evaluate_contestant(endpoint_contestant(asked), folder, settings, quiet=True)
