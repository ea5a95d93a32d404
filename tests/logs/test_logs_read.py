from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serpentune.game import Ending, GameBatch, GameRecord, verify
from serpentune.logs import Refusal, check_logs, iter_batches, iter_logs, read_logs, write_run
from serpentune.logs._parquet import write_parquet_games
from tests.logs.documents import edit, history

# --- the samples ---------------------------------------------------------------------------------------------------


def test_the_real_logs_of_two_other_programs_are_accepted_whole(samples):
    reading = read_logs([samples])
    assert reading.refused == ()
    games = {(game.player, game.number): game for game in reading.games}
    assert sorted(games) == [
        ("BFS-512", 1),
        ("BFS-512", 2),
        ("BFS-512", 17),
        ("hunyuan-t1-latest", 1),
        ("hunyuan-t1-latest", 7),
    ]
    assert all((game.width, game.height) == (10, 10) and game.seed is None for game in reading.games)
    assert (games["BFS-512", 1].score, games["BFS-512", 1].ending) == (24, Ending.NO_PATH_FOUND)
    assert (games["hunyuan-t1-latest", 7].score, games["hunyuan-t1-latest", 7].ending) == (13, Ending.WALL)


def test_the_real_logs_can_be_written_again_in_both_formats(samples, tmp_path):
    for player in ("BFS-512", "hunyuan-t1-latest"):
        games = read_logs([samples], players=[player]).games
        for kind in ("parquet", "json"):
            run = write_run(games, tmp_path / f"{player}-{kind}", metadata={}, format=kind)
            assert read_logs([run]).games == games


def test_the_rounds_of_a_real_game_name_the_apples_of_its_own_log(samples, tmp_path):
    """In game 17 the last apple lies under the snake."""
    games = read_logs([samples], players=["BFS-512"]).games
    run = write_run(games, tmp_path / "run", metadata={}, format="json")
    for game in games:
        name = f"game_{game.number}.json"
        theirs = json.loads((samples / "bfs-512_20261122_164255" / name).read_text())["detailed_history"]["rounds_data"]
        ours = json.loads((run / name).read_text())["detailed_history"]["rounds_data"]
        # Their round k shows the board after move k - 1, ours the same board: before move k. Theirs has one more.
        assert [ours[key]["apple_position"] for key in ours] == [theirs[key]["apple_position"] for key in theirs][:-1]


# --- what other programs leave open --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        {"heuristic_info": {"algorithm": "X"}, "metadata": {"algorithm": "Y"}},
        {"heuristic_info": None, "metadata": {"algorithm": "X"}, "algorithm": "Y"},
        {"heuristic_info": {}, "metadata": {"algorithm": None}, "algorithm": "X", "llm_info": {"primary_model": "Y"}},
        {"llm_info": {"primary_model": "X"}},
    ],
)
def test_the_players_name_is_found_in_each_of_its_places(json_run, name):
    def rename(document):
        for key in ("heuristic_info", "metadata"):
            del document[key]
        document.update(name)

    edit(json_run / "game_1.json", rename)
    assert read_logs([json_run]).games[0].player == "X"


def test_a_game_without_a_player_is_refused(json_run):
    edit(json_run / "game_1.json", lambda document: (document.pop("heuristic_info"), document.pop("metadata")))
    assert "names no player" in read_logs([json_run]).refused[0].reason


def test_the_grid_size_comes_from_the_game_then_the_summary_then_is_ten(tmp_path, random_games):
    run = write_run(random_games(1, 10, 10), tmp_path / "ten", metadata={}, format="json")
    edit(run / "game_1.json", lambda document: document.pop("grid_size"))
    edit(run / "summary.json", lambda document: document.pop("configuration"))
    assert read_logs([run]).games[0].width == 10
    (run / "summary.json").unlink()
    assert read_logs([run]).games[0].width == 10
    run = write_run(random_games(1, 8, 5), tmp_path / "eight", metadata={}, format="json")
    edit(run / "game_1.json", lambda document: document.pop("grid_size"))
    assert (read_logs([run]).games[0].width, read_logs([run]).games[0].height) == (8, 5)
    (run / "summary.json").write_text("{")
    assert "summary.json is no help" in read_logs([run]).refused[0].reason


