"""Data of the first version: nothing is lost without a word, and `verified` is said of replayed games only."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serpentune.common.errors import UserError
from serpentune.datasets import SPLITS, describe, inspect_dataset, read_manifest
from serpentune.datasets._migrate_games import NOT_WHOLE
from serpentune.datasets._migrate_lines import MENDED_TAIL_FIRST, NO_STATE, UNKNOWN, player_of
from serpentune.datasets.export import export
from serpentune.datasets.migrate import migrate
from serpentune.datasets.records import split_file
from serpentune.datasets.validate import validate
from serpentune.game import GameRecord
from serpentune.logs import write_run
from tests.datasets import old_lines

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"
needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample files are not there")


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> list[GameRecord]:
    return old_lines.games(tmp_path_factory.mktemp("old"))


def records(folder: Path) -> list[dict[str, Any]]:
    """Every record, with its split."""
    return [{**row, "split": split} for split in SPLITS for row in pq.read_table(split_file(folder, split)).to_pylist()]


def whole(games: list[GameRecord], **options: Any) -> list[dict[str, Any]]:
    return [row for game in games for row in old_lines.rows(game, **options)]


@needs_samples
def test_the_three_hundred_records_migrate_whole(tmp_path: Path) -> None:
    (file,) = SAMPLES.glob("*/BFS-512_dataset.jsonl")
    done = migrate(file, tmp_path / "new")
    assert (done.verified, done.unverified, done.refused, done.mended) == (300, {}, {}, {})
    old = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    made = records(tmp_path / "new")
    texts = [(row["prompt"], row["completion"]) for row in made]
    assert sorted(texts) == sorted((row["prompt"], row["completion"]) for row in old)
    assert {row["teacher"] for row in made} == {"BFS-512"}
    validation = validate(tmp_path / "new")
    assert validation.ok
    assert {check.name: check.checked for check in validation.checks}["label"] == 300


@needs_samples
@pytest.mark.parametrize("pattern", ["bfs-512_*", "hunyuan-*"])
def test_old_games_migrate(tmp_path: Path, pattern: str) -> None:
    (folder,) = SAMPLES.glob(pattern)
    old = tmp_path / folder.name
    old.mkdir()
    for file in [*folder.glob("game_*.json"), folder / "summary.json"]:
        (old / file.name).write_bytes(file.read_bytes())
    done = migrate(old, tmp_path / "new")
    entries = sum(len(json.loads(file.read_text())["detailed_history"]["moves"]) for file in old.glob("game_*.json"))
    assert done.verified == sum(done.records.values()) == entries - sum(done.left_out.values()) > 100
    assert validate(tmp_path / "new", logs=[old]).ok


def test_games_are_put_together_again(games: list[GameRecord], tmp_path: Path) -> None:
    old = old_lines.write(tmp_path / "heuristic_bfs_20250102_030405.jsonl", whole(games))
    done = migrate(old, tmp_path / "new")
    made = records(tmp_path / "new")
    assert done.verified == len(made) == len(whole(games))
    by_game = defaultdict(list)
    for row in made:
        by_game[row["game"]].append(row)
        assert row["verified"] and row["teacher"] == "BFS" and row["style"] is None and row["encoding"] is None
    assert len(by_game) == len(games)
    for number, game in enumerate(games, 1):
        own = sorted(by_game[f"heuristic_bfs_20250102_030405/{number}"], key=lambda row: row["step"])
        assert [row["step"] for row in own] == list(range(len(own)))
        assert [row["prompt"] for row in own] == [row["prompt"] for row in old_lines.rows(game)]
        assert len({row["split"] for row in own}) == 1
    assert {row["split"] for row in made} == set(SPLITS)
    assert read_manifest(tmp_path / "new")["migrated_from"]["verified"] == len(made)
    again = migrate(old, tmp_path / "again")
    assert again.records == done.records
    assert records(tmp_path / "again") == made


def test_what_is_harmless_is_put_right_and_counted(games: list[GameRecord], tmp_path: Path) -> None:
    rows = whole(games, tail_first=True)
    # Bodies of one cell behind the head read the same from both ends.
    turned = sum("], [" in row["prompt"] for row in rows)
    rows[1] = {"Prompt": rows[1]["prompt"], "COMPLETION": rows[1]["completion"], "step": "1"}
    rows[2]["prompt"] = rows[2]["prompt"].replace("\n", "\r\n")
    text = "\ufeff" + "".join(json.dumps(row) + "\r\n" for row in rows)
    (tmp_path / "BFS_dataset.jsonl").write_bytes(text.encode())
    done = migrate(tmp_path / "BFS_dataset.jsonl", tmp_path / "new")
    assert done.verified == len(rows)
    assert done.mended[MENDED_TAIL_FIRST] == turned
    others = {kind: count for kind, count in done.mended.items() if kind != MENDED_TAIL_FIRST}
    assert others == {
        "byte order mark at the start of the file": 1,
        "line ended with CR LF": len(rows),
        "key in other case": 2,
        "number written as text, or text as a number": 1,
        "CR LF within a text": 1,
    }


def test_what_can_not_be_replayed_is_kept_and_not_called_verified(games: list[GameRecord], tmp_path: Path) -> None:
    rows = [*list(old_lines.rows(games[0]))[3:], *old_lines.rows(games[1])]
    rows += [
        {"prompt": "Snake at (5, 5), apple at (2, 7), length 1. What's the next move?", "completion": "UP"},
        {"prompt": "A board of another program.", "completion": "LEFT", "algorithm": "dfs"},
    ]
    done = migrate(old_lines.write(tmp_path / "x.jsonl", rows), tmp_path / "new")
    begins = len(rows) - 2 - done.verified
    assert done.verified == len(list(old_lines.rows(games[1])))
    assert done.unverified["its game begins in the middle"] == begins == len(list(old_lines.rows(games[0]))) - 3
    assert sum(done.unverified.values()) == begins + 2
    assert set(done.unverified) <= {"its game begins in the middle", NO_STATE, UNKNOWN}
    assert "DFS" in {row["teacher"] for row in records(tmp_path / "new") if not row["verified"]}


def test_what_no_record_has_room_for_is_counted(games: list[GameRecord], tmp_path: Path) -> None:
    rows = whole(games)
    for place, row in enumerate(rows):
        row["algorithm"] = "DFS"
        if place < 3:
            row |= {"seed": 4, "metadata": {"algorithm": "DFS", "score": 3}, "note": "mine"}
    old = tmp_path / "old"
    old.mkdir()
    old_lines.write(old / "x.jsonl", rows)
    for name in ("x.csv", "x.jsonl.gz", "README.md"):
        (old / name).write_text("other")
    done = migrate(old, tmp_path / "new")
    assert done.keys_left_out == {"seed": 3, "metadata": 3, "note": 3}
    assert done.passed_over == {"files that are neither JSON lines (.jsonl, .json) nor game_N.json": 2}
    assert {row["teacher"] for row in records(tmp_path / "new")} == {"DFS"}
    assert "- keys left out: 3 seed; 3 metadata; 3 note" in (tmp_path / "new" / "README.md").read_text()


def test_what_is_refused_altogether_is_said_with_its_reasons(games: list[GameRecord], tmp_path: Path) -> None:
    old = old_lines.write(tmp_path / "x.jsonl", [{"prompt": "a"}, {"prompt": "b"}, {"prompt": "c", "completion": "?"}])
    said = r"3 rows \(2: the key completion is missing; 1: no move .*\), the first one .*x\.jsonl, line 1: the"
    with pytest.raises(UserError, match=said):
        migrate(old, tmp_path / "new", on_error="skip")
    with (tmp_path / "game_1.json").open("wb") as file:
        file.truncate(1 << 30)  # a hole
    with pytest.raises(UserError, match=r"game_1\.json: the game can't be read \(it is larger than 256 MiB\)"):
        migrate(tmp_path / "game_1.json", tmp_path / "new")
    old_lines.write(tmp_path / "x.jsonl", whole(games))
    migrate(old, tmp_path / "new")
    with pytest.raises(UserError, match="is a data set of serpentune already"):
        migrate(tmp_path / "new", tmp_path / "newer")


def test_what_was_migrated_is_shown_described_and_written_as_csv(games: list[GameRecord], tmp_path: Path) -> None:
    """Its prompts name no style and no encoding; their words tell the state."""
    done = migrate(old_lines.write(tmp_path / "BFS_dataset.jsonl", whole(games)), tmp_path / "new")
    (shown,) = inspect_dataset(tmp_path / "new", number=0).shown
    assert shown.state is not None and len(shown.moves) == 1
    assert str(shown.state.xy(shown.state.head)) in shown.record["prompt"]
    found = describe(tmp_path / "new")
    assert found.with_state == done.verified == len(whole(games))
    moved = Counter(re.search(r"move is: (\w+)", row["completion"])[1] for row in whole(games))  # type: ignore[index]
    assert found.first_moves["BFS"].tolist() == [moved["UP"], moved["RIGHT"], moved["DOWN"], moved["LEFT"], 0]
    export(tmp_path / "new", tmp_path / "new.csv", "csv")
    assert validate(tmp_path / "new.csv").ok
    assert Counter(line.rpartition(",")[2] for line in (tmp_path / "new.csv").read_text().split()[1:]) == moved


def broken_rows(games: list[GameRecord]) -> tuple[list[dict[str, Any]], dict[int, str]]:
    """Rows of true games of which some are spoilt, and the reason of each by its line."""
    rows = whole(games)
    long = [place for place, row in enumerate(rows) if "], [" in row["prompt"]]
    backward = {"UP": "DOWN", "DOWN": "UP", "LEFT": "RIGHT", "RIGHT": "LEFT"}
    name = re.match(r"Moving (\w+)", rows[long[5] - 1]["completion"])
    assert name is not None
    turn = backward[name[1]]
    rows[long[5]]["completion"] = f"Moving {turn} from here\n\nConclusion: The move is: {turn}"
    rows[long[9]]["completion"] = "I would rather not."
    rows[long[13]]["prompt"] = re.sub(r"Snake length: \d+", "Snake length: 30", rows[long[13]]["prompt"])
    rows[long[17]]["snake_length"] = 1
    return rows, {
        long[5] + 1: "its answer can't be played",
        long[9] + 1: "no move can be read",
        long[13] + 1: "its prompt shows no state",
        long[17] + 1: "its snake_length is not what",
    }


def test_what_is_wrong_stops_or_is_written_down(games: list[GameRecord], tmp_path: Path) -> None:
    rows, wrong = broken_rows(games)
    old = old_lines.write(tmp_path / "old.jsonl", rows)
    with pytest.raises(UserError, match=rf"old\.jsonl, line {min(wrong)}: its answer can't be played"):
        migrate(old, tmp_path / "new")
    assert not (tmp_path / "new").exists()
    done = migrate(old, tmp_path / "new", on_error="skip")
    rejects = [json.loads(line) for line in (tmp_path / "new" / "rejects.jsonl").read_text().splitlines()]
    assert {reject["line"] for reject in rejects} == set(wrong)
    assert all(reject["reason"].startswith(wrong[reject["line"]]) for reject in rejects)
    assert sum(done.refused.values()) == len(wrong)
    assert sum(done.records.values()) == len(rows) - len(wrong) == done.verified + sum(done.unverified.values())
    # What follows a refused row is the rest of its game: not verified, and in its split.
    made = {row["prompt"]: row for row in records(tmp_path / "new")}
    first = 0
    for game in games:
        own = [
            made[row["prompt"]]
            for row in rows[first : first + len(list(old_lines.rows(game)))]
            if row["prompt"] in made
        ]
        first += len(list(old_lines.rows(game)))
        assert len({row["split"] for row in own}) == 1
    assert done.unverified


def test_games_that_do_not_replay_as_a_whole_keep_their_beginning(games: list[GameRecord], tmp_path: Path) -> None:
    folder = tmp_path / "old"
    write_run(games, folder, metadata={}, format="json")
    files = sorted(folder.glob("game_*.json"))
    count = {file: len(json.loads(file.read_text())["detailed_history"]["moves"]) for file in files}
    spoilt = {}
    for place, file in enumerate(files[:3]):
        document = json.loads(file.read_text())
        if place == 0:
            document["detailed_history"]["apple_positions"] = document["detailed_history"]["apple_positions"][:1]
        elif place == 1:
            document["score"] += 1
            document["snake_length"] += 1
        else:
            document["game_over"] = False
        spoilt[file] = document
        file.write_text(json.dumps(document))
    with pytest.raises(UserError, match=rf"{files[2].name}: the game can't be read"):
        migrate(folder, tmp_path / "new")
    done = migrate(folder, tmp_path / "new", on_error="skip")
    made = records(tmp_path / "new")
    verified = [row for row in made if row["verified"]]
    assert {row["game"] for row in verified} == {f"old/{game.number}" for game in games[3:]}
    assert done.unverified == {NOT_WHOLE: len(made) - len(verified)}
    kept_of_first = [row for row in made if row["game"] == f"old/{games[0].number}"]
    assert 0 < len(kept_of_first) < count[files[0]] and max(row["snake_length"] for row in kept_of_first) == 1
    assert done.refused == {"the game can't be read": 1}
    assert len(made) + sum(done.left_out.values()) == sum(count.values()) - count[files[2]]
    validation = validate(tmp_path / "new")
    assert not {check.name for check in validation.checks if check.violations} & {"state", "label", "columns"}


def test_names_and_folders(games: list[GameRecord], tmp_path: Path) -> None:
    files = ("BFS-512_dataset.jsonl", "heuristic_bfs_20250102_030405.jsonl", "x.jsonl")
    assert [player_of(Path(file)) for file in files] == ["BFS-512", "BFS", "X"]
    with pytest.raises(UserError, match="There is no"):
        migrate(tmp_path / "nothing", tmp_path / "new")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds nothing to migrate"):
        migrate(tmp_path / "empty", tmp_path / "new")
    (tmp_path / "empty" / "a.jsonl").write_text("")
    with pytest.raises(UserError, match="holds no record"):
        migrate(tmp_path / "empty", tmp_path / "new")
    old = old_lines.write(tmp_path / "empty" / "a.jsonl", whole(games[:1]))
    (tmp_path / "empty" / "manifest.json").write_text("{}")
    with pytest.raises(UserError, match="would be overwritten"):
        migrate(old, tmp_path / "empty", overwrite=True)
    done = migrate(tmp_path / "empty", tmp_path / "new")
    assert done.records["validation"] == done.records["test"] == 0, "one game can't be split"
    with pytest.raises(UserError, match="already holds files"):
        migrate(old, tmp_path / "new")
    assert migrate(old, tmp_path / "new", overwrite=True).records == done.records
    assert isinstance(pq.read_table(split_file(tmp_path / "new", "train")), pa.Table)
