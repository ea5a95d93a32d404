"""Faults planted in finished data sets: `validate` finds each one, and nothing in a clean set."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serpentune.common.errors import UserError
from serpentune.common.files import sha256
from serpentune.datasets import SCHEMA, build_dataset
from serpentune.datasets.records import split_file
from serpentune.datasets.validate import validate


@pytest.fixture(scope="module")
def clean(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("validate") / "set"
    build_dataset(
        [logs], folder, styles=["plan", "move", "explain"], encodings=["grid", "coordinates"], samples_per_teacher=300
    )
    return folder


def violated(folder: Path, **options: Any) -> set[str]:
    return {check.name for check in validate(folder, **options).checks if check.violations and not check.note}


def planted(clean: Path, folder: Path, change: Callable[[dict[str, list[dict[str, Any]]]], None]) -> Path:
    """A copy of the clean set with changed records, whose manifest knows the changed files."""
    rows = {split: pq.read_table(split_file(clean, split)).to_pylist() for split in ("train", "validation", "test")}
    change(rows)
    (folder / "data").mkdir(parents=True)
    manifest = json.loads((clean / "manifest.json").read_text())
    for split, of_split in rows.items():
        pq.write_table(pa.Table.from_pylist(of_split, schema=SCHEMA), split_file(folder, split))
        manifest["records"][split] = len(of_split)
        manifest["sha256"][split] = sha256(split_file(folder, split))
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_a_built_set_is_clean_and_agrees_with_its_logs(clean: Path, logs: Path) -> None:
    validation = validate(clean, logs=[logs])
    assert validation.ok
    made = {check.name: check.checked for check in validation.checks}
    assert {"hashes", "state", "label", "explanations", "contradictions", "leaks", "replay"} <= set(made)
    assert made["replay"] > 500
    assert made["explanations"] > 100


def first(rows: list[dict[str, Any]], style: str) -> dict[str, Any]:
    return next(row for row in rows if row["style"] == style)


def plant_leak(rows: dict[str, list[dict[str, Any]]]) -> None:
    rows["train"].append({**rows["test"][0]})


def plant_contradiction(rows: dict[str, list[dict[str, Any]]]) -> None:
    row = next(row for row in rows["train"] if row["style"] == "move" and " ^" in row["prompt"])
    other = {" U": " L", " D": " L", " L": " U", " R": " U"}[row["completion"]]
    rows["train"].append({**row, "completion": other})


def plant_short_plan(rows: dict[str, list[dict[str, Any]]]) -> None:
    row = next(row for row in rows["train"] if row["style"] == "plan" and len(row["completion"]) > 4)
    row["completion"] = row["completion"][:-2]


def plant_wrong_length(rows: dict[str, list[dict[str, Any]]]) -> None:
    rows["validation"][0]["snake_length"] += 1


def plant_false_explanation(rows: dict[str, list[dict[str, Any]]]) -> None:
    row = first(rows["train"], "explain")
    row["completion"] = row["completion"].replace("(", "(1", 1)


def plant_other_board(rows: dict[str, list[dict[str, Any]]]) -> None:
    row = next(row for row in rows["train"] if row["encoding"] == "grid")
    row["prompt"] = row["prompt"].replace("H", "A", 1)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (plant_leak, "leaks"),
        (plant_contradiction, "contradictions"),
        (plant_short_plan, "label"),
        (plant_wrong_length, "columns"),
        (plant_false_explanation, "explanations"),
        (plant_other_board, "state"),
    ],
)
def test_what_is_planted_is_found(
    clean: Path, tmp_path: Path, change: Callable[[dict[str, list[dict[str, Any]]]], None], check: str
) -> None:
    assert check in violated(planted(clean, tmp_path / "set", change))


def test_a_changed_file_is_found(clean: Path, tmp_path: Path) -> None:
    folder = planted(clean, tmp_path / "set", lambda rows: None)
    assert violated(folder) == set()
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["sha256"]["train"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert violated(folder) == {"hashes"}


def test_a_broken_line_is_named_or_skipped_and_written_down(clean: Path, tmp_path: Path) -> None:
    lines = (clean / "jsonl" / "train.jsonl").read_text().splitlines()[:50]
    lines[6] = lines[6][:40]
    path = tmp_path / "foreign.jsonl"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(UserError, match=r"foreign\.jsonl, line 7"):
        validate(path)
    rejects = tmp_path / "rejects.jsonl"
    skipped = validate(path, on_error="skip", rejects=rejects)
    assert not skipped.ok
    (reject,) = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert reject["line"] == 7
