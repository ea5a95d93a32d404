"""Floor 4, datasets: pieces of text, `Texts` of few texts, as kernels write and read them within others."""

from __future__ import annotations

from numba import types

from serpentune.datasets.texts import BYTES_TYPE, OFFSETS_TYPE, Bytes, Offsets
from serpentune.game._jit import kernel


@kernel(types.int64(types.uint8[::1], types.int64, BYTES_TYPE, OFFSETS_TYPE, types.int64), allocates=False)
def put(data: Bytes, at: int, pieces: Bytes, piece_at: Offsets, piece: int) -> int:
    """Write a piece at `at`; where it ends."""
    first, size = int(piece_at[piece]), int(piece_at[piece + 1] - piece_at[piece])
    for place in range(size):
        data[at + place] = pieces[first + place]
    return at + size


@kernel(types.int64(BYTES_TYPE, types.int64, types.int64, BYTES_TYPE, OFFSETS_TYPE, types.int64), allocates=False)
def skip(data: Bytes, at: int, stop: int, pieces: Bytes, piece_at: Offsets, piece: int) -> int:
    """Where the piece that stands at `at` ends; -1 where something else stands before `stop`, or `at` is -1."""
    first, size = int(piece_at[piece]), int(piece_at[piece + 1] - piece_at[piece])
    if at < 0 or stop - at < size:
        return -1
    for place in range(size):
        if data[at + place] != pieces[first + place]:
            return -1
    return at + size
