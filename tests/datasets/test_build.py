from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from serpentune.datasets import SPLITS, GridEncoding, build, build_dataset, load_splits, read_manifest, read_moves
from serpentune.datasets._render import Renderer
from serpentune.datasets.validate import validate
from serpentune.game import NO_MOVE, Ending, GameRecord, Limits, LockstepGames, Move, states_before
from serpentune.logs import generate_runs, read_logs, write_run
from serpentune.teachers import get, play
from tests.datasets.conftest import TEACHERS

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples"


def rows(folder: Path) -> dict[str, list[dict[str, Any]]]:
    return {
        split: [json.loads(line) for line in (folder / "jsonl" / f"{split}.jsonl").read_text().splitlines()]
        for split in SPLITS
    }


def records(folder: Path) -> list[dict[str, Any]]:
    return [row for split in rows(folder).values() for row in split]


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def made_of_other_sources(one: Path, other: Path) -> bool:
    """Whether two data sets are the same byte for byte but for the names of the logs they were made of."""
    manifests = [read_manifest(folder) for folder in (one, other)]
    for manifest in manifests:
        del manifest["recipe"]["sources"]
    named = ("manifest.json", "README.md")
    files = [{name: found for name, found in hashes(folder).items() if name not in named} for folder in (one, other)]
    return manifests[0] == manifests[1] and files[0] == files[1]


def games_of(logs: Path) -> dict[str, GameRecord]:
    reading = read_logs([logs])
    return {f"{folder.name}/{game.number}": game for game, folder in zip(reading.games, reading.folders, strict=True)}


def check_against_the_games(folder: Path, games: dict[str, GameRecord]) -> None:
    """Every record says what was on the board and what was played, by the rules alone."""
    for row in records(folder):
        game, step = games[row["game"]], row["step"]
        state = states_before(game, [step])[0]
        board, cue = row["prompt"].removeprefix(f"Player {row['teacher']}. ").rsplit("\n", 1)
        assert GridEncoding().decode(board + "\n") == state
        assert row["teacher"] == game.player.upper()
        assert row["seed"] == game.seed
        assert row["board"] == f"{game.width}x{game.height}"
        assert row["snake_length"] == len(state.body)
        moves = read_moves(row["completion"])
        assert "".join(f" {'URDL'[move]}" for move in moves) == row["completion"]
        assert moves == game.moves[step : step + len(moves)]
        after = states_before(game, range(step + 1, step + len(moves) + 1))
        if row["style"] == "move":
            assert (cue, len(moves)) == ("Move:", 1)
        else:
            assert cue == "Moves:"
            assert after[-1].head == state.apple
            assert len(after[-1].body) == len(state.body) + 1
            assert (after.length[:-1] == len(state.body)).all()


AS_DRAWN: dict[str, Any] = {"checks": {"duplicates": "off", "legal": False}, "split": {"leaks": "off"}}
"""Nothing is left out after the drawing, so that counts are known beforehand."""


def test_every_record_agrees_with_the_game_it_came_from(logs: Path, tmp_path: Path) -> None:
    build_dataset([logs], tmp_path / "set", styles=("plan", "move"), samples_per_teacher=600, **AS_DRAWN)
    assert len(records(tmp_path / "set")) == 3 * 600
    check_against_the_games(tmp_path / "set", games_of(logs))


def test_no_game_and_no_seed_stands_in_two_splits(logs: Path, tmp_path: Path) -> None:
    build_dataset([logs], tmp_path / "set")
    places: defaultdict[Any, set[str]] = defaultdict(set)
    for split, of_split in rows(tmp_path / "set").items():
        for row in of_split:
            places[row["game"]].add(split)
            places[row["seed"]].add(split)
    assert all(len(found) == 1 for found in places.values())
    assert len({seed for seed in places if isinstance(seed, int)}) == 24


