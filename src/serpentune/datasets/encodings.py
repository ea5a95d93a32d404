"""Floor 4, datasets: the encodings by name, the ways to write a state as text."""

from __future__ import annotations

from serpentune.common.errors import unknown_name
from serpentune.datasets._coordinates import CoordinatesEncoding
from serpentune.datasets._encoding import Encoding
from serpentune.datasets._grid import GridEncoding
from serpentune.datasets._summaries import DETAILED, INSTRUCTION, SIMPLE

__all__ = ["ENCODINGS", "CoordinatesEncoding", "Encoding", "GridEncoding", "get_encoding"]

ENCODINGS: dict[str, Encoding] = {
    encoding.name: encoding for encoding in (GridEncoding(), CoordinatesEncoding(), SIMPLE, DETAILED, INSTRUCTION)
}


def get_encoding(name: str) -> Encoding:
    """The encoding of that name.

    Raises:
        UserError: there is none; the message names the near match.
    """
    if name not in ENCODINGS:
        raise unknown_name("encoding", name, ENCODINGS)
    return ENCODINGS[name]
