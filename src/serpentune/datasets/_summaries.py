"""Floor 4, datasets: the encodings `simple`, `detailed` and `instruction`: what version 0.01 said of a state."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numba import types
from numpy.typing import NDArray

from serpentune.datasets._encoding import Encoding
from serpentune.datasets._header import Numbers, arrays, no_state
from serpentune.datasets._pieces import put
from serpentune.datasets.texts import BYTES_TYPE, OFFSETS_TYPE, Bytes, Texts
from serpentune.game import State, States
from serpentune.game._jit import kernel

_FIELD = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class SummaryEncoding(Encoding):
    """A sentence or two with the head and the apple as `(x, y)`, and the length; the body's cells aren't told.

    Attributes:
        name: how users ask for it.
        template: the text, with `{head}`, `{apple}`, `{length}` and `{grid}` (`10`, or `12x8` if it isn't square).
    """

    name: str
    template: str
    exact: bool = False

    @property
    def opening(self) -> str:
        """What each text begins with."""
        return self.template.partition("{")[0]

    def write(self, states: States) -> Texts:
        """`n` states as `n` texts.

        Raises:
            ValueError: no states of the rules.
        """
        body, length, apple, _ = arrays(states)
        cells = states.width * states.height
        if not ((body[:, 0] >= 0) & (body[:, 0] < cells)).all():
            raise no_state(states)
        grid = f"{states.width}" if states.width == states.height else f"{states.width}x{states.height}"
        parts = _FIELD.split(self.template.replace("{grid}", grid))
        pieces = Texts.of(parts[::2])
        names = [f"({cell % states.width}, {cell // states.width})" for cell in range(cells)]
        values = Texts.of([*names, "none", *(f"{number}" for number in range(1, cells + 1))])
        columns = {"head": body[:, 0], "apple": np.where(apple < 0, cells, apple), "length": cells + length}
        which = np.stack([columns[field].astype(np.int64) for field in parts[1::2]], axis=1)
        offsets = np.zeros(len(states) + 1, np.int64)
        np.cumsum(np.diff(values.offsets)[which].sum(axis=1) + pieces.offsets[-1], out=offsets[1:])
        data = np.empty(offsets[-1], np.uint8)
        _write(pieces.data, pieces.offsets, values.data, values.offsets, which, data, offsets)
        return Texts(data, offsets)

    def decode(self, text: str) -> State:
        """Not possible.

        Raises:
            ValueError: always.
        """
        raise self._inexact()

    def read(self, texts: Texts, width: int, height: int) -> tuple[States, NDArray[np.bool_]]:
        """Not possible.

        Raises:
            ValueError: always.
        """
        raise self._inexact()

    def _inexact(self) -> ValueError:
        return ValueError(f"the encoding {self.name!r} doesn't say where the body lies")


SIMPLE = SummaryEncoding("simple", "Head: {head}, Apple: {apple}. Move?\n")
DETAILED = SummaryEncoding(
    "detailed",
    "Game state: Snake head at {head}, apple at {apple}, snake length {length}. What is the optimal move and why?\n",
)
INSTRUCTION = SummaryEncoding(
    "instruction",
    "You are an expert Snake game AI. Analyze the current state and choose the best move.\n"
    "\n"
    "Current state:\n"
    "- Snake head: {head}\n"
    "- Apple position: {apple}\n"
    "- Snake length: {length}\n"
    "- Grid size: {grid}\n"
    "\n"
    "Provide your move decision and detailed reasoning:\n",
)


@kernel(
    types.void(
        BYTES_TYPE,
        OFFSETS_TYPE,
        BYTES_TYPE,
        OFFSETS_TYPE,
        types.Array(types.int64, 2, "C", readonly=True),
        types.uint8[::1],
        OFFSETS_TYPE,
    ),
    allocates=False,
)
def _write(
    pieces: Bytes,
    piece_at: Numbers,
    values: Bytes,
    value_at: Numbers,
    which: Numbers,
    data: Bytes,
    offsets: Numbers,
) -> None:
    """Write in each row the pieces, one more than there are columns, and between them the values of its columns."""
    for row in range(which.shape[0]):
        at = int(offsets[row])
        for column in range(which.shape[1]):
            at = put(data, at, pieces, piece_at, column)
            at = put(data, at, values, value_at, which[row, column])
        put(data, at, pieces, piece_at, which.shape[1])
