"""A data set of moves, explanations and short explanations: what it says, that it is true, and that it can be read."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from serpentune import teachers
from serpentune.datasets import STYLES, after_moves, build_dataset, get_encoding, read_moves
from serpentune.datasets.completions import parse_prompt
from serpentune.datasets.records import split_file
from serpentune.datasets.validate import validate
from serpentune.models import open_tokenizer

SHORT = STYLES["explain-short"]


@pytest.fixture(scope="module")
def built(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("short") / "set"
    build_dataset(
        [logs],
        folder,
        styles={"plan": 0.4, "explain": 0.2, "explain-short": 0.4},
        drop_explanations=0.3,
        samples_per_teacher=150,
        formats=["parquet", "jsonl"],
    )
    return folder


def test_its_records_are_the_teachers_short_words(built: Path) -> None:
    rows = pq.read_table(split_file(built, "train")).to_pylist()
    asked = {style: [row for row in rows if row["style"] == style] for style in (*STYLES,)}
    assert all(len(of_style) > 10 for of_style in asked.values())  # moves are explanations that lost their reasons
    for style, of_style in asked.items():
        for row in of_style:
            player, board, found = parse_prompt(row["prompt"]) or pytest.fail("no prompt of ours")
            assert found.name == style and row["prompt"].endswith(f"\n{found.cue}")
            if found.explains:
                teacher, state = teachers.get(player), get_encoding(row["encoding"]).decode(board)
                assert after_moves(row["completion"]) == teacher.explain(state, short=found.short)
                assert read_moves(row["completion"])[:1] == bytes([teacher.decide(state).move])


def test_it_is_valid_with_its_columns_and_without(built: Path, logs: Path, tmp_path: Path) -> None:
    rows = pq.read_table(split_file(built, "train")).to_pylist()
    bare = tmp_path / "bare.jsonl"
    bare.write_text("".join(json.dumps({name: row[name] for name in ("prompt", "completion")}) + "\n" for row in rows))
    for validation in (validate(built, logs=[logs]), validate(bare)):
        assert validation.ok
        checked = {check.name: check.checked for check in validation.checks}
        assert checked["explanations"] >= sum(STYLES[row["style"]].explains for row in rows) > 20


def test_nano_reads_and_writes_it_token_by_token(built: Path) -> None:
    tokenizer = open_tokenizer("nano")
    for row in pq.read_table(split_file(built, "train")).to_pylist():
        if row["style"] == SHORT.name:
            text = row["prompt"] + row["completion"]
            tokens = tokenizer(text, add_special_tokens=False)["input_ids"]
            assert tokenizer.unk_token_id is None or tokenizer.unk_token_id not in tokens
            assert tokenizer.decode(tokens) == text
