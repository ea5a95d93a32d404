"""The ground: one function over many things on all processor cores, for work that releases the interpreter lock."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def processors() -> int:
    """How many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def mapped(
    function: Callable[[Item], Result], items: Iterable[Item], threads: int | None = None
) -> Generator[Result, None, None]:
    """`map(function, items)` on several threads: the results in the order of the items, whoever is done first.

    Items are taken, on the caller's thread, as results are read: at most one a thread more than has been read, so
    that memory stays flat. What `function` raises is raised where its result would have come, and what has not begun by
    then never does; so too when the iterator is closed. On one thread nothing is begun before its result is asked for.

    Args:
        function: Numba kernels, NumPy and Arrow release the interpreter lock; plain Python gains nothing here.
        items: may be endless.
        threads: how many, at least 1; those of `processors` without.
    """
    count = processors() if threads is None else threads
    if count == 1:
        yield from map(function, items)
        return
    begun: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(count)
    try:
        for item in items:
            begun.append(pool.submit(function, item))
            if len(begun) > count:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
