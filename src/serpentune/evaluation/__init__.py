"""Floor 8: games really played in lockstep, language figures, speed, and the append-only result store.

Knows nothing of comparison.
"""

from serpentune.evaluation.arena import arena, evaluate_arena, own_apples
from serpentune.evaluation.contestants import (
    Contestant,
    endpoint_contestant,
    find_contestant,
    model_contestant,
    open_contestant,
    plays_without_text,
    teacher_contestant,
)
from serpentune.evaluation.evaluate import MEASURES, SUITES, evaluate_contestant, evaluate_model
from serpentune.evaluation.games import GameResult
from serpentune.evaluation.held_out import HeldOutState, held_out_metrics, states_of_games, states_of_records
from serpentune.evaluation.imitation import evaluate_imitation
from serpentune.evaluation.metrics import play_metrics
from serpentune.evaluation.naming import check_different, contestant_names, folder_name
from serpentune.evaluation.play import (
    Answer,
    Endpoint,
    EndpointPlayer,
    FunctionPlayer,
    ModelPlayer,
    Opening,
    Player,
    Policy,
    RandomPlayer,
    TeacherPlayer,
    Traffic,
    play_games,
)
from serpentune.evaluation.records import read_test_records
from serpentune.evaluation.results import EvaluationResult, recompute, results_folders
from serpentune.evaluation.settings import EvaluationSettings
from serpentune.evaluation.speed import speed_metrics
from serpentune.evaluation.students import UNTUNED, evaluate_students, evaluate_sweep, untuned_names
from serpentune.evaluation.suite import EvaluationReport, EvaluationSuite, figures

__all__ = [
    "MEASURES",
    "SUITES",
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
    "Opening",
    "Player",
    "Policy",
    "RandomPlayer",
    "TeacherPlayer",
    "Traffic",
    "arena",
    "check_different",
    "contestant_names",
    "endpoint_contestant",
    "evaluate_arena",
    "evaluate_contestant",
    "evaluate_imitation",
    "evaluate_model",
    "evaluate_students",
    "evaluate_sweep",
    "figures",
    "find_contestant",
    "folder_name",
    "held_out_metrics",
    "model_contestant",
    "open_contestant",
    "own_apples",
    "play_games",
    "play_metrics",
    "plays_without_text",
    "read_test_records",
    "recompute",
    "results_folders",
    "speed_metrics",
    "states_of_games",
    "states_of_records",
    "teacher_contestant",
    "untuned_names",
]
