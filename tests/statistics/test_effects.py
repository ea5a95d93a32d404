"""Effect sizes, families of tests, power: equality with written-out definitions, and stated reasons."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serpentune.statistics import (
    cliffs_delta,
    cohens_d,
    cohens_dz,
    fewest_pairs,
    holm,
    p_text,
    paired_permutation,
    pairing_correlation,
    pairs_needed,
    plain,
)

_scores = st.lists(st.integers(0, 5), min_size=2, max_size=20)


@given(_scores, _scores)
@settings(max_examples=80, deadline=None)
def test_effect_sizes_equal_their_definitions(first: list[int], second: list[int]) -> None:
    a, b = np.array(first, float), np.array(second, float)
    delta = np.mean([np.sign(y - x) for x in a for y in b])
    assert cliffs_delta(a, b).estimate == pytest.approx(delta)
    pooled = (((a - a.mean()) ** 2).sum() + ((b - b.mean()) ** 2).sum()) / (len(a) + len(b) - 2)
    if pooled > 0:
        assert cohens_d(a, b).estimate == pytest.approx((b.mean() - a.mean()) / np.sqrt(pooled))
    else:
        assert cohens_d(a, b).reason == "neither sample has any spread"
    size = min(len(a), len(b))
    difference = b[:size] - a[:size]
    if np.ptp(difference) > 0:
        spread = np.sqrt(((difference - difference.mean()) ** 2).sum() / (size - 1))
        assert cohens_dz(a[:size], b[:size]).estimate == pytest.approx(difference.mean() / spread)
    else:
        assert cohens_dz(a[:size], b[:size]).reason == "all paired differences are the same"


def test_what_is_not_defined_is_none_with_a_reason() -> None:
    assert cohens_dz([1], [2]).reason == "there is one pair only"
    assert cohens_d([1], [2, 3]).reason == "a sample has one value only"
    assert cliffs_delta([1, 1], [1]).estimate == 0
    constant = pairing_correlation([1, 1, 1], [1, 2, 3])
    assert (constant.estimate, constant.reason) == (None, "one side is constant")
    assert "not defined" in constant.sentence()
    assert pairing_correlation([1], [2]).reason == "there is one pair only"


def test_correlation_equals_its_definition_and_a_line_has_no_interval() -> None:
    a, b = np.random.default_rng(0).integers(0, 20, (2, 30)).astype(float)
    found = pairing_correlation(a, b)
    assert found.estimate == pytest.approx(np.corrcoef(a, b)[0, 1])
    assert found.interval is not None
    assert found.interval.low < found.estimate < found.interval.high
    line = pairing_correlation(a, 2 * a)
    assert line.estimate == pytest.approx(1)
    assert line.interval is None


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=8))
@settings(max_examples=20, deadline=None)  # statsmodels collects garbage at each call
def test_holm_equals_its_definition(p_values: list[float | None]) -> None:
    tested = sorted(p for p in p_values if p is not None)
    adjusted = [max(min(1.0, (len(tested) - k) * tested[k]) for k in range(rank + 1)) for rank in range(len(tested))]
    expected = dict(zip(tested, adjusted, strict=True))
    # Equal p-values share the greatest adjustment among them.
    assert [None if p is None else pytest.approx(expected[p]) for p in p_values] == list(holm(p_values))


def test_a_p_value_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([0.5, 1.5])


def test_the_planned_number_of_pairs_has_the_planned_power() -> None:
    needed = pairs_needed(0.5)
    assert needed == pairs_needed(-0.5) == 34
    rng = np.random.default_rng(0)
    shown = sum(
        (paired_permutation(np.zeros(needed), rng.normal(0.5, 1, needed), rng, resamples=399).p_value or 0) <= 0.05
        for _ in range(400)
    )
    assert shown / 400 == pytest.approx(0.8, abs=0.06)


def test_without_an_effect_no_number_of_pairs_is_enough() -> None:
    assert [pairs_needed(effect) for effect in (None, 0.0, 1e-9)] == [None] * 3
    with pytest.raises(ValueError, match="power"):
        pairs_needed(0.3, power=0.01)


@pytest.mark.parametrize(("alpha", "fewest"), [(0.05, 6), (0.025, 7), (0.01, 8)])
def test_below_the_fewest_pairs_nothing_can_be_shown(alpha: float, fewest: int) -> None:
    assert fewest_pairs(alpha) == fewest
    assert pairs_needed(100.0, alpha=alpha) == fewest
    rng = np.random.default_rng(0)
    best = [paired_permutation(np.zeros(n), np.ones(n), rng).p_value or 0 for n in (fewest - 1, fewest)]
    assert best[0] > alpha >= best[1]


def test_numbers_are_written_as_people_write_them() -> None:
    numbers = (0, -0.00001, 0.0713, 0.5, 3.2, 12.34, 95.0, 100.0, 2522.4, -4.4)
    assert [plain(x) for x in numbers] == ["0", "0", "0.0713", "0.5", "3.2", "12.3", "95", "100", "2,522", "-4.4"]
    assert [p_text(p) for p in (1, 0.234, 0.0001, 0.00001)] == ["p = 1", "p = 0.23", "p = 0.0001", "p < 0.0001"]
