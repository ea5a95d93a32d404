"""Foreign rows: each is read as it stands there, or named with its place; a referee in plain Python says which."""

from __future__ import annotations

import csv
import itertools
import json
import math
import random
import re
import time
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serpentune.common.errors import UserError
from serpentune.datasets._faults import taking_faults
from serpentune.datasets._lines import MAX_LINE
from serpentune.datasets._read_csv import FEATURE_RANGES, TARGET
from serpentune.datasets.read import read_rows, split_of
from serpentune.datasets.records import SCHEMA
from serpentune.datasets.validate import validate
from tests.datasets import old_lines


def read(path: Path) -> tuple[list[dict[str, Any]], list[int], Counter[str], int]:
    """The rows, their places, and what was left out by kind and in all."""
    rows: list[dict[str, Any]] = []
    places: list[int] = []
    with taking_faults("skip") as faults:
        for piece in read_rows(path, faults):
            rows += piece.table.to_pylist()
            places += piece.places.tolist()
    return rows, places, faults.counts, faults.total


def fails(path: Path) -> bool:
    """Whether the policy `fail` stops."""
    try:
        with taking_faults("fail") as faults:
            for _ in read_rows(path, faults):
                pass
    except UserError as error:
        assert path.name in str(error)
        return True
    return False


ROWS = [
    {"prompt": "Where to, 1?", "completion": " U", "teacher": "BFS", "step": 3, "snake_length": 2, "note": [1.5, None]},
    {"prompt": "Où aller\n2?", "completion": " L R", "verified": True, "seed": 7, "board": "6x6", "style": None},
    {"prompt": "Where to, 3?", "completion": " D", "symmetry": 3, "game": "run/1", "encoding": "grid"},
]
SPOILING = [
    b'"', b"{", b"}", b"null", b"NaN", b"1e999", b"-1", b"\\ud800", b"\xff", b"\x00", b",", b"\n", b" ", b"9" * 30,
    b"[]",
    b'"prompt": "again", ', b'""', b"true", b"\r\n", b"\n\n", b"7", b"Infinity", b"\t", b"0",
]  # fmt: skip


def mutated(data: bytes, rng: random.Random) -> bytes:
    """A few bytes deleted, doubled, changed, swapped for something nasty, or the end cut off."""
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        start = rng.randrange(len(data) + 1)
        stop = min(len(data), start + rng.choice([1, 1, 2, 5, 12]))
        kind = rng.randrange(5)
        if kind == 0:
            data = data[:start] + data[stop:]
        elif kind == 1:
            data = data[:stop] + data[start:]
        elif kind == 2:
            data = data[:start] + bytes([rng.randrange(256)]) + data[start + 1 :]
        elif kind == 3:
            data = data[:start] + rng.choice(SPOILING) + data[stop if rng.random() < 0.5 else start :]
        else:
            data = data[:start] if rng.random() < 0.2 else data
    return data


NUMBERS = {"seed": 2**63 - 1, "step": 2**31 - 1, "snake_length": 2500, "symmetry": 7}


def no_float(text: str) -> float:
    if not math.isfinite(float(text)):
        raise ValueError(text)
    return float(text)


def no_constant(name: str) -> None:
    raise ValueError(name)


def usable(line: bytes) -> dict[str, Any] | None:
    """The row of a line of JSON, in the columns of a record; None for what is no row."""
    doubled = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        doubled.append(len(items) != len({key for key, _ in items}))
        return dict(items)

    try:
        row = json.loads(line.decode(), object_pairs_hook=pairs, parse_float=no_float, parse_constant=no_constant)
        json.dumps(row, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict) or any(doubled):
        return None
    for name in ("prompt", "completion"):
        if not isinstance(row.get(name), str) or not row[name].strip():
            return None
    for field in SCHEMA:
        value = row.get(field.name)
        if value is None:
            continue
        if field.name in NUMBERS:
            least = 1 if field.name == "snake_length" else 0
            if type(value) is not int or not least <= value <= NUMBERS[field.name]:
                return None
        elif not isinstance(value, bool if field.name == "verified" else str):
            return None
    return {name: row[name] for name in SCHEMA.names if row.get(name) is not None}


