"""Floor 4, datasets: how often two players move alike in the same states of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from serpentune import teachers as registry
from serpentune.datasets._answers import NO_MOVE
from serpentune.datasets.symmetries import state_hashes
from serpentune.game import States

Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class Pair:
    """Two players in the same states.

    Attributes:
        a: the one.
        b: the other.
        states: different states in which both moves are known.
        agree: those of them in which the moves are the same.
        asked: both are registered teachers and were asked in the drawn states; else their answers in the data set were
            compared, where they are to the same state.
    """

    a: str
    b: str
    states: int
    agree: int
    asked: bool


class StateSample:
    """Draws different states from a stream of states, each with the same chance, however often it comes.

    The states are kept whose hashes lie nearest to a random number in the order of XOR: which these are does not depend
    on the order of the stream.
    """

    def __init__(self, size: int, seed: int) -> None:
        """Draw `size` states."""
        self._size = size
        self._salt = np.random.default_rng([seed, 0]).integers(2**64, dtype=np.uint64)
        self._bound = np.uint64(2**64 - 1)
        self._held: dict[tuple[int, int], list[tuple[Hashes, States]]] = {}
        self._count = 0

    def add(self, states: States) -> Hashes:
        """Offer `n` states of one board size; their hashes, uint64 `(n,)`."""
        hashes = state_hashes(states)
        keys = hashes ^ self._salt
        near = np.flatnonzero(keys <= self._bound)
        if self._size and len(near):
            self._held.setdefault((states.width, states.height), []).append((keys[near], states.take(near)))
            self._count += len(near)
            if self._count > 4 * self._size:
                self._thin()
        return hashes

    def drawn(self) -> list[States]:
        """The drawn states, a piece for each board size."""
        self._thin()
        return [states for parts in self._held.values() for _, states in parts]

    def _thin(self) -> None:
        joined = {size: _distinct(parts) for size, parts in sorted(self._held.items())}
        keys = np.sort(np.concatenate([np.zeros(0, np.uint64), *(keys for keys, _ in joined.values())]))
        if len(keys) > self._size:
            self._bound = keys[self._size - 1]
        self._held = {}
        for size, (own, states) in joined.items():
            near = np.flatnonzero(own <= self._bound)
            if len(near):
                self._held[size] = [(own[near], states.take(near))]
        self._count = min(len(keys), self._size)


def _distinct(parts: Sequence[tuple[Hashes, States]]) -> tuple[Hashes, States]:
    """Each state once, in the order of the keys."""
    keys, first = np.unique(np.concatenate([keys for keys, _ in parts]), return_index=True)
    states = [states for _, states in parts]
    joined = States(
        states[0].width,
        states[0].height,
        np.concatenate([each.body for each in states]),
        np.concatenate([each.length for each in states]),
        np.concatenate([each.apple for each in states]),
        np.concatenate([each.direction for each in states]),
    )
    return keys, joined.take(first)


def compare_players(
    players: Sequence[str],
    sample: Sequence[States],
    hashes: Hashes,
    codes: NDArray[np.int64],
    moves: NDArray[np.int8],
) -> tuple[Pair, ...]:
    """How often each two players of a data set move alike.

    Args:
        players: their names.
        sample: drawn states, in which registered teachers are asked.
        hashes: uint64 `(n,)`, the state of each record.
        codes: int64 `(n,)`, the place in `players` of who answered it.
        moves: int8 `(n,)`, the first move of the answer, or `NO_MOVE`. Where a player answers a state several times,
            the first record counts.

    Raises:
        UserError: a teacher broke its contract.
    """
    known = registry.names()
    answers = {
        name: np.concatenate([registry.get(name).moves(states) for states in sample])
        for name in players
        if name in known and sample
    }
    labels: dict[str, tuple[Hashes, NDArray[np.int8]]] = {}
    if any(name not in known for name in players):
        for code, name in enumerate(players):
            own = np.flatnonzero((codes == code) & (moves != NO_MOVE))
            states, first = np.unique(hashes[own], return_index=True)
            labels[name] = states, moves[own[first]]
    pairs = []
    for a, b in combinations(players, 2):
        asked = a in known and b in known
        if asked:
            same = answers[a] == answers[b] if sample else np.zeros(0, np.bool_)
        else:
            _, in_a, in_b = np.intersect1d(labels[a][0], labels[b][0], assume_unique=True, return_indices=True)
            same = labels[a][1][in_a] == labels[b][1][in_b]
        pairs.append(Pair(a, b, len(same), int(same.sum()), asked))
    return tuple(pairs)
