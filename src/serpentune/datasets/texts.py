"""Floor 4, datasets: many texts as one piece of memory, which kernels write and Arrow takes as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from serpentune.game._jit import kernel
from serpentune.game._rules import mix

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]

TokenLengths = Callable[[Sequence[str], Sequence[str]], NDArray[np.int64]]
"""From `n` prompts and their `n` completions to the tokens of each pair, int64 `(n,)`, end token included."""

BYTES_TYPE = types.Array(types.uint8, 1, "C", readonly=True)
OFFSETS_TYPE = types.Array(types.int64, 1, "C", readonly=True)


@dataclass(frozen=True)
class Texts:
    """`n` texts in UTF-8, one after another.

    Attributes:
        data: uint8, the bytes of all texts.
        offsets: int64 `(n + 1,)`, ascending from 0: text `i` has the bytes from the `i`-th offset up to the next.
    """

    data: Bytes
    offsets: Offsets

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> str:
        place = range(len(self))[index]
        return self.data[self.offsets[place] : self.offsets[place + 1]].tobytes().decode()

    @classmethod
    def of(cls, texts: Sequence[str]) -> Texts:
        """The given texts."""
        encoded = [text.encode() for text in texts]
        offsets = np.zeros(len(encoded) + 1, np.int64)
        np.cumsum([len(text) for text in encoded], out=offsets[1:])
        return cls(np.frombuffer(b"".join(encoded), np.uint8), offsets)

    @classmethod
    def of_arrow(cls, strings: Any) -> Texts:
        """The texts of an Arrow array of strings without nulls; chunks are joined."""
        import pyarrow as pa

        if isinstance(strings, pa.ChunkedArray):
            strings = strings.combine_chunks()
        strings = strings.cast(pa.large_string())
        _, offsets, data = strings.buffers()
        bounds = np.frombuffer(offsets, np.int64)[strings.offset : strings.offset + len(strings) + 1]
        if not len(strings):
            return cls(np.empty(0, np.uint8), np.zeros(1, np.int64))
        whole = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
        return cls(whole[bounds[0] : bounds[-1]], bounds - bounds[0])

    def tolist(self) -> list[str]:
        """The texts as Python's strings."""
        text: list[str] = self.arrow().to_pylist()
        return text

    def arrow(self) -> Any:
        """The texts as an Arrow array of strings that shares this memory.

        Raises:
            OverflowError: more than 2 GiB of text, which Arrow's short strings can't address.
        """
        import pyarrow as pa

        if self.offsets[-1] >= 2**31:
            raise OverflowError(f"{self.offsets[-1]} bytes of text in one piece")
        buffers = [None, pa.py_buffer(self.offsets.astype(np.int32)), pa.py_buffer(self.data)]
        return pa.Array.from_buffers(pa.string(), len(self), buffers)

    def take(self, places: NDArray[np.int64]) -> Texts:
        """The texts at some places, copied."""
        return Texts.of_arrow(self.arrow().take(places))

    def between(self, before: str, after: Sequence[str], which: NDArray[np.int64]) -> Texts:
        """Each text `i` between `before` and `after[which[i]]`, `n` texts.

        Args:
            before: what stands before every text.
            after: what may stand behind one; at least one.
            which: int64 `(n,)`, places in `after`.

        Raises:
            ArrowException: that is more than 2 GiB of text.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        behind = pa.array(after).take(pa.array(which)) if len(after) > 1 else pa.scalar(after[0])
        return Texts.of_arrow(pc.binary_join_element_wise(pa.scalar(before), self.arrow(), behind, ""))

    def hashes(self) -> NDArray[np.uint64]:
        """A hash of each text, uint64 `(n,)`; of ten million texts two share one with odds of 1 to 370,000."""
        result = np.empty(len(self), np.uint64)
        _hash_texts(self.data, self.offsets, result)
        return result


@kernel(types.void(BYTES_TYPE, OFFSETS_TYPE, types.uint64[::1]))
def _hash_texts(data: Bytes, offsets: Offsets, result: NDArray[np.uint64]) -> None:
    for text in range(result.shape[0]):
        start, stop = offsets[text], offsets[text + 1]
        value = mix(np.uint64(stop - start))
        word, filled = np.uint64(0), 0
        for at in range(start, stop):
            word = (word << np.uint64(8)) | np.uint64(data[at])
            filled += 1
            if filled == 8:
                value = mix(value ^ word)
                word, filled = np.uint64(0), 0
        if filled:
            value = mix(value ^ word)
        result[text] = value
