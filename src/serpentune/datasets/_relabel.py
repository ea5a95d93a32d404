"""Floor 4, datasets: who answers in a player's records, and what a teacher itself answers to anybody's states."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from serpentune import teachers as registry
from serpentune.common.errors import UserError, unknown_name
from serpentune.game import Move, States
from serpentune.game.batch import offsets
from serpentune.teachers import PLAYER, Teacher


def known_label(name: str) -> str:
    """A label as recipes hold it: a teacher's own name, or `PLAYER` in small letters.

    Raises:
        UserError: no such teacher; the message suggests the near match.
    """
    if name.strip().lower() == PLAYER:
        return PLAYER
    if (teacher := registry.find(name)) is None:
        raise unknown_name("teacher", name, [PLAYER, *registry.names()])
    return teacher.name


def who_answers(label: str | None, player: str) -> str:
    """The name in the prompts of the records that a player's games make, whose answers they hold.

    Args:
        label: who answers: a teacher, `PLAYER` for the one who played, asked anew, or None for what was played.
        player: whose games they are, in capitals.

    Raises:
        UserError: the label is `PLAYER`, and the player is no teacher.
    """
    if label != PLAYER:
        return label or player
    teacher = registry.behind(player)
    if teacher is None:
        raise UserError(
            f"{player} is no registered teacher, so nobody can be asked for its answers (label: {PLAYER}). Name the "
            "teacher who answers instead (label, --label), or leave the player out (teachers, --algorithms)."
        )
    return teacher.name


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
