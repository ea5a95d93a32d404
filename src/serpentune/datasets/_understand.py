"""Floor 4, datasets: from the texts of rows back to states and moves, as far as the texts hold them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from serpentune.datasets._labels import leading_moves
from serpentune.datasets._looks import Reading, Unreadable, read_by_looks
from serpentune.datasets._rows import Rows
from serpentune.datasets.completions import STYLES, board_texts
from serpentune.datasets.encodings import ENCODINGS, Encoding
from serpentune.datasets.texts import Texts
from serpentune.game import MAX_SIDE, MIN_SIDE, States
from serpentune.game.batch import offsets as offsets_of

_CELLS = 1 << 22
"""Cells of the states that are held at once: eight megabytes of bodies."""

EXPLAIN = "explain"
"""The style whose answers go on with reasons after the moves."""

_BOARD = re.compile(r"(\d{1,2})x(\d{1,2})")

Found = Callable[[str, int, str], None]
"""Takes what is wrong: the check, the row and the reason."""


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


def column(rows: Rows, name: str) -> list[Any]:
    """A column as Python's values; None throughout where the rows have none of that name."""
    return rows.table.column(name).to_pylist() if name in rows.table.column_names else [None] * len(rows)


def known_states(rows: Rows, found: Found) -> Iterator[Known]:
    """The rows of a piece whose prompts hold the state.

    Rows that name their teacher, style, encoding and board are read by them, many at once; others are read by what
    their texts look like. A row whose encoding doesn't hold the state, or whose text looks like nothing known, is in no
    answer.

    Args:
        rows: the piece.
        found: takes what is wrong with the state or the form of an answer.
    """
    names = {name: _codes(rows, name) for name in ("teacher", "style", "encoding", "board")}
    named = np.ones(len(rows), np.bool_)
    for name, (codes, values) in names.items():
        named &= codes >= 0
        if known := {"style": set(STYLES), "encoding": set(ENCODINGS)}.get(name):
            strange = [code for code, value in enumerate(values) if value not in known]
            for row in np.flatnonzero(np.isin(codes, strange)).tolist():
                found("columns", row, f"its {name} is {values[codes[row]]!r}, which is not known")
                named[row] = False
    encodings, boards = names["encoding"], names["board"]
    groups = encodings[0] * (len(boards[1]) + 1) + boards[0]
    for group in np.unique(groups[named]).tolist():
        own = np.flatnonzero(named & (groups == group))
        encoding = ENCODINGS[encodings[1][encodings[0][own[0]]]]
        if (size := _board(board := boards[1][boards[0][own[0]]])) is None:
            for row in own.tolist():
                found("columns", row, f"its board is {board!r}, which is none of the rules")
        elif encoding.exact:
            piece = max(1, _CELLS // (size[0] * size[1]))
            for start in range(0, len(own), piece):
                yield _read_named(rows, own[start : start + piece], names, encoding, size, found)
    yield from _read_by_looks(rows, np.flatnonzero(~named), found)


def _codes(rows: Rows, name: str) -> tuple[NDArray[np.int64], list[str]]:
    """A column of few different texts as places in a list of them, -1 for null."""
    if name not in rows.table.column_names:
        return np.full(len(rows), -1), []
    encoded = rows.table.column(name).combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, encoded.dictionary.to_pylist()


def _board(text: str) -> tuple[int, int] | None:
    match = _BOARD.fullmatch(text)
    sides = (int(match[1]), int(match[2])) if match else (0, 0)
    return sides if min(sides) >= MIN_SIDE and max(sides) <= MAX_SIDE else None


def _read_named(
    rows: Rows,
    own: NDArray[np.int64],
    names: dict[str, tuple[NDArray[np.int64], list[str]]],
    encoding: Encoding,
    size: tuple[int, int],
    found: Found,
) -> Known:
    (teacher_codes, teachers), (style_codes, styles) = names["teacher"], names["style"]
    codes, which = np.unique(teacher_codes[own] * len(styles) + style_codes[own], return_inverse=True)
    forms = [(teachers[code // len(styles)], STYLES[styles[code % len(styles)]]) for code in codes.tolist()]
    prompts = Texts.of_arrow(rows.table.column("prompt").take(own))
    texts, formed = board_texts(prompts, forms, which)
    states, ok = encoding.read(texts, *size)
    for row in np.flatnonzero(~ok).tolist():
        found("state", int(own[row]), _why_no_state(prompts[row], texts[row], bool(formed[row]), encoding, size))
    good = np.flatnonzero(ok)
    answers = Texts.of_arrow(rows.table.column("completion").take(own[good]))
    moves, offsets, taken = leading_moves(answers)
    only_moves = np.array([style.name != EXPLAIN for _, style in forms])[which][good]
    for row in np.flatnonzero(only_moves & (taken < np.diff(answers.offsets))).tolist():
        found("label", int(own[good[row]]), "its completion goes on after the moves")
    whole = np.array([style.whole_plan for _, style in forms])[which][good]
    return Known(own[good], states.take(good), moves, offsets, whole)


def _why_no_state(prompt: str, text: str, formed: bool, encoding: Encoding, size: tuple[int, int]) -> str:
    if not formed:
        return "its prompt is none of its teacher and style"
    try:
        state = encoding.decode(text)
    except ValueError as error:
        return f"its prompt shows no state: {error}"
    return f"its board is {size[0]}x{size[1]}, its prompt shows {state.width}x{state.height}"


def _read_by_looks(rows: Rows, own: NDArray[np.int64], found: Found) -> Iterator[Known]:
    """The rows that name too little: our prompts and those of the first version are known by their words."""
    if not len(own):
        return
    prompts = rows.table.column("prompt").take(own).to_pylist()
    answers = rows.table.column("completion").take(own).to_pylist()
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
