"""Lockstep games: seeds, apples, waiting, the largest board, and moves that are none."""

from __future__ import annotations

import numpy as np
import pytest

from serpentune.common.errors import UserError
from serpentune.game import NO_MOVE, Ending, Limits, LockstepGames, Move, verify
from tests.game.reference_rules import ReferenceGame, apple_order, hamiltonian_cycle

SEEDS = [0, 1, -1, -(2**63), 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**30]


@pytest.mark.parametrize(("width", "height"), [(4, 4), (10, 10), (50, 50), (50, 4)])
def test_the_first_apple_follows_from_any_seed_and_board(width: int, height: int) -> None:
    states = LockstepGames(SEEDS, width, height).states()
    for seed, state in zip(SEEDS, states, strict=True):
        start = (width // 2, height // 2)
        assert state.body == (start[1] * width + start[0],)
        order = apple_order(seed, 0, width, height)
        assert state.xy(state.apple) == next(position for position in order if position != start)


def test_records_keep_the_seeds_as_they_were_given() -> None:
    assert [record.seed for record in LockstepGames(SEEDS, 6, 6).records("nobody")] == SEEDS


def test_apples_of_one_seed_are_spread_over_the_board() -> None:
    apples = LockstepGames(range(20_000), 5, 5).states().apple
    counts = np.delete(np.bincount(apples, minlength=25), 12)
    # 833 expected on each of the 24 empty cells; six standard deviations are 170.
    assert counts.min() > 660
    assert counts.max() < 1004


def test_two_players_of_one_seed_meet_the_same_apples_where_both_cells_are_empty() -> None:
    games = LockstepGames([5, 5], 8, 8)
    cycle = hamiltonian_cycle(8, 8)
    reverse = {}
    for (x, y), move in cycle.items():
        dx, dy = {Move.UP: (0, 1), Move.RIGHT: (1, 0), Move.DOWN: (0, -1), Move.LEFT: (-1, 0)}[move]
        reverse[(x + dx, y + dy)] = Move((move + 2) % 4)
    while games.running.size:
        one, other = games.states()
        games.step([cycle[one.xy(one.body[0])], reverse[other.xy(other.body[0])]])
    first, second = games.records("cyclist")
    assert first.ending == second.ending == Ending.WIN
    assert first.score == second.score == 63
    assert len(first.apples) == 63
    assert first.moves != second.moves
    same = [a == b for a, b in zip(first.apples, second.apples, strict=True)]
    # By chance 1 apple in 32 would be the same; while the snakes are short nearly all are.
    assert sum(same[:10]) >= 7
    assert sum(same) > 20


@pytest.mark.parametrize(("width", "height"), [(10, 10), (9, 4), (4, 9)])
def test_a_full_board_is_a_win_in_both_implementations(width: int, height: int) -> None:
    cycle = hamiltonian_cycle(width, height)
    reference = ReferenceGame(width, height, seed=8)
    games = LockstepGames([8], width, height)
    while reference.ending == Ending.RUNNING:
        move = cycle[reference.body[0]]
        reference.play(move)
        games.step([move])
    record = games.records("cyclist")[0]
    assert record.ending == reference.ending == Ending.WIN
    assert record.score == width * height - 1
    assert record.steps == reference.steps
    assert verify(record) is None
    assert games.states()[0].apple == -1


def test_a_waiting_game_stays_as_it_is_and_has_no_move_in_its_record() -> None:
    games = LockstepGames([1, 1], 6, 6)
    games.step([Move.UP, NO_MOVE])
    games.step([NO_MOVE, NO_MOVE])
    assert [record.moves for record in games.records("x")] == [b"\x00", b""]
    assert [record.steps for record in games.records("x")] == [1, 0]
    assert games.running.tolist() == [0, 1]


def test_moves_after_the_end_change_nothing() -> None:
    games = LockstepGames([1], 4, 4)
    for _ in range(5):
        games.step([Move.RIGHT])
    ended = games.records("x")[0]
    assert ended.ending == Ending.WALL
    games.step([Move.LEFT])
    assert games.records("x")[0] == ended
    assert not games.running.size


@pytest.mark.parametrize("moves", [[0], [0, 0, 0], [[0, 0]], [0, -2], [0, 8], [0, 300], np.array([0, 256])])
def test_moves_that_are_none_are_refused_and_nothing_happens(moves: object) -> None:
    games = LockstepGames([1, 2], 6, 6)
    with pytest.raises(ValueError, match="moves"):
        games.step(moves)  # type: ignore[arg-type]
    assert [record.steps for record in games.records("x")] == [0, 0]


def test_boards_outside_the_rules_are_refused() -> None:
    for width, height in [(3, 10), (10, 51), (0, 0)]:
        with pytest.raises(UserError, match=f"{width}x{height}"):
            LockstepGames([1], width, height)


def test_no_games_are_over_at_once() -> None:
    games = LockstepGames([], 6, 6)
    games.step([])
    assert len(games) == len(games.states()) == games.running.size == 0
    assert games.records("x") == []
    assert games.legal().shape == (0, 4)


def test_states_of_chosen_games_come_in_the_order_asked_for() -> None:
    games = LockstepGames(range(5), 6, 6)
    games.step([0, 1, 2, 3, 0])
    everything = list(games.states())
    assert list(games.states([4, 0, 2])) == [everything[4], everything[0], everything[2]]
    assert list(games.states([-1, 1, 1])) == [everything[4], everything[1], everything[1]]
    with pytest.raises(IndexError):
        games.states([5])


def test_states_are_copies() -> None:
    games = LockstepGames([1], 6, 6)
    before = games.states()
    games.legal()[:] = False
    games.scores[:] = 9
    first = before[0]
    games.step([Move.UP])
    assert before[0] == first
    assert games.scores.tolist() == [0] or games.scores.tolist() == [1]


def test_limits_are_written_for_manifests_as_they_were_given() -> None:
    assert Limits(max_steps=7).as_dict() == {
        "max_steps": 7,
        "max_steps_per_apple": None,
        "max_consecutive_invalid_reversals": 10,
        "max_consecutive_empty_moves": 5,
        "max_consecutive_something_is_wrong": 5,
    }
    assert Limits().for_board(6, 5).tolist() == [0, 60, 10, 5, 5]


def test_boards_number_the_snake_from_its_head() -> None:
    games = LockstepGames(range(30), 5, 6)
    cycle = hamiltonian_cycle(5, 6)
    for _ in range(80):
        for board, state in zip(games.boards(), games.states(), strict=True):
            expected = np.zeros(30, np.int16)
            expected[list(state.body)] = range(1, len(state.body) + 1)
            if state.apple >= 0:
                expected[state.apple] = -1
            assert board.tolist() == expected.reshape(6, 5).tolist()
        games.step([cycle[state.xy(state.head)] for state in games.states()])
    assert games.steps.tolist() == [80] * 30 and games.scores.min() > 0


@pytest.mark.parametrize("recorded", [True, False])
def test_a_restarted_game_is_a_new_one_and_the_others_go_on(recorded: bool) -> None:
    games = LockstepGames([1, 2, 3], 6, 6, recorded=recorded)
    alone = LockstepGames([2], 6, 6)
    for move in (0, 0, 1, 1):
        games.step([move] * 3)
        alone.step([move])
    games.restart([2, 0], [70, -8])
    fresh = LockstepGames([-8, 70], 6, 6)
    assert games.seeds == (-8, 2, 70)
    for move in (3, 0, 0, 3, 3):
        assert list(games.states()) == [fresh.states()[0], alone.states()[0], fresh.states()[1]]
        assert games.steps.tolist() == [fresh.steps[0], alone.steps[0], fresh.steps[1]]
        games.step([move] * 3)
        fresh.step([move] * 2)
        alone.step([move])
    assert games.endings.tolist() == [fresh.endings[0], alone.endings[0], fresh.endings[1]]


def test_a_game_that_is_over_can_be_restarted() -> None:
    games = LockstepGames([1], 4, 4, recorded=False)
    while games.running.size:
        games.step([Move.RIGHT])
    games.restart([0], [5])
    assert games.running.tolist() == [0]
    assert list(games.states()) == list(LockstepGames([5], 4, 4).states())


def test_each_game_of_many_in_two_places_is_recorded_from_its_own_beginning() -> None:
    """Long enough that room for moves is made several times, by more of it and by leaving old ones out."""
    rng = np.random.default_rng(3)
    games, found, seeds = LockstepGames([0, 1], 5, 4), [], iter(range(2, 200))
    while len(found) < 200:
        games.step(rng.integers(0, 4, 2).astype(np.int8))
        over = [place for place in range(2) if games.endings[place] != Ending.RUNNING]
        for record in games.records("x", over):
            assert verify(record) is None
            found.append(record.seed)
        games.restart(over, [next(seeds, 1000 + place) for place in over])
    assert sorted(found[:150]) == sorted(set(found[:150]))


def test_what_restart_and_records_refuse() -> None:
    games = LockstepGames([1, 2], 4, 4, recorded=False)
    with pytest.raises(ValueError, match="recorded=True"):
        games.records("x")
    with pytest.raises(ValueError, match="1 games can't begin with 2 seeds"):
        games.restart([0], [1, 2])
    with pytest.raises(IndexError):
        games.restart([2], [1])
    assert games.seeds == (1, 2)
