"""Floor 8: games really played in lockstep, language figures, speed, and the append-only result store.

Knows nothing of comparison.
"""

from serpentune.evaluation.arena import arena, evaluate_arena, own_apples
from serpentune.evaluation.contestants import (
    Contestant,
    endpoint_contestant,
    model_contestant,
    open_contestant,
    teacher_contestant,
)
from serpentune.evaluation.evaluate import evaluate_contestant, evaluate_model
from serpentune.evaluation.play import (
    Answer,
    Endpoint,
    EndpointPlayer,
    FunctionPlayer,
    ModelPlayer,
    Player,
    Policy,
    RandomPlayer,
    TeacherPlayer,
    play_games,
)
from serpentune.evaluation.results import EvaluationResult, GameResult, results_folders
from serpentune.evaluation.settings import EvaluationSettings
from serpentune.evaluation.students import UNTUNED, evaluate_students, evaluate_sweep
from serpentune.evaluation.suite import EvaluationReport, EvaluationSuite, figures

__all__ = [
    "UNTUNED",
    "Answer",
    "Contestant",
    "Endpoint",
    "EndpointPlayer",
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
    "arena",
    "endpoint_contestant",
    "evaluate_arena",
    "evaluate_contestant",
    "evaluate_model",
    "evaluate_students",
    "evaluate_sweep",
    "figures",
    "model_contestant",
    "open_contestant",
    "own_apples",
    "play_games",
    "results_folders",
    "teacher_contestant",
]
