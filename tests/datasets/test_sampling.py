"""How many of each kind are drawn, and that each has the same chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serpentune.datasets._moments import AT_APPLE, LEGAL, USABLE, Moments, moments
from serpentune.datasets.sampling import Strata, level, quotas
from serpentune.game import GameBatch, states_before
from serpentune.teachers import get, play

BOARD = (6, 6)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=12), st.integers(0, 500), st.integers(0, 99))
def test_equal_shares_as_far_as_there_are_so_many(total: list[int], count: int, seed: int) -> None:
    there = np.array(total)
    count = min(count, int(there.sum()))
    shared = level(there, count, np.random.default_rng(seed))
    assert shared.sum() == count
    assert (shared <= there).all()
    # Whoever still has some left gets at most one less than the one who gets most.
    left = shared[shared < there]
    assert not len(left) or left.min() >= shared.max() - 1


@pytest.mark.parametrize("balance", [True, False])
def test_quotas_keep_proportions_or_take_what_is_there(balance: bool) -> None:
    wanted = {("A", "plan"): 100.0, ("B", "plan"): 200.0}
    shares = quotas(wanted, {("A", "plan"): 50, ("B", "plan"): 1000}, balance)
    assert shares == {("A", "plan"): 50, ("B", "plan"): 100 if balance else 200}


def some_moments(count: int, rng: np.random.Generator) -> Moments:
    return Moments(
        plan=rng.integers(0, 9, count).astype(np.int32),
        flags=(USABLE | LEGAL | AT_APPLE * (rng.random(count) < 0.1)).astype(np.uint8),
        length=rng.integers(1, 37, count).astype(np.int16),
        head=rng.integers(0, 36, count).astype(np.int16),
        step=np.arange(count, dtype=np.int32),
        left=np.arange(count, 0, -1).astype(np.int32),
    )


@pytest.mark.parametrize("balance", [(), ("length",), ("position",), ("length", "position"), ("board", "length")])
@pytest.mark.parametrize("apples", [True, False])
def test_exactly_as_many_are_drawn_as_wanted(balance: tuple[str, ...], apples: bool) -> None:
    rng = np.random.default_rng(0)
    pieces = [(some_moments(5000, rng), board) for board in (BOARD, (6, 5), BOARD)]
    strata = Strata(((6, 5), BOARD), balance, apples)
    marks = [rng.random(len(of)) < 0.8 for of, _ in pieces]
    for (of, board), candidates in zip(pieces, marks, strict=True):
        strata.count(of, board, candidates)
    assert strata.total.sum() == sum(map(np.sum, marks))
    strata.share_out(3000, 0.25, rng)
    drawn = np.zeros(len(strata.total), np.int64)
    for (of, board), candidates in zip(pieces, marks, strict=True):
        places = strata.draw(of, board, candidates, salt=7)
        assert candidates[places].all()
        assert len(np.unique(places)) == len(places)
        drawn += np.bincount(strata.of(of, board)[places], minlength=len(drawn))
    assert (drawn == strata.wanted).all()
    assert drawn.sum() == 3000


def test_a_length_that_is_rare_is_drawn_as_often_as_a_frequent_one() -> None:
    rng = np.random.default_rng(1)
    of = some_moments(20_000, rng)
    of.length[:] = np.where(rng.random(20_000) < 0.02, 30, rng.integers(1, 4, 20_000))
    strata = Strata((BOARD,), ("length",), apples=False)
    everything = np.ones(len(of), np.bool_)
    strata.count(of, BOARD, everything)
    strata.share_out(1200, 0, rng)
    places = strata.draw(of, BOARD, everything, salt=0)
    assert np.bincount(of.length[places]).tolist()[1:4] == [300, 300, 300]
    assert (of.length[places] == 30).sum() == 300


def test_every_moment_has_the_same_chance() -> None:
    of = some_moments(40, np.random.default_rng(2))
    everything = np.ones(40, np.bool_)
    hits = np.zeros(40)
    for salt in range(4000):
        strata = Strata((BOARD,), (), apples=False)
        strata.count(of, BOARD, everything)
        strata.share_out(10, 0, np.random.default_rng(0))
        hits[strata.draw(of, BOARD, everything, salt)] += 1
    # 1,000 each; five standard deviations of a binomial count are 137.
    assert np.abs(hits - 1000).max() < 137


def test_moments_say_what_the_replay_says() -> None:
    for teacher in ("BFS", "HAMILTONIAN"):
        games = list(play(get(teacher), range(6), 6, 6))
        found = moments(GameBatch.from_records(games))
        row = 0
        for game in games:
            states = states_before(game, range(len(game.moves) + 1))
            eaten = np.flatnonzero(np.diff(states.length))
            for step in range(len(game.moves)):
                later = eaten[eaten >= step]
                assert found.plan[row] == (later[0] - step + 1 if len(later) else 0)
                assert found.length[row] == states.length[step]
                assert found.head[row] == states.body[step, 0]
                assert (found.step[row], found.left[row]) == (step, len(game.moves) - step)
                moved = bool((states.body[step] != states.body[step + 1]).any())
                assert bool(found.flags[row] & LEGAL) == moved
                assert bool(found.flags[row] & AT_APPLE) == (step == 0 or step - 1 in eaten)
                row += 1
        assert row == len(found)


@pytest.mark.parametrize("balance", [True, False])
def test_shares_that_are_whole_numbers_are_not_rounded_down(balance: bool) -> None:
    wanted = {("BFS", "plan"): 100 * 0.57, ("BFS", "move"): 100 * 0.43}
    assert 100 * 0.57 < 57
    assert quotas(wanted, dict.fromkeys(wanted, 1000), balance) == {("BFS", "plan"): 57, ("BFS", "move"): 43}
