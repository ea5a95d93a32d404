"""Floor 8, evaluation: what the moves of a game are worth, found by replaying it; no model is needed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from serpentune.evaluation.results import GameResult
from serpentune.game import Move, states_before
from serpentune.teachers import Teacher


def judged(result: GameResult, teacher: Teacher) -> GameResult:
    """The result with its moves held against a teacher's in the same states.

    Moves of an opening, and those that the policy for unreadable answers chose, are not the player's and are left out.
    """
    record = result.record
    own = np.setdiff1d(np.arange(result.opening, len(record.moves)), np.array(result.replaced, np.int64))
    right = teacher.moves(states_before(record, own))
    played = np.frombuffer(record.moves, np.uint8)[own]
    return replace(result, agreed=int((right == played).sum()), asked=int((right != Move.NO_PATH_FOUND).sum()))
