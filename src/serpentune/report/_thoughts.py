"""Floor 10, report: what players thought of their moves, as replays show it: a model's chances, a teacher's equals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from serpentune.evaluation.results import EvaluationResult
from serpentune.evaluation.top_moves import Chances
from serpentune.game import GameRecord, states_before
from serpentune.teachers import Teacher, find

Thought = list[int] | str | None
"""Of one game: a model's chances of UP, RIGHT, DOWN and LEFT before each move, in thousandths, one after another; or
of a teacher a hexadecimal digit a move, the mask of those that it holds equally good; None where nothing is known."""

_TEACHER_GAMES = 25
"""Games in which a teacher's equally good moves are looked up, which takes about as long as playing them."""


def thoughts(results: Sequence[EvaluationResult], seeds: Sequence[int]) -> Iterator[list[Thought]]:
    """What is known of the moves of each seed's games, an entry a result."""
    columns = [_of(result) for result in results]
    for seed in seeds:
        yield [column(seed) for column in columns]


def _of(result: EvaluationResult) -> Callable[[int], Thought]:
    teacher = teacher_of(result)
    records = {game.record.seed or 0: game.record for game in result.games[:_TEACHER_GAMES]}

    def chances(seed: int) -> Thought:
        found = result.top_moves.get(seed)
        return None if found is None else _thousandths(found)

    def equals(seed: int) -> Thought:
        return _equals(teacher, records[seed]) if teacher is not None and seed in records else None

    return chances if teacher is None else equals


def teacher_of(result: EvaluationResult) -> Teacher | None:
    """The teacher whose games these are, where it is one that answers quickly."""
    player = result.manifest.get("player")
    teacher = find(player) if isinstance(player, str) else None
    return teacher if teacher is not None and teacher.kernel is not None else None


def _thousandths(chances: Chances) -> list[int]:
    found: list[int] = np.rint(1000 * chances).astype(int).reshape(-1).tolist()
    return found


def _equals(teacher: Teacher, record: GameRecord) -> str:
    _, equal = teacher.choices(states_before(record, range(len(record.moves))))
    return "".join(f"{mask & 15:x}" for mask in equal.tolist())
