"""States for the tests of explanations: random ones, those of a teacher's own games, and rare ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from serpentune import teachers
from serpentune.game import Move, State, random_states, states_before
from serpentune.teachers import Teacher
from tests.teachers.reference import legal_moves


def _last_legal(state: State) -> Move:
    """A teacher from outside: the last legal move."""
    return legal_moves(state)[-1] if legal_moves(state) else Move.NO_PATH_FOUND


OUTSIDE = Teacher(name="MY LAST_LEGAL", summary="The last legal move.", guarantee="None.", function=_last_legal)
TEACHERS = [*(teachers.get(name) for name in teachers.names()), OUTSIDE]

FULL = State(4, 4, (0, 4, 8, 12, 13, 14, 15, 11, 7, 3, 2, 6, 10, 9, 5, 1), -1, Move.DOWN)
FULL_AND_TRAPPED = State(4, 4, (0, 1, 2, 3, 7, 6, 5, 4, 8, 9, 10, 11, 15, 14, 13, 12), -1, Move.LEFT)


def own_states(teacher: Teacher, width: int, height: int, games: int, each: int) -> list[State]:
    """`each` states of each of the teacher's games, spread over them evenly, the first and the last among them."""
    states: list[State] = []
    for record in teachers.play(teacher, range(games), width, height):
        at = np.unique(np.linspace(0, len(record.moves) - 1, each).astype(np.int64))
        states += states_before(record, at)
    return states


def strange_states(width: int, height: int) -> list[State]:
    """Snakes of one cell with and without direction, boards without a visible apple, nearly full boards."""
    states = list(random_states(2000, width, height, seed=77))
    short = [state for state in states if len(state.body) <= 3]
    long = [state for state in states if len(state.body) >= width * height - 2]
    without = [replace(state, apple=-1) for state in states[:100]]
    return [*short, *long, *without]
