"""Floor 4, datasets: what a teacher itself answers to states that anybody has reached."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from serpentune.game import Move, States
from serpentune.game.batch import offsets
from serpentune.teachers import Teacher


def own_answers(
    teacher: Teacher, states: States, whole_plan: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The teacher's answers to `n` states of one board size, on this thread.

    Args:
        teacher: who is asked.
        states: the states.
        whole_plan: bool `(n,)`, whether the moves to the apple are asked for, or the next one alone.

    Returns:
        `Move` codes, uint8, one answer's after another's; and where each begins, int64 `(n + 1,)`. An answer is empty
        where there is none: the snake is trapped, or a plan doesn't reach the apple, as of `Teacher.plans`.

    Raises:
        UserError: the teacher broke its contract.
    """
    planned, single = np.flatnonzero(whole_plan), np.flatnonzero(~whole_plan)
    plans, bounds = teacher.plans(states.take(planned))
    moves = teacher.moves(states.take(single))
    moving = moves <= Move.LEFT
    lengths = np.empty(len(states), np.int64)
    lengths[planned] = np.diff(bounds)
    lengths[single] = moving
    begins = offsets(lengths)
    answers = np.empty(begins[-1], np.uint8)
    answers[np.arange(len(plans)) + np.repeat(begins[planned] - bounds[:-1], np.diff(bounds))] = plans
    answers[begins[single[moving]]] = moves[moving]
    return answers, begins
