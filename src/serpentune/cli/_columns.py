"""Floor 12, cli: how wide each column of a table is, so that no word is broken however narrow the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

_SHORT = 16
"""Figures, intervals and durations: what isn't longer stays on its line."""

_BETWEEN = 3
"""Columns of the terminal between two columns of a table."""


def column_widths(columns: Sequence[str], rows: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """The width of each column of a table that has `room`; None where it would have to break words.

    Args:
        columns: the heads; they may be wrapped between words, and behind a hyphen.
        rows: the cells, a row each; they too, but the short ones.
        room: columns of the terminal.
    """
    widths, least = [], []
    for index, name in enumerate(columns):
        cells = [row[index] for row in rows]
        widths.append(max(map(len, (name, *cells))))
        least.append(max(_longest_word(name), *map(_least, cells), 1))
    over = sum(widths) + _BETWEEN * (len(widths) - 1) - room
    while over > 0:
        spare = [width - low for width, low in zip(widths, least, strict=True)]
        if not any(spare):
            return None
        # Of those that can give way the widest does, so that prose is wrapped before names are.
        widest = max((index for index, left in enumerate(spare) if left), key=lambda index: widths[index])
        widths[widest] -= 1
        over -= 1
    return widths


def wrapped(text: str, width: int) -> str:
    """A text in lines of `width` columns, broken between words and behind hyphens alone."""
    return "\n".join(_lines(text, width))


def _lines(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False) or [""]


def _least(cell: str) -> int:
    return len(cell) if len(cell) <= _SHORT else _longest_word(cell)


def _longest_word(text: str) -> int:
    return max(map(len, _lines(text, 1)))
