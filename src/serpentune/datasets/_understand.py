"""Floor 4, datasets: from the texts of rows back to states and moves, as far as the texts hold them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serpentune.common.errors import UserError
from serpentune.datasets._answers import NO_MOVE
from serpentune.datasets._columns import Codes, coded
from serpentune.datasets._labels import leading_moves
from serpentune.datasets._looks import Reading, Unreadable, read_by_looks
from serpentune.datasets.completions import STYLES, board_texts
from serpentune.datasets.encodings import ENCODINGS, Encoding
from serpentune.datasets.records import NAMES
from serpentune.datasets.texts import Texts
from serpentune.game import States, parse_board
from serpentune.game.batch import offsets as offsets_of

_CELLS = 1 << 22
"""Cells of the states that are held at once: eight megabytes of bodies."""

EXPLAIN = "explain"
"""The style whose answers go on with reasons after the moves."""

_KNOWN = {"style": frozenset(STYLES), "encoding": frozenset(ENCODINGS)}

Found = Callable[[str, int, str], None]
"""Takes what is wrong: the check, the row and the reason."""


def unheard(check: str, row: int, reason: str) -> None:
    """Takes what is wrong where nobody wants to know."""


@dataclass(frozen=True)
class Known:
    """`k` rows of a piece whose states are known, on boards of one size.

    Attributes:
        rows: int64 `(k,)`, their places in the piece.
        states: their states.
        moves: uint8, the moves that their answers begin with, one answer's after another's.
        offsets: int64 `(k + 1,)`, where in `moves` each answer's begin.
        whole_plan: bool `(k,)`, whether the answer must lead to the apple.
    """

    rows: NDArray[np.int64]
    states: States
    moves: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    whole_plan: NDArray[np.bool_]

    @property
    def first(self) -> NDArray[np.int8]:
        """The first move of each answer, int8 `(k,)`; `NO_MOVE` for none."""
        result = np.full(len(self.rows), NO_MOVE, np.int8)
        there = np.diff(self.offsets) > 0
        result[there] = self.moves[self.offsets[:-1][there]]
        return result


def known_states(table: Any, found: Found = unheard) -> Iterator[Known]:
    """Those of some rows whose prompts hold the state.

    Rows that name their teacher, style, encoding and board are read by them, many at once; others are read by what
    their texts look like. A row whose encoding doesn't hold the state, or whose text looks like nothing known, is in no
    answer.

    Args:
        table: an Arrow table with `prompt`, `completion` and as many of the other columns of records as there are.
        found: takes what is wrong with the state or the form of an answer.
    """
    names = {name: coded(table.column(name)) for name in NAMES if name in table.column_names}
    named = np.full(len(table), len(names) == len(NAMES))
    for name, (values, codes) in names.items():
        named &= np.array([value is not None for value in values], np.bool_)[codes]
        if (known := _KNOWN.get(name)) is not None:
            strange = np.array([value is not None and value not in known for value in values], np.bool_)[codes]
            for row in np.flatnonzero(strange).tolist():
                found("columns", row, f"its {name} is {values[codes[row]]!r}, which is not known")
            named &= ~strange
    if named.any():
        yield from _read_by_names(table, named, names, found)
    yield from _read_by_looks(table, np.flatnonzero(~named), found)


def _read_by_names(
    table: Any, named: NDArray[np.bool_], names: dict[str, tuple[list[str | None], Codes]], found: Found
) -> Iterator[Known]:
    (encodings, encoding_codes), (boards, board_codes) = names["encoding"], names["board"]
    groups = encoding_codes * len(boards) + board_codes
    for group in np.unique(groups[named]).tolist():
        own = np.flatnonzero(named & (groups == group))
        encoding, board = ENCODINGS[encodings[group // len(boards)] or ""], boards[group % len(boards)] or ""
        try:
            size = parse_board(board)
        except UserError:
            for row in own.tolist():
                found("columns", row, f"its board is {board!r}, which is none of the rules")
            continue
        if encoding.exact:
            piece = max(1, _CELLS // (size[0] * size[1]))
            for start in range(0, len(own), piece):
                yield _read_named(table, own[start : start + piece], names, encoding, size, found)


def _read_named(
    table: Any,
    own: NDArray[np.int64],
    names: dict[str, tuple[list[str | None], Codes]],
    encoding: Encoding,
    size: tuple[int, int],
    found: Found,
) -> Known:
    (teachers, teacher_codes), (styles, style_codes) = names["teacher"], names["style"]
    codes, which = np.unique(teacher_codes[own] * len(styles) + style_codes[own], return_inverse=True)
    forms = [(teachers[code // len(styles)] or "", STYLES[styles[code % len(styles)] or ""]) for code in codes.tolist()]
    prompts = Texts.of_arrow(_taken(table.column("prompt"), own))
    texts, formed = board_texts(prompts, forms, which)
    states, ok = encoding.read(texts, *size)
    for row in np.flatnonzero(~ok).tolist():
        found("state", int(own[row]), _why_no_state(prompts[row], texts[row], bool(formed[row]), encoding, size))
    good = np.flatnonzero(ok)
    answers = Texts.of_arrow(_taken(table.column("completion"), own[good]))
    moves, offsets, taken = leading_moves(answers)
    only_moves = np.array([style.name != EXPLAIN for _, style in forms])[which][good]
    for row in np.flatnonzero(only_moves & (taken < np.diff(answers.offsets))).tolist():
        found("label", int(own[good[row]]), "its completion goes on after the moves")
    whole = np.array([style.whole_plan for _, style in forms])[which][good]
    return Known(own[good], states.take(good), moves, offsets, whole)


def _taken(texts: Any, rows: NDArray[np.int64]) -> Any:
    """The texts at ascending places, as they lie where these follow each other."""
    if len(rows) and rows[-1] - rows[0] == len(rows) - 1:
        return texts.slice(rows[0], len(rows))
    return texts.take(rows)


def _why_no_state(prompt: str, text: str, formed: bool, encoding: Encoding, size: tuple[int, int]) -> str:
    if not formed:
        return "its prompt is none of its teacher and style"
    try:
        state = encoding.decode(text)
    except ValueError as error:
        return f"its prompt shows no state: {error}"
    return f"its board is {size[0]}x{size[1]}, its prompt shows {state.width}x{state.height}"


def _read_by_looks(table: Any, own: NDArray[np.int64], found: Found) -> Iterator[Known]:
    """The rows that name too little: our prompts and those of the first version are known by their words."""
    if not len(own):
        return
    prompts, answers = (_taken(table.column(name), own).to_pylist() for name in ("prompt", "completion"))
    by_size: dict[tuple[int, int], list[tuple[int, Reading]]] = {}
    for row, prompt, answer in zip(own.tolist(), prompts, answers, strict=True):
        try:
            reading = read_by_looks(prompt, answer)
        except Unreadable as error:
            found(error.check, row, str(error))
            continue
        if reading is not None:
            by_size.setdefault((reading.state.width, reading.state.height), []).append((row, reading))
    for (width, height), readings in by_size.items():
        piece = max(1, _CELLS // (width * height))
        for start in range(0, len(readings), piece):
            part = readings[start : start + piece]
            moves = [reading.moves for _, reading in part]
            yield Known(
                np.array([row for row, _ in part]),
                States.stack([reading.state for _, reading in part]),
                np.frombuffer(b"".join(moves), np.uint8),
                offsets_of([len(own_moves) for own_moves in moves]),
                np.array([reading.whole_plan for _, reading in part]),
            )
