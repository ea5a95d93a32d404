"""Floor 10, report: figures and names as a reader sees them. What is not a finite number is "not measured"."""

from __future__ import annotations

import math
from collections.abc import Callable

from serpentune.statistics import p_text

Show = Callable[[object], str]
"""How a figure is written."""

NOT_MEASURED = "not measured"

_ENDINGS = {
    "WIN": "board filled",
    "WALL": "hit a wall",
    "SELF": "hit itself",
    "MAX_STEPS_REACHED": "step limit",
    "NO_PATH_FOUND": "gave up",
    "MAX_CONSECUTIVE_INVALID_REVERSALS_REACHED": "kept reversing",
    "MAX_CONSECUTIVE_EMPTY_MOVES_REACHED": "unreadable answers",
    "MAX_CONSECUTIVE_SOMETHING_IS_WRONG_REACHED": "failed answers",
    "RUNNING": "unfinished",
}


def finite(value: object) -> float | None:
    """`value` as a float, or None where it is no finite number (None, NaN, text, a truth value)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def number(value: object, digits: int = 1) -> str:
    """A figure with `digits` decimals, thousands separated and a true minus sign."""
    known = finite(value)
    if known is None:
        return NOT_MEASURED
    text = f"{known:,.{digits}f}"
    return text.replace("-", "\N{MINUS SIGN}") if float(text.replace(",", "")) else text.lstrip("-")


def count(value: object) -> str:
    """A whole number, thousands separated."""
    return number(value, 0)


def percent(value: object, digits: int = 1) -> str:
    """A share of 1 as a percentage."""
    known = finite(value)
    return NOT_MEASURED if known is None else f"{number(100 * known, digits)}%"


def level(share: float) -> str:
    """The coverage of an interval as a percentage, exact: 99.9% isn't 100%."""
    return f"{100 * share:.10g}%"


def significant(value: object, digits: int = 3) -> str:
    """A figure of unknown size with about `digits` significant digits."""
    known = finite(value)
    if known is None:
        return NOT_MEASURED
    size = math.floor(math.log10(abs(known))) if known else 0
    return number(known, max(0, min(6, digits - 1 - size)))


def p_value(value: object) -> str:
    """A p-value as sentences of `statistics` write it, less its name."""
    known = finite(value)
    return NOT_MEASURED if known is None else p_text(known).removeprefix("p ").removeprefix("= ")


def tidy(sentence: str) -> str:
    """A sentence whose equations (`p = 0.02`) don't break over lines."""
    return sentence.replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}")


def duration(seconds: object) -> str:
    """Seconds as `42 s`, `3 min 05 s` or `2 h 10 min`."""
    known = finite(seconds)
    if known is None:
        return NOT_MEASURED
    whole = round(known)
    if known < 10:
        return f"{known:.1f} s"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def megabytes(size: object) -> str:
    """MB as MB or GB (powers of ten)."""
    known = finite(size)
    if known is None:
        return NOT_MEASURED
    return f"{significant(known / 1000)} GB" if known >= 1000 else f"{significant(known)} MB"


def ending(name: str) -> str:
    """The name of a `game.Ending` in words."""
    return _ENDINGS.get(name, name.replace("_", " ").lower())


def seeds(values: list[int]) -> str:
    """Seeds in words: `1000 to 1199 (200)` where they follow one another, else the first and last and how many."""
    if not values:
        return "none"
    if len(values) == 1:
        return str(values[0])
    gaps = "" if max(values) - min(values) + 1 == len(values) else ", with gaps"
    return f"{min(values)} to {max(values)} ({len(values)} seeds{gaps})"