def test_a_seed_that_was_played_on_two_boards_stands_in_one_split(tmp_path: Path) -> None:
    for side in (4, 6):
        generate_runs(["BFS"], 12, side, side, 0, tmp_path / str(side), timestamp="20250101_000000")
    build_dataset([tmp_path / "4", tmp_path / "6"], tmp_path / "set")
    places: defaultdict[int, set[str]] = defaultdict(set)
    for split, of_split in rows(tmp_path / "set").items():
        for row in of_split:
            places[row["seed"]].add(split)
    assert all(len(found) == 1 for found in places.values())
    assert {row["board"] for row in records(tmp_path / "set")} == {"4x4", "6x6"}


def test_long_games_on_large_boards_are_written_in_parts(
    logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"styles": ["plan", "move"], "encodings": ["grid", "simple"], "symmetries": "any"}
    build_dataset([logs], tmp_path / "whole", **options)
    monkeypatch.setattr(build, "_CELLS_AT_ONCE", 36 * 50)
    rendered: list[int] = []
    render = Renderer.render

    def counting(renderer: Renderer, *task: Any) -> Any:
        table, facts = render(renderer, *task)
        rendered.append(len(facts))
        return table, facts

    monkeypatch.setattr(Renderer, "render", counting)
    build_dataset([logs], tmp_path / "parts", **options)
    assert max(rendered) <= 52
    assert hashes(tmp_path / "parts") == hashes(tmp_path / "whole")


def test_runs_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for place, seed in (("one", 0), ("two", 100)):
        generate_runs(["BFS"], 12, 6, 6, seed, tmp_path / place, timestamp="20250101_000000")
    sources = [tmp_path / "one", tmp_path / "two"]
    build_dataset(sources, tmp_path / "set", styles=("move",))
    run = "heuristics-bfs_20250101_000000"
    found = records(tmp_path / "set")
    assert {row["game"].rpartition("/")[0] for row in found} == {f"one/{run}", f"two/{run}"}
    assert len({(row["game"], row["seed"]) for row in found}) == len({row["game"] for row in found}) == 24
    for row in found:
        assert row["game"].startswith("one") == (row["seed"] < 100)
    replay = {check.name: check for check in validate(tmp_path / "set", logs=sources).checks}["replay"]
    assert (replay.checked, replay.violations) == (len(found), 0)
    missing = {check.name: check for check in validate(tmp_path / "set", logs=sources[:1]).checks}["replay"]
    assert missing.violations == sum(row["seed"] >= 100 for row in found)


