"""Records to look at: the ones that were asked for, with the states that their prompts show."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from serpentune.common.errors import UserError
from serpentune.datasets import inspect_dataset
from serpentune.game import Move
from tests.datasets.made import positions, records, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    states = positions(12, 7, 5)
    mine = records(states.take(range(4)), "MINE", [Move.LEFT] * 4)
    mine[3] |= {"prompt": "Where to?", "encoding": None, "style": None, "completion": "nowhere"}
    groups = [records(states.take(range(5)), "BFS"), records(states.take(range(5, 12)), "BFS"), mine]
    return write(tmp_path_factory.mktemp("look") / "d", {"train": groups, "test": [records(states, "DFS")]})


def test_a_numbered_record_is_that_one_with_its_state_and_moves(folder: Path) -> None:
    states = positions(12, 7, 5)
    for number in range(12):
        (shown,) = inspect_dataset(folder, number=number).shown
        assert shown.number == number and shown.state == states[number]
        assert shown.record["teacher"] == "BFS" and len(shown.moves) == 1
    (foreign,) = inspect_dataset(folder, number=15).shown
    assert foreign.state is None and foreign.moves == b"" and foreign.record["prompt"] == "Where to?"


@pytest.mark.slow
def test_every_matching_record_has_the_same_chance(folder: Path) -> None:
    drawn = Counter(
        shown.number for seed in range(300) for shown in inspect_dataset(folder, records=4, seed=seed).shown
    )
    assert sorted(drawn) == list(range(16)) and min(drawn.values()) > 40 and max(drawn.values()) < 120


def test_records_are_chosen_by_player_style_and_split(folder: Path) -> None:
    found = inspect_dataset(folder, teacher="mine", style="move", records=10)
    assert found.matching == 3 and [shown.number for shown in found.shown] == [12, 13, 14]
    assert inspect_dataset(folder, split="test", records=2).shown[0].record["teacher"] == "DFS"
    assert inspect_dataset(folder, split="validation").shown == ()
    assert found.counts["teacher"]["MINE"] == {"train": 4, "validation": 0, "test": 0}


def test_other_row_groups_are_not_read(folder: Path, tmp_path: Path) -> None:
    states = positions(400)
    copy = write(tmp_path / "d", {"train": [records(states, "BFS"), records(states, "BFS")]})
    file = copy / "data" / "train.parquet"
    damaged = bytearray(file.read_bytes())
    damaged[100:300] = bytes(200)  # among the prompts of the first group
    file.write_bytes(damaged)
    assert inspect_dataset(copy, number=500).shown[0].state == states[100]
    with pytest.raises(UserError, match="can't be read"):
        inspect_dataset(copy, number=5)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"split": "tset"}, "There is no split named 'tset'. Did you mean test?"),
        ({"teacher": "BSF"}, "Did you mean BFS?"),
        ({"style": "moves"}, "Did you mean move?"),
        ({"number": 16}, "train of .* has the records 0 to 15"),
        ({"number": 0, "style": "move"}, "leave teacher and style out"),
        ({"records": -1}, "0 or more"),
        ({"number": 0, "split": "validation"}, "validation of .* holds no records"),
    ],
)
def test_refusals(folder: Path, options: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        inspect_dataset(folder, **options)  # type: ignore[arg-type]


def test_what_is_no_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no data set"):
        inspect_dataset(tmp_path)
