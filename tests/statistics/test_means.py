"""Means and paired means: equality with written-out definitions, named fallbacks, and never NaN."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, norm, t

from serpentune.statistics import (
    RESAMPLES,
    bca_interval,
    clustered_share,
    equivalence,
    interquartile_mean,
    mean_interval,
    paired_mean_interval,
    paired_permutation,
    resamples_for,
)


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def _sign_flips(differences: np.ndarray) -> float:
    signs = np.array(list(product((-1, 1), repeat=len(differences))))
    return float((np.abs(signs @ differences) >= abs(differences.sum())).mean())


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=11))
@settings(max_examples=60, deadline=None)
def test_few_pairs_are_enumerated(pairs: list[tuple[int, int]]) -> None:
    a, b = np.array(pairs).T
    found = paired_permutation(a, b, np.random.default_rng(0))
    assert found.p_value == pytest.approx(_sign_flips((b - a).astype(float)))
    assert found.estimate == pytest.approx((b - a).mean())
    assert "Monte Carlo" not in found.method


def test_many_pairs_are_sampled_and_agree_with_the_enumeration() -> None:
    rng = np.random.default_rng(3)
    a = rng.integers(0, 9, 16)
    b = a + rng.choice([-2, -1, 1, 2, 3], 16)
    found = paired_permutation(a, b, np.random.default_rng(0))
    assert "Monte Carlo, 9,999" in found.method
    assert found.p_value == pytest.approx(_sign_flips((b - a).astype(float)), abs=0.02)


def test_a_sampled_p_value_counts_the_observed_pattern_and_is_never_zero() -> None:
    a = np.zeros(60)
    found = paired_permutation(a, a + 5, np.random.default_rng(0), resamples=999)
    assert found.p_value == 1 / 1000


def test_the_same_generator_gives_the_same_answer() -> None:
    a, b = np.random.default_rng(0).integers(0, 9, (2, 50))
    answers = [(paired_permutation(a, b, rng), mean_interval(a, rng)) for rng in map(np.random.default_rng, (7, 7))]
    assert answers[0] == answers[1]


def _bca(values: np.ndarray, means: np.ndarray, level: float) -> tuple[float, float]:
    """Efron 1987, equations 6.6 and 6.8, on given bootstrap means."""
    below = ((means < values.mean()).mean() + (means <= values.mean()).mean()) / 2
    z0 = norm.ppf(below)
    left_out = (values.sum() - values) / (len(values) - 1)
    pull = left_out.mean() - left_out
    acceleration = (pull**3).sum() / (6 * (pull**2).sum() ** 1.5)
    ends = []
    for z in norm.ppf([(1 - level) / 2, (1 + level) / 2]):
        ends.append(np.quantile(means, norm.cdf(z0 + (z0 + z) / (1 - acceleration * (z0 + z)))))
    return float(ends[0]), float(ends[1])


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_bca_equals_its_definition(level: float) -> None:
    values = np.minimum(np.random.default_rng(5).geometric(0.1, 80), 35).astype(float)
    means = np.random.default_rng(6).choice(values, (20_000, 80)).mean(axis=1)
    interval = bca_interval(values, np.random.default_rng(7), np.mean, level=level).interval
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx(_bca(values, means, level), abs=0.15)


def _bootstrap_t(values: np.ndarray, drawn: np.ndarray, level: float) -> tuple[float, float]:
    """Its definition on given resamples, `(resamples, n)`: each one's own standard error goes with its mean."""
    n = len(values)
    error = values.std(ddof=1) / np.sqrt(n)
    distances = sorted((row.mean() - values.mean()) / (row.std(ddof=1) / np.sqrt(n)) for row in drawn)
    rank = round((len(drawn) + 1) * (1 - level) / 2)
    return values.mean() - distances[-rank] * error, values.mean() - distances[rank - 1] * error


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_the_interval_of_a_mean_is_the_wider_of_bootstrap_t_and_t(level: float) -> None:
    values = np.minimum(np.random.default_rng(5).geometric(0.4, 80) ** 2, 35).astype(float)
    drawn = values[np.random.default_rng(7).integers(0, 80, (9_999, 80))]
    low, high = _bootstrap_t(values, drawn, level)
    half = t.ppf((1 + level) / 2, 79) * values.std(ddof=1) / np.sqrt(80)
    assert high > values.mean() + half and low > values.mean() - half  # skewed to the right: a side from each
    found = mean_interval(values, np.random.default_rng(7), level=level)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((values.mean() - half, high))


