"""Floor 3, logs: what a `game_N.json` says beyond its moves, held against their replay.

Programs of this family write down where things were, too, and a document whose positions contradict its moves is not to
be trusted. Where the positions stand:

* `detailed_history.rounds_data`: rounds by number, each with `moves` and what the board showed at some moment from the
  first to the last of them; which moment that is differs between programs.
* `dataset_game_states`: boards, each after as many moves as its `steps` says.

The keys are `apple_position` and `head_position` (`[x, y]` or `{"x", "y"}`), `snake_positions` (in either order),
`score`, `snake_length` and `current_direction` (`[dx, dy]` or a move's name). What is missing or null claims nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serpentune.game import DIRECTIONS, GameRecord, Move, states_before

_STATES_CELLS = 1 << 24
_STEPS = {Move.UP: [0, 1], Move.RIGHT: [1, 0], Move.DOWN: [0, -1], Move.LEFT: [-1, 0]}


@dataclass(frozen=True)
class _Course:
    """A game from place to place in its moves: `n + 1` of them, the last one after the last move.

    Attributes:
        record: the game.
        head: int64 `(n + 1,)`, cells.
        length: int64 `(n + 1,)`.
        apple: int64 `(n + 1,)`, the cell of the apple that is next, under the snake too; -1 on a full board.
        direction: int64 `(n + 1,)`, -1 before the first move.
        trail: int64, the cells that the head has passed.
        passed: int64 `(n + 1,)`, the place in `trail` where the head is.
    """

    record: GameRecord
    head: NDArray[np.int64]
    length: NDArray[np.int64]
    apple: NDArray[np.int64]
    direction: NDArray[np.int64]
    trail: NDArray[np.int64]
    passed: NDArray[np.int64]

    @classmethod
    def of(cls, record: GameRecord) -> _Course:
        places = len(record.moves) + 1
        cells = record.width * record.height
        head, length, apple, direction = (np.empty(places, np.int64) for _ in range(4))
        piece = max(1, _STATES_CELLS // cells)
        for start in range(0, places, piece):
            own = slice(start, min(start + piece, places))
            states = states_before(record, np.arange(own.start, own.stop))
            head[own], length[own] = states.body[:, 0], states.length
            direction[own] = states.direction
            # Another program's last apple may lie under the snake, where a state shows none.
            hidden = (states.apple < 0) & (states.length < cells)
            apple[own] = np.where(hidden, record.apples[-1], states.apple)
        moved = np.concatenate([[True], np.diff(head) != 0])
        return cls(record, head, length, apple, direction, head[moved], np.cumsum(moved) - 1)

    def body(self, place: int) -> list[int]:
        """Cells, head first."""
        end = int(self.passed[place]) + 1
        cells: list[int] = self.trail[end - int(self.length[place]) : end][::-1].tolist()
        return cells


def next_apples(record: GameRecord) -> list[int]:
    """The apple that the player goes for before each move, under the snake too."""
    return [cell if cell >= 0 else record.apples[-1] for cell in _Course.of(record).apple[:-1].tolist()]


def contradiction(document: dict[str, Any], record: GameRecord) -> str | None:
    """The first position in a document that its moves don't lead to; None when there is none.

    Args:
        document: the game's document.
        record: the game in it, which `verify` accepts.
    """
    return next((problem for _, problem in contradictions(document, record)), None)


def contradictions(document: dict[str, Any], record: GameRecord) -> Iterator[tuple[int, str]]:
    """Positions in a document that its moves don't lead to: the moves before that are in doubt from there on, and why.

    The rounds are read up to the first one that is contradicted, the boards all.

    Args:
        document: the game's document.
        record: the game in it, or its beginning, as far as `verify` accepts it.
    """
    rounds = document["detailed_history"].get("rounds_data")
    boards = document.get("dataset_game_states")
    if not isinstance(rounds, dict) and not isinstance(boards, dict):
        return
    course = _Course.of(record)
    if isinstance(rounds, dict) and (found := _in_rounds(rounds, course)):
        yield found
    for key, board in boards.items() if isinstance(boards, dict) else ():
        steps = board.get("steps") if isinstance(board, dict) else None
        if isinstance(steps, int) and not isinstance(steps, bool):
            if not 0 <= steps <= len(record.moves):
                yield len(record.moves), f"dataset_game_states, {key[:20]}: {steps} steps are more than the game has"
            elif wrong := _contradicted(board, course, steps, steps):
                yield steps, f"dataset_game_states, {key[:20]}: {wrong}"


def _in_rounds(rounds: dict[str, Any], course: _Course) -> tuple[int, str] | None:
    if not all(key.isascii() and key.isdigit() and len(key) < 19 for key in rounds):
        return None  # rounds in no order say nothing about their moments
    moves = course.record.moves
    place = 0
    for key in sorted(rounds, key=int):
        content = rounds[key]
        if not isinstance(content, dict):
            continue
        first = place
        for name in content["moves"] if isinstance(content.get("moves"), list) else ():
            if place == len(moves):
                if name == Move.NO_PATH_FOUND.name:
                    continue
                return place, f"round {key} goes on after the last move"
            # Some programs write down what was answered, the list of moves what became of it.
            if moves[place] in DIRECTIONS and name != Move(moves[place]).name:
                other = f"round {key} has another move than the list of moves at {place} ({Move(moves[place]).name})"
                return place, other
            place += 1
        if wrong := _contradicted(content, course, first, place):
            return first, f"round {key}: {wrong}"
    return None


def _contradicted(claims: dict[str, Any], course: _Course, first: int, last: int) -> str | None:
    """Which of the claims, taken together, are true at none of the places from `first` to `last`."""
    places = list(range(first, last + 1))
    before: list[str] = []
    for key, true_at in _CLAIMS.items():
        claimed = claims.get(key)
        if claimed is None:
            continue
        places = [place for place in places if true_at(claimed, course, place)]
        if not places:
            together = f" together with its {' and '.join(before)}" if before else ""
            return f"its {key}{together} is not where its moves lead"
        before.append(key)
    return None


def _is_apple(claimed: Any, course: _Course, place: int) -> bool:
    apple, cell = int(course.apple[place]), _cell(claimed, course.record)
    return cell is not None and apple in (cell, -1)  # a full board has no apple left to contradict


def _is_head(claimed: Any, course: _Course, place: int) -> bool:
    return _cell(claimed, course.record) == int(course.head[place])


def _is_body(claimed: Any, course: _Course, place: int) -> bool:
    if not isinstance(claimed, list) or len(claimed) != course.length[place]:
        return False
    cells, body = [_cell(cell, course.record) for cell in claimed], course.body(place)
    return cells in (body, body[::-1])


def _is_score(claimed: Any, course: _Course, place: int) -> bool:
    return bool(claimed == course.length[place] - 1)


def _is_length(claimed: Any, course: _Course, place: int) -> bool:
    return bool(claimed == course.length[place])


def _is_direction(claimed: Any, course: _Course, place: int) -> bool:
    direction = int(course.direction[place])
    return direction >= 0 and claimed in (_STEPS[Move(direction)], Move(direction).name)


_CLAIMS = {
    "apple_position": _is_apple,
    "head_position": _is_head,
    "snake_positions": _is_body,
    "score": _is_score,
    "snake_length": _is_length,
    "current_direction": _is_direction,
}


def _cell(position: Any, record: GameRecord) -> int | None:
    """The cell of `[x, y]` or `{"x", "y"}`; None for what is no cell of the board."""
    if isinstance(position, dict):
        position = [position.get("x"), position.get("y")]
    if not isinstance(position, list) or len(position) != 2:
        return None
    x, y = position
    if type(x) is not int or type(y) is not int or not (0 <= x < record.width and 0 <= y < record.height):
        return None
    return y * record.width + x