def check_jsonl(data: bytes, path: Path) -> int:
    path.write_bytes(data)
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or 0 in data[:2]:
        assert read(path)[3] == 1
        return 1
    expected, bad = [], []
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip(b" \t\r\n\v\f"):
            continue
        row = usable(line)
        if row is None:
            bad.append(number)
        else:
            expected.append((number, row))
    rows, places, _, left_out = read(path)
    found = [{name: value for name, value in row.items() if value is not None and name != "extra"} for row in rows]
    assert list(zip(places, found, strict=True)) == expected, data
    assert left_out == len(bad), data
    assert fails(path) == bool(bad), data
    return bool(bad)


def fuzz_jsonl(count: int, path: Path) -> int:
    data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()
    assert not check_jsonl(data, path)
    return sum(check_jsonl(mutated(data, random.Random(seed)), path) for seed in range(count))


def features(count: int) -> list[dict[str, Any]]:
    """Rows of a snake of one cell on a 6x6 board."""
    result = []
    for place in range(count):
        x, y = place % 6, place // 6 % 6
        apple_x, apple_y = (x + 2) % 6, (y + 3) % 6
        move = "UP" if y < 5 else "DOWN"
        result.append(
            {"game_id": 1 + place // 5, "step_in_game": place % 5, "head_x": x, "head_y": y, "apple_x": apple_x,
             "apple_y": apple_y, "snake_length": 1, "apple_dir_up": int(apple_y > y),
             "apple_dir_down": int(apple_y < y), "apple_dir_left": int(apple_x < x),
             "apple_dir_right": int(apple_x > x),
             "danger_straight": int(y == 5), "danger_left": int(x == 0), "danger_right": int(x == 5),
             "free_space_up": 5 - y, "free_space_down": y, "free_space_left": x, "free_space_right": 5 - x,
             "target_move": move}
        )  # fmt: skip
    return result


def csv_text(rows: list[dict[str, Any]], names: list[str] | None = None) -> str:
    names = names or list(rows[0])
    return "\n".join([",".join(names), *(",".join(str(row[name]) for name in names) for row in rows)]) + "\n"


def usable_features(line: bytes, names: list[str]) -> dict[str, Any] | None:
    try:
        fields = next(csv.reader([line.decode()], strict=True))
    except (UnicodeDecodeError, csv.Error):
        return None
    if len(fields) != len(names):
        return None
    row: dict[str, Any] = dict(zip(names, fields, strict=True))
    for name, (least, greatest) in FEATURE_RANGES.items():
        if not re.fullmatch("-?[0-9]{1,18}", row[name]) or not least <= int(row[name]) <= greatest:
            return None
        row[name] = int(row[name])
    if row[TARGET] not in ("UP", "DOWN", "LEFT", "RIGHT"):
        return None
    return {name: row[name] for name in (*FEATURE_RANGES, TARGET)}


def fuzz_csv(count: int, path: Path) -> int:
    text = csv_text(features(6))
    header, body = text.encode().split(b"\n", 1)
    names = header.decode().split(",")
    caught = 0
    for seed in range(count):
        data = mutated(body, random.Random(seed))
        path.write_bytes(header + b"\n" + data)
        lines = [line.rstrip(b"\r") for line in data.split(b"\n")]
        read_back = [usable_features(line, names) for line in lines if line.strip(b" \t\r\v\f")]
        expected = [row for row in read_back if row is not None]
        rows, _, _, left_out = read(path)
        assert rows == expected, data
        assert left_out == len(read_back) - len(expected), data
        assert fails(path) == (left_out > 0), data
        caught += left_out > 0
    return caught


def fuzz_parquet(count: int, path: Path) -> int:
    table = pa.Table.from_pylist([{**ROWS[place % 3], "step": place} for place in range(60)], schema=SCHEMA)
    pq.write_table(table, path, row_group_size=20, write_page_checksum=True, compression="zstd")
    data = path.read_bytes()
    texts = list(zip(table["prompt"].to_pylist(), table["completion"].to_pylist(), strict=True))
    caught = 0
    for seed in range(count):
        path.write_bytes(mutated(data, random.Random(seed)))
        rows, _, _, left_out = read(path)
        found = [(row["prompt"], row["completion"]) for row in rows]
        caught += left_out > 0
        if left_out:
            assert set(found) <= set(texts) and len(found) <= len(texts)
        else:
            assert found == texts, seed
    return caught