def test_the_interval_of_pairs_is_that_of_the_differences() -> None:
    a, b = np.random.default_rng(0).integers(0, 20, (2, 40))
    paired = paired_mean_interval(a, b, np.random.default_rng(1))
    assert paired.interval == mean_interval(b - a, np.random.default_rng(1)).interval
    assert paired.effect is not None
    assert paired.effect.name == "Cohen's d_z"


def test_equal_values_have_no_interval_unless_the_bounds_are_known() -> None:
    rng = np.random.default_rng(0)
    bare = mean_interval([3] * 50, rng)
    assert bare.interval is None
    assert bare.reason is not None and "0 of 50 values are unlike" in bare.reason
    bounded = mean_interval([3] * 50, rng, bounds=(0, 35))
    assert bounded.interval is not None
    # Were 5.8% of all values unlike 3, fifty would show none of them 5% of the time.
    most = 1 - 0.05 ** (1 / 50)
    assert (bounded.interval.low, bounded.interval.high) == pytest.approx((3 - most * 3, 3 + most * 32))
    paired = paired_mean_interval([3] * 50, [4] * 50, rng, bounds=(0, 35))
    assert paired.interval is not None
    assert paired.interval.low < 1 < paired.interval.high
    assert paired.effect is not None
    assert paired.effect.value is None


def test_few_unlike_values_leave_room_for_more_of_them() -> None:
    found = mean_interval([35] * 97 + [20, 30, 34], np.random.default_rng(0), bounds=(0, 35))
    assert "(3 of 100)" in found.method
    assert found.interval is not None and found.estimate is not None
    assert found.interval.low < 33 < found.estimate <= found.interval.high == 35
    assert mean_interval([35] * 97 + [20, 30, 34], np.random.default_rng(0)).interval is None
    assert mean_interval([7], np.random.default_rng(0), bounds=(0, 35)).interval is not None


def test_an_interval_stays_within_what_can_be() -> None:
    found = mean_interval([35] * 5 + [3, 4, 5, 6, 7, 8], np.random.default_rng(0), bounds=(0, 35))
    free = mean_interval([35] * 5 + [3, 4, 5, 6, 7, 8], np.random.default_rng(0))
    assert found.interval is not None and free.interval is not None
    assert found.interval.high == min(free.interval.high, 35)


def test_where_bca_is_not_defined_the_percentile_interval_says_so() -> None:
    found = bca_interval([0, 0, 0, 0, 0, 5], np.random.default_rng(0), np.median)
    assert found.method == "percentile bootstrap (BCa is not defined)"
    assert found.interval is not None
    assert np.isfinite([found.interval.low, found.interval.high]).all()


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_nothing_is_ever_nan(values: list[int]) -> None:
    rng = np.random.default_rng(0)
    for found in (
        bca_interval(values, rng, interquartile_mean, resamples=199),
        bca_interval(values, rng, np.median, resamples=199),
        mean_interval(values, rng, resamples=199),
        mean_interval(values, rng, bounds=(0, 3), resamples=199),
        paired_mean_interval(values, values[::-1], rng, resamples=199),
        equivalence(values, values[::-1], rng, margin=1, resamples=199),
        equivalence(values, values[::-1], rng, margin=1, bounds=(0, 3), resamples=199),
        paired_permutation(values, values[::-1], rng, resamples=199),
    ):
        assert "nan" not in found.sentence()
        assert found.interval is None or np.isfinite([found.interval.low, found.interval.high]).all()
        assert found.interval is not None or found.reason is not None or found.p_value is not None


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [float("inf")], [[1.0, 2.0]]])
def test_what_is_no_list_of_observations_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="observation"):
        mean_interval(values, np.random.default_rng(0))


def test_values_outside_the_bounds_and_lonely_halves_are_refused() -> None:
    with pytest.raises(ValueError, match="bounds"):
        mean_interval([40], np.random.default_rng(0), bounds=(0, 35))
    with pytest.raises(ValueError, match="pairs are needed"):
        paired_permutation([1, 2], [1], np.random.default_rng(0))


