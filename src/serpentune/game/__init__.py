"""Floor 1: the rules of Snake, as Numba kernels over plain arrays; states, lockstep games, records and their replay.

Knows nothing of teachers, text or models.
"""

from serpentune.game.lockstep import NO_MOVE, Limits, LockstepGames
from serpentune.game.moves import DIRECTIONS, MOVE_LETTERS, Ending, Move, from_letters, letters
from serpentune.game.random_states import random_states
from serpentune.game.record import GameRecord, states_before, verify
from serpentune.game.state import MAX_SIDE, MIN_SIDE, State, States, check_board, parse_board

__all__ = [
    "DIRECTIONS",
    "MAX_SIDE",
    "MIN_SIDE",
    "MOVE_LETTERS",
    "NO_MOVE",
    "Ending",
    "GameRecord",
    "Limits",
    "LockstepGames",
    "Move",
    "State",
    "States",
    "check_board",
    "from_letters",
    "letters",
    "parse_board",
    "random_states",
    "states_before",
    "verify",
]
