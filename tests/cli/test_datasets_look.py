"""`serpentune dataset inspect` and `serpentune dataset report`: what is printed, what is written, what is refused."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from serpentune.datasets import inspect_dataset
from serpentune.game import ansi, letters
from tests.cli.calls import environment, serpentune
from tests.cli.test_errors import refused
from tests.cli.test_watch import UNIX
from tests.datasets.made import positions, records, write


def test_a_record_is_shown_as_board_facts_and_text(dataset: Path) -> None:
    shown = serpentune("dataset", "inspect", dataset, "--record", 7)
    assert (shown.code, shown.err) == (0, "")
    assert "\x1b" not in shown.out and max(map(len, shown.out.splitlines())) <= 80
    (record,) = inspect_dataset(dataset, number=7).shown
    assert record.state is not None
    board = ansi(record.state, path=record.moves).splitlines()
    assert [line[: len(board[0])] for line in shown.out.splitlines() if line.startswith(("┌", "│", "└"))] == board
    assert "record 7 of train" in shown.out
    assert re.search(rf"teacher +{record.record['teacher']} ", shown.out)
    assert re.search(rf"moves +{len(record.moves)}: {letters(record.moves)} ", shown.out)
    assert "".join(f"  {line}\n" for line in record.record["prompt"].splitlines()) in shown.out
    assert f"completion:\n  {record.record['completion']}\n" in shown.out


def test_counts_come_first(dataset: Path) -> None:
    out = serpentune("dataset", "inspect", dataset, "--records", 0).out
    assert re.search(r"^records +all +\d+ +\d+ +\d+ +7\d$", out, re.MULTILINE)
    assert re.search(r"^teacher +ASTAR .* 39$", out, re.MULTILINE) and re.search(r"^ +BFS .* 39$", out, re.MULTILINE)
    assert "record " not in out.split("encoding")[1]


def test_in_a_narrow_terminal_facts_stand_below_the_board(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    out = serpentune("dataset", "inspect", dataset, "--record", 0).out
    assert re.search(r"┘\nteacher +\w+\n", out)


def test_the_document_holds_the_records(dataset: Path) -> None:
    options = ["--teacher", "bfs", "--records", 5, "--seed", 3, "--json"]
    document = serpentune("dataset", "inspect", dataset, *options).document
    assert document["matching"] == document["counts"]["teacher"]["BFS"]["train"] and document["split"] == "train"
    assert len(document["records"]) == 5
    assert all(row["teacher"] == "BFS" and row["prompt"].startswith("Player BFS.") for row in document["records"])
    assert document == serpentune("dataset", "inspect", dataset, *options).document


def test_a_text_of_another_program_can_not_steer_the_terminal(tmp_path: Path) -> None:
    row = records(positions(1), "BFS")[0]
    row |= {"prompt": "\x1b[2J where\r\nto?", "completion": "up \x07", "encoding": None, "teacher": "E\x1b[31mVIL"}
    write(tmp_path / "d", {"train": [[row]]})
    out = serpentune("dataset", "inspect", tmp_path / "d").out
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", out)
    assert "\\x1b[2J where\\r\n  to?" in out and "none (holds no state that could be drawn)" in out
    assert re.search(r"moves +1: U", out)
    unknown = serpentune("dataset", "inspect", tmp_path / "d", "--teacher", "NOBODY")
    assert unknown.code == 2 and "Known: E\\x1b[31mVIL." in unknown.err


@pytest.mark.slow
@UNIX
def test_in_a_terminal_boards_are_coloured(dataset: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    variables = {name: value for name, value in environment().items() if name != "NO_COLOR"}
    command = [sys.executable, "-m", "serpentune", "dataset", "inspect", str(dataset), "--record", "0"]
    running = subprocess.Popen(command, stdout=theirs, stderr=theirs, env=variables | {"TERM": "xterm-256color"})
    os.close(theirs)
    shown = b""
    while b"completion" not in shown:
        shown += os.read(ours, 1 << 16)
    assert running.wait(60) == 0
    os.close(ours)
    assert b"\x1b[1;91m\xe2\x97\x8f" in shown  # the apple is red


def test_bad_input(dataset: Path, tmp_path: Path) -> None:
    assert "is no data set" in refused("dataset", "inspect", tmp_path)
    assert "Did you mean test?" in refused("dataset", "inspect", dataset, "--split", "tset")
    assert "has the records 0 to" in refused("dataset", "inspect", dataset, "--record", 1000)
    assert "is no data set" in refused("dataset", "report", tmp_path, "--output", tmp_path / "page.html")
    (tmp_path / "page.html").write_text("mine")
    assert "--overwrite" in refused("dataset", "report", dataset, "--output", tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text() == "mine"


def test_the_page_is_written_as_asked(dataset: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    made = serpentune(
        "dataset", "report", dataset, "-o", page, "--states", 20, "--token-records", 30, "--title", "Mine"
    )
    assert (made.code, made.out, made.err) == (0, f"{page}\n", "")
    text = page.read_text(encoding="utf-8")
    assert "<h1>Mine</h1>" in text and "asked in 20 of the" in text and "of 30 records, drawn with seed 0" in text
    again = serpentune("dataset", "report", dataset, "-o", page, "--token-records", 0, "--overwrite", "--json")
    assert again.document == {"report": str(page)}
    assert 'id="tokens"' not in page.read_text(encoding="utf-8")
