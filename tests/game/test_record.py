"""Records: what doesn't follow from a game's moves is refused with the reason, and games of other programs replay."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from serpentune.game import (
    Ending,
    GameRecord,
    Limits,
    LockstepGames,
    Move,
    from_letters,
    states_before,
    verify,
)
from tests.game.reference_rules import hamiltonian_cycle

SAMPLES = sorted((Path(__file__).parents[3] / "shared" / "samples").glob("*/game_*.json"))

# On 5x5 the snake starts at (2, 2). It eats at (2, 3) and (3, 3), walks on, and meets the right wall.
GOOD = GameRecord(
    player="hand",
    width=5,
    height=5,
    moves=from_letters("URDERIR"),
    apples=(17, 18, 0),
    ending=Ending.WALL,
    score=2,
    steps=7,
)


def play(text: str, seed: int, side: int = 4, **limits: int) -> GameRecord:
    """One game of ours from a string of move letters."""
    games = LockstepGames([seed], side, side, Limits(**limits))
    for move in from_letters(text):
        games.step([move])
    return games.records("hand")[0]


def test_a_game_written_by_hand_is_accepted() -> None:
    assert verify(GOOD) is None


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"width": 3}, "the board 3x5 is outside the rules"),
        ({"height": 51}, "the board 5x51 is outside the rules"),
        ({"width": 6}, "its score is 2, its moves make 1"),
        ({"width": 4, "height": 4}, "apple 0 lies outside the board"),
        ({"apples": ()}, "it has no apple"),
        ({"apples": (17, 25, 0)}, "apple 1 lies outside the board"),
        ({"apples": (-1, 18, 0)}, "apple 0 lies outside the board"),
        ({"apples": (10**30, 18, 0)}, "apple 0 lies outside the board"),
        ({"apples": (12, 18, 0)}, "apple 0 lies on the snake"),
        ({"apples": (17, 12, 0)}, "apple 1 lies on the snake"),
        ({"apples": (17, 18, 17), "seed": 0}, "apple 2 lies on the snake"),
        ({"apples": (17, 18)}, "apple 2 is missing at move 2"),
        ({"apples": (17,)}, "apple 1 is missing at move 1"),
        ({"apples": (17, 18, 0, 1)}, "it has 4 apples for a score of 2"),
        ({"apples": (16, 18, 0)}, "its score is 2, its moves make 0"),
        ({"moves": from_letters("URDERIRU")}, "move 7 comes after the game had ended (WALL)"),
        ({"moves": from_letters("URNDERIR")}, "move 3 comes after the game had ended (NO_PATH_FOUND)"),
        ({"moves": from_letters("URDERI")}, "it has 7 steps, its moves make 6"),
        ({"moves": from_letters("URDERI"), "steps": 6}, "its ending is WALL, its moves end with RUNNING"),
        ({"moves": b"", "steps": 0, "score": 0, "apples": (17,)}, "its ending is WALL, its moves end with RUNNING"),
        ({"moves": b"\x00\x01\x02\xc8\x01\x04\x01"}, "move 3 is no move (code 200)"),
        ({"moves": b"\x00\x01\x02\x08\x01\x04\x01"}, "move 3 is no move (code 8)"),
        ({"score": 3}, "its score is 3, its moves make 2"),
        ({"score": -1}, "its score is -1, its moves make 2"),
        ({"steps": 8}, "it has 8 steps, its moves make 7"),
        ({"ending": Ending.SELF}, "its ending is SELF, its moves end with WALL"),
        ({"ending": Ending.WIN}, "its ending is WIN, its moves end with WALL"),
        ({"ending": Ending.RUNNING}, "its ending is RUNNING, its moves end with WALL"),
        ({"ending": Ending.MAX_STEPS_REACHED}, "its ending is MAX_STEPS_REACHED, its moves end with WALL"),
    ],
)
def test_a_planted_fault_is_refused_with_its_reason(fault: dict[str, Any], reason: str) -> None:
    assert verify(replace(GOOD, **fault)) == reason


def test_a_teleporting_snake_is_found_wherever_it_jumps() -> None:
    # A game of ours that eats often; one direction of its list is swapped for another.
    games = LockstepGames([4], 6, 6)
    cycle = hamiltonian_cycle(6, 6)
    while games.running.size:
        state = games.states()[0]
        games.step([cycle[state.xy(state.head)]])
    record = games.records("cyclist")[0]
    assert verify(record) is None
    for place in range(len(record.moves)):
        turned = bytes([(record.moves[place] + 1) % 4])
        assert verify(replace(record, moves=record.moves[:place] + turned + record.moves[place + 1 :])) is not None
        assert verify(replace(record, moves=record.moves[:place] + record.moves[place + 1 :])) is not None


def test_another_program_may_put_its_last_apple_on_the_snake_if_nobody_eats_it() -> None:
    buggy = replace(GOOD, moves=from_letters("URD"), apples=(17, 18, 18), ending=Ending.NO_PATH_FOUND, steps=3)
    assert verify(buggy) is None
    # Nothing is shown under the snake, so every state is one that encodings and teachers know.
    assert states_before(buggy, [0, 1, 2, 3]).apple.tolist() == [17, 18, -1, -1]
    away = replace(buggy, moves=from_letters("URDDDLL"), steps=7)
    assert verify(away) is None
    assert states_before(away, range(8)).apple.tolist() == [17, 18, -1, -1, -1, 18, 18, 18]
    # Ours never do, one in the middle can't be trusted, and eating it is no game of Snake.
    assert verify(replace(buggy, seed=1)) == "apple 2 lies on the snake"
    assert verify(replace(buggy, apples=(17, 17, 18))) == "apple 1 lies on the snake"
    round_trip = from_letters("URDDDLLUUURRR")
    eats = replace(buggy, moves=round_trip, steps=len(round_trip), score=3, apples=(17, 18, 18))
    assert verify(eats) == "apple 2 lies on the snake"


@pytest.mark.parametrize(
    "ending", [ending for ending in Ending if ending not in (Ending.RUNNING, Ending.WIN, Ending.WALL, Ending.SELF)]
)
def test_endings_that_lie_in_the_player_are_taken_from_the_record(ending: Ending) -> None:
    unfinished = replace(GOOD, moves=from_letters("URDERI"), steps=6, ending=ending)
    assert verify(unfinished) is None


def test_giving_up_at_once_leaves_a_record_without_moves() -> None:
    record = play("N", seed=3)
    assert (record.moves, record.steps, record.score, record.ending) == (b"", 0, 0, Ending.NO_PATH_FOUND)
    assert verify(record) is None
    state = states_before(record, [0])[0]
    assert (state.body, state.apple, state.direction) == ((10,), record.apples[0], None)
    assert len(states_before(record, [])) == 0


def test_giving_up_written_out_as_a_move_is_no_step() -> None:
    record = GameRecord("other", 5, 5, from_letters("URN"), (17, 0), Ending.NO_PATH_FOUND, 1, 2)
    assert verify(record) is None


def test_the_tail_makes_room_and_a_snake_of_one_cannot_turn_back() -> None:
    # Four cells in a square: the head follows into the cell that the tail leaves, round and round.
    square = GameRecord("hand", 5, 5, from_letters("URDLURDL"), (17, 18, 13, 0), Ending.MAX_STEPS_REACHED, 3, 8)
    assert verify(square) is None
    body = states_before(square, [4, 8]).body[:, :4].tolist()
    assert body[0] == body[1] == [12, 13, 18, 17]
    # One cell longer, the same turn is fatal.
    five = replace(square, apples=(17, 18, 13, 8, 0), score=4, moves=from_letters("URDDLUR"), steps=7)
    assert verify(replace(five, ending=Ending.SELF)) is None
    back = states_before(replace(GOOD, moves=from_letters("UD"), apples=(0,), score=0, steps=2), [1, 2])
    assert back.body[:, 0].tolist() == [17, 17]


def test_places_beyond_the_record_or_out_of_order_are_refused() -> None:
    assert states_before(GOOD, [0, 0, 7]).length.tolist() == [1, 1, 3]
    for places in ([8], [-1, 2], [2, 1]):
        with pytest.raises(ValueError, match="places among 7 moves"):
            states_before(GOOD, places)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_games_of_other_programs_replay_as_recorded(path: Path) -> None:
    game = json.loads(path.read_text(encoding="utf-8"))
    history = game["detailed_history"]
    side = game.get("grid_size", 10)
    record = GameRecord(
        player="other",
        width=side,
        height=side,
        moves=bytes(Move[move] for move in history["moves"]),
        apples=tuple(apple["y"] * side + apple["x"] for apple in history["apple_positions"]),
        ending=Ending[game["game_end_reason"]],
        score=game["score"],
        steps=game["steps"],
    )
    assert verify(record) is None
    last = states_before(record, [len(record.moves)])[0]
    assert len(last.body) == game["snake_length"]


def test_there_are_sample_games_where_the_samples_lie() -> None:
    if not SAMPLES:
        pytest.skip("no sample logs beside this checkout")
    assert len(SAMPLES) == 5
