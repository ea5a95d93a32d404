"""Floor 4, datasets: which of millions of records share a key, with a few bytes a record and on all cores."""

from __future__ import annotations

from functools import partial

import numpy as np
from numba import types
from numpy.typing import NDArray

from serpentune.common.threads import mapped
from serpentune.game._jit import kernel
from serpentune.game._rules import mix

Keys = NDArray[np.uint64]
Marks = NDArray[np.bool_]
Places = NDArray[np.int32]

_KEYS_AT_ONCE = 1 << 22
"""Keys of one part, about: its hash table has 32 megabytes. Each part reads all keys, so more parts take longer."""


def first_places(keys: Keys, kept: Marks) -> Places:
    """For each record the place of the first one with its key, int32 `(n,)`: its own where it is the first.

    Args:
        keys: uint64 `(n,)`.
        kept: bool `(n,)`; a record that isn't marked shares its key with none.

    Raises:
        OverflowError: more than two billion records.
    """
    if len(keys) >= 2**31:
        raise OverflowError(f"{len(keys)} records are more than can be compared at once")
    first = np.arange(len(keys), dtype=np.int32)
    parts = 1 + len(keys) // _KEYS_AT_ONCE
    for _ in mapped(partial(_find_first, keys, kept, parts, first), range(parts)):
        pass  # each part has written the places of its own keys
    return first


def sharing(first: Places, marks: Marks) -> Marks:
    """Which records have the key of a marked one, or are marked.

    Args:
        first: int32 `(n,)`, from `first_places`.
        marks: bool `(n,)`.
    """
    found = np.zeros(len(first), np.bool_)
    found[first[marks]] = True
    shared: Marks = found[first]
    return shared


def together(one: Keys, other: Keys) -> Keys:
    """A hash of both, uint64 `(n,)`."""
    result = np.empty(len(one), np.uint64)
    _together(one, other, result)
    return result


@kernel(types.int64(types.uint64, types.int64), allocates=False)
def _part(word: np.uint64, parts: int) -> int:
    """Which of the parts a scrambled word belongs to, by its upper half; its lower bits choose the slot."""
    return int(((word >> np.uint64(32)) * np.uint64(parts)) >> np.uint64(32))


@kernel(types.void(types.uint64[::1], types.boolean[::1], types.int64, types.int32[::1], types.int64))
def _find_first(keys: Keys, kept: Marks, parts: int, first: Places, part: int) -> None:
    """Write the places of the keys of one of several parts, by a hash table with linear probing (Knuth's L)."""
    count = 0
    for place in range(keys.shape[0]):
        if kept[place] and _part(mix(keys[place]), parts) == part:
            count += 1
    size = 1
    while size < 2 * count:
        size *= 2
    table = np.full(size, -1, np.int32)
    for place in range(keys.shape[0]):
        word = mix(keys[place])
        if not kept[place] or _part(word, parts) != part:
            continue
        slot = np.int64(word & np.uint64(size - 1))
        while table[slot] >= 0 and keys[table[slot]] != keys[place]:
            slot = (slot + 1) & (size - 1)
        if table[slot] < 0:
            table[slot] = place
        first[place] = table[slot]


@kernel(types.void(types.uint64[::1], types.uint64[::1], types.uint64[::1]))
def _together(one: Keys, other: Keys, result: Keys) -> None:
    for place in range(result.shape[0]):
        result[place] = mix(mix(one[place]) ^ other[place])
