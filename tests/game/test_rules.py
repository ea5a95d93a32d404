"""The kernels against a second, plain implementation of the rules: every field of every game after every move."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from serpentune.game import NO_MOVE, Ending, Limits, LockstepGames, Move, State, States, _rules, states_before, verify
from tests.game.reference_rules import DELTAS, OPPOSITES, ReferenceGame, hamiltonian_cycle, splitmix64

BOARDS = [(4, 4), (4, 5), (5, 4), (5, 5), (6, 6), (4, 12), (12, 4), (7, 9), (9, 6), (10, 10), (11, 5), (12, 12)]
LIMITS = [
    Limits(),
    Limits(max_steps=40),
    Limits(max_steps_per_apple=11, max_consecutive_empty_moves=0),
    Limits(0, 0, 3, 2, 4),
    Limits(0, 0, 0, 0, 0),
    Limits(1, None, 1, 1, 1),
    Limits(max_steps=12, max_consecutive_something_is_wrong=12, max_consecutive_invalid_reversals=12),
]
MOST_STEPS = 400

Player = Callable[[ReferenceGame, random.Random], int]


def wild(game: ReferenceGame, rng: random.Random) -> int:
    """Anything at all, waiting and giving up included."""
    return int(rng.choices([NO_MOVE, *Move], [1, 8, 8, 8, 8, 3, 3, 3, 0.5])[0])


def legal(game: ReferenceGame, rng: random.Random) -> int:
    """Mostly a move that keeps the snake alive, so that it lives long and meets itself in the end."""
    moves = [move for move, good in zip(DELTAS, game.legal(), strict=True) if good]
    return rng.choice(moves) if moves and rng.random() < 0.97 else wild(game, rng)


def stubborn(game: ReferenceGame, rng: random.Random) -> int:
    """The last answer again and again, so that counters of consecutive ones run up."""
    if game.moves and rng.random() < 0.85:
        last = game.moves[-1]
        return last if last >= 4 or game.direction != last else OPPOSITES[last]
    return wild(game, rng)


def greedy(game: ReferenceGame, rng: random.Random) -> int:
    """Straight to the apple where that is legal."""
    moves = [move for move, good in zip(DELTAS, game.legal(), strict=True) if good]
    if not moves or game.apple is None:
        return rng.choice(list(DELTAS))
    (x, y), (goal_x, goal_y) = game.body[0], game.apple
    return min(moves, key=lambda move: abs(x + DELTAS[move][0] - goal_x) + abs(y + DELTAS[move][1] - goal_y))


CYCLES: dict[tuple[int, int], dict[tuple[int, int], Move]] = {}


def cyclist(game: ReferenceGame, rng: random.Random) -> int:
    """Along a Hamiltonian cycle, to fill the board; greedy where both sides are odd."""
    if game.width % 2 and game.height % 2:
        return greedy(game, rng)
    key = (game.width, game.height)
    if key not in CYCLES:
        CYCLES[key] = hamiltonian_cycle(*key)
    return CYCLES[key][game.body[0]]


PLAYERS: list[Player] = [wild, legal, legal, stubborn, greedy, cyclist]


def snapshot(game: ReferenceGame) -> State:
    """A reference game as the state that a player sees."""
    apple = -1 if game.apple is None else game.cell(game.apple)
    return State(game.width, game.height, game.cells(game.body), apple, game.direction)


def expected_counters(game: ReferenceGame) -> list[int]:
    """The numbers of a reference game, in the order of `actual_counters`."""
    rows = game.in_a_row
    return [
        game.score,
        game.steps,
        game.ending,
        game.steps_since_apple,
        rows["reversals"],
        rows["empties"],
        rows["wrongs"],
    ]


def actual_counters(games: LockstepGames) -> np.ndarray:
    """The numbers of lockstep games, `(n, 7)`."""
    names = ["SCORE", "STEPS", "ENDING", "STEPS_SINCE_APPLE", "REVERSALS", "EMPTIES", "WRONGS"]
    return games._counters[:, [getattr(_rules, name) for name in names]]


def assert_equal(actual: States, expected: States) -> None:
    """Two sets of states are the same in every array."""
    for field in ("body", "length", "apple", "direction"):
        np.testing.assert_array_equal(getattr(actual, field), getattr(expected, field), err_msg=field)


def play_batch(width: int, height: int, limits: Limits, rng: random.Random, games_a_batch: int) -> list[ReferenceGame]:
    """Play a batch on both implementations and compare every field after every move, then the records."""
    seeds = [rng.randrange(-(2**63), 2**64) for _ in range(games_a_batch)]
    references = [ReferenceGame(width, height, seed, limits) for seed in seeds]
    players = [rng.choice(PLAYERS) for _ in seeds]
    games = LockstepGames(seeds, width, height, limits)
    history = [[snapshot(game)] for game in references]
    legal_moves = [game.legal() for game in references]
    counters = [expected_counters(game) for game in references]
    for _ in range(MOST_STEPS):
        moves = [player(game, rng) for player, game in zip(players, references, strict=True)]
        for index, (game, move) in enumerate(zip(references, moves, strict=True)):
            if game.ending == Ending.RUNNING and move != NO_MOVE:
                game.play(Move(move))
                history[index].append(snapshot(game))
                legal_moves[index] = game.legal()
                counters[index] = expected_counters(game)
        games.step(moves)
        assert_equal(games.states(), States.stack([states[-1] for states in history]))
        np.testing.assert_array_equal(actual_counters(games), counters)
        np.testing.assert_array_equal(games.legal(), legal_moves)
        if not games.running.size:
            break
    np.testing.assert_array_equal(games.endings, [game.ending for game in references])
    np.testing.assert_array_equal(games.scores, [game.score for game in references])
    np.testing.assert_array_equal(
        games.running, [i for i, game in enumerate(references) if game.ending == Ending.RUNNING]
    )
    for number, (record, game, states) in enumerate(zip(games.records("both"), references, history, strict=True), 1):
        played = [move for move in game.moves if move != Move.NO_PATH_FOUND]
        assert (record.player, record.width, record.height, record.number) == ("both", width, height, number)
        assert (record.seed, record.ending) == (game.seed, game.ending)
        assert (record.score, record.steps) == (game.score, game.steps) == (len(game.body) - 1, len(played))
        assert record.moves == bytes(played)
        assert record.apples == game.cells(game.apples)
        assert verify(record) is None
        chosen = range(len(played) + 1)
        assert_equal(states_before(record, chosen), States.stack(states[: len(chosen)]))
    return references


@pytest.mark.parametrize("games_a_batch", [25, pytest.param(125, marks=pytest.mark.slow)])
def test_thousands_of_random_games_are_the_same_in_every_field_at_every_step(games_a_batch: int) -> None:
    rng = random.Random(20240607)
    count = 0
    endings: Counter[Ending] = Counter()
    won: set[tuple[int, int]] = set()
    for width, height in BOARDS:
        for limits in LIMITS:
            games = play_batch(width, height, limits, rng, games_a_batch)
            count += len(games)
            endings.update(game.ending for game in games)
            won |= {(width, height) for game in games if game.ending == Ending.WIN}
    assert count >= 80 * games_a_batch
    assert set(endings) == set(Ending), endings
    assert {(4, 4), (4, 5), (5, 4), (6, 6)} <= won


def test_splitmix64_makes_the_published_numbers() -> None:
    # The first outputs of the reference generator (Vigna, splitmix64.c) started at 0 and at 1234567.
    assert splitmix64(0) == _rules.mix(0) == 0xE220A8397B1DCDAF
    assert splitmix64(1234567) == _rules.mix(1234567) == 6457827717110365317
    assert splitmix64(2**64 - 1) == _rules.mix(2**64 - 1)
