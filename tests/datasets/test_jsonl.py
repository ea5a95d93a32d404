"""Lines of JSON are those of the standard library, byte for byte, whatever stands in the texts."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serpentune.datasets._jsonl import chat_lines, jsonl_lines

HOSTILE = [
    '"',
    "\\",
    "\\n",
    "\n",
    "\r\n",
    "\t",
    "\b\f",
    "\x00",
    "\x1f",
    "\x7f",
    "\u2028",
    "\u2029",
    "é",
    "蛇",
    "🐍",
    "",
]


def by_the_library(table: Any) -> bytes:
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in table.to_pylist()).encode()


texts = st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=6)), max_size=4).map("".join)
columns = st.one_of(
    st.tuples(st.sampled_from([pa.string(), pa.large_string()]), st.just(texts)),
    st.tuples(st.just(pa.int64()), st.just(st.integers(-(2**63), 2**63 - 1))),
    st.tuples(st.just(pa.uint64()), st.just(st.integers(0, 2**64 - 1))),
    st.tuples(st.just(pa.int8()), st.just(st.integers(-128, 127))),
    st.tuples(st.just(pa.bool_()), st.just(st.booleans())),
    st.tuples(st.just(pa.null()), st.just(st.none())),
)


@st.composite
def tables(draw: st.DrawFn) -> Any:
    rows = draw(st.integers(0, 5))
    names = draw(st.lists(texts, min_size=1, max_size=4, unique=True))
    arrays = []
    for _ in names:
        kind, values = draw(columns)
        held = draw(st.lists(st.one_of(st.none(), values), min_size=rows, max_size=rows))
        arrays.append(pa.array(held, kind))
    return pa.table(arrays, names=names)


@given(tables(), st.integers(0, 3))
def test_lines_are_those_of_the_standard_library(table: Any, start: int) -> None:
    assert bytes(jsonl_lines(table)) == by_the_library(table)
    assert bytes(jsonl_lines(table.slice(start, 2))) == by_the_library(table.slice(start, 2))
    chunked = pa.concat_tables([table, table.slice(start)])
    assert bytes(jsonl_lines(chunked)) == by_the_library(chunked)


def test_every_character_below_128_is_escaped_right() -> None:
    table = pa.table({"text": [chr(code) for code in range(128)] + ["".join(map(chr, range(128)))]})
    assert bytes(jsonl_lines(table)) == by_the_library(table)


def test_names_kept_in_a_dictionary_are_written_out() -> None:
    table = pa.table({"name": pa.array(["BFS", None, 'A"', "BFS"]).dictionary_encode(), "step": [1, 2, 3, 4]})
    assert bytes(jsonl_lines(table)) == by_the_library(table)


def test_a_table_without_columns_or_rows() -> None:
    assert bytes(jsonl_lines(pa.table({"a": pa.array([], pa.string())}))) == b""
    assert bytes(jsonl_lines(pa.table({"a": [1, 2]}).select([]))) == b"{}\n{}\n"


def test_a_column_that_is_no_text_number_or_truth_value_is_refused() -> None:
    with pytest.raises(TypeError, match="'share' holds double"):
        jsonl_lines(pa.table({"share": [0.5]}))


@given(st.lists(st.tuples(texts, texts, st.one_of(st.none(), texts)), max_size=4))
def test_chats_are_those_of_the_standard_library(rows: list[tuple[str, str, str | None]]) -> None:
    def chat(prompt: str, completion: str) -> dict[str, Any]:
        answer = completion.lstrip(" ")
        return {"messages": [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]}

    schema = pa.schema([("prompt", pa.string()), ("completion", pa.string()), ("teacher", pa.string())])
    table = pa.table([list(column) for column in zip(*rows, strict=True)] or [[], [], []], schema=schema)
    lines = [json.loads(line) for line in bytes(chat_lines(table)).split(b"\n")[:-1]]
    assert lines == [{**chat(prompt, completion), "teacher": teacher} for prompt, completion, teacher in rows]
    bare = bytes(chat_lines(table.select(["prompt", "completion"]))).decode()
    assert bare == "".join(f"{json.dumps(chat(*row[:2]), ensure_ascii=False)}\n" for row in rows)
