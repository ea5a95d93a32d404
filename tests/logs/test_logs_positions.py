"""What a document says beyond its moves is held against them: a snake that teleports is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from serpentune.game import states_before
from serpentune.logs import read_logs
from serpentune.logs._json import parse_game
from tests.logs.documents import edit, history


def with_boards(document):
    """As another program writes it: a board after each number of steps, the snake tail first."""
    game = parse_game(document, 1, Path())
    boards = {}
    for place, state in enumerate(states_before(game, range(len(game.moves)))):
        boards[str(place + 2)] = {
            "head_position": list(state.xy(state.head)),
            "snake_positions": [list(state.xy(cell)) for cell in state.body[::-1]],
            "apple_position": list(state.xy(state.apple)),
            "score": len(state.body) - 1,
            "steps": place,
            "current_direction": None if state.direction is None else STEPS[state.direction],
            "snake_length": len(state.body),
        }
    document["dataset_game_states"] = boards


STEPS = {0: [0, 1], 1: [1, 0], 2: [0, -1], 3: [-1, 0]}


def board(document, key="4"):
    return document["dataset_game_states"][key]


def rounds(document):
    return history(document)["rounds_data"]


def of_two_moments(document):
    """One round over the first three moves, its head of their beginning and its body of their end."""
    first, last = states_before(parse_game(document, 1, Path()), [0, 3])
    history(document)["rounds_data"] = {
        "1": {
            "moves": history(document)["moves"][:3],
            "head_position": list(first.xy(first.head)),
            "snake_positions": [list(last.xy(cell)) for cell in last.body],
        }
    }


POSITION_FAULTS = {
    "a head and a body of two moments": (of_two_moments, "snake_positions together with its head_position"),
    "a teleporting head": (
        lambda d: board(d).update(head_position=[5, 5]),
        "dataset_game_states, 4: its head_position",
    ),
    "a head outside": (lambda d: board(d).update(head_position=[99, 0]), "its head_position"),
    "a head that is no cell": (lambda d: board(d).update(head_position="UP"), "its head_position"),
    "a teleporting body": (lambda d: board(d)["snake_positions"].__setitem__(0, [0, 5]), "its snake_positions"),
    "a longer body": (lambda d: board(d)["snake_positions"].append([0, 0]), "its snake_positions"),
    "another apple": (lambda d: board(d).update(apple_position={"x": 0, "y": 0}), "its apple_position"),
    "another score": (lambda d: board(d).update(score=7), "its score"),
    "another length": (lambda d: board(d).update(snake_length=9), "its snake_length"),
    "another direction": (lambda d: board(d).update(current_direction=[0, 0]), "its current_direction"),
    "a board beyond the end": (lambda d: board(d).update(steps=10**9), "steps are more than the game has"),
    "a round with another apple": (
        lambda d: rounds(d)["2"].update(apple_position=[0, 0]),
        "round 2: its apple_position",
    ),
    "a round with another head": (lambda d: rounds(d)["2"].update(head_position=[0, 0]), "round 2: its head_position"),
    "a round with another move": (
        lambda d: rounds(d)["1"].update(moves=["DOWN" if history(d)["moves"][0] != "DOWN" else "UP"]),
        "round 1 has another move",
    ),
    "a round too many": (lambda d: rounds(d).update({"999": {"moves": ["UP"]}}), "round 999 goes on after the last"),
}


@pytest.mark.parametrize("fault", POSITION_FAULTS)
def test_a_position_that_contradicts_the_moves_is_refused(json_run, fault):
    edit(json_run / "game_2.json", with_boards)
    assert len(read_logs([json_run]).games) == 4
    change, reason = POSITION_FAULTS[fault]
    edit(json_run / "game_2.json", change)
    reading = read_logs([json_run])
    assert [game.number for game in reading.games] == [1, 3, 4]
    assert [refusal.file for refusal in reading.refused] == [json_run / "game_2.json"]
    assert reason in reading.refused[0].reason, reading.refused[0].reason


def test_what_claims_nothing_is_no_contradiction(json_run):
    def change(document):
        rounds(document).update({"soon": {"apple_position": [0, 0]}})  # in no order, so of no moment
        board(document).update(head_position=None, steps=None, score=99)

    edit(json_run / "game_2.json", with_boards)
    edit(json_run / "game_2.json", change)
    assert len(read_logs([json_run]).games) == 4
    edit(json_run / "game_2.json", lambda document: history(document).update(rounds_data=[]))
    edit(json_run / "game_2.json", lambda document: document.update(dataset_game_states=None))
    assert len(read_logs([json_run]).games) == 4