def test_giving_up_may_be_logged_as_a_move_and_counted_as_a_step_or_not(tmp_path, random_games):
    whole = next(game for game in random_games(40) if game.score >= 1)
    moves = whole.moves[:3]
    game = replace(whole, moves=moves, steps=3, score=0, apples=whole.apples[:1], ending=Ending.NO_PATH_FOUND, number=1)
    if verify(game):
        pytest.fail("the first three moves of the chosen game eat an apple; choose another seed")
    run = write_run([game], tmp_path / "run", metadata={}, format="json")
    edit(run / "game_1.json", lambda document: document["detailed_history"]["moves"].append("NO_PATH_FOUND"))
    for steps, accepted in ((3, 1), (4, 1), (5, 0)):
        edit(run / "game_1.json", lambda document, steps=steps: document.update(steps=steps))
        games = read_logs([run]).games
        assert len(games) == accepted
        assert all(game.steps == 3 for game in games)


def test_a_seed_is_only_believed_in_games_of_ours(json_run):
    edit(json_run / "game_1.json", lambda document: (document.pop("serpentune"), document.update(seed=7)))
    assert [game.seed for game in read_logs([json_run]).games] == [None, 1, 2, 3]


# --- planted faults ------------------------------------------------------------------------------------------------


JSON_FAULTS = {
    "another score": (lambda d: d.update(score=d["score"] + 1, snake_length=d["snake_length"] + 1), "its score is"),
    "another length": (lambda d: d.update(snake_length=d["snake_length"] + 1), "snake_length"),
    "another step count": (lambda d: d.update(steps=d["steps"] - 1), "steps, its moves make"),
    "another ending": (lambda d: d.update(game_end_reason="WIN"), "its ending is WIN"),
    "an unknown ending": (lambda d: d.update(game_end_reason="BORED"), "'BORED'"),
    "a missing move": (lambda d: history(d)["moves"].pop(), "steps, its moves make"),
    "a move after the end": (lambda d: history(d)["moves"].append("UP"), "steps|after the game had ended"),
    "an unknown move": (lambda d: history(d)["moves"].__setitem__(2, "NORTH"), "move 2 is 'NORTH'"),
    "a move that is no text": (lambda d: history(d)["moves"].__setitem__(0, ["UP"]), "move 0 is a list"),
    "an apple outside": (lambda d: history(d)["apple_positions"][0].update(x=6), "apple 0 at"),
    "an apple on the snake": (lambda d: history(d)["apple_positions"][0].update(x=3, y=3), "apple 0 lies on the snake"),
    "an apple too many": (lambda d: history(d)["apple_positions"].append({"x": 0, "y": 0}), "apples for a score"),
    "no apples": (lambda d: history(d).update(apple_positions=[]), "no apple"),
    "an apple as a list": (lambda d: history(d).update(apple_positions=[[1, 2]]), "apple 0 is a list"),
    "a number as text": (lambda d: d.update(score=str(d["score"])), "score is '"),
    "a truth as a number": (lambda d: d.update(score=True), "score is true"),
    "no number": (lambda d: d.update(steps=float("nan")), "steps is nan"),
    "a number beyond bounds": (lambda d: d.update(steps=10**400), "beyond all bounds"),
    "a null": (lambda d: d.update(detailed_history=None), "detailed_history is null"),
    "a missing key": (lambda d: d.pop("steps"), "the key steps is missing"),
    "an unfinished game": (lambda d: d.update(game_over=False), "unfinished"),
    "a huge board": (lambda d: d.update(grid_size=10**9), "grid_size"),
    "a nameless player": (lambda d: d["heuristic_info"].update(algorithm=" "), "not a name"),
    "a player of broken text": (lambda d: d["heuristic_info"].update(algorithm="\ud800"), "not a name"),
    "a player list": (lambda d: d.update(heuristic_info=["BFS"]), "heuristic_info is a list"),
    "a later format": (lambda d: d["serpentune"].update(format_version=2), "format_version is 2"),
}


@pytest.mark.parametrize("fault", JSON_FAULTS)
def test_a_game_with_a_fault_is_refused_by_file_and_reason_and_the_rest_is_read(json_run, fault):
    change, reason = JSON_FAULTS[fault]
    edit(json_run / "game_2.json", change)
    reading = read_logs([json_run])
    assert [game.number for game in reading.games] == [1, 3, 4]
    assert [refusal.file for refusal in reading.refused] == [json_run / "game_2.json"]
    assert re.search(reason, reading.refused[0].reason), reading.refused[0].reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not valid JSON"),
        (b'{"score": 1', "cut short"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"score": ' + b"9" * 5000 + b"}", "too many digits"),
        (b"[]", "not an object"),
        (b"null", "not an object"),
        (b"NaN", "not an object"),
        (b"{}", "the key detailed_history is missing"),
    ],
)
def test_a_file_that_is_no_game_is_refused(json_run, content, reason):
    (json_run / "game_3.json").write_bytes(content)
    reading = read_logs([json_run])
    assert len(reading.games) == 3
    assert reason in reading.refused[0].reason


