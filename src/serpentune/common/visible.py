"""Texts of unknown origin, made fit to be shown."""

from __future__ import annotations

import unicodedata


def visible(text: str) -> str:
    """A text of unknown origin in which what can't be seen but has an effect is shown by its code.

    That are control characters, which steer a terminal, marks that turn the direction of writing, and halves of
    surrogate pairs. Lines, tabs and spaces of every kind stay.
    """
    if text.isprintable():
        return text
    return "".join(
        letter
        if letter.isprintable() or letter in "\n\t" or unicodedata.category(letter) == "Zs"
        else repr(letter)[1:-1]
        for letter in text
    )
