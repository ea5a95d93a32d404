"""Floor 8, evaluation: figures beside their intervals in a flat dictionary, with a reason for each that is None."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from serpentune.statistics import Finding, clustered_share

RESAMPLING_SEED = 0
"""Bootstraps of an evaluation start from this seed, so that the same games always have the same figures."""


class Figures:
    """Figures with their intervals, the methods of these, and the reasons for what is None.

    Attributes:
        values: the figures so far; those without an interval are put here by hand.
    """

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self._methods: dict[str, str] = {}
        self._undefined: dict[str, str] = {}

    def add(self, name: str, found: Finding, scale: float = 1.0) -> None:
        """A finding as the figures `name`, `name_low` and `name_high`, multiplied by `scale`."""
        interval = found.interval
        self.values[name] = None if found.estimate is None else scale * found.estimate
        self.values[f"{name}_low"] = None if interval is None else scale * interval.low
        self.values[f"{name}_high"] = None if interval is None else scale * interval.high
        if interval is not None:
            self._methods[name] = found.method
        else:
            reason = found.reason or found.method
            itself = (name,) if found.estimate is None else ()
            self._undefined |= dict.fromkeys((*itself, f"{name}_low", f"{name}_high"), reason)

    def document(self) -> dict[str, Any]:
        """The figures in the order in which they came, `methods` of intervals and `undefined` with the reasons."""
        return {**self.values, "methods": self._methods, "undefined": self._undefined}


def rng() -> np.random.Generator:
    """A generator for the resamples of one figure, so that it doesn't change when another figure is added."""
    return np.random.default_rng(RESAMPLING_SEED)


def missing(reason: str) -> Finding:
    """What is said of a figure that is not defined."""
    return Finding("the figure", None, 0, "no interval", reason=reason)


def share(hits: NDArray[np.int64], tried: NDArray[np.int64], nothing: str) -> Finding:
    """A share of what was tried in all games, these resampled whole.

    Args:
        hits: int64 `(games,)`.
        tried: int64 `(games,)`.
        nothing: the reason where nothing was tried.
    """
    return clustered_share(hits, tried, rng()) if tried.any() else missing(nothing)
