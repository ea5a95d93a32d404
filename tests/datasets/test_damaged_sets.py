"""Data sets of ours with a damaged file: whatever reads them names file, row group and row, and nothing goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serpentune.common.errors import UserError
from serpentune.datasets import describe, inspect_dataset, load_splits, read_manifest
from serpentune.datasets.export import export
from serpentune.datasets.hub import push
from serpentune.datasets.validate import validate
from tests.datasets.made import positions, records, write


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    own = records(positions(60), "BFS")
    return write(tmp_path_factory.mktemp("damaged") / "set", {"train": [own[:20]], "test": [own]})


Column = Callable[[Any], Any]


def with_column(dataset: Path, folder: Path, name: str, column: Column | None) -> Path:
    """A copy of the data set whose test split has another column of that name; None: it lacks it."""
    shutil.copytree(dataset, folder)
    table = pq.read_table(folder / "data" / "test.parquet")
    place = table.column_names.index(name)
    table = table.remove_column(place) if column is None else table.set_column(place, name, column(table[name]))
    pq.write_table(table, folder / "data" / "test.parquet", row_group_size=40)
    return folder


def at(place: int, value: Any) -> Column:
    """A column with one other value."""
    return lambda column: pa.array([*column.to_pylist()[:place], value, *column.to_pylist()[place + 1 :]], column.type)


def no_utf8(count: int) -> Any:
    data = pa.array([b"\xff"] * count, pa.binary())
    return pa.Array.from_buffers(pa.string(), count, data.buffers())


@pytest.mark.parametrize(
    ("name", "column", "message"),
    [
        ("completion", None, "the column completion is missing"),
        ("prompt", lambda column: column.cast(pa.binary()), r"the column prompt is of another type \(binary"),
        ("prompt", lambda column: pa.array([[text] for text in column.to_pylist()]), "prompt is of another type"),
        ("step", lambda column: column.cast(pa.string()), r"step is of another type \(string, not int32\)"),
        ("snake_length", lambda column: column.cast(pa.float64()), "snake_length is of another type"),
        ("teacher", lambda column: pa.array(range(len(column))), "teacher is of another type"),
        ("prompt", at(41, None), "row group 2, row 2: its prompt is null"),
        ("completion", at(41, " "), "row group 2, row 2: its completion is empty"),
        ("snake_length", at(3, -4), "row group 1, row 4: its snake_length is out of range"),
        ("symmetry", at(3, 99), "row group 1, row 4: its symmetry is out of range"),
        ("prompt", lambda column: no_utf8(len(column)), r"row group 1: it can't be read \(.*UTF8"),
    ],
)
def test_what_is_no_record_is_named_by_every_command_that_reads_it(
    dataset: Path, tmp_path: Path, name: str, column: Column | None, message: str
) -> None:
    other = with_column(dataset, tmp_path / "set", name, column)
    readers: list[Callable[[], Any]] = [
        lambda: export(other, tmp_path / "out", "jsonl"),
        lambda: export(other, tmp_path / "out", "parquet"),
        lambda: load_splits(other),
        lambda: inspect_dataset(other, split="test", records=1000),
    ]
    if name not in ("step", "symmetry"):
        readers.append(lambda: describe(other))
    for reader in readers:
        with pytest.raises(UserError, match=rf"test\.parquet.*{message}"):
            reader()
    assert not any(tmp_path.glob("out/*"))


def test_texts_of_other_arrow_types_are_read_all_the_same(dataset: Path, tmp_path: Path) -> None:
    for kind in (pa.large_string(), pa.dictionary(pa.int32(), pa.string())):
        other = with_column(dataset, tmp_path / str(kind.id), "prompt", lambda column, kind=kind: column.cast(kind))
        export(other, tmp_path / f"{kind.id}.jsonl", "jsonl")
        export(dataset, tmp_path / "same.jsonl", "jsonl", overwrite=True)
        assert (tmp_path / f"{kind.id}.jsonl").read_bytes() == (tmp_path / "same.jsonl").read_bytes()


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not Parquet at all\n", None])
def test_a_file_that_is_none_is_named(dataset: Path, tmp_path: Path, content: bytes | None) -> None:
    other = tmp_path / "set"
    shutil.copytree(dataset, other)
    file = other / "data" / "test.parquet"
    file.unlink()
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    for reader in (load_splits, describe, inspect_dataset):
        with pytest.raises(UserError, match=r"test\.parquet: it can't be read"):
            reader(other)
    file.rmdir() if content is None else file.unlink()
    with pytest.raises(UserError, match=r"test\.parquet: it can't be read \(No such file"):
        load_splits(other)


def test_row_groups_without_rows_are_no_hindrance(dataset: Path, tmp_path: Path) -> None:
    other = tmp_path / "set"
    shutil.copytree(dataset, other)
    file = other / "data" / "train.parquet"
    pq.write_table(pq.read_table(file).slice(0, 0), file)
    assert describe(other).records["train"] == len(load_splits(other)["train"]) == 0
    assert inspect_dataset(other).shown == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ([1], "no manifest of a data set"),
        ({"records": [1]}, "'records' isn't what a manifest holds"),
        ({"records": {"train": "many"}}, "'records' isn't"),
        ({"checks": {"duplicates": 3}}, "'checks' isn't"),
        ({"teachers": {"BFS": 3}}, "'teachers' isn't"),
        ({"sha256": None}, "'sha256' isn't"),
    ],
)
def test_a_manifest_that_is_none_is_named(dataset: Path, tmp_path: Path, change: Any, said: str) -> None:
    other = tmp_path / "set"
    shutil.copytree(dataset, other)
    manifest = change if isinstance(change, list) else {**read_manifest(dataset), **change}
    (other / "manifest.json").write_text(json.dumps(manifest))
    for reader in (read_manifest, validate, describe, lambda path: push(path, str(tmp_path / "there"))):
        with pytest.raises(UserError, match=rf"manifest\.json: .*{said}"):
            reader(other)
