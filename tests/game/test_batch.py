"""Games as columns: the same answers as game by game, for whole, broken and foreign games."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from serpentune.game import Ending, GameBatch, GameRecord, LockstepGames, States, from_letters, states_before, verify
from serpentune.game import batch as batch_module


def games(count: int, width: int, height: int, first_seed: int = 0) -> list[GameRecord]:
    """Games of a player that moves at random, mostly legally, with sentinels among its moves."""
    rng = np.random.default_rng(first_seed)
    playing = LockstepGames(range(first_seed, first_seed + count), width, height)
    while len(playing.running):
        legal = playing.legal()
        chosen = np.argmax((legal + 0.01 * rng.random(legal.shape)) * rng.random(legal.shape), axis=1)
        chosen = np.where(rng.random(count) < 0.05, rng.integers(0, 7, count), chosen)
        playing.step(chosen.astype(np.int8))
    return playing.records("RANDOM")


def broken(record: GameRecord, rng: random.Random) -> GameRecord:
    """The game with something changed, which may be a valid one all the same."""
    moves, apples = bytearray(record.moves), list(record.apples)
    match rng.randrange(10):
        case 0 if moves:
            moves[rng.randrange(len(moves))] = rng.choice([0, 1, 2, 3, 4, 5, 6, 7, 8, 200])
        case 1 if moves:
            del moves[rng.randrange(len(moves)) :]
        case 2:
            moves += bytes([rng.randrange(8)])
        case 3:
            del apples[rng.randrange(len(apples)) :]
        case 4:
            apples[rng.randrange(len(apples))] = rng.choice([-1, 0, 5, 10**5, 10**30, apples[-1]])
        case 5:
            apples.append(rng.randrange(record.width * record.height))
        case 6:
            return replace(record, score=rng.choice([record.score + 1, -1, 10**30]))
        case 7:
            return replace(record, steps=rng.choice([record.steps - 1, 0, 10**30]))
        case 8:
            return replace(record, ending=rng.choice(list(Ending)))
        case _:
            return replace(record, seed=None)
    return replace(record, moves=bytes(moves), apples=tuple(apples))


@pytest.mark.parametrize(("width", "height"), [(4, 4), (6, 6), (7, 5), (10, 10)])
def test_columns_give_the_records_back(width: int, height: int) -> None:
    records = games(30, width, height)
    records[3] = replace(records[3], seed=None)
    batch = GameBatch.from_records(records)
    assert len(batch) == 30
    assert list(batch) == records
    assert [batch[index] for index in (0, 29, -1)] == [records[0], records[29], records[29]]
    assert list(batch[5:9]) == records[5:9]
    assert list(batch[5:9][1:3]) == records[6:8]
    assert len(batch[9:5]) == len(batch[40:]) == 0
    assert list(batch[:0]) == []


def test_what_is_no_batch_is_refused() -> None:
    records = games(3, 6, 6)
    for odd in ([], [records[0], replace(records[1], player="OTHER")], [records[0], replace(records[1], width=7)]):
        with pytest.raises(ValueError, match="exactly one player"):
            GameBatch.from_records(odd)
    batch = GameBatch.from_records(records)
    with pytest.raises(IndexError):
        batch[3]
    with pytest.raises(ValueError, match="neighbours"):
        batch[::2]


@pytest.mark.parametrize("seed", range(4))
def test_a_batch_finds_what_is_found_game_by_game(seed: int) -> None:
    rng = random.Random(seed)
    whole = games(40, 6, 5, first_seed=seed)
    records = [rng.choice(whole) for _ in range(600)]
    records = [record if rng.random() < 0.3 else broken(record, rng) for record in records]
    expected = {index: problem for index, record in enumerate(records) if (problem := verify(record))}
    found = GameBatch.from_records(records).verify()
    assert set(found) == set(expected)
    assert 100 < len(found) < 550
    for index, problem in expected.items():
        # A column holds no score beyond all bounds; the words name the -1 that stands there instead.
        if max(records[index].score, records[index].steps) < 10**20:
            assert found[index] == problem


def test_another_programs_covered_apple_counts_in_a_batch_too() -> None:
    buggy = GameRecord("hand", 5, 5, from_letters("URD"), (17, 18, 18), Ending.NO_PATH_FOUND, 2, 3)
    batch = GameBatch.from_records([buggy, replace(buggy, seed=1), buggy])
    assert batch.verify() == {1: "apple 2 lies on the snake"}
    (states,) = batch[:1].states()
    assert states.apple.tolist() == [17, 18, -1]


def test_an_apple_under_the_tail_fills_no_board() -> None:
    """A snake that lacks one cell and bites an apple under its own tail has not filled the board."""
    # A round through all cells of 5x5 but (0, 0), from the middle on.
    path = from_letters("UURRDLDRDDLULDLULUUURDDR")
    steps = {0: 5, 1: 1, 2: -5, 3: -1}
    cells = [12]
    for move in path:
        cells.append(cells[-1] + steps[move])
    assert len(set(cells)) == 24 and cells[24] == 12
    record = GameRecord("hand", 5, 5, path, (*cells[1:24], 12), Ending.WIN, 24, 24)
    assert verify(record) == "apple 23 lies on the snake"
    assert verify(replace(record, moves=path[:23], score=23, steps=23, ending=Ending.NO_PATH_FOUND)) is None


def test_a_board_outside_the_rules_refuses_every_game() -> None:
    record = replace(games(1, 6, 6)[0], width=3)
    assert GameBatch.from_records([record, record]).verify() == dict.fromkeys(
        [0, 1], "the board 3x6 is outside the rules"
    )


def whole_states(parts: list[States]) -> list[np.ndarray]:
    return [
        np.concatenate([getattr(part, name) for part in parts]) for name in ("body", "length", "apple", "direction")
    ]


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("cells_at_once", [1, 30 * 7, 1 << 22])
def test_the_states_of_a_batch_are_those_of_its_records(
    monkeypatch: pytest.MonkeyPatch, threads: int, cells_at_once: int
) -> None:
    monkeypatch.setattr(batch_module, "_CELLS_AT_ONCE", cells_at_once)
    records = games(12, 6, 5)
    records.insert(4, replace(records[0], moves=b"", apples=records[0].apples[:1], score=0, steps=0))
    batch = GameBatch.from_records(records)[2:11]
    expected = [states_before(record, range(len(record.moves))) for record in records[2:11]]
    found = list(batch.states(threads=threads))
    for ours, theirs in zip(whole_states(found), whole_states(expected), strict=True):
        assert np.array_equal(ours, theirs)
    assert max(len(part) for part in found) <= max(1, cells_at_once // 30)
