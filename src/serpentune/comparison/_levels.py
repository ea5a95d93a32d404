"""Floor 9, comparison: differences at the level of methods, where the training seed is the unit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from serpentune.statistics import Finding, Interval, plain, seed_level_difference, seed_level_mean

Bounds = tuple[float, float]

_LEAST = 1e-9


def method_difference(
    a: NDArray[np.float64], b: NDArray[np.float64], *, level: float, bounds: Bounds | None = None
) -> Finding:
    """How much larger is b than a, over training seeds and games?

    A side of one row is a checkpoint that is taken as it is, such as the untuned model: what varies is then the other
    side's seeds and the games, and the interval is that of the mean difference from it.

    Args:
        a: float64 `(seeds_a, games)`.
        b: float64 `(seeds_b, games)`, the same games; one of the two has several rows.
        level: coverage of the interval.
        bounds: the least and greatest mean that a student can have.
    """
    found = _found(a, b, level, bounds)
    if min(len(a), len(b)) > 1:
        return found
    quantity = (
        f"the difference of the method's mean from the checkpoint (b minus a; {max(len(a), len(b))} training seeds)"
    )
    if found.interval is None:
        return replace(found, quantity=quantity)
    p_value = _inverted(lambda interval: max(interval.low, -interval.high), _at(a, b, bounds))
    return replace(found, quantity=quantity, p_value=p_value)


def method_sameness(
    a: NDArray[np.float64], b: NDArray[np.float64], margin: float, *, level: float, bounds: Bounds | None = None
) -> Finding:
    """Do the methods differ by less than `margin`? The p-value is that of "they differ by `margin` or more".

    As in `statistics.equivalence`, "the same" asks for the whole interval of `method_difference` inside the margin.
    """
    found = method_difference(a, b, level=level, bounds=bounds)
    p_value = None
    if found.interval is not None:
        p_value = _inverted(lambda interval: margin - max(-interval.low, interval.high), _at(a, b, bounds))
    return replace(
        found,
        quantity=f"{found.quantity}, against a margin of ±{plain(margin)},",
        p_value=p_value,
        method=f"TOST by the {found.method}" if found.interval is not None else found.method,
    )


def _found(a: NDArray[np.float64], b: NDArray[np.float64], level: float, bounds: Bounds | None) -> Finding:
    if min(len(a), len(b)) > 1:
        return seed_level_difference(a, b, level=level, bounds=bounds)
    widest = None if bounds is None else (bounds[0] - bounds[1], bounds[1] - bounds[0])
    return seed_level_mean(b - a, level=level, bounds=widest)  # the side of one row is taken from every student


def _at(a: NDArray[np.float64], b: NDArray[np.float64], bounds: Bounds | None) -> Callable[[float], Interval]:
    """The interval of the difference at 1 - alpha."""

    def interval(alpha: float) -> Interval:
        found = _found(a, b, 1 - alpha, bounds)
        assert found.interval is not None
        return found.interval

    return interval


def _inverted(room: Callable[[Interval], float], at: Callable[[float], Interval]) -> float:
    """The least alpha at which the interval has room: the p-value that says the same as the interval at every level."""
    from scipy.optimize import brentq

    if room(at(_LEAST)) >= 0:
        return _LEAST
    if room(at(1 - _LEAST)) <= 0:
        return 1.0
    return float(brentq(lambda alpha: room(at(alpha)), _LEAST, 1 - _LEAST, xtol=1e-9))
