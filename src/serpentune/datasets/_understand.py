"""Floor 4, datasets: from the texts of rows back to states and moves, as far as the texts hold them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serpentune.common.errors import UserError
from serpentune.datasets import _labels
from serpentune.datasets._answers import NO_MOVE
from serpentune.datasets._columns import Codes, coded
from serpentune.datasets._labels import in_words, leading_moves
from serpentune.datasets._looks import Reading, Unreadable, read_by_looks, summary_of
from serpentune.datasets.completions import STYLES, CompletionStyle, board_texts
from serpentune.datasets.encodings import ENCODINGS, Encoding
from serpentune.datasets.records import NAMES
from serpentune.datasets.texts import Texts
from serpentune.game import State, States, parse_board
from serpentune.game.batch import offsets as offsets_of

_CELLS = 1 << 22
"""Cells of the states that are held at once: eight megabytes of bodies."""

_KNOWN = {"style": frozenset(STYLES), "encoding": frozenset(ENCODINGS)}

_GOES_ON = "its completion goes on after the moves"
_NO_MOVE, _SEVERAL_MOVES = (in_words(problem, 0, None) for problem in (_labels.NO_MOVE, _labels.SEVERAL_MOVES))

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
        explains: bool `(k,)`, whether reasons must follow the moves.
    """

    rows: NDArray[np.int64]
    states: States
    moves: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    whole_plan: NDArray[np.bool_]
    explains: NDArray[np.bool_]

    @property
    def first(self) -> NDArray[np.int8]:
        """The first move of each answer, int8 `(k,)`; `NO_MOVE` for none."""
        result = np.full(len(self.rows), NO_MOVE, np.int8)
        there = np.diff(self.offsets) > 0
        result[there] = self.moves[self.offsets[:-1][there]]
        return result


@dataclass(frozen=True)
class Summarised:
    """`k` rows of a piece whose prompts are of an encoding that doesn't hold the state.

    Attributes:
        rows: int64 `(k,)`, their places in the piece.
        boards: the boards' texts.
        encoding: its name.
    """

    rows: NDArray[np.int64]
    boards: Texts
    encoding: str


def known_states(table: Any, found: Found = unheard) -> Iterator[Known]:
    """The rows of `understood` whose prompts hold the state."""
    return (part for part in understood(table, found) if isinstance(part, Known))


