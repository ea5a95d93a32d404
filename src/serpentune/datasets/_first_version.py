"""Floor 4, datasets: what prompts and completions of version 0.01 and its sister script say, for the migration."""

from __future__ import annotations

import re
from dataclasses import dataclass

from serpentune.datasets._summaries import DETAILED, INSTRUCTION, SIMPLE
from serpentune.game import DIRECTIONS, Move

Cell = tuple[int, int]


@dataclass(frozen=True)
class OldPrompt:
    """What a prompt says, as it says it; None for what it doesn't.

    Nothing is checked: cells may lie outside the board, and the length may differ from the body's.

    Attributes:
        template: the template it follows: `simple`, `detailed`, `instruction`; the sister script's `next-move`,
            `move-and-why`, `expert-player`; `full-state`, which alone tells the body.
        width: cells a row.
        height: cells a column.
        head: `(x, y)`.
        apple: `(x, y)`.
        body: cells behind the head, in the order of the text; in known files from the head to the tail.
        length: of the snake.
        number: of the move, or the steps so far.
        score: apples so far.
        algorithm: who plays.
    """

    template: str
    width: int | None = None
    height: int | None = None
    head: Cell | None = None
    apple: Cell | None = None
    body: tuple[Cell, ...] | None = None
    length: int | None = None
    number: int | None = None
    score: int | None = None
    algorithm: str | None = None


_NUMBER = r"\d{1,9}"
_PAIR = rf"(?:\(\s*{_NUMBER}\s*,\s*{_NUMBER}\s*\)|\[\s*{_NUMBER}\s*,\s*{_NUMBER}\s*\])"
_CELL = rf"(?:{_PAIR}|\{{\s*['\"]x['\"]\s*:\s*{_NUMBER}\s*,\s*['\"]y['\"]\s*:\s*{_NUMBER}\s*\}})"
_ONE_CELL = rf"(?:{_CELL}|[Nn]one)"
_FIELDS = {
    "head": rf"(?P<head>{_CELL})",
    "apple": rf"(?P<apple>{_ONE_CELL})",
    "length": rf"(?P<length>{_NUMBER})",
    "number": rf"(?P<number>{_NUMBER})",
    "grid": rf"(?P<width>{_NUMBER})(?:\s*x\s*(?P<height>{_NUMBER}))?",
}


def _pattern(template: str) -> re.Pattern[str]:
    """A pattern of a template, in which `[...]` may be missing."""
    pieces = re.split(r"(\{\w+\}|[\[\]])", template.rstrip())
    special = {"[": "(?:", "]": ")?", **{f"{{{name}}}": pattern for name, pattern in _FIELDS.items()}}
    return re.compile("".join(special.get(piece, re.escape(piece)) for piece in pieces), re.ASCII)


_TEMPLATES = {
    SIMPLE.name: _pattern(SIMPLE.template),
    DETAILED.name: _pattern(DETAILED.template),
    INSTRUCTION.name: _pattern(INSTRUCTION.template),
    "next-move": _pattern("What move should the snake make next?"),
    "move-and-why": _pattern(
        "Game state: Move {number}[, apple at {apple}], snake length {length}. What move should the snake make and why?"
    ),
    "expert-player": _pattern(
        "You are an expert Snake game player. Analyze the current game state and choose the best move.\n\n"
        "Current move: {number}[, Apple position: {apple}][, Snake length: {length}]\n\n"
        "Provide your move and reasoning:"
    ),
}

_FULL_STATE = re.compile(rf"You are playing Snake on a ({_NUMBER})x({_NUMBER}) grid\.", re.ASCII)
_LINES = {
    "head": ("Snake head position", _CELL),
    "apple": ("Apple position", _ONE_CELL),
    "body": ("Snake body positions", rf"\[\s*(?:{_PAIR}(?:\s*,\s*{_PAIR})*)?\s*\]"),
    "length": ("Snake length", _NUMBER),
    "number": ("Steps", _NUMBER),
    "score": ("Score", _NUMBER),
    "algorithm": ("Algorithm", r"\S.*?"),
}
_LINE = {name: re.compile(rf"^- {label}:[ ]*(.*?)[ ]*$", re.MULTILINE) for name, (label, _) in _LINES.items()}
_NEEDED = ("head", "apple", "body")


def parse(prompt: str) -> OldPrompt | None:
    """What a prompt of an older data set says, or None for any other text.

    None also stands for a `full-state` prompt that lacks head, apple or body, or tells something twice or in no form
    known. Space around the text doesn't matter. Cells are read as `(5, 2)`, `[5, 2]` and `{'x': 5, 'y': 2}`.
    """
    text = prompt.strip()
    for name, pattern in _TEMPLATES.items():
        if (found := pattern.fullmatch(text)) is not None:
            return _said(name, found.groupdict())
    board = _FULL_STATE.match(text)
    if board is None:
        return None
    said: dict[str, str | None] = {"width": board[1], "height": board[2]}
    for name, (_, form) in _LINES.items():
        values = _LINE[name].findall(text)
        if len(values) > 1 or (not values and name in _NEEDED):
            return None
        if values:
            if re.fullmatch(form, values[0], re.ASCII) is None:
                return None
            said[name] = values[0]
    return _said("full-state", said)


def _said(template: str, said: dict[str, str | None]) -> OldPrompt:
    told = {name: value for name, value in said.items() if value is not None}
    width, height = told.get("width"), told.get("height", told.get("width"))
    body = told.get("body")
    numbers = {name: int(told[name]) for name in ("length", "number", "score") if name in told}
    return OldPrompt(
        template,
        width=None if width is None else int(width),
        height=None if height is None else int(height),
        head=_cell(told.get("head", "")),
        apple=_cell(told.get("apple", "")),
        body=None if body is None else tuple(_cells(body)),
        algorithm=told.get("algorithm"),
        **numbers,
    )


def _cells(text: str) -> list[Cell]:
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _cell(text: str) -> Cell | None:
    return next(iter(_cells(text)), None)


_DIRECTION = "|".join(move.name for move in DIRECTIONS)
_FIRST = re.compile(
    rf"\s*(?:Moving |Move )?({_DIRECTION})\b(?!\s*(?:,|/|\||or\b|and\b)\s*(?:or\s|and\s)?\s*(?:{_DIRECTION})\b)"
)
_LATER = re.compile(r"(?:\bMoving ([A-Z_]{2,})\b from|\b[Mm]ove is:?\s+([A-Z_]{2,})\b|\bConclusion:\s+([A-Z_]{2,})\b)")


def parse_answer(completion: str) -> Move | None:
    """The move that an older completion names, or None where it names none, or several that differ.

    Read are a direction in capitals at the beginning, also behind `Move` or `Moving`; and anywhere
    `Moving DOWN from`, `move is: DOWN` and `Conclusion: DOWN`. A word in capitals there that is no direction, such as
    `NO_PATH_FOUND`, differs from all.
    """
    named = {word for found in _LATER.finditer(completion) for word in found.groups() if word is not None}
    if (first := _FIRST.match(completion)) is not None:
        named.add(first[1])
    if len(named) != 1 or (name := named.pop()) not in {move.name for move in DIRECTIONS}:
        return None
    return Move[name]
