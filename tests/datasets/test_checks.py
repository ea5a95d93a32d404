"""Faults planted in game logs: each check finds every one, counts it, and can be switched off."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serpentune.common.errors import UserError
from serpentune.datasets import SPLITS, DatasetStats, build_dataset, get_encoding, load_splits
from serpentune.datasets.symmetries import state_hashes
from serpentune.game import NO_MOVE, Ending, GameRecord, Limits, LockstepGames, States
from serpentune.logs import generate_runs, read_logs, write_run
from serpentune.teachers import get
from tests.datasets.conftest import TEACHERS

OFF: dict[str, Any] = {"checks": {"duplicates": "off", "contradictions": "off"}, "split": {"leaks": "off"}}


def board_of(row: dict[str, Any]) -> Any:
    text = row["prompt"].partition(". ")[2].rsplit("\n", 1)[0] + "\n"
    return get_encoding(row["encoding"]).decode(text)


def rows(folder: Path) -> list[dict[str, Any]]:
    """Every record, with its split and its state."""
    return [
        {**row, "split": split, "state": board_of(row)}
        for split, of_split in load_splits(folder).items()
        for row in of_split
    ]


def count(stats: DatasetStats, check: str) -> int:
    found: int = stats.manifest["checks"][check]["count"]
    return found


def shared_states(found: list[dict[str, Any]], *, symmetric: bool = False) -> set[Any]:
    """States that lie in more than one split."""
    splits = defaultdict(set)
    for row in found:
        key = int(state_hashes(States.stack([row["state"]]), symmetric=True)[0]) if symmetric else row["state"]
        splits[key].add(row["split"])
    return {key for key, where in splits.items() if len(where) > 1}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("policy", "symmetric"),
    [
        ("train", False),
        ("held-out", True),
        ("train", True),
        ("held-out", False),
    ],
)
def test_no_state_is_in_two_splits(few_logs: Path, tmp_path: Path, policy: str, symmetric: bool) -> None:
    options: dict[str, Any] = {"styles": ["plan", "move"], "balance": []}
    build_dataset([few_logs], tmp_path / "leaking", **options, **OFF)
    leaking = rows(tmp_path / "leaking")
    planted = shared_states(leaking, symmetric=symmetric)
    assert planted
    split = {"leaks": policy, "symmetric_leaks": symmetric}
    stats = build_dataset([few_logs], tmp_path / "set", checks=OFF["checks"], split=split, **options)
    found = rows(tmp_path / "set")
    assert not shared_states(found, symmetric=symmetric)
    assert count(stats, "leaks") == len(leaking) - len(found) > 0
    untouched = "test" if policy == "train" else "train"
    for split_name in (untouched,):
        assert sum(row["split"] == split_name for row in found) == sum(row["split"] == split_name for row in leaking)


def scripted(seeds: range, answer: Any, name: str) -> list[GameRecord]:
    """Games on 6x6 whose player answers with `answer(seed, step, state, taught)`."""
    games, step = LockstepGames(seeds, 6, 6, Limits(max_steps=40)), 0
    while len(running := games.running):
        states = games.states(running)
        taught = get("BFS").moves(states)
        chosen = [answer(seeds[game], step, states[place], int(taught[place])) for place, game in enumerate(running)]
        moves = np.full(len(games), NO_MOVE, np.int8)
        moves[running] = chosen
        games.step(moves)
        step += 1
    return games.records(name)


def contradicting_logs(folder: Path) -> Path:
    """One player who begins UP in two runs, which differ later, and DOWN in a third: the same states, two answers."""
    for run, script in enumerate(([0], [0, 1, 0, 0], [2])):
        games = scripted(
            range(12), lambda seed, step, state, taught, of=script: of[step] if step < len(of) else taught, "liar"
        )
        write_run(games, folder / f"run-{run}", metadata={})
    return folder


@pytest.mark.parametrize("policy", ["tagged", "drop", "vote", "off"])
def test_a_question_with_two_answers_is_found(tmp_path: Path, policy: str) -> None:
    logs = contradicting_logs(tmp_path / "logs")
    checks = {"duplicates": "off", "contradictions": policy}
    stats = build_dataset([logs], tmp_path / "set", styles=["move"], checks=checks, split={"leaks": "off"}, balance=[])
    found = rows(tmp_path / "set")
    answers = defaultdict(list)
    for row in found:
        answers[row["prompt"]].append(row["completion"])
    firsts = {prompt: said for prompt, said in answers.items() if "heading NONE" in prompt}
    several = {prompt for prompt, said in answers.items() if len(set(said)) > 1}
    if policy == "off":
        assert several
        assert "contradictions" not in stats.manifest["checks"]
    elif policy == "vote":
        assert not several
        assert firsts
        assert all(set(said) == {" U"} for said in firsts.values())
        assert count(stats, "contradictions") > 0
    else:
        assert not several
        assert not firsts
        assert count(stats, "contradictions") >= 3 * 3


def test_teachers_may_differ_where_prompts_name_them(few_logs: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"styles": ["move"], "balance": [], "split": {"leaks": "off"}}
    tagged = build_dataset([few_logs], tmp_path / "tagged", checks={"duplicates": "off"}, **options)
    assert count(tagged, "contradictions") == 0
    dropped = build_dataset(
        [few_logs], tmp_path / "dropped", checks={"duplicates": "off", "contradictions": "drop"}, **options
    )
    answers = defaultdict(set)
    for row in rows(tmp_path / "tagged"):
        answers[row["state"]].add(row["completion"])
    expected = sum(len(answers[row["state"]]) > 1 for row in rows(tmp_path / "tagged"))
    assert count(dropped, "contradictions") == expected > 0


@pytest.mark.parametrize("policy", ["drop", pytest.param("vote", marks=pytest.mark.slow)])
def test_teachers_may_not_differ_in_other_words_either(few_logs: Path, tmp_path: Path, policy: str) -> None:
    options: dict[str, Any] = {"styles": ["move"], "encodings": ["grid", "coordinates"], "balance": []}
    build_dataset([few_logs], tmp_path / "all", **options, **OFF)
    checks = {"duplicates": "off", "contradictions": policy}
    build_dataset([few_logs], tmp_path / "set", checks=checks, split={"leaks": "off"}, **options)
    before, after = ({(row["state"], row["completion"]) for row in rows(tmp_path / name)} for name in ("all", "set"))
    assert len({state for state, _ in before}) < len(before)
    assert len({state for state, _ in after}) == len(after) > 0


def test_equal_records_stay_once(few_logs: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"balance": [], "split": {"leaks": "off"}}
    build_dataset([few_logs], tmp_path / "all", checks={"duplicates": "off"}, **options)
    stats = build_dataset([few_logs], tmp_path / "once", **options)
    everything = [(row["prompt"], row["completion"]) for row in rows(tmp_path / "all")]
    once = [(row["prompt"], row["completion"]) for row in rows(tmp_path / "once")]
    assert len(once) == len(set(once)) == len(set(everything))
    assert count(stats, "duplicates") == len(everything) - len(once) > 0


def test_images_of_one_state_stay_once(few_logs: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"balance": [], "split": {"leaks": "off"}}
    build_dataset([few_logs], tmp_path / "exact", **options)
    stats = build_dataset([few_logs], tmp_path / "set", checks={"duplicates": "symmetric"}, **options)
    found = rows(tmp_path / "set")
    images = {(row["teacher"], int(state_hashes(States.stack([row["state"]]), symmetric=True)[0])) for row in found}
    assert len(images) == len(found) < len(rows(tmp_path / "exact"))
    assert count(stats, "duplicates") > 0


def test_moves_into_walls_and_bodies_are_left_out(tmp_path: Path) -> None:
    games = scripted(range(20), lambda seed, step, state, taught: taught if step < 9 + seed % 5 else 0, "doomed")
    write_run(games, tmp_path / "logs" / "doomed", metadata={})
    fatal = sum(game.ending in (Ending.WALL, Ending.SELF) for game in games)
    assert fatal > 10
    stats = build_dataset([tmp_path / "logs"], tmp_path / "set", styles=["move"], **OFF)
    assert count(stats, "legal") == fatal
    with_them = build_dataset(
        [tmp_path / "logs"],
        tmp_path / "fatal",
        styles=["move"],
        checks={"legal": False, **OFF["checks"]},
        split=OFF["split"],
    )
    assert sum(with_them.records.values()) - sum(stats.records.values()) == fatal
    assert with_them.manifest["checks"]["legal"]["action"] == "off"


def test_tails_of_lost_games_and_poor_games_are_left_out(tmp_path: Path) -> None:
    generate_runs(["BFS"], 30, 6, 6, 0, tmp_path / "logs", timestamp="20250101_000000")
    games = {f"heuristics-bfs_20250101_000000/{game.number}": game for game in read_logs([tmp_path / "logs"]).games}
    poor = sum(game.score < 15 for game in games.values())
    assert 0 < poor < 27
    checks = {"min_score": 15, "drop_tail": 6, **OFF["checks"]}
    stats = build_dataset(
        [tmp_path / "logs"], tmp_path / "set", styles=["move", "plan"], balance=[], checks=checks, split=OFF["split"]
    )
    assert count(stats, "min_score") == poor
    found = rows(tmp_path / "set")
    for row in found:
        game = games[row["game"]]
        assert game.score >= 15
        last = row["step"] + len(row["completion"]) // 2
        assert game.ending == Ending.WIN or last <= len(game.moves) - 6
    lost = [game for game in games.values() if game.score >= 15 and game.ending != Ending.WIN]
    assert count(stats, "drop_tail") == 6 * len(lost) > 0


@pytest.mark.parametrize(("moves", "styles"), [("every", ["move"]), ("apples", ["move"]), ("all", ["plan"])])
def test_which_moves_become_records(few_logs: Path, tmp_path: Path, moves: str, styles: list[str]) -> None:
    build_dataset([few_logs], tmp_path / "set", styles=styles, moves=moves, every=5, between=0, balance=[], **OFF)
    found = rows(tmp_path / "set")
    if moves == "every":
        assert {row["step"] % 5 for row in found} == {0}
    elif moves == "apples":
        assert len(found) == len({(row["game"], row["snake_length"]) for row in found})
    else:
        places = {(row["game"], row["step"]) for row in found}
        assert any((game, step + 1) in places for game, step in places)


def test_what_is_held_out_is_in_the_test_split_only(tmp_path: Path) -> None:
    for side in (4, 6):
        generate_runs(TEACHERS, 20, side, side, 0, tmp_path / "logs" / str(side), timestamp="20250101_000000")
    held = {"teachers": ["bfs"], "grid_sizes": [4], "lengths": ["10-12", "20-"]}
    stats = build_dataset(
        [tmp_path / "logs" / "*"], tmp_path / "set", styles=["move"], balance=[], split={"hold_out": held}
    )
    of_split = defaultdict(list)
    for row in rows(tmp_path / "set"):
        of_split[row["split"]].append(row)
    for split in ("train", "validation"):
        assert {row["teacher"] for row in of_split[split]} == {"ASTAR", "HAMILTONIAN"}
        assert {row["board"] for row in of_split[split]} == {"6x6"}
        assert not any(10 <= row["snake_length"] <= 12 or row["snake_length"] >= 20 for row in of_split[split])
    assert {row["teacher"] for row in of_split["test"]} == set(TEACHERS)
    assert {row["board"] for row in of_split["test"]} == {"4x4", "6x6"}
    assert any(row["snake_length"] >= 20 for row in of_split["test"])
    assert count(stats, "held_out_lengths") > 0


@pytest.mark.parametrize("held", [{"teachers": ["DFS"]}, {"grid_sizes": [8]}])
def test_what_is_not_there_can_not_be_held_out(logs: Path, tmp_path: Path, held: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="to hold out"):
        build_dataset([logs], tmp_path / "set", split={"hold_out": held})


def test_a_check_that_leaves_nothing_says_so(tmp_path: Path) -> None:
    logs = contradicting_logs(tmp_path / "logs")
    with pytest.raises(UserError, match=r"leave no record: .*contradictions left out"):
        build_dataset([logs], tmp_path / "set", styles=["move"], moves="every", every=1000, balance=[])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"split": {"hold_out": {"teachers": TEACHERS}}}, "0 different games that aren't held out can't be split"),
        ({"split": {"hold_out": {"grid_sizes": [6]}}}, "0 different games that aren't held out can't be split"),
        ({"split": {"hold_out": {"lengths": ["1-"]}}}, "leave no record to train on: .*held_out_lengths left out"),
        ({"teachers": {"BFS": {"weight": 1e-4}, "ASTAR": {}}}, "share of BFS in the style plan is less than one"),
        ({"styles": {"plan": 1, "move": 1e-9}}, "share of ASTAR in the style move is less than one"),
        ({"styles": {"plan": 1, "move": 1e-9}, "balance": []}, "share of ASTAR in the style move is less than one"),
    ],
)
def test_what_would_be_missing_without_a_word_is_refused(
    logs: Path, tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        build_dataset([logs], tmp_path / "set", samples_per_teacher=200, **settings)


def test_a_teacher_of_whom_the_checks_leave_nothing_is_named(tmp_path: Path) -> None:
    contradicting_logs(tmp_path / "logs")
    generate_runs(["BFS"], 40, 6, 6, 0, tmp_path / "logs", timestamp="20250101_000000")
    with pytest.raises(
        UserError, match=r"leave 0 of 36 records of LIAR in the style move, .*contradictions left out 36"
    ):
        build_dataset([tmp_path / "logs"], tmp_path / "set", styles=["move"], moves="every", every=1000)


def test_an_empty_split_is_spoken_of(logs: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    build_dataset([logs], tmp_path / "set", samples_per_teacher=1)
    assert "the test split is empty" in caplog.text


def test_every_split_is_named_even_when_it_is_empty(logs: Path, tmp_path: Path) -> None:
    stats = build_dataset([logs], tmp_path / "set")
    assert tuple(stats.records) == SPLITS
