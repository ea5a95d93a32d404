"""Floor 1: the rules of Snake, as Numba kernels over plain arrays; states, lockstep games, records and their replay.

Knows nothing of teachers, text or models. The Gymnasium environment is `serpentune.game.environment`, which nothing
else imports: it needs the extra `gym`.
"""

from serpentune.game._jit import compilation
from serpentune.game.animation import check_animation, save_animation, save_picture
from serpentune.game.batch import GameBatch
from serpentune.game.lockstep import NO_MOVE, Limits, LockstepGames
from serpentune.game.moves import DIRECTIONS, MOVE_LETTERS, Ending, Move, from_letters, letters
from serpentune.game.random_states import random_states
from serpentune.game.record import GameRecord, states_before, verify
from serpentune.game.render import ansi, rgb, scene
from serpentune.game.state import MAX_SIDE, MIN_SIDE, State, States, check_board, check_seeds, parse_board

__all__ = [
    "DIRECTIONS",
    "MAX_SIDE",
    "MIN_SIDE",
    "MOVE_LETTERS",
    "NO_MOVE",
    "Ending",
    "GameBatch",
    "GameRecord",
    "Limits",
    "LockstepGames",
    "Move",
    "State",
    "States",
    "ansi",
    "check_animation",
    "check_board",
    "check_seeds",
    "compilation",
    "from_letters",
    "letters",
    "parse_board",
    "random_states",
    "rgb",
    "save_animation",
    "save_picture",
    "scene",
    "states_before",
    "verify",
]