def test_spoilt_json_lines(tmp_path: Path) -> None:
    assert fuzz_jsonl(1200, tmp_path / "rows.jsonl") > 600


def test_spoilt_csv(tmp_path: Path) -> None:
    assert fuzz_csv(900, tmp_path / "rows.csv") > 400


def test_spoilt_parquet(tmp_path: Path) -> None:
    assert fuzz_parquet(300, tmp_path / "rows.parquet") > 150


@pytest.mark.slow
def test_ten_thousand_spoilt_files(tmp_path: Path) -> None:
    assert fuzz_jsonl(5000, tmp_path / "rows.jsonl") > 2500
    assert fuzz_csv(3500, tmp_path / "rows.csv") > 1700
    assert fuzz_parquet(1500, tmp_path / "rows.parquet") > 750


def test_spoilt_states_and_answers(tmp_path: Path) -> None:
    """A number or a move of one row is changed: `validate` says of exactly those that the rules forbid that they do."""
    rows = [row for game in old_lines.games(tmp_path / "logs", 3) for row in old_lines.rows(game)]
    rng = random.Random(5)
    path = tmp_path / "rows.jsonl"
    caught = 0
    for _ in range(60):
        chosen = [dict(row) for row in rng.sample(rows, 20)]
        for row in chosen:
            key = rng.choice(["prompt", "completion"])
            if key == "prompt":
                board = row[key].index("Snake head")
                spots = [
                    spot for spot in re.finditer(r"\d+", row[key]) if board < spot.start() < row[key].index("\n\nWhat")
                ]
                spot = rng.choice(spots)
                row[key] = f"{row[key][: spot.start()]}{rng.randrange(8)}{row[key][spot.end() :]}"
            else:
                other = rng.choice(["UP", "DOWN", "LEFT", "RIGHT"])
                row[key] = re.sub("UP|DOWN|LEFT|RIGHT", other, row[key])
        wrong = sum(not is_playable(row) for row in chosen)
        checks = {check.name: check for check in validate(old_lines.write(path, chosen)).checks}
        found = checks["state"].violations + checks["label"].violations
        assert found == wrong
        caught += wrong
    assert 300 < caught < 1200


def is_playable(row: dict[str, str]) -> bool:
    """Whether prompt and answer go together, with lists and positions."""
    text = row["prompt"]
    size = int(text.split("on a ")[1].split("x")[0])
    head, apple = (
        tuple(map(int, re.findall(r"\d+", text.split(f"{name} position: ")[1].split("\n")[0])))
        for name in ("head", "Apple")
    )
    numbers = list(map(int, re.findall(r"\d+", text.split("body positions: ")[1].split("\n")[0])))
    snake = [head, *zip(numbers[::2], numbers[1::2], strict=True)]
    if any(not (0 <= x < size and 0 <= y < size) for x, y in [*snake, apple]) or len(set(snake)) < len(snake):
        return False
    if int(text.split("length: ")[1].split("\n")[0]) != len(snake):
        return False
    if any(abs(a - c) + abs(b - d) != 1 for (a, b), (c, d) in itertools.pairwise(snake)):
        return False
    dx, dy = {"UP": (0, 1), "DOWN": (0, -1), "LEFT": (-1, 0), "RIGHT": (1, 0)}[row["completion"].split()[1]]
    ahead = (head[0] + dx, head[1] + dy)
    return 0 <= ahead[0] < size and 0 <= ahead[1] < size and ahead not in snake[:-1] and ahead not in snake[1:2]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_line_without_end_is_never_held(tmp_path: Path, kind: str) -> None:
    """A gigabyte in one line, mostly a hole in the file; in the CSV it is the one that should name the columns."""
    path = tmp_path / f"rows.{kind}"
    row = (json.dumps(ROWS[0]) + "\n").encode()
    with path.open("wb") as file:
        file.write(b"game_id," if kind == "csv" else row + b'{"prompt": "')
        file.seek(1 << 30, 1)
        file.write(b"\n" + row)
    read(old_lines.write(tmp_path / "small.jsonl", ROWS))  # what a first reading imports is not meant
    tracemalloc.start()
    began = time.perf_counter()
    rows, places, counts, _ = read(path)
    taken, (_, peak) = time.perf_counter() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert places == ([] if kind == "csv" else [1, 3]) and len(rows) == len(places)
    assert list(counts.values()) == ([1, 1] if kind == "csv" else [1]) and "longer than 16 MiB" in next(iter(counts))
    assert peak < 4 * MAX_LINE
    assert taken < 60


