"""Floor 4, datasets: what can be checked of a row by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from serpentune import teachers as registry
from serpentune.common.errors import UserError
from serpentune.datasets import _labels
from serpentune.datasets._looks import summary_of
from serpentune.datasets._read_csv import TARGET
from serpentune.datasets._relabel import own_answers
from serpentune.datasets._rows import Rows
from serpentune.datasets._understand import Found, Known, Summarised
from serpentune.datasets.completions import after_moves, parse_prompt
from serpentune.datasets.texts import Texts
from serpentune.game import Move, letters
from serpentune.teachers import PLAYER


def check_labels(known: Known, found: Found) -> None:
    """Whether the moves of each answer can be played from its state."""
    problems, places = _labels.check_moves(known.states, known.moves, known.offsets, known.whole_plan)
    for place in np.flatnonzero(problems).tolist():
        at = int(known.offsets[place] + places[place])
        move = int(known.moves[at]) if at < known.offsets[place + 1] else None
        found("label", int(known.rows[place]), _labels.in_words(int(problems[place]), int(places[place]), move))


def check_columns(rows: Rows, known: Known, found: Found) -> None:
    """Whether the columns of each row say what its prompt shows; a null says nothing."""
    states = known.states
    size = f"{states.width}x{states.height}"
    lengths = _numbers(rows, known, "snake_length")
    for place in np.flatnonzero((lengths >= 0) & (lengths != states.length)).tolist():
        reason = f"its snake_length is {lengths[place]}, its prompt shows {states.length[place]} cells"
        found("columns", int(known.rows[place]), reason)
    steps = _numbers(rows, known, "step")
    for place in np.flatnonzero((steps >= 0) & (steps < states.length - 1)).tolist():
        reason = f"its step is {steps[place]}, too few moves for a snake of {states.length[place]} cells"
        found("columns", int(known.rows[place]), reason)
    if states.width != states.height:
        for place in np.flatnonzero(_numbers(rows, known, "symmetry") > 3).tolist():
            found("columns", int(known.rows[place]), f"its symmetry is none of a {size} board")
    if "board" in rows.table.column_names:
        other = pc.not_equal(rows.table.column("board").take(known.rows), size)
        for place in np.flatnonzero(pc.fill_null(other, False).to_numpy()).tolist():
            board = rows.table.column("board")[int(known.rows[place])].as_py()
            found("columns", int(known.rows[place]), f"its board is {board}, its prompt shows {size}")


def check_answers(rows: Rows, known: Known, label: str, found: Found) -> None:
    """Whether the moves of each answer are what its teacher answers, and the row names that teacher.

    With the label `PLAYER` the teacher is the one whom the row names, else the label.

    Raises:
        UserError: the label is no registered teacher.
    """
    named = _named_teachers(rows, known)
    answering = named if label == PLAYER else np.full(len(named), registry.get(label).name, np.object_)
    given = Texts(known.moves, known.offsets).hashes()
    for name in sorted(set(answering.tolist())):
        own = np.flatnonzero(answering == name)
        if (teacher := registry.find(name)) is None:
            reason = f"its teacher {name} is not registered" if name else "it names no teacher"
            for row in known.rows[own].tolist():
                found("answer", row, f"{reason}, so nobody can be asked for the answer")
            continue
        moves, bounds = own_answers(teacher, known.states.take(own), known.whole_plan[own])
        for place in np.flatnonzero(Texts(moves, bounds).hashes() != given[own]).tolist():
            said = letters(moves[bounds[place] : bounds[place + 1]].tobytes())
            found("answer", int(known.rows[own[place]]), f"its answer is not that of {name}, which is {said or 'none'}")
        for place in own[(named[own] != "") & (named[own] != name)].tolist():
            found("answer", int(known.rows[place]), f"its teacher is {named[place]}, not {name}")


def _named_teachers(rows: Rows, known: Known) -> NDArray[np.object_]:
    """Whom each known row names as its teacher, by its column or else its prompt, in capitals; empty for nobody."""
    result = np.full(len(known.rows), "", np.object_)
    if "teacher" in rows.table.column_names:
        result[:] = pc.fill_null(pc.utf8_upper(rows.table.column("teacher").take(known.rows)), "").to_pylist()
    prompts = rows.table.column("prompt")
    for place in np.flatnonzero(result == "").tolist():
        asked = parse_prompt(prompts[int(known.rows[place])].as_py())
        result[place] = asked[0].upper() if asked else ""
    return result


def check_explanations(rows: Rows, known: Known, found: Found) -> int:
    """Whether every sentence of the explanations is true of the board; how many there are.

    A sentence that makes no known claim can't be called true, so it is a fault as well.
    """
    own = np.flatnonzero(known.explains)
    taken = rows.table.select(["prompt", "completion"]).take(known.rows[own])
    for place, prompt, completion in zip(own.tolist(), *(column.to_pylist() for column in taken.columns), strict=True):
        asked = parse_prompt(prompt)
        try:
            teacher = registry.get(asked[0]) if asked else None
        except UserError:
            teacher = None
        checked = registry.check_explanation(known.states[place], after_moves(completion), teacher)
        row = int(known.rows[place])
        if checked.false:
            found("explanations", row, f"{checked.false[0].sentence!r}: {checked.false[0].reason}")
        elif checked.unreadable:
            found("explanations", row, f"{checked.unreadable[0]!r} makes no claim that can be checked")
        elif not checked.true:
            found("explanations", row, "it explains nothing")
    return len(own)


def check_summaries(rows: Rows, told: Summarised, found: Found) -> None:
    """Whether `snake_length` and `board` say what prompts show that don't hold the state, as far as these do."""
    columns = [
        rows.table.column(name).take(told.rows).to_pylist()
        if name in rows.table.column_names
        else [None] * len(told.rows)
        for name in ("snake_length", "board")
    ]
    for row, text, length, board in zip(told.rows.tolist(), told.boards.tolist(), *columns, strict=True):
        shown = summary_of(text, told.encoding)
        size = None if shown.width is None else f"{shown.width}x{shown.height}"
        if None not in (length, shown.length) and length != shown.length:
            found("columns", row, f"its snake_length is {length}, its prompt shows {shown.length} cells")
        if None not in (board, size) and board != size:
            found("columns", row, f"its board is {board}, its prompt shows {size}")


