"""Methods of several training seeds: the written-out definition, and what too few seeds can say."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from scipy.stats import t, ttest_ind

from serpentune.statistics import seed_level_difference, seed_level_mean


def _students(seeds: int, games: int, mean: float, rng: np.random.Generator) -> np.ndarray:
    return np.clip(np.round(mean + rng.normal(0, 2, (seeds, 1)) + rng.normal(0, 3, (seeds, games))), 0, 35)


def _variance(table: np.ndarray) -> tuple[float, float]:
    """The part of the seeds and what is left over, written out."""
    seeds, games = table.shape
    rows = [sum(row) / games for row in table]
    columns = [sum(column) / seeds for column in table.T]
    grand = sum(rows) / seeds
    of_seeds = sum((row - grand) ** 2 for row in rows) / (seeds - 1) / seeds
    rest = sum((table[s, g] - rows[s] - columns[g] + grand) ** 2 for s in range(seeds) for g in range(games))
    return of_seeds, rest / ((seeds - 1) * (games - 1)) / (seeds * games)


def test_the_difference_is_as_defined() -> None:
    rng = np.random.default_rng(0)
    a, b = _students(3, 40, 15, rng), _students(5, 40, 18, rng) + rng.integers(0, 4, 40)
    found = seed_level_difference(a, b)
    by_game = b.mean(0) - a.mean(0)
    (seeds_a, rest_a), (seeds_b, rest_b) = _variance(a), _variance(b)
    games = ((by_game - by_game.mean()) ** 2).sum() / 39 / 40 - rest_a - rest_b
    assert games > 0
    total = seeds_a + seeds_b + games
    freedom = (seeds_a + seeds_b) ** 2 / (seeds_a**2 / 2 + seeds_b**2 / 4)
    assert found.estimate == pytest.approx(b.mean() - a.mean())
    assert found.p_value == pytest.approx(2 * t.sf(abs(b.mean() - a.mean()) / sqrt(total), freedom))
    assert found.interval is not None
    half = t.ppf(0.975, freedom) * sqrt(total)
    assert found.interval.high - found.interval.low == pytest.approx(2 * half)
    assert found.n == 8


def test_without_an_effect_of_games_it_is_welchs_test() -> None:
    rng = np.random.default_rng(1)
    rows = [rng.normal(mean, 1, (4, 1)) + np.zeros(10) for mean in (3, 4)]
    found = seed_level_difference(*rows)
    assert found.p_value == pytest.approx(ttest_ind(rows[0][:, 0], rows[1][:, 0], equal_var=False).pvalue)


def test_interval_and_p_value_never_contradict_each_other() -> None:
    for seed in range(100):
        rng = np.random.default_rng(seed)
        found = seed_level_difference(_students(3, 20, 15, rng), _students(3, 20, 20, rng))
        assert found.interval is not None and found.p_value is not None
        assert (found.p_value <= 0.05) == (found.interval.low > 0 or found.interval.high < 0)


@pytest.mark.parametrize("seeds", [1, 2])
def test_few_training_seeds_say_nothing_of_a_method(seeds: int) -> None:
    rng = np.random.default_rng(2)
    found = seed_level_difference(_students(seeds, 40, 15, rng), _students(5, 40, 30, rng))
    assert found.estimate is not None and found.interval is None and found.p_value is None
    assert found.reason is not None and f"{seeds} training seed" in found.reason and "at least 3" in found.reason


def test_students_that_all_win_show_no_spread_and_no_star() -> None:
    found = seed_level_difference(np.ones((3, 50)), np.zeros((3, 50)), bounds=(0, 1))
    assert found.estimate == -1 and found.p_value is None
    assert found.reason is not None and "same mean" in found.reason


def test_a_mean_stays_within_its_bounds() -> None:
    wins = np.random.default_rng(3).random((3, 50)) < np.array([[0.99], [0.9], [0.7]])
    found = seed_level_mean(wins, bounds=(0, 1))
    assert found.interval is not None and found.interval.high == 1 and found.p_value is None
    free = seed_level_mean(wins).interval
    assert free is not None and free.high > 1 and free.low == found.interval.low


@pytest.mark.parametrize("bad", [[1, 2], [[]], [[1, np.nan]], [[1, 2, 3]]])
def test_tables_that_are_none_are_refused(bad: object) -> None:
    with pytest.raises(ValueError, match=r"table|NaN|same games"):
        seed_level_difference(bad, [[1, 2], [3, 4]])
