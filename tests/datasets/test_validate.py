"""Faults planted in finished data sets: `validate` finds each one, and nothing in a clean set."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serpentune.common.errors import UserError
from serpentune.common.files import sha256
from serpentune.datasets import SCHEMA, build_dataset, get_encoding, get_style, prompts
from serpentune.datasets.export import export
from serpentune.datasets.recipe import Recipe
from serpentune.datasets.records import split_file
from serpentune.datasets.symmetries import transformed
from serpentune.datasets.validate import validate
from serpentune.game import States


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


def test_a_set_that_played_its_games_itself_is_held_against_them(tmp_path: Path) -> None:
    recipe = Recipe(generate=[{"teachers": ["BFS"], "games": 8, "grid_size": "6x6"}], samples_per_teacher=100)
    build_dataset(recipe, tmp_path / "set")
    (replay,) = [check for check in validate(tmp_path / "set").checks if check.name == "replay"]
    assert replay.checked > 50 and not replay.violations

    def shift(rows: dict[str, list[dict[str, Any]]]) -> None:
        rows["train"][0]["step"] += 1

    planted(tmp_path / "set", tmp_path / "other", shift)
    shutil.copytree(tmp_path / "set" / "runs", tmp_path / "other" / "runs")
    assert violated(tmp_path / "other") == {"replay"}


def first(rows: list[dict[str, Any]], style: str) -> dict[str, Any]:
    return next(row for row in rows if row["style"] == style)


def plant_leak(rows: dict[str, list[dict[str, Any]]]) -> None:
    rows["train"].append({**rows["test"][0]})


def plant_leak_between_held_out_splits(rows: dict[str, list[dict[str, Any]]]) -> None:
    rows["validation"].append({**rows["test"][0]})


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


def plant_illegal_move(rows: dict[str, list[dict[str, Any]]]) -> None:
    """Back into the cell behind the head."""
    row = next(row for row in rows["test"] if row["style"] == "move" and row["snake_length"] > 2)
    heading = re.search(r"heading (\w+)", row["prompt"])
    assert heading is not None
    row["completion"] = {"UP": " D", "DOWN": " U", "LEFT": " R", "RIGHT": " L"}[heading[1]]


def plant_false_number(rows: dict[str, list[dict[str, Any]]]) -> None:
    row = next(row for row in rows["train"] if row["style"] == "explain" and re.search(r"\d+ moves", row["completion"]))
    row["completion"] = re.sub(r"(\d+) moves", lambda found: f"{int(found[1]) + 2} moves", row["completion"], count=1)


def plant_duplicate(rows: dict[str, list[dict[str, Any]]]) -> None:
    rows["train"].append(rows["train"][0])


def plant_other_board(rows: dict[str, list[dict[str, Any]]]) -> None:
    row = next(row for row in rows["train"] if row["encoding"] == "grid")
    row["prompt"] = row["prompt"].replace("H", "A", 1)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (plant_leak, "leaks"),
        (plant_leak_between_held_out_splits, "leaks"),
        (plant_contradiction, "contradictions"),
        (plant_short_plan, "label"),
        (plant_illegal_move, "label"),
        (plant_wrong_length, "columns"),
        (plant_duplicate, "duplicates"),
        (plant_false_number, "explanations"),
        (plant_false_explanation, "explanations"),
        (plant_other_board, "state"),
    ],
)
def test_what_is_planted_is_found(
    clean: Path, tmp_path: Path, change: Callable[[dict[str, list[dict[str, Any]]]], None], check: str
) -> None:
    assert check in violated(planted(clean, tmp_path / "set", change))


def test_a_row_is_counted_once_for_each_check_that_it_breaks(clean: Path, tmp_path: Path) -> None:
    def spoil(rows: dict[str, list[dict[str, Any]]]) -> None:
        for row in rows["train"][:3]:
            row |= {"style": "smoke", "encoding": "signals", "prompt": "Where to?"}
        rows["train"][3] |= {"snake_length": 30, "step": 0}

    folder = planted(clean, tmp_path / "set", spoil)
    checks = {check.name: check for check in validate(folder, checks=["columns", "state"]).checks}
    assert checks["columns"].violations == 4 and checks["state"].violations == 0
    assert checks["columns"].checked == checks["state"].checked + 3 == checks["form"].checked


def test_a_changed_file_is_found(clean: Path, tmp_path: Path) -> None:
    folder = planted(clean, tmp_path / "set", lambda rows: None)
    assert violated(folder) == set()
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["sha256"]["train"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert violated(folder) == {"hashes"}


def test_states_of_other_moments_are_found_in_the_logs(clean: Path, logs: Path, tmp_path: Path) -> None:
    def later(rows: dict[str, list[dict[str, Any]]]) -> None:
        rows["test"][0]["step"] += 1
        rows["test"][1]["game"] = "nowhere/1"

    folder = planted(clean, tmp_path / "set", later)
    (check,) = [check for check in validate(folder, checks=["replay"], logs=[logs]).checks if check.name == "replay"]
    assert check.violations == 2
    assert any("the logs hold no game nowhere/1" in example for example in check.examples)


def plant_another_move(rows: dict[str, list[dict[str, Any]]]) -> None:
    row = first(rows["validation"], "move")
    row["completion"] = {" U": " L", " D": " L", " L": " U", " R": " U"}[row["completion"]]


def plant_another_player(rows: dict[str, list[dict[str, Any]]]) -> None:
    row = next(row for row in rows["validation"] if row["style"] == "move" and row["teacher"] != "BFS")
    row |= {"prompt": row["prompt"].replace(row["teacher"], "BFS"), "teacher": "BFS"}


def plant_another_seed(rows: dict[str, list[dict[str, Any]]]) -> None:
    rows["validation"][0]["seed"] += 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (plant_another_move, "its answer is not what was played in game .* after"),
        (plant_another_player, "its teacher is BFS, game .* was played by (ASTAR|HAMILTONIAN)"),
        (plant_another_seed, r"its seed is \d+, that of game .* is \d+"),
    ],
)
def test_answers_players_and_seeds_of_other_games_are_found_in_the_logs(
    clean: Path, logs: Path, tmp_path: Path, change: Callable[[dict[str, list[dict[str, Any]]]], None], reason: str
) -> None:
    folder = planted(clean, tmp_path / "set", change)
    (check,) = [check for check in validate(folder, checks=["replay"], logs=[logs]).checks if check.name == "replay"]
    assert check.violations == 1 and re.search(reason, check.examples[0])


def test_a_mirrored_state_of_train_is_a_leak_only_where_that_is_asked(clean: Path, tmp_path: Path) -> None:
    def mirror(rows: dict[str, list[dict[str, Any]]]) -> None:
        row = next(row for row in rows["test"] if row["encoding"] == "grid" and row["style"] == "move")
        state = get_encoding("grid").decode(row["prompt"].partition(". ")[2].rpartition("\n")[0] + "\n")
        image = transformed(States.stack([state]), 1)
        move = "URDL".index(row["completion"][1])
        completion = " " + "ULDR"[move]
        text = prompts(image, row["teacher"], get_encoding("grid"), get_style("move"))[0]
        rows["train"].append({**row, "prompt": text, "completion": completion, "symmetry": 1})

    folder = planted(clean, tmp_path / "set", mirror)
    assert violated(folder, checks=["leaks"]) == set()
    before = {check.name: check.violations for check in validate(clean, checks=["leaks"], symmetric=True).checks}
    after = {check.name: check.violations for check in validate(folder, checks=["leaks"], symmetric=True).checks}
    assert after["leaks"] > before["leaks"]


def as_lines(rows: list[dict[str, Any]], path: Path, *columns: str) -> Path:
    path.write_text("".join(json.dumps({name: row[name] for name in columns}) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("encoding", ["grid", "coordinates"])
def test_prompts_that_come_without_columns_are_read_by_their_looks(clean: Path, tmp_path: Path, encoding: str) -> None:
    rows = [row for row in pq.read_table(split_file(clean, "train")).to_pylist() if row["encoding"] == encoding]
    validation = validate(as_lines(rows, tmp_path / "bare.jsonl", "prompt", "completion"))
    assert validation.ok
    checked = {check.name: check.checked for check in validation.checks}
    assert checked["state"] == len(rows) > 50
    assert checked["explanations"] == sum(row["style"] == "explain" for row in rows) > 10


def plant_more_words(rows: dict[str, list[dict[str, Any]]]) -> None:
    first(rows["train"], "move")["completion"] += " and so on"


def plant_other_player(rows: dict[str, list[dict[str, Any]]]) -> None:
    row = next(row for row in rows["train"] if row["teacher"] == "BFS" and row["style"] == "move")
    row["teacher"] = "HAMILTONIAN"


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (plant_more_words, "label"),
        (plant_other_player, "columns"),
        (plant_false_number, "explanations"),
        (plant_other_board, "state"),
    ],
)
def test_what_is_planted_is_found_in_rows_that_name_little(
    clean: Path, tmp_path: Path, change: Callable[[dict[str, list[dict[str, Any]]]], None], check: str
) -> None:
    rows = {"train": pq.read_table(split_file(clean, "train")).to_pylist()}
    change(rows)
    assert violated(as_lines(rows["train"], tmp_path / "rows.jsonl", "prompt", "completion", "teacher")) == {check}


@pytest.fixture(scope="module")
def summarised(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("summarised") / "set"
    build_dataset([logs], folder, styles=["plan", "move"], encodings=["detailed", "grid"], samples_per_teacher=200)
    return folder


def of_encoding(rows: list[dict[str, Any]], encoding: str) -> dict[str, Any]:
    return next(row for row in rows if row["encoding"] == encoding and row["style"] == "move")


def plant_other_encoding(rows: dict[str, list[dict[str, Any]]]) -> None:
    of_encoding(rows["train"], "grid")["encoding"] = "detailed"


def plant_no_answer(rows: dict[str, list[dict[str, Any]]]) -> None:
    of_encoding(rows["train"], "detailed")["completion"] = "banana"


def plant_two_answers_at_once(rows: dict[str, list[dict[str, Any]]]) -> None:
    of_encoding(rows["train"], "detailed")["completion"] += " U"


def plant_longer_snake(rows: dict[str, list[dict[str, Any]]]) -> None:
    of_encoding(rows["train"], "detailed")["snake_length"] += 1


def plant_leak_of_another_player(rows: dict[str, list[dict[str, Any]]]) -> None:
    row = of_encoding(rows["test"], "detailed")
    other = "BFS" if row["teacher"] != "BFS" else "HAMILTONIAN"
    rows["train"].append({**row, "teacher": other, "prompt": row["prompt"].replace(row["teacher"], other)})


@pytest.mark.parametrize("columns", [SCHEMA.names, ["prompt", "completion", "snake_length", "encoding"]])
@pytest.mark.parametrize(
    ("change", "check"),
    [
        (lambda rows: None, None),
        (plant_other_encoding, ("state", "columns")),
        (plant_no_answer, ("label", "label")),
        (plant_two_answers_at_once, ("label", "label")),
        (plant_longer_snake, ("columns", "columns")),
        (plant_leak_of_another_player, ("leaks", "leaks")),
    ],
)
def test_prompts_without_the_state_are_held_to_what_they_say(
    summarised: Path,
    tmp_path: Path,
    change: Callable[[dict[str, list[dict[str, Any]]]], None],
    check: tuple[str, str] | None,
    columns: list[str],
) -> None:
    """With all columns they are read by these; with few of them, by their looks."""
    rows = {split: pq.read_table(split_file(summarised, split)).to_pylist() for split in ("train", "test")}
    change(rows)
    for split, of_split in rows.items():
        as_lines(of_split, tmp_path / f"{split}.jsonl", *columns)
    expected = check and check[columns != SCHEMA.names]
    assert violated(tmp_path) == ({expected} if expected else set())


def test_a_csv_of_turned_and_mirrored_moments_is_clean_and_a_second_answer_is_found(logs: Path, tmp_path: Path) -> None:
    build_dataset([logs], tmp_path / "set", styles=["plan", "move"], symmetries="any", samples_per_teacher=200)
    export(tmp_path / "set", tmp_path / "rows.csv", "csv")
    assert violated(tmp_path / "rows.csv") == set()
    with (tmp_path / "rows.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    # A row of an open field: nothing lies beside the head, so that any move but a reversal is fine.
    row = next(row for row in rows if all(int(row[f"free_space_{side}"]) for side in ("up", "down", "left", "right")))
    other = {"UP": "LEFT", "DOWN": "LEFT", "LEFT": "UP", "RIGHT": "UP"}[row["target_move"]]
    with (tmp_path / "rows.csv").open("a") as stream:
        csv.DictWriter(stream, list(row)).writerow({**row, "target_move": other})
    (check,) = [check for check in validate(tmp_path / "rows.csv").checks if check.name == "contradictions"]
    # The numbers leave out the body, so two answers to them may be of two states: worth knowing, no more.
    assert check.violations == 1 and check.note


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
