"""Floor 8: games really played in lockstep, language figures, speed, and the append-only result store.

Knows nothing of comparison.
"""

from serpentune.evaluation.evaluate import EvaluationSettings, evaluate_model
from serpentune.evaluation.play import (
    Answer,
    FunctionPlayer,
    ModelPlayer,
    Player,
    Policy,
    RandomPlayer,
    TeacherPlayer,
    play_games,
)
from serpentune.evaluation.results import EvaluationResult, GameResult, results_folders
from serpentune.evaluation.students import UNTUNED, evaluate_students, evaluate_sweep
from serpentune.evaluation.suite import EvaluationReport, EvaluationSuite, figures

__all__ = [
    "UNTUNED",
    "Answer",
    "EvaluationReport",
    "EvaluationResult",
    "EvaluationSettings",
    "EvaluationSuite",
    "FunctionPlayer",
    "GameResult",
    "ModelPlayer",
    "Player",
    "Policy",
    "RandomPlayer",
    "TeacherPlayer",
    "evaluate_model",
    "evaluate_students",
    "evaluate_sweep",
    "figures",
    "play_games",
    "results_folders",
]
