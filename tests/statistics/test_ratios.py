"""Parts of a ratio: what they sum to, and that tests and intervals made of them hold."""

from __future__ import annotations

import numpy as np
import pytest

from serpentune.statistics import parts_difference, ratio_parts


def test_the_mean_of_the_parts_is_the_ratio() -> None:
    rng = np.random.default_rng(0)
    tries = rng.integers(1, 50, 40)
    hits = rng.binomial(tries, 0.3)
    assert ratio_parts(hits, tries).mean() == pytest.approx(hits.sum() / tries.sum())


def test_where_all_games_are_as_long_the_part_is_the_game_s_own_ratio() -> None:
    assert ratio_parts([1, 0, 4], [4, 4, 4]).tolist() == [0.25, 0, 1]
    assert ratio_parts([0.1, 0.2], [1, 1]).tolist() == [0.1, 0.2]  # to the bit: ties stay ties


def test_games_of_one_ratio_have_no_spread() -> None:
    tries = np.array([3, 7, 11, 13.0])
    assert np.ptp(ratio_parts(0.1 * tries, tries)) == 0
    assert ratio_parts(tries, tries).tolist() == [1, 1, 1, 1]


def test_the_parts_say_how_the_ratio_moves_without_a_game() -> None:
    hits, tries = np.array([1.0, 7, 2, 0]), np.array([3.0, 9, 2, 8])
    ratio = hits.sum() / tries.sum()
    without = np.array([np.delete(hits, game).sum() / np.delete(tries, game).sum() for game in range(4)])
    moved = 3 * (ratio - without)
    assert ratio_parts(hits, tries) == pytest.approx(ratio + moved - moved.mean())


def test_a_handful_of_games_or_no_spread_never_shows_a_difference() -> None:
    rng = np.random.default_rng(0)
    few = parts_difference([0.1, 0.1001, 0.1], [0.9, 0.9001, 0.9002], rng)
    assert few.p_value == 0.25  # of 8 patterns of signs 2 are as extreme, however small their spread
    assert few.interval is not None
    assert few.interval.low < few.estimate < few.interval.high  # type: ignore[operator]
    none = parts_difference([0.1, 0.1], [0.9, 0.9], rng)
    assert (none.interval, none.p_value) == (None, 0.5)
    assert none.reason == "no interval: all paired differences are the same"
    alike = parts_difference([0.2, 0.1], [0.2, 0.1], rng)
    assert (alike.interval, alike.p_value, alike.estimate) == (None, 1, 0)


@pytest.mark.parametrize(
    ("above", "below", "words"),
    [
        ([1], [1, 2], "pairs are needed"),
        ([1, 1], [0, 1], "something below it"),
        ([1, 1], [2, -1], "something below it"),
        ([np.nan, 1], [1, 1], "NaN or infinite"),
        ([], [], "at least one observation"),
    ],
)
def test_what_is_no_ratio_is_refused(above: list[float], below: list[float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ratio_parts(above, below)


def _games(rng: np.random.Generator, count: int, rate: float, games: int) -> tuple[np.ndarray, np.ndarray]:
    """Fatal moves and moves of `count` experiments: games of very different lengths, errors that come together."""
    moves = 1 + rng.geometric(0.02, (count, games))
    own = rate * rng.gamma(2.0, 0.5, (count, games))
    return rng.binomial(moves, np.minimum(own, 1)).astype(float), moves.astype(float)


@pytest.mark.slow
@pytest.mark.parametrize("games", [20, 50, 200])
def test_equal_rates_are_called_different_as_seldom_as_promised(games: int) -> None:
    """Rates of rare errors in long and short games, clustered by game: test at 5%, interval at 95%."""
    rng = np.random.default_rng(games)
    count = 2000
    a, b = _games(rng, count, 0.01, games), _games(rng, count, 0.01, games)
    parts = [[ratio_parts(above, below) for above, below in zip(*side, strict=True)] for side in (a, b)]
    false = covered = 0
    for first, second in zip(*parts, strict=True):
        found = parts_difference(first, second, rng, resamples=499)
        assert found.p_value is not None
        assert found.interval is not None
        false += found.p_value <= 0.05
        covered += found.interval.low <= 0 <= found.interval.high
    assert false / count <= 0.05 + 0.01
    assert covered / count == pytest.approx(0.95, abs=0.02)