def test_a_folder_in_place_of_a_game_is_refused(json_run):
    (json_run / "game_9.json").mkdir()
    assert "can't be read" in read_logs([json_run]).refused[0].reason


def rewritten(run: Path, **columns: Any) -> None:
    path = run / "games.parquet"
    table = pq.read_table(path)
    for name, value in columns.items():
        place = table.schema.get_field_index(name)
        values = table.column(name).to_pylist()
        values[2] = value(values[2])
        table = table.set_column(place, table.schema.field(name), pa.array(values, table.schema.field(name).type))
    pq.write_table(table, path)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"score": lambda score: score + 1}, "its score is"),
        ({"steps": lambda steps: steps + 1}, "steps, its moves make"),
        ({"ending": lambda _: "WIN"}, "its ending is WIN"),
        ({"ending": lambda _: "RUNNING"}, "'RUNNING' is none of"),
        ({"moves": lambda moves: b"\x09" + moves[1:]}, "is no move (code 9)"),
        ({"moves": lambda _: b""}, "its moves make 0"),
        ({"apples": lambda _: []}, "no apple"),
        ({"apples": lambda apples: [-1, *apples[1:]]}, "apple 0 lies outside"),
        ({"width": lambda _: 3}, "outside the rules"),
        ({"height": lambda _: -6}, "outside the rules"),
    ],
)
def test_a_row_that_does_not_replay_is_refused_by_its_number(parquet_run, columns, reason):
    rewritten(parquet_run, **columns)
    reading = read_logs([parquet_run])
    assert [game.number for game in reading.games] == [1, 2, 4]
    (refusal,) = reading.refused
    assert (refusal.file, refusal.game) == (parquet_run / "games.parquet", 3)
    assert reason in refusal.reason
    assert refusal.explanation.startswith("game 3: ")


@pytest.mark.parametrize("keep", [0, 3, 0.3, 0.9, 0.999])
def test_a_truncated_parquet_file_is_refused_and_other_runs_are_read(parquet_run, json_run, keep):
    path = parquet_run / "games.parquet"
    content = path.read_bytes()
    path.write_bytes(content[: keep if isinstance(keep, int) else int(keep * len(content))])
    reading = read_logs([parquet_run, json_run])
    assert len(reading.games) == 4
    assert [(refusal.file, refusal.game) for refusal in reading.refused] == [(path, None)]
    assert "cut short" in reading.refused[0].reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda table: table.replace_schema_metadata(None), "no run of games"),
        (lambda table: table.replace_schema_metadata({"serpentune.format": "2"}), "format version is 2"),
        (lambda table: table.drop_columns(["apples"]), "column apples is missing"),
        (lambda table: table.append_column("more", pa.array([1] * 4)), "not those of a run"),
        (lambda table: table.set_column(8, "score", pa.array(["1"] * 4)), "column score is of another type"),
    ],
)
def test_a_parquet_file_of_another_schema_is_refused(parquet_run, change, reason):
    path = parquet_run / "games.parquet"
    pq.write_table(change(pq.read_table(path)), path)
    reading = read_logs([parquet_run])
    assert reading.games == ()
    assert reason in reading.refused[0].reason


def test_a_damaged_row_group_loses_only_its_own_games(tmp_path, random_games):
    game = random_games(1)[0]
    run = write_run((replace(game, number=n) for n in range(1, 9001)), tmp_path / "run", metadata={})
    path = run / "games.parquet"
    column = pq.ParquetFile(path).metadata.row_group(1).column(5)
    content = bytearray(path.read_bytes())
    content[column.data_page_offset - 5] ^= 0xFF  # the last bytes of the page before: the moves themselves
    path.write_bytes(content)
    reading = read_logs([run])
    numbers = {game.number for game in reading.games}
    assert numbers == set(range(1, 4097)) | set(range(8193, 9001))
    assert "row group 2 of 3 is damaged, 4096 games from there on are left out" in reading.refused[0].reason
    checked = check_logs([run])
    assert (checked["accepted"], [refusal["games"] for refusal in checked["refused"]]) == (9000 - 4096, [4096])


