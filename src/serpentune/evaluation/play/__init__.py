"""Floor 8, evaluation: games really played, many in lockstep, by whoever answers questions about states."""

from serpentune.evaluation.play._answers import Answer, find_moves, read_answer
from serpentune.evaluation.play._endpoint import EndpointPlayer
from serpentune.evaluation.play._endpoint_settings import Endpoint
from serpentune.evaluation.play._games import play_games
from serpentune.evaluation.play._model import MODES, DoesNotFit, ModelPlayer
from serpentune.evaluation.play._openings import Opening
from serpentune.evaluation.play._players import FunctionPlayer, Player, RandomPlayer, TeacherPlayer, answers_to
from serpentune.evaluation.play._policies import Policy
from serpentune.evaluation.play._traffic import Account, Traffic

__all__ = [
    "MODES",
    "Account",
    "Answer",
    "DoesNotFit",
    "Endpoint",
    "EndpointPlayer",
    "FunctionPlayer",
    "ModelPlayer",
    "Opening",
    "Player",
    "Policy",
    "RandomPlayer",
    "TeacherPlayer",
    "Traffic",
    "answers_to",
    "find_moves",
    "play_games",
    "read_answer",
]
