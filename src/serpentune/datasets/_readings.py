"""Floor 4, datasets: the states that the prompts of a data set of ours show, many at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serpentune.common.errors import UserError
from serpentune.datasets._columns import Codes
from serpentune.datasets.completions import STYLES, board_texts
from serpentune.datasets.encodings import ENCODINGS
from serpentune.datasets.texts import Texts
from serpentune.game import States, parse_board

_CELLS_AT_ONCE = 1 << 21
"""Cells of the states that are held at once: four megabytes of bodies."""


def read_states(
    prompts: Any, codes: dict[str, Codes], names: dict[str, list[str]]
) -> Iterator[tuple[NDArray[np.int64], States]]:
    """The states of those of `n` prompts that hold one: which they are, int64 `(k,)`, and their states.

    Records whose encoding isn't exact or isn't known, whose board or style is none, or whose prompt isn't the one that
    its columns say, are left out.

    Args:
        prompts: `n` texts, an Arrow array without nulls.
        codes: the columns of `NAMES` as numbers.
        names: what the numbers mean.
    """
    forms_of = np.array([style in STYLES for style in names["style"]], np.bool_)[codes["style"]]
    kinds = codes["encoding"] * len(names["board"]) + codes["board"]
    for kind in np.unique(kinds).tolist():
        encoding = ENCODINGS.get(names["encoding"][kind // len(names["board"])])
        size = _board(names["board"][kind % len(names["board"])])
        if encoding is None or not encoding.exact or size is None:
            continue
        own = np.flatnonzero((kinds == kind) & forms_of)
        piece = max(1, _CELLS_AT_ONCE // (size[0] * size[1]))
        for start in range(0, len(own), piece):
            rows = own[start : start + piece]
            combined = codes["teacher"][rows] * len(names["style"]) + codes["style"][rows]
            different, which = np.unique(combined, return_inverse=True)
            forms = [
                (names["teacher"][code // len(names["style"])], STYLES[names["style"][code % len(names["style"])]])
                for code in different.tolist()
            ]
            texts, _ = board_texts(Texts.of_arrow(_taken(prompts, rows)), forms, which)
            states, ok = encoding.read(texts, *size)
            good = np.flatnonzero(ok)
            if len(good):
                yield rows[good], states if len(good) == len(rows) else states.take(good)


def _taken(texts: Any, rows: NDArray[np.int64]) -> Any:
    """The texts at ascending places, as they lie where these follow each other."""
    if rows[-1] - rows[0] == len(rows) - 1:
        return texts.slice(rows[0], len(rows))
    return texts.take(rows)


def _board(text: str) -> tuple[int, int] | None:
    try:
        return parse_board(text)
    except UserError:
        return None
