"""Floor 6, training: prompts and completions of a Hugging Face data set, a piece at a time, also from chats."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from serpentune.common.errors import UserError

MESSAGES = "messages"

_PAIR = ("prompt", "completion")
_ROLES = ("user", "assistant")
_AT_ONCE = 1024


def holds_chats(dataset: Any) -> bool:
    """Whether the texts of a data set are chats in a column `messages`, and not `prompt` and `completion`."""
    return MESSAGES in dataset.column_names and not set(_PAIR) <= set(dataset.column_names)


def pieces(dataset: Any, what: str) -> Iterator[tuple[int, pa.Array, pa.Array]]:
    """Number of the first record, prompts and completions (Arrow strings without nulls) of each piece of a data set.

    Args:
        dataset: a Hugging Face data set with the text columns `prompt` and `completion`, or with chats in `messages`:
            `[{"role": "user", "content": ...}, {"role": "assistant", "content": ...}]`.
        what: its name in messages ("training data").

    Raises:
        UserError: a column is missing or holds something else.
    """
    chats = holds_chats(dataset)
    wanted = [MESSAGES] if chats else list(_PAIR)
    missing = sorted(set(wanted) - set(dataset.column_names))
    if missing:
        raise UserError(f"The {what} has no column {missing[0]!r}; it has: {', '.join(dataset.column_names)}.")
    start = 0
    for table in dataset.select_columns(wanted).with_format("arrow").iter(_AT_ONCE):
        columns = [table[name].combine_chunks() for name in wanted]
        prompts, completions = _split(columns[0], start, what) if chats else columns
        for name, column in zip(_PAIR, (prompts, completions), strict=True):
            if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
                raise UserError(f"The {what}: the column {name!r} holds {column.type}, not text.")
            if (null := _first(pc.is_null(column))) is not None:
                raise UserError(f"The {what}, record {start + null}: the {name} is missing.")
        yield start, prompts, completions
        start += len(prompts)


def _first(marks: pa.BooleanArray) -> int | None:
    """The place of the first true value."""
    place: int = pc.index(marks, True).as_py()
    return place if place >= 0 else None


def _split(chats: pa.Array, start: int, what: str) -> tuple[pa.Array, pa.Array]:
    """The user's messages and the assistant's, of chats that hold one of each in this order."""
    kind = chats.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)) or not pa.types.is_struct(kind.value_type):
        raise UserError(f"The {what}: the column {MESSAGES!r} holds {kind}, not lists of messages.")
    if absent := {"role", "content"}.difference(field.name for field in kind.value_type):
        raise UserError(f"The {what}: a message in {MESSAGES!r} has no {sorted(absent)[0]!r}.")
    fits = pc.fill_null(pc.equal(pc.list_value_length(chats), 2), False)
    if (other := _first(pc.invert(fits))) is None:
        messages = chats.flatten()
        roles = pc.struct_field(messages, "role").to_numpy(zero_copy_only=False).reshape(-1, 2)
        other = next(iter(np.flatnonzero((roles != np.array(_ROLES, object)).any(axis=1)).tolist()), None)
    if other is not None:
        raise UserError(
            f"The {what}, record {start + other}: a chat must be one message of the user and one answer of the "
            "assistant."
        )
    contents = pc.struct_field(messages, "content")
    questions = np.arange(0, len(contents), 2)
    return contents.take(pa.array(questions)), contents.take(pa.array(questions + 1))
