"""Floor 8: games really played in lockstep, language figures, speed, and the append-only result store.

Knows nothing of comparison.
"""

from serpentune.evaluation.evaluate import EvaluationSettings, evaluate_model
from serpentune.evaluation.play import play_games
from serpentune.evaluation.players import ModelPlayer, Player
from serpentune.evaluation.results import EvaluationResult, GameResult
from serpentune.evaluation.suite import EvaluationReport, EvaluationSuite, figures

__all__ = [
    "EvaluationReport",
    "EvaluationResult",
    "EvaluationSettings",
    "EvaluationSuite",
    "GameResult",
    "ModelPlayer",
    "Player",
    "evaluate_model",
    "figures",
    "play_games",
]
