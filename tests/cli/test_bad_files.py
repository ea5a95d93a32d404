"""Files that went wrong on their way: each is named with its place, and every row is read or written down."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import re
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serpentune.common.errors import UserError
from serpentune.datasets._faults import Faults, taking_faults
from serpentune.datasets._read_parquet import parquet_rows
from serpentune.datasets.read import files_below, read_rows
from tests.cli.calls import serpentune
from tests.datasets.test_read_rows import csv_text, features

GOOD = b'{"prompt": "Where to?", "completion": " U"}'
HEADER, *CSV = csv_text(features(4)).encode().splitlines()
TURNED = b",".join(reversed(HEADER.split(b",")))


def lines(*texts: bytes) -> bytes:
    return b"".join(text + b"\n" for text in texts)


def parquet(**columns: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file, row_group_size=2, write_page_checksum=True)
    return file.getvalue()


TEXTS: dict[str, Any] = {"prompt": ["a", "b", "c", "d"], "completion": ["U"] * 4}
TORN = parquet(**TEXTS)

# By the file's kind: what it holds; the place and the reason that are named; rows that are read, rows left out.
BAD_LINES = {
    "cut short": (lines(GOOD, GOOD[:20], GOOD), "line 2", "not valid JSON", 2, 1),
    "two rows in a line": (lines(GOOD, GOOD + GOOD), "line 2", "not valid JSON .*Extra data", 1, 1),
    "line ends of another age": (GOOD + b"\r" + GOOD, "line 1", "not valid JSON .*Extra data", 0, 1),
    "Latin-1": (lines(GOOD, '{"prompt": "Où", "completion": "U"}'.encode("latin-1")), "line 2", "not UTF-8", 1, 1),
    "UTF-16": (lines(GOOD).decode().encode("utf-16"), "", "not UTF-8 text but UTF-16 or UTF-32", 0, 1),
    "UTF-16 without a mark": (lines(GOOD).decode().encode("utf-16-le"), "", "UTF-16 or UTF-32", 0, 1),
    "UTF-32": (lines(GOOD).decode().encode("utf-32"), "", "UTF-16 or UTF-32", 0, 1),
    "byte order mark": (b"\xef\xbb\xbf" + lines(GOOD, GOOD), "line 1", "byte order mark", 1, 1),
    "zero byte": (lines(GOOD, GOOD[:5] + b"\0" + GOOD[5:]), "line 2", "not valid JSON", 1, 1),
    "tail of zero bytes": (lines(GOOD) + bytes(500), "line 2", "not valid JSON", 1, 1),
    "nothing but zero bytes": (bytes(500), "", "not UTF-8 text but full of zero bytes", 0, 1),
    "compressed": (gzip.compress(lines(GOOD)), "", "compressed with gzip", 0, 1),
    "Parquet": (TORN, "", "not UTF-8 text but Parquet", 0, 1),
    "list in a line": (b"[" + GOOD + b"]", "line 1", "no JSON object .*a list of 1; each row is an object", 0, 1),
    "list over several lines": (lines(b"[", GOOD, b"]"), "line 1", "no JSON object .*without a list", 1, 2),
    "object over several lines": (lines(b"{", GOOD[1:]), "line 1", "no JSON object .*in a line of its own", 0, 2),
    "no object": (lines(GOOD, b"7", b"null"), "line 2", r"no JSON object \(it holds 7", 1, 2),
    "nested too deeply": (lines(GOOD, b"[" * 100_000), "line 2", "nested too deeply", 1, 1),
    "missing key": (lines(GOOD, b'{"promt": "a", "completion": "U"}'), "line 2",
                    r'the key prompt is missing \(it has "promt", "completion"\)', 1, 1),
    "no keys": (b"{}", "line 1", r"the key prompt is missing \(it has nothing\)", 0, 1),
    "key twice": (lines(b'{"prompt": "a", "prompt": "b", "completion": "U"}'), "line 1", "stands twice", 0, 1),
    "number as text": (lines(GOOD, GOOD[:-1] + b', "step": "7"}'), "line 2", r'not a whole number \("7"\)', 1, 1),
    "broken number": (lines(GOOD[:-1] + b', "step": 7.5}'), "line 1", "step is not a whole number", 0, 1),
    "text as a number": (lines(GOOD[:-1] + b', "game": 7}'), "line 1", "game is not text", 0, 1),
    "number out of range": (lines(GOOD[:-1] + b', "step": -1}'), "line 1", "step is out of range", 0, 1),
    "no number": (lines(GOOD[:-1] + b', "weight": NaN}'), "line 1", "NaN is no number of JSON", 0, 1),
    "null": (lines(GOOD, b'{"prompt": null, "completion": "U"}'), "line 2", r"prompt is no text \(null\)", 1, 1),
    "list for a text": (lines(b'{"prompt": ["a"], "completion": "U"}'), "line 1", "prompt is no text", 0, 1),
    "empty text": (lines(b'{"prompt": "a", "completion": " "}'), "line 1", "completion is empty", 0, 1),
    "half a pair": (lines(b'{"prompt": "\\ud800", "completion": "U"}'), "line 1", "surrogate", 0, 1),
}  # fmt: skip
BAD_CSV = {
    "missing column": (lines(HEADER.replace(b"head_x", b"x"), *CSV), "line 1",
                       r"some of the 19 columns are missing \(head_x\)", 0, 5),
    "column twice": (lines(HEADER + b",head_x", *CSV), "line 1", r'a column stands there twice \("head_x"\)', 0, 5),
    "no names": (lines(*CSV), "line 1", "the first line must name the 19 columns", 0, 4),
    "semicolons": (lines(HEADER.replace(b",", b";"), *CSV), "line 1", "with commas between them", 0, 5),
    "byte order mark": (b"\xef\xbb\xbf" + lines(HEADER, *CSV), "line 1", "byte order mark", 0, 5),
    "Latin-1 above": (lines(b"\xc0" + HEADER, *CSV), "line 1", "no CSV in UTF-8", 0, 5),
    "Latin-1": (lines(HEADER, CSV[0], b"\xc0" + CSV[1]), "line 3", "not UTF-8 text", 1, 1),
    "UTF-16": (lines(HEADER, *CSV).decode().encode("utf-16"), "", "UTF-16 or UTF-32", 0, 1),
    "shuffled names only": (lines(TURNED, *CSV), "line 2", "is no whole number", 0, 4),
    "missing field": (lines(HEADER, CSV[0], CSV[1].rpartition(b",")[0]), "line 3", "too few fields", 1, 1),
    "another field": (lines(HEADER, CSV[0] + b",7", CSV[1]), "line 2", "too many fields", 1, 1),
    "line break in quotes": (lines(HEADER, b'"1\n2"' + CSV[0][1:], CSV[1]), "line 2", "a quote isn't closed", 1, 2),
    "word for a number": (lines(HEADER, CSV[0], b"x" + CSV[1]), "line 3", "game_id is no whole number", 1, 1),
    "broken number": (lines(HEADER, CSV[0].replace(b",", b".5,", 1)), "line 2", "no whole number", 0, 1),
    "empty field": (lines(HEADER, CSV[0][1:], CSV[1]), "line 2", "game_id is no whole number", 1, 1),
    "number out of range": (lines(HEADER, b"-" + CSV[0]), "line 2", "game_id is out of range", 0, 1),
    "small letters": (lines(HEADER, CSV[0].lower()), "line 2", "target_move is none of UP, RIGHT", 0, 1),
}  # fmt: skip
BAD_PARQUET = {
    "other columns": (parquet(text=["a", "b", "c"]), "", r'column prompt is missing \(it has "text"\)', 0, 3),
    "other columns, no rows": (parquet(text=pa.array([], pa.string())), "", "column prompt is missing", 0, 1),
    "a column is missing": (parquet(prompt=["a"]), "", "column completion is missing", 0, 1),
    "numbers for texts": (parquet(prompt=["a"], completion=[1]), "", r"another type \(int64, not string\)", 0, 1),
    "lists for texts": (parquet(prompt=[["a"]], completion=["U"]), "", "prompt is of another type", 0, 1),
    "bytes for texts": (parquet(prompt=[b"a"], completion=["U"]), "", "prompt is of another type", 0, 1),
    "texts for numbers": (parquet(**TEXTS, step=["1"] * 4), "", "step is of another type", 0, 4),
    "broken numbers": (parquet(**TEXTS, step=[1.5] * 4), "", "step is of another type", 0, 4),
    "null": (parquet(**{**TEXTS, "prompt": ["a", "b", None, "d"]}), "row group 2, row 1", "prompt is null", 3, 1),
    "nothing but nulls": (parquet(**{**TEXTS, "prompt": [None] * 4}), "row group 1, row 1", "prompt is null", 0, 4),
    "empty text": (parquet(**{**TEXTS, "prompt": ["", "b", "c", "d"]}), "row group 1, row 1", "prompt is empty", 3, 1),
    "out of range": (parquet(**TEXTS, step=[1, 2, 3, 2**40]), "row group 2, row 2", "step is out of range", 3, 1),
    "end cut off": (TORN[:-30], "", "no Parquet, or torn", 0, 1),
    "beginning alone": (TORN[:200], "", "no Parquet, or torn", 0, 1),
    "a changed byte": (TORN[:40] + bytes([TORN[40] ^ 255]) + TORN[41:], "row group 1", "is damaged", 2, 2),
    "text": (b"prompt,completion\n", "", "no Parquet, or torn", 0, 1),
    "nothing": (b"", "", "no Parquet, or torn", 0, 1),
}  # fmt: skip
CASES = [
    pytest.param(f"rows.{suffix}", *case, id=f"{suffix}: {name}")
    for suffix, cases in (("jsonl", BAD_LINES), ("csv", BAD_CSV), ("parquet", BAD_PARQUET))
    for name, case in cases.items()
]


@pytest.mark.parametrize(("name", "content", "place", "reason", "read", "left_out"), CASES)
def test_a_bad_file_is_named_and_its_bad_rows_are_written_down(
    tmp_path: Path, name: str, content: bytes, place: str, reason: str, read: int, left_out: int
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    where = f"{path}, {place}: " if place else f"{path}: "
    stopped = serpentune("dataset", "validate", path)
    assert stopped.code == 2 and stopped.out == ""
    assert stopped.err.startswith(f"Error: {where}") and "--on-error skip" in stopped.err
    assert re.search(reason, stopped.err), stopped.err
    rejects = tmp_path / "rejects.jsonl"
    skipped = serpentune("dataset", "validate", path, "--on-error", "skip", "--rejects", rejects, "--json")
    assert skipped.code == 2 and "ok" in skipped.document, skipped.err
    found = skipped.document
    assert (found["ok"], found["rows"], sum(found["left_out"].values())) == (False, read, left_out)
    entries = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert sum(entry["rows"] for entry in entries) == left_out
    assert {entry["file"] for entry in entries} == {str(path)}
    first = {key: entries[0][key] for key in ("line", "row_group", "row") if key in entries[0]}
    assert ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in first.items()) == place
    if name != "rows.parquet" and place:  # every line is a row, the names of the columns, or written down
        filled = [line for line in content.split(b"\n") if line.strip()]
        assert read + left_out + (name == "rows.csv" and place != "line 1") == len(filled)


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv", "rows.json"])
def test_a_file_without_rows_is_no_clean_data_set(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    for content in (b"", b"\n \n", HEADER if path.suffix == ".csv" else b"\r\n"):
        path.write_bytes(content)
        found = serpentune("dataset", "validate", path)
        assert found.code == 2 and f"{path} holds no rows" in found.err
    pq.write_table(pa.table({"prompt": pa.array([], pa.string()), "completion": pa.array([], pa.string())}),
                   tmp_path / "rows.parquet")  # fmt: skip
    assert "holds no rows" in serpentune("dataset", "validate", tmp_path / "rows.parquet").err


def test_a_folder_of_good_and_bad_files_is_accounted_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --rejects they are written into the working folder, under the name of the data set."""
    folder = tmp_path / "mixed"
    (folder / "below").mkdir(parents=True)
    for suffix, cases in (("jsonl", BAD_LINES), ("csv", BAD_CSV), ("parquet", BAD_PARQUET)):
        for number, (content, *_) in enumerate(cases.values()):
            (folder / "below" / f"{number}.{suffix}").write_bytes(content)
    for other in ("more.jsonl.gz", "notes.txt", "game_1.json", "README.md"):
        (folder / other).write_text("no rows")
    monkeypatch.chdir(tmp_path)
    found = serpentune("dataset", "validate", folder, "--on-error", "skip", "--json").document
    every = [*BAD_LINES.values(), *BAD_CSV.values(), *BAD_PARQUET.values()]
    assert found["rows"] == sum(case[3] for case in every)
    assert sum(found["left_out"].values()) == sum(case[4] for case in every)
    assert found["rejects"] == "mixed.rejects.jsonl"
    entries = [json.loads(line) for line in Path("mixed.rejects.jsonl").read_text().splitlines()]
    assert sum(entry["rows"] for entry in entries) == sum(case[4] for case in every)
    assert len({entry["file"] for entry in entries}) == len(every)
    assert found["passed_over"] == [str(folder / "more.jsonl.gz"), str(folder / "notes.txt")]
    shown = serpentune("dataset", "validate", folder, "--on-error", "skip")
    assert "notes.txt" in shown.out and f"Rows left out: {sum(case[4] for case in every)}" in shown.out