@pytest.mark.parametrize("styles", [("plan",), ("move",), ("plan", "move")])
def test_teachers_and_styles_have_equal_shares(logs: Path, tmp_path: Path, styles: tuple[str, ...]) -> None:
    stats = build_dataset([logs], tmp_path / "set", styles=styles, samples_per_teacher=301, **AS_DRAWN)
    counts = Counter((row["teacher"], row["style"]) for row in records(tmp_path / "set"))
    assert counts == {(teacher, style): 301 // len(styles) for teacher in TEACHERS for style in styles}
    assert {teacher: sum(of_split.values()) for teacher, of_split in stats.by_teacher.items()} == dict.fromkeys(
        TEACHERS, sum(counts.values()) // 3
    )


def test_the_poorest_teacher_bounds_all(tmp_path: Path) -> None:
    generate_runs(["BFS"], 3, 4, 4, 0, tmp_path / "logs", timestamp="20250101_000000")
    generate_runs(["HAMILTONIAN"], 9, 4, 4, 0, tmp_path / "logs", timestamp="20250101_000000")
    stats = build_dataset([tmp_path / "logs"], tmp_path / "set", styles=("move", "plan"), **AS_DRAWN)
    counts = Counter((row["teacher"], row["style"]) for row in records(tmp_path / "set"))
    about = stats.manifest["teachers"]
    poorest = min(about["BFS"]["candidates"].values())
    assert set(counts.values()) == {poorest}
    assert about["BFS"]["candidates"]["move"] == sum(len(game.moves) for game in play(get("BFS"), range(3), 4, 4))
    assert about["HAMILTONIAN"]["drawn"] == {"move": poorest, "plan": poorest}
    assert about["HAMILTONIAN"]["candidates"]["plan"] > poorest


def test_a_record_stands_once(logs: Path, tmp_path: Path) -> None:
    build_dataset([logs], tmp_path / "set", styles=("plan", "move"))
    found = [(row["game"], row["step"], row["style"]) for row in records(tmp_path / "set")]
    assert len(found) == len(set(found))


def test_most_plans_start_where_an_apple_has_just_appeared(logs: Path, tmp_path: Path) -> None:
    build_dataset([logs], tmp_path / "set", teachers=["HAMILTONIAN"], samples_per_teacher=400, **AS_DRAWN)
    games = games_of(logs)
    at_apple = 0
    for row in records(tmp_path / "set"):
        step = row["step"]
        if step == 0:
            at_apple += 1
        else:
            before, now = states_before(games[row["game"]], [step - 1, step]).length
            at_apple += int(now > before)
    assert at_apple == 300


def test_the_same_logs_and_seed_make_the_same_bytes(logs: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        build_dataset([logs], tmp_path / name, samples_per_teacher=100, styles=("plan", "move"), seed=5)
    assert hashes(tmp_path / "a") == hashes(tmp_path / "b")
    build_dataset([logs], tmp_path / "c", samples_per_teacher=100, styles=("plan", "move"), seed=6)
    ours, others = ({(row["game"], row["step"]) for row in records(tmp_path / name)} for name in ("a", "c"))
    assert ours != others
    assert {row["game"] for row in rows(tmp_path / "a")["test"]} != {
        row["game"] for row in rows(tmp_path / "c")["test"]
    }


def test_the_order_of_sources_does_not_matter(logs: Path, tmp_path: Path) -> None:
    runs = sorted(logs.iterdir())
    build_dataset(runs, tmp_path / "a", samples_per_teacher=50)
    build_dataset([*runs[::-1], logs], tmp_path / "b", samples_per_teacher=50)
    assert made_of_other_sources(tmp_path / "a", tmp_path / "b")


def test_progress_counts_every_record(logs: Path, tmp_path: Path) -> None:
    done: Counter[str] = Counter()
    totals = {}

    def progress(phase: str, steps: int, total: int) -> None:
        done[phase] += steps
        totals[phase] = total

    stats = build_dataset([logs], tmp_path / "set", samples_per_teacher=70, progress=progress, **AS_DRAWN)
    assert done == totals
    assert done["Writing records"] == sum(stats.records.values()) == 210


def test_algorithms_are_chosen_in_either_case_and_the_others_counted(logs: Path, tmp_path: Path) -> None:
    stats = build_dataset([logs], tmp_path / "set", teachers=["bfs", "Astar"])
    assert stats.games == {"ASTAR": 24, "BFS": 24}
    assert stats.manifest["games_of_other_players"] == {"HAMILTONIAN": 24}
    assert {row["teacher"] for row in records(tmp_path / "set")} == {"ASTAR", "BFS"}
    assert "24 of HAMILTONIAN" in (tmp_path / "set" / "README.md").read_text()


def test_a_game_that_the_logs_hold_twice_is_taken_once(logs: Path, tmp_path: Path) -> None:
    shutil.copytree(logs, tmp_path / "logs")
    run = next((tmp_path / "logs").glob("heuristics-bfs*"))
    shutil.copytree(run, run.with_name("heuristics-bfs_20250102_000000"))
    stats = build_dataset([tmp_path / "logs"], tmp_path / "set")
    assert stats.games == dict.fromkeys(TEACHERS, 24)
    assert stats.manifest["games_repeated"] == 24
    found = [(row["teacher"], row["seed"], row["step"]) for row in records(tmp_path / "set")]
    assert len(found) == len(set(found))


def test_refused_games_are_left_out_and_named(logs: Path, tmp_path: Path) -> None:
    run = generate_runs(["BFS"], 6, 6, 6, 0, tmp_path / "logs", format="json", timestamp="20250101_000000")[0]
    path = run / "game_4.json"
    document = json.loads(path.read_text())
    document["score"] += 1
    document["snake_length"] += 1
    path.write_text(json.dumps(document))
    (run / "game_5.json").write_text("{")
    stats = build_dataset([tmp_path / "logs"], tmp_path / "set")
    assert stats.games == {"BFS": 4}
    assert stats.manifest["games_refused"] == 2
    assert sorted(Path(refusal["file"]).name for refusal in stats.refused) == ["game_4.json", "game_5.json"]
    assert any("score" in refusal["reason"] for refusal in stats.refused)
    assert not {row["game"].rsplit("/", 1)[1] for row in records(tmp_path / "set")} & {"4", "5"}


def test_json_runs_and_parquet_runs_teach_the_same(logs: Path, tmp_path: Path) -> None:
    generate_runs(TEACHERS, 24, 6, 6, 0, tmp_path / "logs", format="json", timestamp="20250101_000000")
    build_dataset([logs], tmp_path / "a", samples_per_teacher=100)
    build_dataset([tmp_path / "logs"], tmp_path / "b", samples_per_teacher=100)
    assert made_of_other_sources(tmp_path / "a", tmp_path / "b")


def clumsy_games(seeds: range) -> list[GameRecord]:
    """A teacher whose every fifth answer is unusable, in each of the ways that logs know."""
    games, rng = LockstepGames(seeds, 6, 6, Limits(max_steps=60)), np.random.default_rng(0)
    while len(running := games.running):
        states = games.states(running)
        chosen = np.full(len(games), NO_MOVE, np.int8)
        chosen[running] = get("BFS").moves(states)
        for place, game in enumerate(running):
            if rng.random() < 0.2:
                direction = states.direction[place]
                back = Move.EMPTY if direction < 0 else (direction + 2) % 4
                sentinels = [Move.INVALID_REVERSAL, Move.EMPTY, Move.SOMETHING_IS_WRONG, back]
                chosen[game] = sentinels[rng.integers(4)]
        games.step(chosen)
    return games.records("clumsy")


def test_nothing_is_learnt_from_moves_that_do_not_move_the_snake(tmp_path: Path) -> None:
    games = clumsy_games(range(12))
    write_run(games, tmp_path / "logs" / "clumsy", metadata={})
    build_dataset([tmp_path / "logs"], tmp_path / "plans", styles=("plan",))
    check_against_the_games(tmp_path / "plans", games_of(tmp_path / "logs"))
    stats = build_dataset([tmp_path / "logs"], tmp_path / "set", styles=("move",), **AS_DRAWN)
    check_against_the_games(tmp_path / "set", games_of(tmp_path / "logs"))
    about = stats.manifest["teachers"]["CLUMSY"]
    idle = {
        (f"clumsy/{game.number}", step)
        for game in games
        for step, move in enumerate(game.moves)
        if move >= Move.INVALID_REVERSAL or turns_back(game, step)
    }
    assert about["moves_without_answer"] == len(idle)
    assert len({game.moves[step] for game in games for step in range(len(game.moves))}) == 7
    found = [row for row in records(tmp_path / "set") if row["style"] == "move"]
    assert len(found) == sum(len(game.moves) for game in games) - len(idle)
    assert not idle & {(row["game"], row["step"]) for row in found}


def turns_back(game: GameRecord, step: int) -> bool:
    before = states_before(game, [step])[0]
    return before.direction is not None and game.moves[step] == (before.direction + 2) % 4


def test_lost_games_say_how_many_moves_lead_to_no_apple(tmp_path: Path) -> None:
    generate_runs(["BFS"], 8, 6, 6, 0, tmp_path / "logs", timestamp="20250101_000000")
    stats = build_dataset([tmp_path / "logs"], tmp_path / "set")
    after_the_last = 0
    for game in play(get("BFS"), range(8), 6, 6):
        lengths = states_before(game, range(len(game.moves) + 1)).length
        after_the_last += len(game.moves) - int(np.flatnonzero(np.diff(lengths))[-1]) - 1
        assert game.ending != Ending.WIN or after_the_last >= 0
    assert stats.manifest["teachers"]["BFS"]["moves_without_a_further_apple"] == after_the_last


def foreign(
    folder: Path, games: list[GameRecord], player: str, change: Callable[[dict[str, Any]], None] = lambda _: None
) -> None:
    """The games as another program writes them: no seed, apples from nowhere."""
    write_run(games, folder, metadata={}, format="json")
    for path in folder.glob("game_*.json"):
        document = json.loads(path.read_text())
        del document["serpentune"], document["metadata"]
        document["heuristic_info"] = {"algorithm": player}
        change(document)
        path.write_text(json.dumps(document))


def test_logs_of_other_programs_are_a_source(tmp_path: Path) -> None:
    foreign(tmp_path / "logs" / "bfs-run", list(play(get("BFS"), range(8), 6, 6)), "BFS-512")
    stats = build_dataset([tmp_path / "logs"], tmp_path / "set", styles=("plan", "move"))
    assert stats.games == {"BFS-512": 8}
    assert {row["seed"] for row in records(tmp_path / "set")} == {None}
    check_against_the_games(tmp_path / "set", games_of(tmp_path / "logs"))


def test_copies_of_games_without_a_seed_stand_in_one_split(tmp_path: Path) -> None:
    games = list(play(get("BFS"), range(10), 6, 6))
    for name in ("one", "two"):
        foreign(tmp_path / "logs" / name, games, name)
    build_dataset([tmp_path / "logs"], tmp_path / "set")
    split_of = {row["game"]: split for split, of_split in rows(tmp_path / "set").items() for row in of_split}
    assert all(split_of[f"one/{number}"] == split_of[f"two/{number}"] for number in range(1, 11))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"no sample logs at {SAMPLES}")
def test_real_logs_of_two_other_programs_make_a_data_set(tmp_path: Path) -> None:
    stats = build_dataset([SAMPLES], tmp_path / "set", styles=("move",))
    assert stats.games == {"BFS-512": 3, "HUNYUAN-T1-LATEST": 2}
    assert stats.refused == ()
    check_against_the_games(tmp_path / "set", games_of(SAMPLES))


def test_hugging_face_reads_the_folder(logs: Path, tmp_path: Path) -> None:
    import datasets

    stats = build_dataset([logs], tmp_path / "set", samples_per_teacher=60)
    read = datasets.load_dataset(str(tmp_path / "set"), cache_dir=str(tmp_path / "cache"))
    assert {split: len(read[split]) for split in read} == stats.records
    ours = load_splits(tmp_path / "set")
    written = rows(tmp_path / "set")
    for split in SPLITS:
        assert list(read[split]) == list(ours[split]) == written[split]
        assert pq.read_table(tmp_path / "set" / "data" / f"{split}.parquet").to_pylist() == written[split]


def test_the_card_and_the_manifest_tell_the_counts(logs: Path, tmp_path: Path) -> None:
    stats = build_dataset([logs], tmp_path / "set", styles=("move", "plan"), samples_per_teacher=90, seed=3)
    card = (tmp_path / "set" / "README.md").read_text()
    for teacher in TEACHERS:
        of_split = [str(stats.by_teacher[teacher][split]) for split in SPLITS]
        assert f"| {teacher} | 24 | 6x6 | {' | '.join(of_split)} | 0-23 |" in card
    assert "`move` (50.0%), `plan` (50.0%)" in card
    assert "0-23" in card
    assert "seed 3" in card
    manifest = read_manifest(tmp_path / "set")
    assert {key: manifest[key] for key in stats.manifest} == stats.manifest
    assert (
        manifest["records"] == stats.records == {split: len(found) for split, found in rows(tmp_path / "set").items()}
    )
    parquet = tmp_path / "set" / "data" / "train.parquet"
    assert manifest["sha256"]["train"] == hashlib.sha256(parquet.read_bytes()).hexdigest()
