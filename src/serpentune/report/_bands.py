"""Floor 10, report: shares that fall or rise over a whole number, as steps with a band of uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serpentune.report._charts import Axis, axis
from serpentune.report._format import level, percent
from serpentune.report._tables import Cell, Column, Row, Table, between, figure
from serpentune.statistics import wilson_interval

MOST_TOGETHER = 7
"""More lines than this have a panel each: nobody can follow more colours in one plot."""

_LEVEL = 0.95

_EACH = f"with {level(_LEVEL)} Wilson intervals, which hold for each"

SCORES_REACHED = f"The share of games with at least each score, {_EACH} score by itself."
"""How to read `scores_reached`."""

WINS_FROM = (
    f"Of the games in which the snake became this long, the share that went on to fill the board, {_EACH} length by "
    "itself."
)
"""How to read `wins_from`."""

_MOST_COLUMNS = 7


@dataclass(frozen=True)
class Share:
    """`part` of `whole` things, with its Wilson interval."""

    part: int
    whole: int
    value: float
    low: float
    high: float

    @classmethod
    def of(cls, part: int, whole: int) -> Share:
        """The share of one thing or more."""
        found = wilson_interval(part, whole, level=_LEVEL)
        assert found.interval is not None and found.estimate is not None
        return cls(part, whole, found.estimate, found.interval.low, found.interval.high)


@dataclass(frozen=True)
class Profile:
    """One model's shares by a whole number from 1 on: `shares[k]` stands at `k + 1`."""

    name: str
    colour: int
    shares: tuple[Share, ...]

    def at(self, number: int) -> Share | None:
        """The share at a number; None where there is none."""
        return self.shares[number - 1] if number <= len(self.shares) else None


@dataclass(frozen=True)
class BandLine:
    """A profile as it is drawn: texts of SVG `points` attributes in a 1000 x 1000 square, and what it says in words."""

    name: str
    colour: int
    line: str
    band: str
    told: str


@dataclass(frozen=True)
class Bands:
    """Profiles on common axes; `noun` is what the numbers are, `subject` what the shares are of."""

    x: Axis
    y: Axis
    lines: tuple[BandLine, ...]
    noun: str
    subject: str

    @property
    def together(self) -> bool:
        """Whether all lines share one plot."""
        return len(self.lines) <= MOST_TOGETHER


def scores_reached(name: str, colour: int, scores: NDArray[np.float64], top: int) -> Profile:
    """The performance profile of a model: the share of its games with at least each score from 1 to `top`.

    As in Agarwal et al. 2021 ("Deep Reinforcement Learning at the Edge of the Statistical Precipice"), for one task:
    their bootstrap over runs is here Wilson's interval at each score, which doesn't collapse where all games or none
    get there.
    """
    at_least = np.bincount(scores.astype(np.int64), minlength=top + 1)[::-1].cumsum()[::-1]
    return Profile(name, colour, tuple(Share.of(int(part), len(scores)) for part in at_least[1:]))


def wins_from(name: str, colour: int, scores: NDArray[np.float64], wins: NDArray[np.bool_]) -> Profile:
    """The share of games that were won, of those in which the snake reached each length."""
    top = int(scores.max()) + 1
    reached = np.bincount(scores.astype(np.int64), minlength=top)[::-1].cumsum()[::-1]
    won = np.bincount(scores[wins].astype(np.int64), minlength=top)[::-1].cumsum()[::-1]
    shares = tuple(Share.of(int(part), int(whole)) for part, whole in zip(won, reached, strict=True))
    return Profile(name, colour, shares)


def bands(profiles: Sequence[Profile], noun: str, subject: str) -> Bands:
    """Lay out profiles; each has at least one share."""
    scale = axis(0.0, max(len(profile.shares) for profile in profiles))
    shares = axis(0.0, 1.0)
    lines = []
    for profile in profiles:
        low = _steps([share.low for share in profile.shares], scale)
        high = _steps([share.high for share in profile.shares], scale)
        line = _steps([share.value for share in profile.shares], scale)
        told = ", ".join(
            f"{noun} {number}: {percent(share.value)}"
            for number in _round_numbers(profiles)
            if (share := profile.at(number)) is not None
        )
        lines.append(BandLine(profile.name, profile.colour, " ".join(line), " ".join([*low, *reversed(high)]), told))
    return Bands(scale, shares, tuple(lines), noun, subject)


def bands_table(profiles: Sequence[Profile], caption: str, head: str) -> Table:
    """The same at round numbers, with intervals; `head` takes the number."""
    numbers = _round_numbers(profiles)
    rows = tuple(
        Row(profile.name, tuple(_cell(profile.at(number)) for number in numbers), profile.colour)
        for profile in profiles
    )
    return Table(caption, "Model", tuple(Column(head.format(number)) for number in numbers), rows)


def _cell(share: Share | None) -> Cell:
    if share is None:
        return figure(None, percent, missing="none got there")
    interval = between(share.low, share.high, percent)
    return Cell(percent(share.value), f"{interval} of {share.whole}", share.value)


def _round_numbers(profiles: Sequence[Profile]) -> list[int]:
    """At most about `_MOST_COLUMNS` numbers, from the least to the greatest."""
    last = max(len(profile.shares) for profile in profiles)
    numbers: list[int] = np.unique(np.linspace(1, last, _MOST_COLUMNS).round().astype(np.int64)).tolist()
    return numbers


def _steps(values: Sequence[float], scale: Axis) -> list[str]:
    """A value holds from the number before to its own: whoever has 2.5 apples or more has 3."""
    points: list[str] = []
    for number, value in enumerate(values, 1):
        y = f"{1000 - 1000 * value:.0f}"
        if points and points[-1].endswith(f",{y}"):
            points.pop()  # a level step goes on
        else:
            points.append(f"{10 * scale.place(number - 1):.0f},{y}")
        points.append(f"{10 * scale.place(number):.0f},{y}")
    return points
