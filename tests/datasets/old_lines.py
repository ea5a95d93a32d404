"""Lines of JSON as the first version wrote them, made of true games."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from serpentune.game import GameRecord, Move, State, states_before
from serpentune.logs import generate_runs, read_logs


def games(folder: Path, count: int = 6, side: int = 6, player: str = "BFS") -> list[GameRecord]:
    generate_runs([player], count, side, side, 0, folder, timestamp="20250101_000000")
    return list(read_logs([folder]).games)


def prompt(state: State, *, tail_first: bool = False) -> str:
    body = [list(state.xy(cell)) for cell in state.body[1:]]
    return (
        f"You are playing Snake on a {state.width}x{state.height} grid. The coordinate system is (0,0) at bottom-left "
        f"to ({state.width - 1},{state.height - 1}) at top-right. Movement: UP=y+1, DOWN=y-1, RIGHT=x+1, LEFT=x-1.\n\n"
        f"Current game state:\n- Snake head position: {state.xy(state.head)}\n"
        f"- Apple position: {state.xy(state.apple)}\n- Snake body positions: {body[::-1] if tail_first else body}\n"
        f"- Snake length: {len(state.body)}\n\nWhat is the best move to make? Consider:\n1. Path to the apple\n"
        "2. Avoiding collisions with walls and snake body\n3. Maximizing score and survival\n\n"
        "Choose from: UP, DOWN, LEFT, RIGHT"
    )


def answer(state: State, move: int) -> str:
    name = Move(move).name
    return f"Moving {name} from {list(state.xy(state.head))}\n\nMetrics:\n- none\n\nConclusion: The move is: {name}"


def rows(record: GameRecord, *, tail_first: bool = False) -> Iterator[dict[str, Any]]:
    """A row for each move of a game that has no sentinels."""
    moves = [move for move in record.moves if move < 4]
    for state, move in zip(states_before(record, range(len(moves))), moves, strict=True):
        yield {"prompt": prompt(state, tail_first=tail_first), "completion": answer(state, move)}


def write(path: Path, content: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in content), encoding="utf-8")
    return path
