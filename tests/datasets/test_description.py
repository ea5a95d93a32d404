"""A described data set: each figure is what plain Python counts, whatever the row groups."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serpentune import teachers
from serpentune.common.errors import UserError
from serpentune.datasets import (
    SPLITS,
    DatasetDescription,
    build_dataset,
    describe,
    get_encoding,
    load_splits,
    read_moves,
)
from serpentune.datasets.completions import parse_prompt
from serpentune.game import Move, State, States
from tests.datasets.conftest import TEACHERS
from tests.datasets.made import positions, records, write


@pytest.fixture(scope="module")
def built(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built") / "records"
    build_dataset([logs], folder, styles=("plan", "move"), samples_per_teacher=200)
    return folder


@pytest.fixture(scope="module")
def described(built: Path) -> DatasetDescription:
    return describe(built, states=10_000)


@pytest.fixture(scope="module")
def rows(built: Path) -> list[dict[str, Any]]:
    return [{**row, "split": split} for split, table in load_splits(built).items() for row in table]


def _state(row: dict[str, Any]) -> State:
    parts = parse_prompt(row["prompt"])
    assert parts is not None
    return get_encoding(row["encoding"]).decode(parts[1])


def test_counts_are_those_of_the_records(described: DatasetDescription, rows: list[dict[str, Any]]) -> None:
    for column, counts in described.counts.items():
        expected = Counter((row[column], row["split"]) for row in rows)
        assert {(name, split): count for name, of in counts.items() for split, count in of.items()} == {
            (name, split): expected[name, split] for name in {row[column] for row in rows} for split in SPLITS
        }
    assert described.teachers == list(TEACHERS)
    assert sum(described.records.values()) == len(rows) == described.with_state


def test_distributions_are_those_of_the_records(described: DatasetDescription, rows: list[dict[str, Any]]) -> None:
    for name in TEACHERS:
        own = [row for row in rows if row["teacher"] == name]
        answers = [read_moves(row["completion"]) for row in own]
        plans = [len(moves) for row, moves in zip(own, answers, strict=True) if row["style"] == "plan"]
        assert described.lengths[name].tolist() == np.bincount([row["snake_length"] for row in own]).tolist()
        assert (
            described.first_moves[name].tolist() == np.bincount([moves[0] for moves in answers], minlength=5).tolist()
        )
        assert described.plans[name].tolist() == np.bincount(plans).tolist()
        states = [_state(row) for row in own]
        cells = described.cells["6x6"][name]
        assert cells.heads.tolist() == np.bincount([state.head for state in states], minlength=36).tolist()
        assert cells.apples.tolist() == np.bincount([state.apple for state in states], minlength=36).tolist()


def test_teachers_are_compared_in_each_different_state(
    described: DatasetDescription, rows: list[dict[str, Any]]
) -> None:
    different = States.stack(list({_state(row) for row in rows}))
    assert described.states == described.sampled == len(different)
    moves = {name: teachers.get(name).moves(different) for name in TEACHERS}
    assert [(pair.a, pair.b) for pair in described.pairs] == list(combinations(TEACHERS, 2))
    for pair in described.pairs:
        assert pair.asked and pair.states == len(different)
        assert pair.agree == (moves[pair.a] == moves[pair.b]).sum()


def test_row_groups_and_order_change_nothing_and_the_seed_does(tmp_path: Path) -> None:
    rows = [*records(positions(300), "BFS"), *records(positions(200, 5, 7), "DFS"), *records(positions(300), "DFS")]
    whole = describe(write(tmp_path / "a", {"train": [rows]}), states=60)
    parts = [rows[start : start + 90] for start in range(0, 720, 90)]
    split = describe(write(tmp_path / "b", {"train": parts[::-1], "test": [rows[720:]]}), states=60)
    assert whole.sampled == split.sampled == 60 and whole.states == split.states
    assert whole.pairs == split.pairs and whole.answers == split.answers
    agreed = [describe(tmp_path / "a", states=60, seed=seed).pairs[0].agree for seed in range(6)]
    assert len(set(agreed)) > 1
    share = sum(agreed) / (6 * 60)
    everywhere = describe(tmp_path / "a").pairs[0]
    assert abs(share - everywhere.agree / everywhere.states) < 0.15


def test_players_that_no_teacher_knows_are_compared_where_both_answered(tmp_path: Path) -> None:
    states = positions(40)
    bfs = teachers.get("BFS").moves(states)
    mine = bfs.copy()
    mine[:10] = (mine[:10] + 1) % 4
    odd = records(states.take(range(30)), "MINE", mine[:30].tolist())
    folder = write(tmp_path / "d", {"train": [records(states, "BFS"), odd, records(states.take(range(5)), "DFS")]})
    pairs = {(pair.a, pair.b): pair for pair in describe(folder).pairs}
    assert (pairs["BFS", "MINE"].states, pairs["BFS", "MINE"].agree, pairs["BFS", "MINE"].asked) == (30, 20, False)
    assert (pairs["DFS", "MINE"].states, pairs["DFS", "MINE"].asked) == (5, False)
    assert pairs["BFS", "DFS"].asked


def test_several_answers_to_a_prompt_and_answers_without_a_move_are_counted(tmp_path: Path) -> None:
    rows = records(positions(8), "MINE", [Move.UP] * 8)
    other = [{**row, "completion": " R"} for row in rows[:2]]
    silent = {**rows[7], "prompt": "Which way?", "completion": "It depends.", "encoding": None, "style": None}
    found = describe(write(tmp_path / "d", {"train": [rows[:7], other], "test": [[silent]]}))
    assert (found.answers.prompts, found.answers.several) == (8, 2)
    assert found.answers.bits == pytest.approx(4 / 10)
    assert found.first_moves["MINE"].tolist() == [7, 2, 0, 0, 1]
    assert found.with_state == 9 and found.states == 7
    assert found.counts["style"]["not named"] == {"train": 0, "validation": 0, "test": 1}


def test_prompts_that_are_not_what_their_columns_say_hold_no_state(tmp_path: Path) -> None:
    rows = records(positions(6), "BFS")
    rows[0]["prompt"] = rows[0]["prompt"].replace("Player BFS", "Player DFS")
    rows[1]["prompt"] = rows[1]["prompt"].replace(" H", " .")
    rows[2]["board"] = "7x7"
    rows[3]["board"] = "large"
    rows[4]["encoding"] = None  # says nothing, so the prompt itself is asked
    assert describe(write(tmp_path / "d", {"train": [rows]})).with_state == 2


def test_tokens_are_measured_on_records_of_the_data_set(built: Path, rows: list[dict[str, Any]]) -> None:
    asked: list[tuple[str, str]] = []

    def lengths(prompts: Any, completions: Any) -> Any:
        asked.extend(zip(prompts, completions, strict=True))
        return np.array([len(prompt) + len(answer) for prompt, answer in zip(prompts, completions, strict=True)])

    found = describe(built, token_lengths=lengths, token_records=50, states=0).tokens
    assert found is not None and found.records == len(asked) == 50
    assert set(asked) <= {(row["prompt"], row["completion"]) for row in rows}
    for name, own in found.lengths.items():
        said = sorted(len(prompt) + len(answer) for prompt, answer in asked if prompt.startswith(f"Player {name}."))
        assert sorted(own.tolist()) == said


def test_refusals(built: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no data set"):
        describe(tmp_path)
    with pytest.raises(UserError, match="0 or more"):
        describe(built, states=-1)
    with pytest.raises(UserError, match="holds no records"):
        describe(write(tmp_path / "empty", {}))
    broken = write(tmp_path / "broken", {"train": [records(positions(3), "BFS")]})
    (broken / "data" / "train.parquet").write_bytes(b"PAR1")
    with pytest.raises(UserError, match=r"train\.parquet: it can't be read"):
        describe(broken)
