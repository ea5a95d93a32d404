"""Floor 2, teachers: sentences that can be written from values and read back, each with what the board says.

A claim has one template, like `"Only {legal:moves} is legal."`, from which both the writer's sentence and the reader's
pattern come, so that they can't drift apart. Every value is in a field, so that nothing is said unchecked.

A claim that counts along a search, a path or a region has a short form, which says the same without the counts: they
stand in the text without their derivation, and a language model that reads the board can only guess them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from serpentune.game import DIRECTIONS, Move
from serpentune.teachers._truth.board import Board

Value: TypeAlias = int | str | tuple[int, ...]
"""A number, a teacher's name, a cell as `(x, y)`, or moves."""

Says: TypeAlias = Callable[[Board, dict[str, Value]], dict[str, Value] | str]
"""What the board says of a claim: the true values of all its fields, or in words why nothing of the kind is so."""

UNITS = ("cell", "move", "level", "step", "number", "region", "column", "row")
_MOVE = "(?:" + "|".join(move.name for move in DIRECTIONS) + ")"
_MASK = "\x02"
_TOKEN = re.compile(
    r"\((?P<x>-?[0-9]{1,9}), (?P<y>-?[0-9]{1,9})\)"
    rf"|(?P<number>-?[0-9]{{1,9}})(?: (?P<unit>{'|'.join(UNITS)})s?\b)?"
    rf"|(?P<moves>\b{_MOVE}(?:(?:, | and ){_MOVE})*\b)"
    rf"|(?P<name>\b[A-Z][A-Z0-9_]+(?:-[A-Z0-9_]+)*|{_MASK})"
)
_FIELD = re.compile(r"\{(\w+):(\w+)\}")
_MARK = "\x01"
_END = re.compile(r"(?<=[.!?]) ")


@dataclass(frozen=True)
class Claim:
    """One kind of sentence.

    Attributes:
        template: the sentence with a field `{name:kind}` for each value. The kinds: `teacher`; `xy`, a cell; `moves`, a
            set of moves; `order`, moves in their order; `n`, a number; or one of `UNITS`, a number of such things.
        fields: name and kind of each field, as they come.
        says: what the board says.
        by: the teachers of which it can be said; none: all of them.
        short: the template of what a short explanation says instead, a claim of the table too; empty where it says
            nothing, None where it says the same.
    """

    template: str
    fields: tuple[tuple[str, str], ...]
    says: Says
    by: tuple[str, ...]
    short: str | None

    def __call__(self, width: int, **values: int | str | tuple[int, ...]) -> Sentence:
        """The sentence with these values, a cell given by its number on a board `width` cells wide.

        Raises:
            KeyError: a field has no value.
        """
        return Sentence(self, width, values)

    def mistakes(self, board: Board, said: dict[str, Value]) -> str | None:
        """In words what is wrong with the values read from a sentence; None where all is true."""
        if self.by and said["teacher"] not in self.by:
            return f"the text says of {said['teacher']} what can be said of {', '.join(self.by)} only"
        true = self.says(board, said)
        if isinstance(true, str):
            return true
        wrong = [
            f"the text says {name.replace('_', ' ')} {show(kind, said[name])}, the board says {show(kind, true[name])}"
            for name, kind in self.fields
            if name != "teacher" and said[name] != true[name]
        ]
        return "; ".join(wrong) or None


class Sentence(str):
    """A claim in words as it was written, which knows what a short explanation says in its place."""

    __slots__ = ("_claim", "_values", "_width")
    _claim: Claim
    _width: int
    _values: dict[str, Value]

    def __new__(cls, claim: Claim, width: int, values: dict[str, Value]) -> Sentence:
        """Write it, a cell given by its number on a board `width` cells wide."""
        written = super().__new__(cls, _filled(claim.template, width, values))
        written._claim, written._width, written._values = claim, width, values
        return written

    @property
    def short(self) -> str:
        """The same without what only counting can tell; empty where nothing is left."""
        template = self._claim.short
        return self if template is None else _filled(template, self._width, self._values)