def understood(table: Any, found: Found = unheard) -> Iterator[Known | Summarised]:
    """Those of some rows whose prompts are known.

    Rows that name their teacher, style, encoding and board are read by them, many at once; others are read by what
    their texts look like, and the names that they have are held against it. A row whose text looks like nothing known
    is in no answer, nor is one of the first version that doesn't tell the body.

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
    yield from _read_by_looks(table, np.flatnonzero(~named), names, found)


def _read_by_names(
    table: Any, named: NDArray[np.bool_], names: dict[str, tuple[list[str | None], Codes]], found: Found
) -> Iterator[Known | Summarised]:
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
) -> Known | Summarised:
    (teachers, teacher_codes), (styles, style_codes) = names["teacher"], names["style"]
    codes, which = np.unique(teacher_codes[own] * len(styles) + style_codes[own], return_inverse=True)
    forms = [(teachers[code // len(styles)] or "", STYLES[styles[code % len(styles)] or ""]) for code in codes.tolist()]
    prompts = Texts.of_arrow(_taken(table.column("prompt"), own))
    texts, formed = board_texts(prompts, forms, which)
    if encoding.exact:
        states, ok = encoding.read(texts, *size)
    else:
        states, ok = None, np.array([_is_summary(text, encoding) for text in texts.tolist()], np.bool_)
    for row in np.flatnonzero(~ok).tolist():
        found("state", int(own[row]), _why_no_state(prompts[row], texts[row], bool(formed[row]), encoding, size))
    good = np.flatnonzero(ok)
    answers = Texts.of_arrow(_taken(table.column("completion"), own[good]))
    moves, offsets, taken = leading_moves(answers)
    whole, explains = (
        np.array([getattr(style, name) for _, style in forms], np.bool_)[which][good]
        for name in ("whole_plan", "explains")
    )
    for row in np.flatnonzero(~explains & (taken < np.diff(answers.offsets))).tolist():
        found("label", int(own[good[row]]), _GOES_ON)
    if states is not None:
        return Known(own[good], states.take(good), moves, offsets, whole, explains)
    for row in np.flatnonzero(np.diff(offsets) == 0).tolist():
        found("label", int(own[good[row]]), _NO_MOVE)
    for row in np.flatnonzero(~whole & (np.diff(offsets) > 1)).tolist():
        found("label", int(own[good[row]]), _SEVERAL_MOVES)
    return Summarised(own[good], texts.take(good), encoding.name)


def _is_summary(text: str, encoding: Encoding) -> bool:
    try:
        summary_of(text, encoding.name)
    except ValueError:
        return False
    return True


def _taken(texts: Any, rows: NDArray[np.int64]) -> Any:
    """The texts at ascending places, as they lie where these follow each other."""
    if len(rows) and rows[-1] - rows[0] == len(rows) - 1:
        return texts.slice(rows[0], len(rows))
    return texts.take(rows)


def _why_no_state(prompt: str, text: str, formed: bool, encoding: Encoding, size: tuple[int, int]) -> str:
    if not formed:
        return "its prompt is none of its teacher and style"
    try:
        if not encoding.exact:
            summary_of(text, encoding.name)
        state = encoding.decode(text)
    except ValueError as error:
        return f"its prompt shows no state: {error}"
    return f"its board is {size[0]}x{size[1]}, its prompt shows {state.width}x{state.height}"


def _read_by_looks(
    table: Any, own: NDArray[np.int64], names: dict[str, tuple[list[str | None], Codes]], found: Found
) -> Iterator[Known | Summarised]:
    """The rows that name too little: our prompts and those of the first version are known by their words."""
    if not len(own):
        return
    prompts, answers = (_taken(table.column(name), own).to_pylist() for name in ("prompt", "completion"))
    by_size: dict[tuple[int, int], list[tuple[int, State, Reading]]] = {}
    summarised: dict[str, list[tuple[int, str]]] = {}
    for row, prompt, answer in zip(own.tolist(), prompts, answers, strict=True):
        try:
            reading = read_by_looks(prompt, answer)
        except Unreadable as error:
            found(error.check, row, str(error))
            continue
        if reading is None:
            continue
        if reading.style is not None:
            _check_looks(row, reading, reading.style, names, found)
        if reading.state is not None:
            size = reading.state.width, reading.state.height
            by_size.setdefault(size, []).append((row, reading.state, reading))
        else:
            summarised.setdefault(reading.encoding or "", []).append((row, reading.board))
    for (width, height), readings in by_size.items():
        piece = max(1, _CELLS // (width * height))
        for start in range(0, len(readings), piece):
            part = readings[start : start + piece]
            moves = [reading.moves for *_, reading in part]
            styles = [reading.style for *_, reading in part]
            yield Known(
                np.array([row for row, *_ in part]),
                States.stack([state for _, state, _ in part]),
                np.frombuffer(b"".join(moves), np.uint8),
                offsets_of([len(own_moves) for own_moves in moves]),
                np.array([style is not None and style.whole_plan for style in styles]),
                np.array([style is not None and style.explains for style in styles]),
            )
    for encoding, boards in summarised.items():
        yield Summarised(np.array([row for row, _ in boards]), Texts.of([board for _, board in boards]), encoding)


def _check_looks(
    row: int,
    reading: Reading,
    style: CompletionStyle,
    names: dict[str, tuple[list[str | None], Codes]],
    found: Found,
) -> None:
    """Whether one of our prompts is of the player, style and encoding that its row names, and its answer of a form."""
    for name, shown in {"teacher": reading.player, "style": style.name, "encoding": reading.encoding}.items():
        values, codes = names.get(name, ([None], np.zeros(row + 1, np.int64)))
        if (said := values[codes[row]]) is not None and said != shown:
            found("columns", row, f"its {name} is {said}, its prompt says {shown}")
    if reading.goes_on and reading.moves and not style.explains:
        found("label", row, _GOES_ON)
    if reading.state is None and not reading.moves:
        found("label", row, _NO_MOVE)
    if reading.state is None and len(reading.moves) > 1 and not style.whole_plan:
        found("label", row, _SEVERAL_MOVES)
