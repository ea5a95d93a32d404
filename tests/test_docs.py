"""Generated pages are those that the code would generate today, but for the figures that were measured."""

from __future__ import annotations

import re

import pytest

from benchmarks.teachers import GAMES
from scripts import make_encodings_page, make_memory_table, make_symmetries_page
from scripts.make_teachers_page import PAGE, page
from serpentune import teachers
from serpentune.models import open_tokenizer
from serpentune.pipeline import play_league

_FIGURE = re.compile(r"\d[\d,]*(\.\d+)?|\bnone\b")


def _form(text: str) -> list[str]:
    """The lines with every figure, and what stands for one, as `#`."""
    text = re.sub(r"Measured on .*, [\d-]+:", "Measured on #:", text)
    return [_FIGURE.sub("#", line) for line in text.splitlines()]


def test_the_page_of_teachers_has_the_form_that_its_script_makes() -> None:
    league = {}
    for board in GAMES:
        width, height = map(int, board.split("x"))
        league[board] = play_league(None, 2, width, height)
    written = PAGE.read_text(encoding="utf-8")
    assert _form(written) == _form(page(league, "a machine", "2026-01-01")), "run python scripts/make_teachers_page.py"


def test_the_page_of_teachers_speaks_of_as_many_games_as_its_script_plays() -> None:
    written = PAGE.read_text(encoding="utf-8")
    for board, games in GAMES.items():
        assert f"### {board.replace('x', '×')}, {games:,} games each" in written
    for name in teachers.names():
        teacher = teachers.get(name)
        assert f"| {name} | {teacher.summary} | {teacher.guarantee} |" in written


def _page_of_symmetries(states: int) -> str:
    rows = [make_symmetries_page.measure(teachers.get(name), states) for name in teachers.names()]
    return make_symmetries_page.page(rows)


def test_the_page_of_symmetries_has_the_form_that_its_script_makes() -> None:
    written = make_symmetries_page.PAGE.read_text(encoding="utf-8")
    assert _form(written) == _form(_page_of_symmetries(300)), "run python scripts/make_symmetries_page.py"


@pytest.mark.slow
def test_the_page_of_symmetries_has_the_figures_that_its_script_makes() -> None:
    written = make_symmetries_page.PAGE.read_text(encoding="utf-8")
    assert written == _page_of_symmetries(make_symmetries_page.STATES), "run python scripts/make_symmetries_page.py"


def test_the_page_of_encodings_has_the_form_that_its_script_makes() -> None:
    script = make_encodings_page
    tokenizers = dict.fromkeys((*script.HUB, "nano"), open_tokenizer("nano"))
    measured = {side: script.measure(script.sample(side, 1, 5), tokenizers) for side in script.BOARDS}
    written = script.PAGE.read_text(encoding="utf-8")
    assert _form(written) == _form(script.page(measured)), "run python scripts/make_encodings_page.py"


def test_the_figures_of_the_built_in_tokenizer_on_the_page_of_encodings_are_those_of_today() -> None:
    script = make_encodings_page
    written = script.PAGE.read_text(encoding="utf-8").split("\n### ")[1:]
    for side, table in zip(script.BOARDS, written, strict=True):
        tokens = script.measure(script.sample(side, script.GAMES, script.STATES), {"nano": open_tokenizer("nano")})
        for encoding, figures in tokens.items():
            median, high = figures["nano"]
            (line,) = (line for line in table.splitlines() if line.startswith(f"| `{encoding}` |"))
            assert line.endswith(f" {median:,.0f} ({high:,.0f}) |"), "run python scripts/make_encodings_page.py"


def test_the_table_of_what_trains_where_is_that_of_today() -> None:
    written = make_memory_table.PAGE.read_text(encoding="utf-8")
    assert written == make_memory_table.page(written), "run python scripts/make_memory_table.py"
