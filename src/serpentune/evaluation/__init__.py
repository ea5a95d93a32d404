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
from serpentune.evaluation.held_out import HeldOutState, held_out_metrics, states_of_games, states_of_records
from serpentune.evaluation.metrics import play_metrics
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
    Traffic,
    play_games,
)
from serpentune.evaluation.results import EvaluationResult, GameResult, recompute, results_folders
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
    "HeldOutState",
    "ModelPlayer",
    "Player",
    "Policy",
    "RandomPlayer",
    "TeacherPlayer",
    "Traffic",
    "arena",
    "endpoint_contestant",
    "evaluate_arena",
    "evaluate_contestant",
    "evaluate_model",
    "evaluate_students",
    "evaluate_sweep",
    "figures",
    "held_out_metrics",
    "model_contestant",
    "open_contestant",
    "own_apples",
    "play_games",
    "play_metrics",
    "recompute",
    "results_folders",
    "states_of_games",
    "states_of_records",
    "teacher_contestant",
]
