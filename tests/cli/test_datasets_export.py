"""`serpentune dataset export`, `push` and `pull` as users type them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from serpentune.datasets import SPLITS
from tests.cli.calls import serpentune


@pytest.mark.parametrize(
    ("kind", "suffix", "more"), [("jsonl", "jsonl", []), ("messages", "jsonl", []), ("csv", "csv", ["games.csv"])]
)
def test_export_writes_a_file_for_each_split(
    dataset: Path, tmp_path: Path, kind: str, suffix: str, more: list[str]
) -> None:
    made = serpentune("dataset", "export", dataset, "--format", kind, "--output", tmp_path / "out")
    assert made.code == 0, made.err
    names = [*(f"{split}.{suffix}" for split in SPLITS), *more]
    assert made.out.splitlines()[-len(names) :] == [str(tmp_path / "out" / name) for name in names]
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == sorted(names)


def test_export_of_chosen_columns_and_splits_into_one_file(dataset: Path, tmp_path: Path) -> None:
    options = ["--format", "jsonl", "--split", "test", "validation", "--columns", "prompt", "completion"]
    made = serpentune("dataset", "export", dataset, *options, "--output", tmp_path / "a.jsonl", "--json")
    assert made.code == 0, made.err
    assert made.document["files"] == [str(tmp_path / "a.jsonl")]
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert made.document["records"].keys() == {"test", "validation"}
    assert len(lines) == sum(made.document["records"].values())
    assert all(list(line) == ["prompt", "completion"] for line in lines)
    again = serpentune("dataset", "export", dataset, *options, "--output", tmp_path / "a.jsonl")
    assert again.code == 2 and "--overwrite" in again.err
    assert serpentune("dataset", "export", dataset, *options, "--output", tmp_path / "a.jsonl", "--overwrite").code == 0


def test_export_of_what_is_no_data_set_fails(tmp_path: Path) -> None:
    made = serpentune("dataset", "export", tmp_path, "--format", "csv", "--output", tmp_path / "out.csv")
    assert made.code == 2 and "is no data set" in made.err
    assert list(tmp_path.iterdir()) == []


def test_push_and_pull_through_a_folder(dataset: Path, tmp_path: Path) -> None:
    pushed = serpentune("dataset", "push", dataset, tmp_path / "there")
    assert (pushed.code, pushed.out) == (0, f"{tmp_path / 'there'}\n"), pushed.err
    pulled = serpentune("dataset", "pull", f"file://{tmp_path / 'there'}", tmp_path / "here", "--json")
    assert pulled.code == 0, pulled.err
    assert pulled.document["manifest"] == json.loads((dataset / "manifest.json").read_text())
    again = serpentune("dataset", "pull", tmp_path / "there", tmp_path / "here")
    assert again.code == 2 and "--overwrite" in again.err
    shown = serpentune("dataset", "pull", tmp_path / "there", tmp_path / "here", "--overwrite")
    assert shown.code == 0 and shown.out.splitlines()[-1] == str(tmp_path / "here")


def test_push_without_the_hub_says_so(dataset: Path) -> None:
    made = serpentune("dataset", "push", dataset, "me/snake")
    assert made.code == 2 and "HF_HUB_OFFLINE" in made.err
