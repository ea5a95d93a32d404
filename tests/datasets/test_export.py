"""A data set in other formats: nothing lost, nothing changed, nothing half written."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serpentune.common.errors import UserError
from serpentune.datasets import SCHEMA, SPLITS, GridEncoding, build_dataset, read_moves
from serpentune.datasets._csv import COLUMNS
from serpentune.datasets._features import FEATURES
from serpentune.datasets.completions import parse_prompt
from serpentune.datasets.export import export
from serpentune.datasets.store import writing_dataset
from serpentune.game import Move
from serpentune.logs import generate_runs
from tests.datasets.test_features import read_off


@pytest.fixture(scope="module")
def dataset(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "set"
    other = folder.parent / "logs"
    generate_runs(["BFS"], 6, 5, 4, 0, other, timestamp="20250102_000000")
    build_dataset(
        [logs, other],
        folder,
        styles=("plan", "move"),
        samples_per_teacher=240,
        checks={"duplicates": "off"},
        split={"leaks": "off"},
    )
    return folder


def rows_of(dataset: Path, split: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(dataset / "data" / f"{split}.parquet").to_pylist()
    return rows


def table_of(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def changed(dataset: Path, folder: Path, **values: Any) -> Path:
    """The data set with other values in all records of one split."""
    with writing_dataset(
        folder, lambda _: json.loads((dataset / "manifest.json").read_text()), formats=(), overwrite=False
    ) as writer:
        for split in SPLITS:
            rows = rows_of(dataset, split)
            writer.write(split, pa.Table.from_pylist([{**row, **values} for row in rows], schema=SCHEMA))
    return folder


def test_jsonl_holds_every_record_as_the_build_wrote_it(dataset: Path, tmp_path: Path) -> None:
    done: list[int] = []
    made = export(dataset, tmp_path / "out", "jsonl", progress=done.append)
    assert [file.name for file in made.files] == [f"{split}.jsonl" for split in SPLITS]
    for split in SPLITS:
        assert (tmp_path / "out" / f"{split}.jsonl").read_bytes() == (dataset / "jsonl" / f"{split}.jsonl").read_bytes()
        assert made.records[split] == len(rows_of(dataset, split))
    assert sum(done) == sum(made.records.values()) == 720


def test_columns_are_written_in_the_order_that_was_asked_for(dataset: Path, tmp_path: Path) -> None:
    columns = ["completion", "step", "prompt"]
    export(dataset, tmp_path / "a.jsonl", "jsonl", splits=["test"], columns=columns)
    wanted = [{name: row[name] for name in columns} for row in rows_of(dataset, "test")]
    found = (tmp_path / "a.jsonl").read_text()
    assert found == "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in wanted)
    export(dataset, tmp_path / "a.parquet", "parquet", splits=["test"], columns=columns)
    assert pq.read_table(tmp_path / "a.parquet").to_pylist() == wanted


def test_one_file_gets_the_splits_one_after_another(dataset: Path, tmp_path: Path) -> None:
    export(dataset, tmp_path / "all.parquet", "parquet", splits=["test", "train"])
    assert pq.read_table(tmp_path / "all.parquet").to_pylist() == rows_of(dataset, "test") + rows_of(dataset, "train")


def test_messages_are_chats(dataset: Path, tmp_path: Path) -> None:
    export(dataset, tmp_path / "chats", "messages")
    for split in SPLITS:
        chats = [json.loads(line) for line in (tmp_path / "chats" / f"{split}.jsonl").read_text().splitlines()]
        assert chats == [
            {
                "messages": [
                    {"role": "user", "content": row.pop("prompt")},
                    {"role": "assistant", "content": row.pop("completion").removeprefix(" ")},
                ],
                **row,
            }
            for row in rows_of(dataset, split)
        ]
    assert all(not chat["messages"][1]["content"].startswith(" ") for chat in chats)


def test_csv_says_of_every_record_what_is_on_its_board(dataset: Path, tmp_path: Path) -> None:
    """Two boards, two styles, three teachers."""
    export(dataset, tmp_path / "tables", "csv")
    games = {int(row["game_id"]): row["game"] for row in table_of(tmp_path / "tables" / "games.csv")}
    assert sorted(games) == list(range(len(games)))
    appeared: list[str] = []
    for split in SPLITS:
        found = table_of(tmp_path / "tables" / f"{split}.csv")
        records = rows_of(dataset, split)
        for line, row in zip(found, records, strict=True):
            assert tuple(line) == COLUMNS and len(COLUMNS) == 19
            prompt = parse_prompt(row["prompt"])
            assert prompt is not None
            state = GridEncoding().decode(prompt[1])
            assert {name: int(line[name]) for name in FEATURES} == read_off(state)
            assert games[int(line["game_id"])] == row["game"]
            assert int(line["step_in_game"]) == row["step"]
            assert line["target_move"] == Move(read_moves(row["completion"])[0]).name
        appeared += [row["game"] for row in records]
    assert [games[number] for number in sorted(games)] == list(dict.fromkeys(appeared))
    assert {row["board"] for row in rows_of(dataset, "train")} == {"6x6", "5x4"}


def test_csv_is_written_of_records_that_do_not_say_how_they_are_written(dataset: Path, tmp_path: Path) -> None:
    other = changed(dataset, tmp_path / "set", encoding=None, style=None)
    export(dataset, tmp_path / "named.csv", "csv")
    export(other, tmp_path / "unnamed.csv", "csv")
    assert (tmp_path / "unnamed.csv").read_bytes() == (tmp_path / "named.csv").read_bytes()


def test_the_first_word_of_a_completion_is_the_move_in_whatever_case(dataset: Path, tmp_path: Path) -> None:
    other = changed(dataset, tmp_path / "set", completion=" Up,\nsince the apple lies there")
    export(other, tmp_path / "train.csv", "csv", splits=["train"])
    assert {row["target_move"] for row in table_of(tmp_path / "train.csv")} == {"UP"}


def test_a_game_has_the_same_number_whichever_splits_are_exported(dataset: Path, tmp_path: Path) -> None:
    export(dataset, tmp_path / "all.csv", "csv")
    export(dataset, tmp_path / "test.csv", "csv", splits=["test"])
    assert table_of(tmp_path / "all.csv")[-len(rows_of(dataset, "test")) :] == table_of(tmp_path / "test.csv")
    assert (tmp_path / "all.games.csv").read_bytes() == (tmp_path / "test.games.csv").read_bytes()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {
                "prompt": "Player BFS. Head: (2, 2), Apple: (3, 4). Move?\nMove:",
                "teacher": "BFS",
                "style": "move",
                "encoding": "simple",
            },
            "in one that doesn't hold the whole board.*as jsonl",
        ),
        ({"encoding": "simple"}, "its prompt shows no state: it is no text of the encoding simple"),
        ({"prompt": "Where to?", "encoding": None}, "in no form known"),
        ({"encoding": "smoke"}, "its encoding is 'smoke', which is not known"),
        ({"teacher": "DFS"}, "its prompt is none of its teacher and style"),
        ({"board": "9x9"}, "its board is 9x9, its prompt shows"),
        ({"completion": "because"}, "completion doesn't begin with a move"),
        ({"game": None}, "names no game"),
        ({"step": None}, "doesn't say its step"),
    ],
)
def test_records_without_a_state_are_refused_as_csv_and_nothing_is_written(
    dataset: Path, tmp_path: Path, values: dict[str, Any], message: str
) -> None:
    other = changed(dataset, tmp_path / "set", **values)
    with pytest.raises(UserError, match=message):
        export(other, tmp_path / "out", "csv")
    assert list((tmp_path / "out").iterdir()) == []
    assert sum(export(other, tmp_path / "out", "jsonl").records.values()) == 720


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("josnl", {}, "Did you mean jsonl"),
        ("jsonl", {"splits": ["trian"]}, "Did you mean train"),
        ("jsonl", {"columns": ["promt"]}, "Did you mean prompt"),
        ("csv", {"columns": ["step"]}, "always has its 19 columns"),
    ],
)
def test_impossible_requests_are_refused(
    dataset: Path, tmp_path: Path, kind: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        export(dataset, tmp_path / "out", kind, **options)
    assert list(tmp_path.iterdir()) == []


def test_files_are_replaced_only_when_asked_and_others_are_left_alone(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "test.jsonl").write_text("mine too")
    with pytest.raises(UserError, match=r"test\.jsonl exists.*--overwrite"):
        export(dataset, tmp_path, "jsonl")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["notes.txt", "test.jsonl"]
    export(dataset, tmp_path, "jsonl", overwrite=True)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "test.jsonl").read_bytes() == (dataset / "jsonl" / "test.jsonl").read_bytes()


def test_the_data_set_s_own_files_are_never_replaced(dataset: Path) -> None:
    before = (dataset / "data" / "test.parquet").read_bytes()
    with pytest.raises(UserError, match="belongs to the data set itself"):
        export(dataset, dataset / "data", "parquet", columns=["prompt"], overwrite=True)
    assert (dataset / "data" / "test.parquet").read_bytes() == before


def test_a_damaged_split_leaves_nothing_behind(dataset: Path, tmp_path: Path) -> None:
    other = changed(dataset, tmp_path / "set")
    damaged = other / "data" / "test.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-500])
    for kind in ("jsonl", "messages", "csv", "parquet"):
        with pytest.raises(UserError, match=r"test\.parquet: it can't be read"):
            export(other, tmp_path / "out", kind)
    assert not any(tmp_path.glob("out/*"))