def _numbers(rows: Rows, known: Known, name: str) -> NDArray[np.int64]:
    """A column of numbers from 0, for the known rows; -1 for null."""
    if name not in rows.table.column_names:
        return np.full(len(known.rows), -1)
    taken = rows.table.column(name).take(known.rows).cast(pa.int64())
    result: NDArray[np.int64] = pc.fill_null(taken, -1).to_numpy()
    return result


_SIDES = {Move.UP: "up", Move.RIGHT: "right", Move.DOWN: "down", Move.LEFT: "left"}


def check_features(rows: Rows, found: Any) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Whether the numbers of each row of the CSV go together, as far as one row can say.

    Args:
        rows: a piece of a CSV.
        found: the `Check` that counts, or None to make no check.

    Returns:
        uint64 `(n,)` twice: a hash of file and numbers of each row, and one of its move. A moment of a game may stand
        there several times, turned and mirrored.
    """
    value = {name: rows.table.column(name).to_numpy() for name in rows.table.column_names if name != TARGET}
    target = rows.table.column(TARGET).to_numpy()
    moves = np.array([Move[name] for name in target], np.int64)
    asked = _mixed(np.full(len(rows), np.uint64(abs(hash(str(rows.file))))), *value.values())
    answered = moves.astype(np.uint64)
    if found is not None:
        found.checked += len(rows)
        wrong: dict[int, str] = {}
        for mask, reason in _faults_of_features(value, moves):
            for row in np.flatnonzero(mask).tolist():
                wrong.setdefault(row, reason)
        for row, reason in sorted(wrong.items()):
            found.found(f"{rows.where(row)}: {reason}")
    return asked, answered


def _faults_of_features(
    value: dict[str, NDArray[np.int64]], moves: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.bool_], str]]:
    """Masks over rows, each with what is wrong where it is true."""
    x, y, apple_x, apple_y = (value[name] for name in ("head_x", "head_y", "apple_x", "apple_y"))
    length, step = value["snake_length"], value["step_in_game"]
    hidden = (apple_x == -1) & (apple_y == -1)
    yield ~hidden & ((apple_x < 0) | (apple_y < 0)), "its apple has only one coordinate"
    yield (apple_x == x) & (apple_y == y), "its apple lies on the head"
    truth = {"up": apple_y > y, "down": (apple_y < y) & ~hidden, "left": (apple_x < x) & ~hidden, "right": apple_x > x}
    for side, is_there in truth.items():
        yield value[f"apple_dir_{side}"] != is_there, f"its apple_dir_{side} is not what head and apple say"
    free = {side: value[f"free_space_{side}"] for side in _SIDES.values()}
    yield free["left"] > x, "its free_space_left goes beyond the wall"
    yield free["down"] > y, "its free_space_down goes beyond the wall"
    alone = length == 1
    yield (
        alone & ((free["left"] != x) | (free["down"] != y)),
        "its free space ends before the wall, and nothing is there",
    )
    yield step < length - 1, "its step_in_game is too small for its snake_length"
    danger = sum(value[f"danger_{side}"] for side in ("straight", "left", "right"))
    closed = sum((column == 0).astype(np.int64) for column in free.values())
    yield danger > closed, "it has more dangers than sides without free space"
    # Where no space is free, only the tail's cell may be entered, which lies beside the head at even lengths from 4.
    no_tail = (length < 4) | (length % 2 == 1)
    for move, side in _SIDES.items():
        into = moves == move
        wall = {"left": x == 0, "down": y == 0}.get(side, np.zeros(len(x), np.bool_))
        yield into & wall, f"its target_move {move.name} leads into the wall"
        yield into & (free[side] == 0) & no_tail, f"its target_move {move.name} leads into the wall or the body"


def _mixed(start: NDArray[np.uint64], *columns: NDArray[np.int64]) -> NDArray[np.uint64]:
    """A hash of some numbers a row; the constants are SplitMix64's."""
    value = start
    for column in columns:
        value = (value ^ column.astype(np.uint64)) * np.uint64(0xBF58476D1CE4E5B9)
        value ^= value >> np.uint64(29)
        value = value * np.uint64(0x94D049BB133111EB)
        value ^= value >> np.uint64(32)
    return value
