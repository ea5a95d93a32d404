"""Floor 4, datasets: which moments become records: how many of each kind, drawn without holding them all.

Moments are counted by stratum in one pass over the games, the records wanted are shared out over the strata, and a
second pass takes exactly so many of each, every moment of a stratum with the same chance.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
from numba import types
from numpy.typing import NDArray

from serpentune.datasets._moments import AT_APPLE, Moments
from serpentune.game._jit import kernel
from serpentune.game._rules import mix

BALANCES = ("teacher", "board", "length", "position")

Numbers = NDArray[np.int64]
_NUMBERS_TYPE = types.int64[::1]


@dataclass
class Strata:
    """The kinds of moments of one teacher and completion style, and how many are wanted of each.

    A stratum is what of board, snake length and head cell is balanced, and with `apples` whether the apple has just
    appeared.

    Attributes:
        boards: every board size of the games, in a fixed order.
        balance: some of `BALANCES`; `teacher` concerns the quotas and not the strata.
        apples: whether moments at which an apple has just appeared are strata of their own.
        total: int64 `(strata,)`, moments of each that may be drawn.
        wanted: int64 `(strata,)`, how many are to be drawn; filled in by `share_out`.
    """

    boards: tuple[tuple[int, int], ...]
    balance: Collection[str]
    apples: bool
    total: Numbers = field(init=False)
    wanted: Numbers = field(init=False)
    _seen: Numbers = field(init=False)
    _taken: Numbers = field(init=False)

    def __post_init__(self) -> None:
        cells = max(width * height for width, height in self.boards)
        # A cell is another place on another board.
        self._board = len(self.boards) if {"board", "position"} & set(self.balance) else 1
        self._length = cells + 1 if "length" in self.balance else 1
        self._position = cells if "position" in self.balance else 1
        count = (1 + self.apples) * self._board * self._length * self._position
        self.total, self.wanted, self._seen, self._taken = (np.zeros(count, np.int64) for _ in range(4))

    def of(self, moments: Moments, board: tuple[int, int]) -> Numbers:
        """The stratum of each moment of games on one board."""
        result = np.zeros(len(moments), np.int64)
        if self.apples:
            result += (moments.flags & AT_APPLE) != 0
        result *= self._board
        if self._board > 1:
            result += self.boards.index(board)
        result *= self._length
        if self._length > 1:
            result += moments.length
        result *= self._position
        if self._position > 1:
            result += moments.head
        return result

    def count(self, moments: Moments, board: tuple[int, int], candidates: NDArray[np.bool_]) -> None:
        """Add the moments among which may be drawn, bool `(m,)`, to the totals."""
        self.total += np.bincount(self.of(moments, board)[candidates], minlength=len(self.total))

    def available(self, between: float | None) -> int:
        """How many can be drawn when at most the share `between` may lie between two apples; None sets no bound."""
        if between is None or not self.apples:
            return int(self.total.sum())
        later, fresh = (int(half.sum()) for half in np.split(self.total, 2))
        return min(later, later if between == 1 else int(fresh * between / (1 - between))) + fresh * (between < 1)

    def share_out(self, count: int, between: float, rng: np.random.Generator) -> None:
        """Decide how many to draw of each stratum: `count` in all, at most what is available.

        Every stratum gets the same number as far as it has so many.

        Args:
            count: how many in all.
            between: with `apples`, the share of moments between two apples; more, where there are too few apples.
            rng: decides which strata get one more where it doesn't divide.
        """
        if not self.apples:
            self.wanted = level(self.total, count, rng)
            return
        later, fresh = np.split(self.total, 2)
        extra = min(int(later.sum()), max(count - int(fresh.sum()), int(count * between)))
        self.wanted = np.concatenate([level(later, extra, rng), level(fresh, count - extra, rng)])

    def draw(self, moments: Moments, board: tuple[int, int], candidates: NDArray[np.bool_], salt: int) -> Numbers:
        """The places among the moments that are drawn, ascending; each moment must be shown once, in the same order."""
        places = np.flatnonzero(candidates)
        chosen = np.empty(len(places), np.bool_)
        _draw(self.of(moments, board)[places], self.total, self.wanted, self._seen, self._taken, salt, chosen)
        return places[chosen]


@kernel(
    types.void(
        _NUMBERS_TYPE,
        _NUMBERS_TYPE,
        _NUMBERS_TYPE,
        _NUMBERS_TYPE,
        _NUMBERS_TYPE,
        types.int64,
        types.boolean[::1],
    )
)
def _draw(
    strata: Numbers,
    total: Numbers,
    wanted: Numbers,
    seen: Numbers,
    taken: Numbers,
    salt: int,
    chosen: NDArray[np.bool_],
) -> None:
    """Selection sampling in one pass (Fan, Muller, Rezucha 1962; Knuth's algorithm S): exactly `wanted` of `total`."""
    for place in range(strata.shape[0]):
        stratum = strata[place]
        word = mix(mix(mix(np.uint64(salt)) ^ np.uint64(stratum)) ^ np.uint64(seen[stratum]))
        share = np.float64(word >> np.uint64(11)) * 2.0**-53
        chosen[place] = share * (total[stratum] - seen[stratum]) < wanted[stratum] - taken[stratum]
        seen[stratum] += 1
        taken[stratum] += 1 if chosen[place] else 0


def level(total: Numbers, count: int, rng: np.random.Generator) -> Numbers:
    """`count` shared out over kinds of which there are `total`: each the same, or all of it where that is less.

    Args:
        total: int64 `(n,)`, how many there are of each.
        count: how many to share out, at most the sum of `total`.
        rng: says which kinds get one more where it doesn't divide.
    """
    sizes = np.sort(total)
    below = np.concatenate([[0], np.cumsum(sizes)])[:-1]
    # With each kind in turn as the first that isn't used up, what the others together would hold.
    held = below + sizes * np.arange(len(sizes), 0, -1)
    first = int(np.searchsorted(held, count))
    if first == len(sizes):
        return total.copy()
    height, rest = divmod(count - int(below[first]), len(sizes) - first)
    result = np.minimum(total, height)
    higher = np.flatnonzero(total > height)
    result[rng.choice(higher, size=rest, replace=False)] += 1
    return result


def quotas(
    wanted: Mapping[tuple[str, str], float], there: Mapping[tuple[str, str], int], balance: bool
) -> dict[tuple[str, str], int]:
    """How many records to draw of each teacher and style.

    Args:
        wanted: by teacher and style, how many were asked for.
        there: how many there are.
        balance: whether the proportions of `wanted` are kept, so that the poorest bounds all.
    """
    scale = min([1.0, *(there[kind] / number for kind, number in wanted.items() if number > 0)]) if balance else 1.0
    # What is added makes up for the rounding of shares: 0.57 of 100 records are 57.
    return {kind: min(int(number * scale + 1e-9), there[kind]) for kind, number in wanted.items()}
