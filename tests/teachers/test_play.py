"""Whole games: order, numbers, batches, and what happens when a game is longer than the buffer."""

from __future__ import annotations

import itertools

import pytest

from serpentune.common.errors import UserError
from serpentune.game import Ending, Limits, Move, State, verify
from serpentune.teachers import BFS, HAMILTONIAN, Teacher, _play, play, play_batch


def test_games_come_in_the_order_of_their_seeds_numbered_from_1() -> None:
    seeds = [5, 3, 2**63 + 1, -4, *range(100, 500)]
    records = list(play(BFS, seeds, 6, 6))
    assert [record.seed for record in records] == seeds
    assert [record.number for record in records] == list(range(1, 405))
    assert {record.player for record in records} == {"BFS"}


def test_a_game_depends_on_its_seed_alone() -> None:
    """Batches of 256 games and full move buffers (one holds about 100 of these games) leave no trace."""
    records = list(play(HAMILTONIAN, range(300), 10, 10))
    for seed in (0, 99, 104, 110, 255, 256, 299):
        (alone,) = play(HAMILTONIAN, [seed], 10, 10)
        assert (alone.moves, alone.apples, alone.score) == (
            records[seed].moves,
            records[seed].apples,
            records[seed].score,
        )


def test_a_game_longer_than_the_buffer_of_moves() -> None:
    (record,) = play(HAMILTONIAN, [1], 36, 36)
    assert record.steps > 300_000
    assert record.ending == Ending.WIN
    assert verify(record) is None


def test_seeds_are_read_as_games_are_asked_for() -> None:
    endless = play(BFS, itertools.count(), 6, 6)
    assert [record.seed for record in itertools.islice(endless, 3)] == [0, 1, 2]


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("at_once", [1, 7, 64])
def test_threads_and_batches_are_not_in_the_games(monkeypatch: pytest.MonkeyPatch, threads: int, at_once: int) -> None:
    expected = list(play(BFS, range(150), 6, 6))
    monkeypatch.setattr(_play, "_GAMES_AT_ONCE", at_once)
    assert list(play(BFS, range(150), 6, 6, threads=threads)) == expected


@pytest.mark.parametrize("room", [1, 50, 10_000])
def test_a_batch_is_the_games_of_its_seeds(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """However often the room for moves runs out in between."""
    monkeypatch.setattr(_play, "_MOVES_AT_FIRST", room)
    seeds = [9, 2**63 + 1, -4, 0]
    batch = play_batch(BFS, seeds, 6, 8, Limits(), first_number=5)
    records = list(play(BFS, seeds, 6, 8))
    assert [(game.moves, game.apples, game.ending, game.score, game.steps) for game in batch] == [
        (game.moves, game.apples, game.ending, game.score, game.steps) for game in records
    ]
    assert batch.numbers.tolist() == [5, 6, 7, 8]
    assert [seed % 2**64 for seed in batch.seeds.tolist()] == [seed % 2**64 for seed in seeds]
    assert batch.verify() == {}


def test_no_seeds_no_games() -> None:
    assert list(play(BFS, [], 6, 6)) == []


def test_the_board_is_checked_at_the_call() -> None:
    with pytest.raises(UserError, match="3x6"):
        play(BFS, [0], 3, 6)


def test_a_python_teacher_plays_whole_games() -> None:
    ring = Teacher(name="UP", summary="Always up.", guarantee="None.", function=lambda state: Move.UP)
    records = list(play(ring, range(300), 6, 8, Limits(max_steps=50)))
    assert [record.number for record in records] == list(range(1, 301))
    assert {record.ending for record in records} == {Ending.WALL}


def test_a_python_teacher_that_breaks_the_contract_is_named() -> None:
    def reverse(state: State) -> Move:
        return Move.EMPTY

    broken = Teacher(name="BROKEN", summary="Broken.", guarantee="None.", function=reverse)
    with pytest.raises(ValueError, match="BROKEN answered"):
        list(play(broken, [0], 6, 6))


def test_a_mistake_in_a_python_teacher_is_told_to_who_wrote_it() -> None:
    def divides(state: State) -> Move:
        return Move(1 // 0)

    broken = Teacher(name="BROKEN", summary="Broken.", guarantee="None.", function=divides)
    with pytest.raises(
        UserError, match=r"teacher BROKEN failed on a state \(ZeroDivisionError: .*test_play\.py, line \d+"
    ):
        list(play(broken, [0], 6, 6))
