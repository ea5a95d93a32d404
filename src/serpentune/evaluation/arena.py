"""Floor 8, evaluation: how far what a player can do reaches: boards, lengths and states that it wasn't taught."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from serpentune.common.errors import UserError
from serpentune.evaluation.contestants import Contestant
from serpentune.evaluation.evaluate import evaluate_contestant
from serpentune.evaluation.play import DoesNotFit, Opening
from serpentune.evaluation.results import EvaluationResult
from serpentune.evaluation.settings import EvaluationSettings
from serpentune.game import check_board

HOME = "home"

_LOG = logging.getLogger(__name__)


def arena(settings: EvaluationSettings) -> dict[str, EvaluationSettings]:
    """The rows of an arena around some settings, by name, those settings themselves first.

    - Other sizes: a cell a side less, one and two more. Other shapes: of the same area, or nearly, a flat and a high
      board.
    - Other lengths: HAMILTONIAN plays until the snake fills a quarter, half and three quarters of the board, in states
      that a shortest-path player doesn't get into. Other states: DFS, whose snakes wind as no other teacher's do, plays
      until an eighth is filled.

    Rows that the rules don't allow are left out.

    Raises:
        UserError: the settings have an opening already, or can't be played.
    """
    settings.check()
    if settings.opening is not None:
        raise UserError("The arena has openings of its own. Leave yours out.")
    width, height = settings.width, settings.height
    boards = {(width + more, height + more) for more in (-1, 1, 2)}
    flat = (2 * width - width // 2, max(4, round(width * height / (2 * width - width // 2))))
    boards |= {flat, flat[::-1]}
    rows = {HOME: settings}
    for board in sorted(boards - {(width, height)}, key=lambda board: (board[0] * board[1], board)):
        if _allowed(*board):
            rows[f"board-{board[0]}x{board[1]}"] = replace(settings, width=board[0], height=board[1])
    cells = width * height
    for teacher, length in (("HAMILTONIAN", cells // 4), ("HAMILTONIAN", cells // 2), ("HAMILTONIAN", 3 * cells // 4)):
        rows[f"length-{length}"] = replace(settings, opening=f"{teacher} {length}")
    rows["after-DFS"] = replace(settings, opening=f"DFS {max(2, cells // 8)}")
    return rows


def _allowed(width: int, height: int) -> bool:
    try:
        check_board(width, height)
    except UserError:
        return False
    return True


def evaluate_arena(
    contestant: Contestant, folder: Path, settings: EvaluationSettings, **options: Any
) -> dict[str, EvaluationResult]:
    """Let somebody play in every row of `arena`, each in a results folder of its own below `folder`.

    Args:
        contestant: who plays.
        folder: where the results folders go.
        settings: how the games go at home.
        options: as of `evaluate_contestant`.

    Returns:
        The results by the rows' names; those on boards that don't fit into a model's context are left out, which is
        logged.

    Raises:
        UserError: as of `arena` and `evaluate_contestant`.
    """
    results = {}
    for name, row in arena(settings).items():
        try:
            results[name] = evaluate_contestant(contestant, folder / name, row, **options)
        except DoesNotFit as error:
            if name == HOME:
                raise
            _LOG.warning("%s is left out: %s", name, error)
    return results


def own_apples(result: EvaluationResult) -> float:
    """Mean apples a game that the player itself ate, those of an opening left out.

    Raises:
        UserError: the manifest's opening is none.
    """
    opening = result.manifest.get("opening")
    begun = Opening.parse(opening).length - 1 if opening else 0
    return float((result.scores - np.minimum(result.scores, begun)).mean())
