"""What repeats, contradicts or leaks, against definitions written out in plain Python."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from serpentune.datasets.quality import contradicting, repeated
from serpentune.datasets.splits import TEST, TRAIN, VALIDATION, in_ranges, leaks


@pytest.fixture(params=range(20))
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    return np.random.default_rng(request.param)


def keys(rng: np.random.Generator, different: int, count: int = 300) -> np.ndarray:
    return rng.integers(2**63, size=different).astype(np.uint64)[rng.integers(different, size=count)]


def test_the_first_of_equal_keys_stays(rng: np.random.Generator) -> None:
    found, kept = keys(rng, 60), rng.random(300) < 0.9
    seen: set[int] = set()
    expected = []
    for key, counts in zip(found.tolist(), kept.tolist(), strict=True):
        expected.append(counts and key in seen)
        if counts:
            seen.add(key)
    assert repeated(found, kept).tolist() == expected


@pytest.mark.parametrize("policy", ["all", "minority"])
def test_no_question_keeps_two_answers(rng: np.random.Generator, policy: str) -> None:
    questions, answers, kept = keys(rng, 80), keys(rng, 3), rng.random(300) < 0.9
    votes: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for question, answer, counts in zip(questions.tolist(), answers.tolist(), kept.tolist(), strict=True):
        if counts:
            votes[question][answer] += 1
    expected = []
    for question, answer, counts in zip(questions.tolist(), answers.tolist(), kept.tolist(), strict=True):
        of = votes[question]
        best = [said for said, number in of.items() if number == max(of.values())]
        right = len(of) == 1 or (policy == "minority" and best == [answer])
        expected.append(counts and not right)
    found = contradicting(questions, answers, kept, policy)  # type: ignore[arg-type]
    assert found.tolist() == expected
    assert any(expected)


@pytest.mark.parametrize("policy", ["train", "held-out"])
def test_no_state_stays_in_two_splits(rng: np.random.Generator, policy: str) -> None:
    states, kept = keys(rng, 150), rng.random(300) < 0.9
    splits = rng.choice([TRAIN, VALIDATION, TEST], size=300, p=[0.6, 0.2, 0.2]).astype(np.int8)
    wrong = leaks(states, splits, kept, policy)  # type: ignore[arg-type]
    assert not (wrong & ~kept).any()
    left = {split: set(states[kept & ~wrong & (splits == split)].tolist()) for split in (TRAIN, VALIDATION, TEST)}
    assert not left[TRAIN] & left[VALIDATION]
    assert not left[TRAIN] & left[TEST]
    assert not left[VALIDATION] & left[TEST]
    there = {split: set(states[kept & (splits == split)].tolist()) for split in (TRAIN, VALIDATION, TEST)}
    if policy == "train":
        assert left[TEST] == there[TEST]
        assert left[VALIDATION] == there[VALIDATION] - there[TEST]
        assert left[TRAIN] == there[TRAIN] - there[VALIDATION] - there[TEST]
    else:
        assert left[TRAIN] == there[TRAIN]
        assert left[TEST] == there[TEST] - there[TRAIN]


def test_ranges_of_lengths() -> None:
    lengths = np.arange(1, 12)
    assert lengths[in_ranges(lengths, ["3", "5-6", "10-"])].tolist() == [3, 5, 6, 10, 11]
    assert not in_ranges(lengths, []).any()


def test_nothing_drawn_is_no_fault() -> None:
    nothing, marks = np.empty(0, np.uint64), np.empty(0, np.bool_)
    assert len(contradicting(nothing, nothing, marks, "all")) == len(repeated(nothing, marks)) == 0