def test_decisions_of_one_game_are_no_independent_evidence() -> None:
    """Ten games of 100 like decisions each know far less than 1,000 decisions."""
    hits = np.array([100, 90, 80, 100, 60, 95, 100, 70, 85, 99])
    found = clustered_share(hits, np.full(10, 100), np.random.default_rng(0))
    assert found.estimate == pytest.approx(hits.sum() / 1000)
    assert found.interval is not None
    as_if_independent = 2 * 1.96 * np.sqrt(0.12 * 0.88 / 1000)
    assert found.interval.high - found.interval.low > 2 * as_if_independent
    assert clustered_share([0, 5], [0, 10], np.random.default_rng(0)).n == 1
    assert clustered_share([0], [0], np.random.default_rng(0)).reason == "nothing was tried"
    with pytest.raises(ValueError, match="more successes"):
        clustered_share([3], [2], np.random.default_rng(0))


@pytest.mark.parametrize(("games", "wrong"), [(200, 1), (200, 2), (30, 1)])
def test_errors_of_few_games_leave_a_bounded_interval_that_is_named(games: int, wrong: int) -> None:
    """One error in 4,000 decisions says something: no end of the interval is the end of all shares."""
    hits = np.full(games, 20)
    hits[:wrong] -= 1
    found = clustered_share(hits, np.full(games, 20), np.random.default_rng(0))
    assert found.interval is not None and found.estimate is not None
    assert "Clopper-Pearson, each game one observation, where too few games differ" in found.method
    limit = beta.ppf(0.025, found.estimate * games, games * (1 - found.estimate) + 1)
    assert found.interval.low == pytest.approx(limit) and limit > (0.97 if games == 200 else 0.85)
    assert found.estimate < found.interval.high <= 1
    mirrored = clustered_share(20 - hits, np.full(games, 20), np.random.default_rng(0)).interval
    assert mirrored is not None and mirrored.high == pytest.approx(1 - limit)


def test_games_of_unlike_length_count_as_fewer() -> None:
    long, short = np.array([1000, *[10] * 99]), np.full(100, 10)
    wrong = np.eye(100, dtype=int)[50]
    few = clustered_share(long - wrong, long, np.random.default_rng(0)).interval
    many = clustered_share(short - wrong, short, np.random.default_rng(0)).interval
    assert few is not None and many is not None and 0 < few.low < many.low


def test_the_interquartile_mean_leaves_out_a_quarter_at_each_end() -> None:
    values = [1000.0, 1, 2, 3, 4, 5, 6, -1000]
    assert interquartile_mean(values) == np.mean([2, 3, 4, 5]) == 3.5
    assert interquartile_mean([1.0, 2, 9]) == 4  # a quarter of three holds no whole value
    rows = np.array([values, values[::-1]])
    np.testing.assert_array_equal(interquartile_mean(rows, axis=1), [3.5, 3.5])
    found = bca_interval(np.random.default_rng(0).normal(size=200), np.random.default_rng(1), interquartile_mean)
    assert found.quantity == "the interquartile mean" and found.method == "BCa bootstrap"
    assert found.interval is not None and found.interval.low < found.estimate < found.interval.high  # type: ignore[operator]


def test_a_statistic_that_is_mostly_one_value_falls_back_by_name() -> None:
    found = bca_interval([0.0] * 95 + [1.0] * 5, np.random.default_rng(0), interquartile_mean)
    assert found.estimate == 0
    assert found.method == "percentile bootstrap (BCa is not defined)"


def test_resamples_are_enough_for_the_level_and_the_family() -> None:
    assert resamples_for(0.95) == resamples_for(0.95, tests=250) == RESAMPLES
    for level, tests in ((0.95, 600), (0.999, 1), (0.9999, 3), (0.99, 4000)):
        count = resamples_for(level, tests=tests)
        assert tests / (count + 1) <= (1 - level) / 2 + 1e-9
        assert (count + 1) * (1 - level) / 2 >= 10 - 1e-6
    values = np.random.default_rng(0).random(50)
    found = mean_interval(values, np.random.default_rng(0), level=0.9999, resamples=resamples_for(0.9999))
    assert found.interval is not None
    with pytest.raises(ValueError, match="resamples"):
        resamples_for(0.99999, tests=9)
