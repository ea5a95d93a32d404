"""One function over many things: their order, how far it runs ahead, and what happens on a failure."""

from __future__ import annotations

import itertools
import threading
import time

import pytest

from serpentune.common.threads import mapped, processors


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_results_come_in_the_order_of_the_items(threads: int) -> None:
    def slow_at_first(number: int) -> int:
        time.sleep(0.002 * (number % 3))
        return number * number

    assert list(mapped(slow_at_first, range(40), threads)) == [number * number for number in range(40)]
    assert list(mapped(slow_at_first, [], threads)) == []


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_items_may_be_endless_and_few_are_taken_ahead(threads: int) -> None:
    taken = []
    numbers = (taken.append(number) or number for number in itertools.count())
    results = mapped(lambda number: number, numbers, threads)
    assert [next(results) for _ in range(10)] == list(range(10))
    assert len(taken) <= 10 + threads + 1
    results.close()


@pytest.mark.parametrize("threads", [1, 3])
def test_a_failure_is_raised_in_its_place_and_ends_the_work(threads: int) -> None:
    begun = []

    def breaks(number: int) -> int:
        begun.append(number)
        if number == 5:
            raise ValueError("five")
        return number

    results = mapped(breaks, range(1000), threads)
    read = []
    with pytest.raises(ValueError, match="five"):
        read.extend(results)  # extends one by one
    assert len(begun) < 20
    assert threading.active_count() < 50


def test_work_goes_on_side_by_side() -> None:
    meeting = threading.Barrier(3, timeout=20)
    assert sorted(mapped(lambda _: meeting.wait(), range(3), 3)) == [0, 1, 2]


def test_there_is_a_processor() -> None:
    assert processors() >= 1
