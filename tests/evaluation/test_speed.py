"""Speed figures add up, count what was really written, and come from states as play meets them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from serpentune.common.errors import UserError
from serpentune.datasets import get_encoding, get_style
from serpentune.evaluation import EvaluationSettings, ModelPlayer
from serpentune.evaluation.contestants import Contestant, model_contestant, open_contestant
from serpentune.evaluation.play import answers_to
from serpentune.evaluation.speed import speed_metrics, teacher_states
from serpentune.game import States
from serpentune.models import LoadedModel
from serpentune.teachers import get
from tests.evaluation.players import Scripted

SETTINGS = EvaluationSettings(width=4, height=4, places=3)


def test_the_figures_add_up(nano: LoadedModel) -> None:
    done: list[int] = []
    figures = speed_metrics(
        model_contestant(nano), SETTINGS, answers=6, seconds=0.0, progress=lambda steps=1, note="": done.append(steps)
    )
    assert (figures["batch_1"]["places"], figures["batch_1"]["answers"]) == (1, 6)
    assert (figures["full_batch"]["places"], figures["full_batch"]["answers"]) == (3, 12)
    assert sum(done) == 10 + 6 + 12 + 12  # with the warming up
    for name in ("batch_1", "full_batch"):
        part = figures[name]
        for times in (part["ms_per_answer"], part["ms_per_move"]):
            assert 0 < times["p50"] <= times["p95"] <= times["p99"] <= 1000 * part["seconds"]
        assert part["moves_per_second"] == part["moves"] / part["seconds"]
        assert part["unusable"] == 0 < part["answers"] <= part["moves"]
        assert part["tokens_per_second"] * part["seconds"] >= part["moves"]
    assert figures["device_peak_mb"] is figures["joules_per_move"] is None
    assert set(figures["undefined"]) == {"device_peak_mb", "joules_per_move"}
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def test_what_is_counted_is_what_the_player_writes(nano: LoadedModel) -> None:
    figures = speed_metrics(model_contestant(nano), SETTINGS, answers=5, seconds=0.0)
    player = ModelPlayer(nano, teacher="BFS", encoding=get_encoding("grid"), style=get_style("plan"))
    answers = answers_to(player, teacher_states(get("BFS"), SETTINGS, 12))
    full = figures["full_batch"]
    assert full["moves"] == sum(len(answer.moves) for answer in answers)
    assert full["tokens_per_second"] * full["seconds"] == pytest.approx(sum(answer.tokens for answer in answers))


def test_the_size_is_that_of_the_model(nano: LoadedModel) -> None:
    figures = speed_metrics(model_contestant(nano), SETTINGS, answers=1, seconds=0.0)
    assert figures["parameters"] == sum(weight.numel() for weight in nano.model.parameters())
    assert figures["bytes_in_memory"] >= 4 * figures["parameters"]  # float32, and a few buffers
    assert 0 < figures["bytes_on_disk"] <= figures["bytes_in_memory"]
    made = LoadedModel(nano.model, nano.tokenizer, "mine", "folder")
    unnamed = speed_metrics(model_contestant(made), SETTINGS, answers=1, seconds=0.0)
    assert unnamed["bytes_on_disk"] is None and "in memory" in unnamed["undefined"]["bytes_on_disk"]


def test_a_longer_time_asks_again(nano: LoadedModel) -> None:
    contestant = open_contestant("BFS")
    few = speed_metrics(contestant, SETTINGS, answers=1, seconds=0.0)["full_batch"]
    more = speed_metrics(contestant, SETTINGS, answers=1, seconds=3 * few["seconds"])["full_batch"]
    assert more["answers"] > few["answers"] and more["answers"] % few["answers"] == 0
    assert more["seconds"] >= 3 * few["seconds"]


def test_a_teacher_has_a_speed_and_no_size() -> None:
    figures = speed_metrics(open_contestant("BFS"), SETTINGS, answers=2, seconds=0.0)
    assert figures["full_batch"]["moves"] == figures["full_batch"]["answers"]
    assert figures["parameters"] is figures["full_batch"]["tokens_per_second"] is None
    assert {"parameters", "bytes_on_disk", "full_batch.tokens_per_second"} <= figures["undefined"].keys()


def test_answers_without_moves_are_counted_and_have_no_time_a_move() -> None:
    mute = Contestant("mute", {}, lambda settings: Scripted(lambda _: "?", places=settings.places or 4))
    figures = speed_metrics(mute, SETTINGS, answers=2, seconds=0.0)
    assert figures["full_batch"]["unusable"] == figures["full_batch"]["answers"] == 12
    assert figures["full_batch"]["ms_per_move"] is None and figures["full_batch"]["moves_per_second"] == 0
    assert figures["undefined"]["full_batch.ms_per_move"] == "no answer held a move"

    # Where only some can't be read, a move's time is that of the answers with moves.
    half = Contestant("half", {}, lambda settings: Scripted(lambda state: "U R" if state.apple % 2 else "?", places=16))
    part = speed_metrics(half, SETTINGS, answers=2, seconds=0.0)["full_batch"]
    assert 0 < part["unusable"] < part["answers"] and part["moves"] == 2 * (part["answers"] - part["unusable"])


def test_questions_come_from_whole_games_of_the_teacher() -> None:
    settings = EvaluationSettings(width=6, height=6, seed=3)
    states = teacher_states(get("CELL"), settings, 300)
    assert len(states) == 300 and (states.width, states.height) == (6, 6)
    assert states.length.min() < 6 and states.length.max() > 25
    assert len(np.unique(states.length)) > 15
    assert abs(np.corrcoef(np.arange(300), states.length)[0, 1]) < 0.2  # in no order

    def told(asked: States) -> list[object]:
        return list(asked)

    assert told(teacher_states(get("CELL"), settings, 300)) == told(states)
    assert told(teacher_states(get("CELL"), replace(settings, seed=4), 300)) != told(states)
    few = teacher_states(get("DFS"), EvaluationSettings(width=4, height=4), 3000)
    assert len(few) == 3000  # more than the moves of its games


@pytest.mark.parametrize(
    ("options", "answer"), [({"answers": 0}, "at least one answer"), ({"seconds": -1.0}, "no negative time")]
)
def test_bad_requests_are_refused(options: dict[str, float], answer: str) -> None:
    with pytest.raises(UserError, match=answer):
        speed_metrics(open_contestant("BFS"), SETTINGS, **options)  # type: ignore[arg-type]