CLAIMS: dict[str, Claim] = {}
"""The table: every claim by the form of its sentence."""


def claim(template: str, *by: str, short: str | None = None) -> Callable[[Says], Claim]:
    """Enter a function into the table, as the one that says what the board says of sentences like `template`.

    Args:
        template: as in `Claim`. What stands in the field `teacher`, if there is one, is not for `says` to judge.
        by: the teachers of which it can be said; none: all of them.
        short: as in `Claim`, with some of the fields of `template`. It is judged by the same function, which therefore
            answers in words wherever the short form is not so, whatever the counts in the long one are.
    """

    def enter(says: Says) -> Claim:
        if short:
            _enter(Claim(short, _fields(short), says, by, None))
        return _enter(Claim(template, _fields(template), says, by, short))

    return enter


def _enter(entered: Claim) -> Claim:
    form = _FIELD.sub(lambda field: _MARK + _form(field[2]), entered.template)
    if form in CLAIMS:
        raise ValueError(f"two claims read alike: {CLAIMS[form].template!r} and {entered.template!r}")
    CLAIMS[form] = entered
    return entered


def _fields(template: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, kind) for name, kind in _FIELD.findall(template))


def _filled(template: str, width: int, values: dict[str, Value]) -> str:
    return _FIELD.sub(lambda field: _write(field[2], values[field[1]], width), template)


def split(text: str) -> list[str]:
    """The sentences of a text: each ends with a stop, `!` or `?` before white space. White space becomes one space."""
    return [sentence for sentence in _END.split(" ".join(text.split())) if sentence]


def read(sentence: str, teacher: str | None) -> tuple[Claim, dict[str, Value]] | None:
    """The claim that a sentence makes and the values in it; None where it isn't, letter by letter, how one is written.

    Args:
        sentence: the text, with single spaces.
        teacher: the name of the teacher in question, read wherever it stands even if it looks like no name.
    """
    if _MARK in sentence or _MASK in sentence:
        return None
    masked = sentence
    if teacher is not None:
        masked = re.sub(rf"(?<![\w-]){re.escape(teacher)}(?![\w-])", _MASK, sentence)
    values: list[Value] = []

    def note(token: re.Match[str]) -> str:
        kind = token.lastgroup
        if token["x"] is not None:
            values.append((int(token["x"]), int(token["y"])))
            return _MARK + "xy"
        if token["number"] is not None:
            values.append(int(token["number"]))
            return _MARK + _form(token["unit"] or "n")
        if kind == "moves":
            values.append(tuple(Move[name] for name in re.findall(_MOVE, token["moves"])))
            return _MARK + "moves"
        values.append(teacher if token["name"] == _MASK and teacher is not None else token["name"])
        return _MARK + "teacher"

    found = CLAIMS.get(_TOKEN.sub(note, masked))
    if found is None:
        return None
    said: dict[str, Value] = {}
    for (name, kind), value in zip(found.fields, values, strict=True):
        said[name] = tuple(sorted(set(value))) if kind == "moves" and isinstance(value, tuple) else value
    # "1 moves", "001 move" and "DOWN and UP" have the form of a claim, but no claim is written like that.
    return (found, said) if found(1, **said) == sentence else None


def _form(kind: str) -> str:
    return "moves" if kind == "order" else f"n {kind}" if kind in UNITS else kind


def _write(kind: str, value: Value, width: int) -> str:
    if kind == "xy" and isinstance(value, int):
        value = (value % width, value // width)
    return show(kind, value)


def show(kind: str, value: Value) -> str:
    """A value as sentences show it."""
    if isinstance(value, str):
        return value
    if isinstance(value, tuple):
        if kind == "xy":
            return f"({value[0]}, {value[1]})"
        names = [Move(code).name for code in value]
        return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part) or "no move"
    return str(value) if kind == "n" else f"{value} {kind}{'' if value == 1 else 's'}"