def test_a_folder_with_both_formats_counts_no_game_twice(parquet_run, json_run):
    shutil.copy(json_run / "game_1.json", parquet_run)
    reading = read_logs([parquet_run])
    assert len(reading.games) == 4
    assert "games.parquet too" in reading.refused[0].reason


# --- the functions -------------------------------------------------------------------------------------------------


def test_players_are_kept_by_name_in_any_case_and_others_counted(tmp_path, random_games):
    for player in ("BFS", "DFS"):
        write_run(random_games(3, player=player), tmp_path / player, metadata={})
    reading = read_logs([tmp_path], players=["bfs"])
    assert {game.player for game in reading.games} == {"BFS"}
    assert reading.passed_over == {"DFS": 3}
    assert list(iter_logs([tmp_path], players=["Bfs"])) == list(reading.games)


def test_the_check_counts_and_names(json_run, parquet_run):
    (json_run / "game_1.json").write_text("{")
    rewritten(parquet_run, score=lambda score: score + 1)
    answer = check_logs([json_run, parquet_run])
    assert answer["accepted"] == 6
    assert [entry["file"] for entry in answer["refused"]] == [
        str(json_run / "game_1.json"),
        str(parquet_run / "games.parquet"),
    ]
    assert answer["refused"][1]["reason"].startswith("game 3: its score is")
    assert json.loads(json.dumps(answer)) == answer


def test_iterating_gives_games_and_refusals_in_order(json_run):
    (json_run / "game_2.json").write_text("[]")
    items = list(iter_logs([json_run]))
    assert [type(item) for item in items] == [GameRecord, Refusal, GameRecord, GameRecord]
    assert str(items[1]) == f"{json_run / 'game_2.json'}: the document is a list of 0, not an object"


def test_batches_are_the_games_many_at_a_time(tmp_path, random_games):
    games = random_games(300)
    run = write_run(games, tmp_path / "run", metadata={})
    batches = list(iter_batches([run]))
    assert all(isinstance(batch, GameBatch) for batch in batches)
    assert len(batches) < 10
    assert [game for batch in batches for game in batch] == games


def test_a_refused_game_stands_between_batches(parquet_run, json_run):
    rewritten(parquet_run, score=lambda score: score + 1)
    (json_run / "game_1.json").write_text("{")
    items = list(iter_batches([parquet_run, json_run]))
    kinds = [item.game if isinstance(item, Refusal) else [game.number for game in item] for item in items]
    assert kinds == [None, [2], [3], [4], [1, 2], 3, [4]]


def test_a_file_may_hold_several_players_and_boards(tmp_path, random_games):
    """Ours hold one, but the columns allow it, and other programs' files may use that."""
    games = [
        *random_games(5, player="ADA"),
        *random_games(3, 7, 4, player="ADA"),
        *(replace(game, seed=None) for game in random_games(4, 7, 4, player="BOB")),
        *random_games(2, player="ADA"),
    ]
    games = [replace(game, number=number) for number, game in enumerate(games, 1)]
    folder = tmp_path / "run"
    folder.mkdir()
    batches = [GameBatch.from_records(games[a:b]) for a, b in ((0, 5), (5, 8), (8, 12), (12, 14))]
    write_parquet_games(folder / "games.parquet", batches)
    table = pq.read_table(folder / "games.parquet")
    pq.write_table(table, folder / "games.parquet", row_group_size=100)  # all in one row group
    found = list(iter_batches([folder]))
    assert [(batch.player, batch.width, len(batch)) for batch in found] == [
        ("ADA", 6, 5),
        ("ADA", 7, 3),
        ("BOB", 7, 4),
        ("ADA", 6, 2),
    ]
    assert list(iter_logs([folder])) == games
    assert list(iter_logs([folder], players=["bob"])) == games[8:12]
    assert read_logs([folder], players=["bob"]).passed_over == {"ADA": 10}


def test_a_run_without_games_is_read_as_such(parquet_run):
    path = parquet_run / "games.parquet"
    pq.write_table(pq.read_table(path).slice(0, 0), path)
    assert (read_logs([parquet_run]).games, read_logs([parquet_run]).refused) == ((), ())
