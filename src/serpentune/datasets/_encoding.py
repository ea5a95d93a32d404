"""Floor 4, datasets: what an encoding is, a way to write states as text."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from serpentune.datasets.texts import Texts
from serpentune.game import State, States


class Encoding(ABC):
    """A way to write a state as text, one or more lines that each end with a line break.

    An exact one holds the whole state, so that nothing a player may see is lost on the way to a prompt:
    `decode(encode(states)[i]) == states[i]`.

    Attributes:
        name: how users ask for it.
        exact: whether its texts can be read back.
    """

    name: str
    exact: bool

    @property
    @abstractmethod
    def opening(self) -> str:
        """What each of its texts begins with."""

    @abstractmethod
    def write(self, states: States) -> Texts:
        """`n` states as `n` texts."""

    def encode(self, states: States) -> list[str]:
        """`n` states as `n` texts, Python's own."""
        return self.write(states).tolist()

    @abstractmethod
    def decode(self, text: str) -> State:
        """The state of which `write` makes exactly this text.

        Raises:
            ValueError: it makes it of no state of the rules, with the reason; or the encoding isn't exact.
        """

    @abstractmethod
    def read(self, texts: Texts, width: int, height: int) -> tuple[States, NDArray[np.bool_]]:
        """The states of `n` texts of boards of one size.

        Returns:
            The states, and `ok`, bool `(n,)`: true where `decode` gives a state of that size. Where it is false, the
            state holds anything; `decode` tells the reason.

        Raises:
            ValueError: the encoding isn't exact.
        """
