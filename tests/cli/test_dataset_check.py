"""`dataset validate` and `dataset migrate` as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.calls import serpentune
from tests.datasets import old_lines


def test_validate_answers_with_a_table_or_a_document_and_an_exit_code(dataset: Path, logs: Path) -> None:
    shown = serpentune("dataset", "validate", dataset, "--logs", logs)
    assert shown.code == 0, shown.out
    assert max(map(len, shown.out.splitlines())) <= 80
    assert "replay" in shown.out
    told = serpentune("dataset", "validate", dataset, "--checks", "label", "--json").document
    assert told["ok"] is True and {check["name"] for check in told["checks"]} == {"form", "label"}
    assert serpentune("dataset", "validate", dataset, "--checks", "lable").err.count("Did you mean label?") == 1


def test_a_violation_is_named_and_ends_with_2(tmp_path: Path) -> None:
    rows = [row for game in old_lines.games(tmp_path / "logs", 2) for row in old_lines.rows(game)]
    wall = next(place for place, row in enumerate(rows) if "head position: (0," in row["prompt"])
    rows[wall]["completion"] = "Moving LEFT from there\n\nConclusion: The move is: LEFT"
    path = old_lines.write(tmp_path / "rows.jsonl", rows)
    found = serpentune("dataset", "validate", path)
    assert found.code == 2
    assert f"rows.jsonl, line {wall + 1}: move 1 (LEFT)" in found.out
    path.write_text(path.read_text() + '{"\n')
    stopped = serpentune("dataset", "validate", path)
    assert stopped.code == 2 and f"line {len(rows) + 1}: not valid JSON" in stopped.err
    rejects = tmp_path / "rejects.jsonl"
    going_on = serpentune("dataset", "validate", path, "--on-error", "skip", "--rejects", rejects, "--json")
    assert going_on.code == 2 and going_on.document["left_out"] == {"not valid JSON": 1}
    assert [json.loads(line)["line"] for line in rejects.read_text().splitlines()] == [len(rows) + 1]


def test_migrate_counts_every_row(tmp_path: Path) -> None:
    rows = [row for game in old_lines.games(tmp_path / "logs", 4) for row in old_lines.rows(game)]
    rows.append({"prompt": "Anything", "completion": "nothing"})
    path = old_lines.write(tmp_path / "BFS_dataset.jsonl", rows)
    stopped = serpentune("dataset", "migrate", path, tmp_path / "new")
    assert stopped.code == 2 and f"line {len(rows)}: no move can be read from its answer" in stopped.err
    shown = serpentune("dataset", "migrate", path, tmp_path / "new", "--on-error", "skip")
    assert shown.code == 0 and max(map(len, shown.out.splitlines()[:4])) <= 80
    assert str(len(rows) - 1) in shown.out.splitlines()[2] and "refused" in shown.out
    told = serpentune("dataset", "migrate", path, tmp_path / "new", "--on-error", "skip", "--overwrite", "--json")
    assert told.document["verified"] == sum(told.document["records"].values()) == len(rows) - 1
    assert told.document["refused"] == {"no move can be read from its answer": 1}
    assert serpentune("dataset", "validate", tmp_path / "new", "--checks", "state", "label").code == 0