def test_a_line_of_exactly_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    shell = len(json.dumps({"prompt": "", "completion": "x"}))
    for extra, lines in ((0, 2), (1, 1)):
        long = json.dumps({"prompt": "a" * (MAX_LINE - shell + extra), "completion": "x"})
        path.write_text(f"{long}\n{json.dumps(ROWS[0])}\n")
        assert len(read(path)[0]) == lines


def test_columns_of_a_csv_may_stand_in_any_order(tmp_path: Path) -> None:
    rows = features(30)
    path = tmp_path / "rows.csv"
    names = list(rows[0])
    random.Random(0).shuffle(names)
    path.write_text(csv_text(rows, names))
    assert read(path)[0] == rows
    assert validate(path).ok
    path.write_text(csv_text([{**row, "weight": 1} for row in rows]))
    assert read(path)[0] == rows
    assert validate(path).unknown_columns == {"weight": 30}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"apple_dir_up": 1, "apple_y": 0}, "apple_dir_up"),
        ({"head_x": 0, "free_space_left": 0, "target_move": "LEFT"}, "leads into the wall"),
        ({"free_space_down": 9}, "free_space_down"),
        ({"apple_x": -1}, "only one coordinate"),
        ({"snake_length": 3, "step_in_game": 1}, "step_in_game"),
    ],
)
def test_numbers_of_a_csv_that_do_not_go_together(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    rows = features(30)
    rows[8] |= change
    path = tmp_path / "rows.csv"
    path.write_text(csv_text(rows))
    (check,) = [check for check in validate(path).checks if check.name == "features"]
    assert check.violations == 1
    assert "line 10" in check.examples[0] and words in check.examples[0]


def test_parquet_of_another_program(tmp_path: Path) -> None:
    path = tmp_path / "test.parquet"
    pq.write_table(pa.table({"prompt": ["a", None, "", "d"], "completion": ["b"] * 4, "step": [1, 2, 3, -4]}), path)
    unknown: Counter[str] = Counter()
    with taking_faults("skip") as faults:
        (rows,) = read_rows(path, faults, unknown=unknown)
    assert rows.split == "test" and rows.table["prompt"].to_pylist() == ["a"]
    assert faults.counts == {"its prompt is null": 1, "its prompt is empty": 1, "its step is out of range": 1}
    assert any("row group 1, row 4" in text for texts in faults.examples.values() for text in texts)


def test_splits_by_name() -> None:
    names = {"train.jsonl": "train", "data/test-00000-of-00001.parquet": "test", "val/rows.csv": "validation",
             "my_dev.jsonl": "validation", "latest.jsonl": None, "BFS-512_dataset.jsonl": None}  # fmt: skip
    assert {name: split_of(Path(name)) for name in names} == names


def test_keys_that_differ_in_every_line_are_counted_without_being_kept(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    lines = [json.dumps({"prompt": "p", "completion": "c", f"{row}" + 2000 * "k": row}) for row in range(1500)]
    path.write_text("\n".join(lines))
    unknown: Counter[str] = Counter()
    with taking_faults() as faults:
        assert sum(len(rows) for rows in read_rows(path, faults, unknown=unknown)) == 1500
    assert unknown.total() == 1500 and unknown["further names"] == 500 and max(map(len, unknown)) < 110