def test_no_file_of_the_user_is_overwritten_by_the_rejects(tmp_path: Path) -> None:
    path, mine = tmp_path / "rows.jsonl", tmp_path / "mine.jsonl"
    for file in (path, mine):
        file.write_bytes(lines(GOOD, b"{"))
    skip = ("--on-error", "skip", "--rejects")
    for options, said in (
        ((*skip, mine), "mine.jsonl is there already"),
        ((*skip, path), "rows.jsonl is there already"),
        (("--rejects", tmp_path / "new.jsonl"), "--rejects goes with --on-error skip"),
    ):
        found = serpentune("dataset", "validate", path, *options)
        assert found.code == 2 and said in found.err
    rejects = path.rename(tmp_path / "rejects.jsonl")
    found = serpentune("dataset", "validate", rejects, *skip, rejects)
    assert found.code == 2 and "is to be read itself" in found.err
    assert rejects.read_bytes() == mine.read_bytes() == lines(GOOD, b"{")
    assert serpentune("dataset", "validate", mine, *skip, rejects).code == 2
    assert json.loads(rejects.read_text())["line"] == 2


def test_keys_and_columns_that_no_record_has_are_counted(tmp_path: Path) -> None:
    more = GOOD[:-1] + b', "note": [1], "weight": 3}'
    (tmp_path / "a.jsonl").write_bytes(lines(GOOD, more, more))
    (tmp_path / "b.csv").write_bytes(lines(HEADER + b",weight", *(row + b",1" for row in CSV)))
    (tmp_path / "c.parquet").write_bytes(parquet(**TEXTS, weight=[1] * 4))
    found = serpentune("dataset", "validate", tmp_path, "--json")
    assert found.code == 0, found.err
    assert found.document["unknown_columns"] == {"note": 2, "weight": 2 + 4 + 4}


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="no file here that opens and can't be read")
@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
def test_a_file_that_the_disk_does_not_give_is_named(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a.{suffix}").symlink_to("/proc/self/mem")
    (tmp_path / "b.jsonl").write_bytes(lines(GOOD))
    stopped = serpentune("dataset", "validate", tmp_path)
    assert stopped.code == 2 and f"a.{suffix}: the file can't be read (Input/output error)" in stopped.err
    rejects = tmp_path / "rejects.jsonl"
    skipped = serpentune("dataset", "validate", tmp_path, "--on-error", "skip", "--rejects", rejects, "--json")
    assert (skipped.code, skipped.document["rows"]) == (2, 1)
    assert json.loads(rejects.read_text())["reason"] == "the file can't be read (Input/output error)"


def test_a_parquet_file_that_is_gone_is_not_called_torn(tmp_path: Path) -> None:
    with taking_faults("skip") as faults:
        assert not list(parquet_rows(tmp_path / "gone.parquet", None, faults, Counter()))
    assert faults.counts == {"the file can't be read": 1}


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_folder_that_may_not_be_read_is_named() -> None:
    with tempfile.TemporaryDirectory() as name:  # below no folder that only its owner may enter
        folder, owner = Path(name), os.geteuid()
        folder.chmod(0o755)
        (folder / "a.jsonl").write_bytes(lines(GOOD))
        (folder / "closed").mkdir(mode=0)
        if owner == 0:
            os.seteuid(65534)
        try:
            with pytest.raises(UserError, match=r"closed can't be read \(Permission denied\)"):
                files_below(folder)
        finally:
            os.seteuid(owner)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no file here that is always full")
def test_no_room_for_the_rejects_is_not_blamed_on_the_data(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(lines(*[b"{"] * 100))
    with (
        contextlib.suppress(OSError),  # closing the file says it once more
        Path("/dev/full").open("w") as full,
        pytest.raises(UserError, match=r"The rejects file can't be written \(No space"),
    ):
        for _ in read_rows(path, Faults("skip", full)):
            pass


def test_what_would_steer_a_terminal_is_shown_by_its_code(tmp_path: Path) -> None:
    steering = "\x1b[31mred\x07"
    row = json.dumps({"prompt": f"Player {steering}. Board 6x6, heading UP.\nMove:", "completion": steering})
    other = json.dumps({"prompt": "a", "completion": "b", "style": steering, steering: 1})
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{row}\n{other}\n{{"{steering}": 1}}\n{{{json.dumps(steering)}: 1}}\n')
    rejects = tmp_path / "rejects.jsonl"
    skip = serpentune("dataset", "validate", path, "--on-error", "skip", "--rejects", rejects)
    moved = serpentune("dataset", "migrate", path, tmp_path / "new", "--on-error", "skip")
    for shown in (skip.out, skip.err, moved.err, rejects.read_text()):
        assert "\x1b" not in shown and "\x07" not in shown
    assert r"\x1b[31mred\x07" in skip.out and r"\u001b[31mred" in skip.out
