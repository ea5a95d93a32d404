"""Floor 8, evaluation: one game to look at while it is played, move by move, and to take part in."""

from serpentune.evaluation.watch._game import Moment, WatchedGame
from serpentune.evaluation.watch._keyboard import Keyboard, open_keyboard
from serpentune.evaluation.watch._open import open_game
from serpentune.evaluation.watch._recorded import RecordedGame, is_recording, open_recorded
from serpentune.evaluation.watch._show import check_fps, show_game

__all__ = [
    "Keyboard",
    "Moment",
    "RecordedGame",
    "WatchedGame",
    "check_fps",
    "is_recording",
    "open_game",
    "open_keyboard",
    "open_recorded",
    "show_game",
]
