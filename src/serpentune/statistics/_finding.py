"""Floor 7, statistics: the answer to a statistical question, in numbers and in words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Interval:
    """A confidence interval; `level` is its nominal coverage, 0.95 for 95%."""

    low: float
    high: float
    level: float

    def sentence(self) -> str:
        """`95% interval 2.1 to 4.4`."""
        return f"{plain(100 * self.level)}% interval {plain(self.low)} to {plain(self.high)}"


@dataclass(frozen=True)
class EffectSize:
    """An effect size that says which one it is; `value` is None where it isn't defined, and `reason` says why."""

    name: str
    value: float | None
    reason: str | None = None


@dataclass(frozen=True)
class Finding:
    """The answer to one statistical question.

    Attributes:
        quantity: what was estimated, as the subject of a sentence ("the mean difference (b minus a)").
        estimate: its value; None where it isn't defined.
        n: observations; pairs for paired questions.
        method: the name of the method that was really used, a fallback included.
        interval: None where the question has none or it isn't defined.
        p_value: two-sided; None where nothing was tested.
        effect: effect size with its name, where one is apt.
        reason: why something above is not defined; None where all is.
    """

    quantity: str
    estimate: float | None
    n: int
    method: str
    interval: Interval | None = None
    p_value: float | None = None
    effect: EffectSize | None = None
    reason: str | None = None

    def sentence(self) -> str:
        """The finding in plain words."""
        facts = [] if self.interval is None else [self.interval.sentence()]
        if self.p_value is not None:
            facts.append(p_text(self.p_value))
        if self.effect is not None and self.effect.value is not None and self.effect.name != self.quantity:
            facts.append(f"{self.effect.name} {plain(self.effect.value)}")
        facts += [f"n = {self.n}", self.method]
        value = "not defined" if self.estimate is None else plain(self.estimate)
        why = "" if self.reason is None else f": {self.reason}"
        return f"{self.quantity[0].upper()}{self.quantity[1:]} is {value} ({', '.join(facts)}){why}."

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON documents."""
        return asdict(self)


def plain(value: float) -> str:
    """A number as people write it: about three significant digits, thousands separated, no exponent, no `-0`."""
    size = abs(value)
    if size >= 99.95:
        text = f"{value:,.0f}"
    elif size >= 9.995:
        text = f"{value:.1f}"
    elif size >= 0.0995:
        text = f"{value:.2f}"
    else:
        text = f"{value:.4f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def p_text(p_value: float) -> str:
    """`p = 0.023`; what is smaller than 0.0001 is said to be so."""
    if p_value < 0.0001:
        return "p < 0.0001"
    return f"p = {p_value:.4f}" if p_value < 0.001 else f"p = {p_value:.2g}"


def observations(values: ArrayLike) -> NDArray[np.float64]:
    """`values` as float64 `(n,)`.

    Raises:
        ValueError: they are not one-dimensional, there are none, or one is NaN or infinite.
    """
    array = np.asarray(values, np.float64)
    if array.ndim != 1 or not len(array):
        raise ValueError(f"a list of at least one observation is needed, not an array of shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError("an observation is NaN or infinite")
    return array


def pairs(a: ArrayLike, b: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two lists of observations of which the k-th ones belong together.

    Raises:
        ValueError: as `observations`, or their lengths differ.
    """
    first, second = observations(a), observations(b)
    if len(first) != len(second):
        raise ValueError(f"pairs are needed, not {len(first)} and {len(second)} observations")
    return first, second
