"""The page about a data set as a file: what it says, that it is true, and that it says it safely."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from serpentune.common.errors import UserError
from serpentune.datasets import describe
from serpentune.models import open_tokenizer, token_lengths
from serpentune.report import write_dataset_report
from serpentune.report._heat import heat_board
from serpentune.statistics import wilson_interval
from tests.datasets.made import positions, records, write
from tests.report.parsed import Page
from tests.report.players import UNRULY


@pytest.fixture(scope="module")
def page(dataset_page: Path) -> Page:
    return Page(dataset_page.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def text(page: Page) -> str:
    return " ".join(" ".join(page.text).split())


def test_text_from_outside_opens_no_element(page: Page, dataset_page: Path) -> None:
    assert page.tags.count("script") == 1 and page.comments == []
    assert "".join(page.text).count(UNRULY) > 10
    written = dataset_page.read_text(encoding="utf-8").replace("</script>\n", "")
    assert not any(part in written for part in ("<!--", "<script>alert", "</script><"))


def test_page_asks_nothing_of_a_network_and_runs_its_own_script_alone(page: Page, dataset_page: Path) -> None:
    sources = [value for name, value in page.attributes if name in ("src", "href", "action", "poster")]
    assert all(value is not None and value.startswith(("#", "data:")) for value in sources)
    assert not re.search(r"url\(|@import", dataset_page.read_text(encoding="utf-8"))
    policy = next(value for name, value in page.attributes if name == "content" and value and "script-src" in value)
    assert "script-src 'sha256-" in policy and "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]


def test_words_say_what_the_description_counts(text: str, dataset: Path) -> None:
    described = describe(dataset)
    assert f"1,221 records of {UNRULY}, BFS and HAMILTONIAN." in text
    assert f"Several answers follow 20 of {described.answers.prompts:,} different prompts" in text
    assert f"{described.answers.bits:.3f} bits of an answer" in text
    assert "From 1 record no state could be read: positions and agreement are about the other 1,220." in text
    assert not re.search(r"\b(nan|NaN|inf|None|undefined)\b", text)


def test_agreement_stands_with_its_interval_and_with_how_many_states(text: str, dataset: Path) -> None:
    pairs = {(pair.a, pair.b): pair for pair in describe(dataset).pairs}
    both, odd = pairs["BFS", "HAMILTONIAN"], pairs[UNRULY, "BFS"]
    interval = wilson_interval(both.agree, both.states).interval
    assert interval is not None
    assert f"{both.agree / both.states:.1%} [{interval.low:.1%}, {interval.high:.1%}]" in text
    assert odd.states == 100 and f"{odd.agree / 100:.1%}" in text and ", 100 states" in text


def test_checks_recipe_hashes_and_tokens_are_shown(text: str, dataset: Path) -> None:
    assert "duplicates 3 left out" in text
    assert "sources:" in text and "seed: 3" in text
    assert describe(dataset).manifest["sha256"]["train"] in text
    assert "of 150 records, drawn with seed 0, in tokens of nano" in text


def test_the_same_data_set_makes_the_same_page(dataset: Path, tmp_path: Path) -> None:
    first, second = (
        re.sub(r'<p class="made">.*', "", write_dataset_report(dataset, tmp_path / f"{name}.html").read_text("utf-8"))
        for name in "ab"
    )
    assert first == second and 'id="tokens"' not in first


def test_a_data_set_of_one_player_without_states_has_no_such_sections(tmp_path: Path) -> None:
    row = {**records(positions(1), "BFS")[0], "prompt": "Where to?", "encoding": None, "board": "none", "style": None}
    folder = write(tmp_path / "d", {"train": [[row]]})
    written = write_dataset_report(folder, tmp_path / "d.html").read_text(encoding="utf-8")
    assert 'id="positions"' not in written and 'id="agreement"' not in written and "Checks of the build" not in written
    assert "1 record of BFS." in written and "Length of plans" not in written


def test_no_name_turns_the_text_around_it_or_controls_anything(tmp_path: Path) -> None:
    folder = write(tmp_path / "d", {"train": [records(positions(2), "E\u202eVIL\x1b", [0, 1])]})
    written = write_dataset_report(folder, tmp_path / "d.html", title="A\xa0B").read_text(encoding="utf-8")
    assert "2 records of E\\u202eVIL\\x1b." in written and "<h1>A\xa0B</h1>" in written
    assert "\u202e" not in written and "\x1b" not in written


def test_snakes_of_unknown_length_are_counted_apart(tmp_path: Path) -> None:
    lengths = [None, None, None, 2, 4, 5, 9]
    rows = [{**row, "snake_length": length} for row, length in zip(records(positions(7), "BFS"), lengths, strict=True)]
    folder = write(tmp_path / "d", {"train": [rows]})
    written = write_dataset_report(folder, tmp_path / "d.html").read_text(encoding="utf-8")
    assert "Half of the snakes have 4 cells or fewer; the longest has 9." in written
    assert "3 records of 7 don&#39;t say how long the snake is." in written
    assert "snake length 0" not in written and "of 4 records" in written
    folder = write(tmp_path / "none", {"train": [rows[:3]]})
    written = write_dataset_report(folder, tmp_path / "none.html").read_text(encoding="utf-8")
    assert "Half of the snakes" not in written and "Length of the snake" not in written


def test_tokens_are_counted_as_for_training() -> None:
    from serpentune.models import load_base, prompt_ids

    tokenizer = load_base("nano").tokenizer
    rows = records(positions(5), "BFS")
    lengths = partial(token_lengths, open_tokenizer("nano"))(
        [row["prompt"] for row in rows], [row["completion"] for row in rows]
    )
    asked = prompt_ids(tokenizer, [row["prompt"] for row in rows])
    assert lengths.tolist() == [len(ids) + 2 for ids in asked]  # a token for the move, one for the end
    assert partial(token_lengths, open_tokenizer("nano"))([], []).tolist() == []
    with pytest.raises(UserError, match="nowhere"):
        open_tokenizer("./nowhere")


def test_every_cell_is_drawn_once_where_it_lies_with_its_shade() -> None:
    counts = np.array([0, 1, 2, 12, 12, 0])  # a board of three columns, its bottom row first
    board = heat_board(counts, 3, 2, "Heads", "heads")
    drawn = {level.opacity: level.path for level in board.levels}
    assert drawn == {0.08: "M1 1h1v1H1z", 0.17: "M2 1h1v1H2z", 1.0: "M0 0h2v1H0z"}
    assert board.detail == "most: 44.4%, 2 cells empty" and "most at 0,1" in board.label
    assert heat_board(np.array([3, 1, 1, 1, 1, 0]), 3, 2, "Heads", "heads").detail == "most: 42.9%, 1 cell empty"
    assert heat_board(np.zeros(6, np.int64), 3, 2, "Apples", "apples").levels == ()
