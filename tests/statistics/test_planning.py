"""Games for a difference of a given size: against published figures, and against simulated tests."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from serpentune.statistics import correlation_range, games_for_means, games_for_shares, mcnemar_exact


@pytest.mark.parametrize(("second", "games"), [(0.65, 1471), (0.7, 356), (0.8, 81)])
def test_unpaired_shares_take_as_many_games_as_is_known(second: float, games: int) -> None:
    assert games_for_shares(0.6, second) == games_for_shares(second, 0.6) == games


def test_pairs_that_have_nothing_in_common_save_nothing_and_others_do() -> None:
    unpaired, apart, alike = (games_for_shares(0.6, 0.7, correlation=r) for r in (None, 0, 0.5))
    assert apart == pytest.approx(unpaired, rel=0.02)
    assert alike < 0.6 * apart


@pytest.mark.parametrize(("first", "second", "common"), [(0.6, 0.7, 0.0), (0.6, 0.7, 0.7), (0.88, 0.94, 0.5)])
def test_planned_pairs_give_the_exact_test_nearly_the_planned_power(first: float, second: float, common: float) -> None:
    rng, spread = np.random.default_rng(0), sqrt(first * (1 - first) * second * (1 - second))
    # With this share of games whose luck is common, both win where the luck is below the lesser share.
    correlation = common**2 * (first - first * second) / spread
    games, shown = games_for_shares(first, second, correlation=correlation), 0
    for _ in range(300):
        luck, own = rng.random(games), rng.random((2, games))
        a, b = np.where(rng.random((2, games)) < common, luck, own)
        p_value = mcnemar_exact(a < first, b < second).p_value
        shown += p_value is not None and p_value <= 0.05
    assert 0.7 < shown / 300 < 0.88


def test_shares_at_the_ends_need_what_the_test_needs() -> None:
    assert games_for_shares(0, 1, correlation=0) == 6  # 2 / 2^6 <= 0.05
    assert games_for_shares(0, 0.1, correlation=0) >= 60


def test_a_correlation_that_shares_cannot_have_is_refused() -> None:
    least, most = correlation_range(0.5, 0.9)
    assert (least, most) == pytest.approx((-1 / 3, 1 / 3))
    with pytest.raises(ValueError, match="correlate"):
        games_for_shares(0.5, 0.9, correlation=0.5)
    assert correlation_range(0, 0.5) == (0, 0)


def test_means_take_more_games_where_games_spread_and_fewer_where_pairs_agree() -> None:
    assert games_for_means(1, 8) == 1006  # statsmodels' TTestIndPower; 2 (1.96 + 0.84)^2 8^2 = 1,005
    assert games_for_means(-1, 8, correlation=0.5) == pytest.approx(1006 / 2, abs=3)
    assert games_for_means(100, 1) == 3
    assert games_for_means(100, 1, correlation=0) == 6


@pytest.mark.parametrize("bad", [{"difference": 0}, {"deviation": 0}, {"power": 1}, {"alpha": 0}, {"correlation": 1}])
def test_plans_that_make_no_sense_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"needed|power|correlation"):
        games_for_means(**{"difference": 1.0, "deviation": 1.0, **bad})
    with pytest.raises(ValueError, match="different shares"):
        games_for_shares(0.5, 0.5)
