"""Floor 8, evaluation: a game to be watched, of whoever a user names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from serpentune.datasets import get_style
from serpentune.evaluation.contestants import Contestant, open_contestant
from serpentune.evaluation.play import Opening, Policy, TeacherPlayer
from serpentune.evaluation.settings import EvaluationSettings
from serpentune.evaluation.watch._game import WatchedGame

_EXPLANATION_TOKENS = 512
"""Most tokens of a move and its reasons; those of our teachers are up to 400 in nano's vocabulary."""


def open_game(
    player: str | Path | Contestant,
    settings: EvaluationSettings,
    *,
    teacher: str | None = None,
    details: bool = True,
    chat: bool = False,
    trust_remote_code: bool = False,
) -> WatchedGame:
    """Open a player and set up the board.

    Args:
        player: who plays: a contestant, or as of `open_contestant` a teacher, `random`, or a model.
        settings: how the game goes; its seed is the first of the settings. A model that is asked for its reasons gets
            room for them, unless `max_new_tokens` says otherwise.
        teacher: whose choice stands beside the player's; None for a teacher that plays itself, else the one of the
            settings.
        details: as of `WatchedGame`.
        chat: as of `open_contestant`.
        trust_remote_code: as of `open_contestant`.

    Raises:
        UserError: impossible settings, no such player, or as of `WatchedGame`.
    """
    settings.check()
    contestant = (
        player
        if isinstance(player, Contestant)
        else open_contestant(player, chat=chat, trust_remote_code=trust_remote_code)
    )
    room = settings.max_new_tokens
    if room is None and get_style(settings.style).explains and settings.mode == "plan":
        room = _EXPLANATION_TOKENS
    asked = contestant.player(replace(settings, places=1, max_new_tokens=room))
    plays_itself = teacher is None and isinstance(asked, TeacherPlayer)
    return WatchedGame(
        asked,
        settings.seed,
        settings.width,
        settings.height,
        teacher=None if plays_itself else teacher or settings.teacher,
        limits=settings.limits,
        policy=Policy.parse(settings.policy),
        replan_every=settings.replan_every,
        opening=None if settings.opening is None else Opening.parse(settings.opening),
        details=details,
    )
