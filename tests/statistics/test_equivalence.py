"""Whether two players are the same for all that matters: definitions, and what few or equal pairs can say."""

from __future__ import annotations

from math import comb, sqrt

import numpy as np
import pytest
from scipy.stats import t

from serpentune.statistics import equivalence, mcnemar_exact, paired_mean_interval

RNG = np.random.default_rng(0)
"""For what doesn't depend on the resamples."""


def _few_differences(n: int, differing: int, by: float = 1) -> tuple[np.ndarray, np.ndarray]:
    a = np.full(n, 10.0)
    return a, a + np.where(np.arange(n) < differing, by, 0)


def _scores(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    a = rng.integers(0, 36, 80).astype(float)
    return a, np.clip(a + rng.choice([-3, -2, -1, 0, 0, 1, 2, 9], 80), 0, 35)


@pytest.mark.parametrize("margin", [0.5, 1.0, 1.3, 1.5, 2.0])
def test_the_p_value_and_the_interval_say_the_same_of_scores(margin: float) -> None:
    for seed in range(20):
        a, b = _scores(np.random.default_rng(seed))
        found = equivalence(a, b, np.random.default_rng(seed), margin=margin, bounds=(0, 35), resamples=999)
        assert found.interval is not None and found.p_value is not None
        inside = -margin < found.interval.low and found.interval.high < margin
        assert (found.p_value <= 0.05) == inside
        shown = paired_mean_interval(a, b, np.random.default_rng(seed), bounds=(0, 35), resamples=999)
        assert found.interval == shown.interval


def test_scores_are_no_nearer_than_two_one_sided_t_tests_at_half_the_level_say() -> None:
    a, b = _scores(np.random.default_rng(1))
    found = equivalence(a, b, np.random.default_rng(0), margin=1.5)
    d = b - a
    error = sqrt(((d - d.mean()) ** 2).sum() / 79) / sqrt(80)
    by_t = 2 * max(t.sf((1.5 - d.mean()) / error, 79), t.sf((1.5 + d.mean()) / error, 79))
    assert found.p_value is not None and by_t <= found.p_value < 2 * by_t


@pytest.mark.parametrize("margin", [0.02, 0.04, 0.05, 0.055, 0.06, 0.1])
def test_the_p_value_and_the_interval_say_the_same_of_wins(margin: float) -> None:
    rng = np.random.default_rng(2)
    a, b = rng.random((2, 400)) < 0.9
    found = equivalence(a, b, RNG, margin=margin)
    assert found.interval is not None and found.p_value is not None
    inside = -margin < found.interval.low and found.interval.high < margin
    assert (found.p_value <= 0.05) == inside
    assert found.interval == mcnemar_exact(a, b).interval


def test_few_unequal_pairs_are_counted() -> None:
    a, b = _few_differences(200, 3)
    found = equivalence(a, b, RNG, margin=2, bounds=(0, 35))
    share = 2 / 35
    assert found.p_value == pytest.approx(sum(comb(200, k) * share**k * (1 - share) ** (200 - k) for k in range(4)))
    assert "(3 of 200)" in found.method


def test_few_unequal_pairs_without_bounds_prove_nothing() -> None:
    found = equivalence(*_few_differences(200, 3), RNG, margin=2)
    assert found.p_value is None and found.interval is None
    assert found.reason is not None and "3 of 200" in found.reason


def test_two_players_that_always_won_may_be_called_the_same_once_there_are_enough_games() -> None:
    def same(games: int) -> bool:
        p_value = equivalence(np.ones(games, bool), np.ones(games, bool), RNG, margin=0.05).p_value
        return p_value is not None and p_value <= 0.05

    # (1 - 0.05) ** 58 > 0.05 > (1 - 0.05) ** 59
    assert not same(58)
    assert same(59)


def test_one_difference_in_all_pairs_is_no_proof_that_there_are_no_others() -> None:
    few, many = ((np.zeros(n), np.ones(n)) for n in (10, 500))
    for pairs, same in ((few, False), (many, True)):
        p_value = equivalence(*pairs, RNG, margin=1.5, bounds=(0, 20)).p_value
        assert p_value is not None and (p_value <= 0.05) == same
    assert equivalence(*many, RNG, margin=1, bounds=(0, 20)).p_value == 1


def test_one_pair_shows_no_sameness() -> None:
    p_value = equivalence([1], [1], RNG, margin=1, bounds=(0, 35)).p_value
    assert p_value is not None and p_value > 0.9


@pytest.mark.parametrize("margin", [0, -1, float("nan"), float("inf")])
def test_a_margin_lies_above_zero(margin: float) -> None:
    with pytest.raises(ValueError, match="margin"):
        equivalence([1, 2], [1, 3], RNG, margin=margin)


def test_values_outside_the_bounds_are_refused() -> None:
    with pytest.raises(ValueError, match="bounds"):
        equivalence([1, 36], [1, 3], RNG, margin=1, bounds=(0, 35))
