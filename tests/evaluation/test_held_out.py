"""A player's answers to states that teachers visited."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from serpentune.common.errors import UserError
from serpentune.datasets import get_encoding, get_style, prompts
from serpentune.evaluation import (
    Answer,
    EvaluationResult,
    EvaluationSettings,
    FunctionPlayer,
    HeldOutState,
    ModelPlayer,
    TeacherPlayer,
    evaluate_contestant,
    held_out_metrics,
    model_contestant,
    open_contestant,
    states_of_games,
    states_of_records,
)
from serpentune.evaluation.held_out import ask, write_answers
from serpentune.evaluation.states import StateAnswer, read_answers, state_metrics
from serpentune.game import Move, State, States, random_states, states_before
from serpentune.models import LoadedModel
from serpentune.teachers import get, play

TEACHERS = ("BFS", "CELL", "HAMILTONIAN")


@pytest.fixture(scope="module")
def held() -> list[HeldOutState]:
    return states_of_games(TEACHERS, range(500, 510), 5, 4, states=60)


def test_states_come_from_the_games_of_each_teacher(held: list[HeldOutState]) -> None:
    assert [sum(each.teacher == name for each in held) for name in TEACHERS] == [60, 60, 60]
    for name in TEACHERS:
        visited = {
            str(game.seed): set(states_before(game, range(len(game.moves))))
            for game in play(get(name), range(500, 510), 5, 4)
        }
        own = [each for each in held if each.teacher == name]
        assert all(each.state in visited[each.game] for each in own)
        assert len({each.game for each in own}) > 5
    assert states_of_games(TEACHERS, range(500, 510), 5, 4, states=60) == held
    assert states_of_games(["bfs"], range(500, 510), 5, 4, states=60, seed=1) != held[:60]
    (game,) = play(get("BFS"), [7], 4, 4)
    assert [each.state for each in states_of_games(["BFS"], [7], 4, 4)] == list(states_before(game, range(game.steps)))


def test_a_teacher_agrees_with_itself_and_less_with_others(held: list[HeldOutState]) -> None:
    itself = held_out_metrics(TeacherPlayer, held)
    assert list(itself) == list(TEACHERS)
    for metrics in itself.values():
        assert metrics["accuracy"] == metrics["accuracy_equal"] == metrics["legal_rate"] == 1
        assert (metrics["states"], metrics["decisions"], metrics["unusable"]) == (60, 60, {})
        assert metrics["undefined"]["accuracy_low"].startswith("every game has the same share")
    other = held_out_metrics(TeacherPlayer("ASTAR"), held)
    assert other["BFS"]["accuracy"] <= other["BFS"]["accuracy_equal"] == 1
    assert other["HAMILTONIAN"]["accuracy_low"] < other["HAMILTONIAN"]["accuracy"] < 0.9


def test_unusable_and_unwilling_answers_are_wrong(held: list[HeldOutState]) -> None:
    def answer(state: State) -> Answer:
        if state.apple % 3 == 0:
            return Answer(b"", "timeout")
        return Answer(bytes([get("BFS").decide(state).move]), constrained=state.apple % 3 == 1)

    own = held[:60]
    found = held_out_metrics(FunctionPlayer("moody", lambda states: [answer(state) for state in states]), own)["BFS"]
    silent, unwilling = (sum(each.state.apple % 3 == rest for each in own) for rest in (0, 1))
    assert found["unusable"] == {"timeout": silent}
    assert found["accuracy"] == pytest.approx((60 - silent) / 60)
    assert found["legal_rate"] == pytest.approx((60 - silent - unwilling) / 60)


def test_states_are_read_from_records_once_a_teacher() -> None:
    states = random_states(20, 6, 6, seed=3)
    records = [
        {"prompt": prompt, "completion": " U", "game": f"run/{number % 5}"}
        for teacher in ("BFS", "DFS")
        for style, encoding in (("plan", "grid"), ("move", "coordinates"), ("move", "simple"))
        for number, prompt in enumerate(prompts(states, teacher, get_encoding(encoding), get_style(style)))
    ]
    found = states_of_records([*records, {"prompt": "What is the capital of France?", "completion": " U"}])
    assert [each.state for each in found] == [*states, *states]
    assert [each.teacher for each in found] == ["BFS"] * 20 + ["DFS"] * 20
    assert {each.game for each in found} == {f"run/{number}" for number in range(5)}
    with pytest.raises(UserError, match="encoding grid or coordinates"):
        states_of_records([record for record in records if "Player" not in record["prompt"]])


def test_records_of_a_player_that_is_no_teacher_say_so() -> None:
    texts = prompts(random_states(5, 6, 6, seed=4), "SOMEBODY", get_encoding("grid"), get_style("plan"))
    found = held_out_metrics(TeacherPlayer("BFS"), states_of_records({"prompt": text} for text in texts))
    assert found["SOMEBODY"]["accuracy"] is None
    assert found["SOMEBODY"]["undefined"]["accuracy"] == "no teacher is registered under the name SOMEBODY"
    assert found["SOMEBODY"]["legal_rate"] == 1


def test_a_model_is_asked_to_play_like_each_teacher(nano: LoadedModel, held: list[HeldOutState]) -> None:
    def player(teacher: str) -> ModelPlayer:
        return ModelPlayer(
            nano, teacher=teacher, encoding=get_encoding("grid"), style=get_style("move"), mode="move", places=16
        )

    found = held_out_metrics(player, held[::6])
    assert {name: metrics["states"] for name, metrics in found.items()} == dict.fromkeys(TEACHERS, 10)
    assert all(0 <= metrics["accuracy"] <= metrics["accuracy_equal"] <= 1 for metrics in found.values())


def test_an_evaluation_keeps_the_answers_and_their_figures(
    nano: LoadedModel, tmp_path: Path, held: list[HeldOutState]
) -> None:
    grid, style = get_encoding("grid"), get_style("plan")
    records = [
        {"prompt": prompts(States.stack([each.state]), each.teacher, grid, style)[0], "completion": " U"}
        for each in held[::12]
    ]
    settings = EvaluationSettings(width=5, height=4, mode="move")
    result = evaluate_contestant(
        model_contestant(nano), tmp_path / "r", settings, measures=["states"], test_records=records, quiet=True
    )
    assert result.states is not None
    assert {name: found["states"] for name, found in result.states.items()} == dict.fromkeys(TEACHERS, 5)
    assert {answer.state for answer in read_answers(tmp_path / "r" / "states.jsonl")} == {
        each.state for each in held[::12]
    }


def test_answers_to_states_never_stand_under_the_hash_of_other_records(nano: LoadedModel, tmp_path: Path) -> None:
    style, settings = get_style("move"), EvaluationSettings(width=4, height=4, mode="move")
    shown, hidden = (
        [{"prompt": text, "completion": " U"} for text in prompts(random_states(2, 4, 4, 0), "BFS", encoding, style)]
        for encoding in map(get_encoding, ("grid", "simple"))
    )

    def evaluated(measures: list[str], records: list[dict[str, str]]) -> EvaluationResult:
        return evaluate_contestant(
            model_contestant(nano), tmp_path, settings, measures=measures, test_records=records, quiet=True
        )

    both = evaluated(["language", "states"], shown).manifest["records_sha256"]
    assert both["language"] == both["states"]
    language = evaluated(["language"], hidden)
    assert language.manifest["records_sha256"]["states"] == both["states"] and language.states
    assert language.manifest["records_sha256"]["language"] != both["language"]
    none = evaluated(["states"], hidden)  # from which no state can be read
    assert len(set(none.manifest["records_sha256"].values())) == 1 and none.language
    assert none.states is None and not list(tmp_path.glob("states.json*"))


def test_a_hash_is_of_what_a_player_can_be_measured_on(tmp_path: Path) -> None:
    texts = prompts(random_states(2, 4, 4, 0), "BFS", get_encoding("grid"), get_style("move"))
    records = [{"prompt": text, "completion": " U"} for text in texts]
    settings, measures = EvaluationSettings(width=4, height=4), ["language", "states"]
    found = evaluate_contestant(
        open_contestant("BFS"), tmp_path, settings, measures=measures, test_records=records, quiet=True
    )
    assert found.manifest["records_sha256"].keys() == {"states"}


def test_boards_may_differ(held: list[HeldOutState]) -> None:
    both = [*held[:5], *states_of_games(["BFS"], [1], 7, 7, states=9)]
    moved: list[int] = []
    answers = ask(TeacherPlayer("BFS"), both, progress=lambda steps=1, note="": moved.append(steps))
    assert sum(moved) == len(both)
    assert [answer.state for answer in answers] == [each.state for each in both]
    assert state_metrics(answers)["BFS"]["decisions"] == 14


def test_answers_come_back_from_their_file(tmp_path: Path, held: list[HeldOutState]) -> None:
    answers = ask(TeacherPlayer("DFS"), held)
    answers[1] = replace(answers[1], moves=b"", unusable="\u2028 odd", constrained=True)
    write_answers(tmp_path, answers)
    assert read_answers(tmp_path / "states.jsonl") == answers


@pytest.mark.parametrize(
    "change",
    [
        {"body": []},
        {"body": [99]},
        {"grid": [2, 2]},
        {"grid": 5},
        {"direction": "E"},
        {"direction": ""},
        {"moves": "X"},
        {"apple": None},
        {"teacher": None, "moves": 3},
    ],
)
def test_a_damaged_answer_is_named(tmp_path: Path, held: list[HeldOutState], change: dict[str, object]) -> None:
    answers = [StateAnswer(each.teacher, each.game, each.state, bytes([Move.UP])) for each in held[:3]]
    write_answers(tmp_path, answers)
    path = tmp_path / "states.jsonl"
    lines = path.read_text().splitlines()
    lines[2] = json.dumps({**json.loads(lines[2]), **change})
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(UserError, match=r"states\.jsonl, line 3: .*Ask for the held-out states again"):
        read_answers(path)


@pytest.mark.parametrize(
    ("teachers", "seeds", "states"), [([], range(3), 5), (["BFS"], range(0), 5), (["BFS"], range(3), 0)]
)
def test_nothing_to_hold_out_is_refused(teachers: list[str], seeds: range, states: int) -> None:
    with pytest.raises(UserError, match="at least one teacher, one game of it and one state"):
        states_of_games(teachers, seeds, 4, 4, states=states)


def test_drawn_states_are_spread_over_the_games() -> None:
    drawn = states_of_games(["HAMILTONIAN"], range(30), 6, 6, states=300)
    lengths = np.array([len(each.state.body) for each in drawn])
    assert lengths.min() < 8 and lengths.max() > 28
