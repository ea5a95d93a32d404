"""Floor 4, datasets: the three prompt formats of the first version, which leave out the body."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serpentune.datasets._encoding import Encoding
from serpentune.datasets.texts import Texts
from serpentune.game import State, States

_SIMPLE = "Head: {head}, Apple: {apple}. Move?\n"
_DETAILED = (
    "Game state: Snake head at {head}, apple at {apple}, snake length {length}. What is the optimal move and why?\n"
)
_INSTRUCTION = """You are an expert Snake game AI. Analyze the current state and choose the best move.

Current state:
- Snake head: {head}
- Apple position: {apple}
- Snake length: {length}
- Grid size: {size}

Provide your move decision and detailed reasoning:
"""


@dataclass(frozen=True)
class FirstVersionEncoding(Encoding):
    """A template in which `{head}` and `{apple}` are `(x, y)`, and `{size}` is `10`, or `12x8` where not square.

    An apple that can't be seen is `none`.
    """

    name: str
    template: str
    opening: str
    exact: bool = False

    def write(self, states: States) -> Texts:
        """`n` states as `n` texts."""
        size = str(states.width) if states.width == states.height else f"{states.width}x{states.height}"
        named = [*(f"({cell % states.width}, {cell // states.width})" for cell in range(states.width * states.height))]
        named.append("none")  # at -1
        columns = (states.body[:, 0].tolist(), states.apple.tolist(), states.length.tolist())
        return Texts.of(
            [
                self.template.format(head=named[head], apple=named[apple], length=length, size=size)
                for head, apple, length in zip(*columns, strict=True)
            ]
        )

    def decode(self, text: str) -> State:
        """Never a state.

        Raises:
            ValueError: always, since the text doesn't hold the body.
        """
        raise ValueError(f"the encoding {self.name!r} doesn't say where the body lies")

    def read(self, texts: Texts, width: int, height: int) -> tuple[States, NDArray[np.bool_]]:
        """Never states.

        Raises:
            ValueError: always, since the texts don't hold the body.
        """
        raise ValueError(f"the encoding {self.name!r} doesn't say where the body lies")


FIRST_VERSION = (
    FirstVersionEncoding("simple", _SIMPLE, "Head: "),
    FirstVersionEncoding("detailed", _DETAILED, "Game state: "),
    FirstVersionEncoding("instruction", _INSTRUCTION, "You are an expert Snake game AI. "),
)
