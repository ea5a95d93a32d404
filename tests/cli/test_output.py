"""Tables in narrow terminals: no word is broken, and nothing is left out."""

from __future__ import annotations

import io
import itertools
import re

import pytest

from serpentune.cli._output import Output

COLUMNS = ["metric", "BFS", "HAMILTONIAN-SHORTCUT", "difference", "95% interval", "verdict"]
ROWS = [
    ["steps_to_win", "not measured", "1,486.20", "-", "-12.25 to 1,310.50", "not tested"],
    ["fatal_per_1000_moves", "12.50", "0.00", "-12.50", "-14.00 to -11.00", "HAMILTONIAN-SHORTCUT makes fewer of them"],
]


def printed(columns: list[str], rows: list[list[str]], width: int, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", str(width))
    stream = io.StringIO()
    Output(_stream=stream).table(columns, rows, title="a against b")
    return stream.getvalue()


@pytest.mark.parametrize("width", [200, 110, 100, 80, 60, 40])
def test_no_word_is_broken_and_every_value_is_there(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = printed(COLUMNS, ROWS, width, monkeypatch)
    for cell in itertools.chain(COLUMNS, *ROWS):
        for word in re.split(r"\s|(?<=[A-Z])-", cell):
            assert word in text
    if "BFS  " in text.splitlines()[2]:  # a list; only what has no shorter piece goes beyond the edge
        return
    assert max(map(len, text.splitlines())) <= width


def test_a_table_becomes_lists_where_words_would_break(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(["name", "a figure"], [["HAMILTONIAN", "1.5"], ["CELL", "-"]], 15, monkeypatch) == (
        "a against b\nname      HAMILTONIAN\na figure  1.5\n\nname      CELL\na figure  -\n"
    )


def test_prose_is_wrapped_before_names_are(monkeypatch: pytest.MonkeyPatch) -> None:
    text = printed(["teacher", "what"], [["BFS-SAFE-GREEDY", "one two three four five six"]], 36, monkeypatch)
    assert text.splitlines()[3:] == ["BFS-SAFE-GREEDY   one two three four", "                  five six          "]
