"""Shares and paired wins: equality with written-out definitions, and the edges."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serpentune.statistics import mcnemar_exact, wilson_interval


@pytest.mark.parametrize(("successes", "n"), [(0, 50), (1, 50), (25, 50), (50, 50), (3, 200), (1, 1)])
def test_wilson_is_the_set_of_shares_that_the_score_test_accepts(successes: int, n: int) -> None:
    found = wilson_interval(successes, n)
    assert found.interval is not None
    share, z = successes / n, 1.959963984540054
    grid = np.linspace(0, 1, 200_001)
    accepted = grid[np.abs(share - grid) <= z * np.sqrt(grid * (1 - grid) / n) + 1e-12]
    assert found.interval.low == pytest.approx(accepted.min(), abs=2e-5)
    assert found.interval.high == pytest.approx(accepted.max(), abs=2e-5)


def test_no_wins_of_fifty_leave_room_for_seven_percent() -> None:
    found = wilson_interval(0, 50)
    assert found.estimate == 0
    assert found.interval is not None
    assert (found.interval.low, round(found.interval.high, 3)) == (0, 0.071)
    assert found.sentence() == "The share is 0 (95% interval 0 to 0.0713, n = 50, Wilson score interval)."


@pytest.mark.parametrize(("successes", "n"), [(1, 0), (-1, 5), (6, 5)])
def test_what_is_no_share_is_refused(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        wilson_interval(successes, n)


def _mcnemar(only_a: int, only_b: int) -> float:
    """Twice the smaller tail of a fair coin, at most 1."""
    n, least = only_a + only_b, min(only_a, only_b)
    return min(1.0, 2 * sum(comb(n, k) for k in range(least + 1)) / 2**n)


_wins = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


@given(_wins)
@settings(max_examples=100, deadline=None)
def test_mcnemar_equals_its_definition_and_its_interval_holds_the_estimate(pairs: list[tuple[bool, bool]]) -> None:
    a, b = np.array(pairs).T
    found = mcnemar_exact(a, b)
    assert found.p_value == pytest.approx(_mcnemar(int((a & ~b).sum()), int((b & ~a).sum())))
    assert found.estimate == pytest.approx(b.mean() - a.mean())
    assert found.interval is not None
    assert -1 <= found.interval.low <= found.estimate <= found.interval.high <= 1
    mirrored = mcnemar_exact(b, a)
    assert mirrored.interval is not None
    assert (mirrored.interval.low, mirrored.interval.high) == pytest.approx((-found.interval.high, -found.interval.low))


def test_newcombes_interval_equals_the_published_one() -> None:
    # Newcombe 1998, table II, method 10: 36 both, 12 only the first, 2 only the second, 0 neither.
    both, only_first, only_second = 36, 12, 2
    second = np.array([True] * both + [False] * only_first + [True] * only_second)
    first = np.array([True] * both + [True] * only_first + [False] * only_second)
    interval = mcnemar_exact(second, first).interval
    assert interval is not None
    assert (round(interval.low, 4), round(interval.high, 4)) == (0.0569, 0.3404)


def test_without_a_differing_pair_nothing_is_shown_and_the_effect_says_why() -> None:
    found = mcnemar_exact([True, False], [True, False])
    assert (found.estimate, found.p_value) == (0, 1)
    assert found.effect is not None
    assert (found.effect.value, found.effect.reason) == (None, "no pair differs")


def test_only_booleans_are_wins() -> None:
    with pytest.raises(ValueError, match="booleans"):
        mcnemar_exact([0, 1], [1, 1])
    with pytest.raises(ValueError, match="one length"):
        mcnemar_exact([True], [True, False])


def test_cohens_g_is_the_excess_over_a_half() -> None:
    found = mcnemar_exact([True, False, False, False], [False, True, True, True])
    assert found.effect is not None
    assert found.effect.value == pytest.approx(3 / 4 - 1 / 2)
