"""Records with a teacher's own answer to states that somebody else has reached."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serpentune import teachers
from serpentune.common.errors import UserError
from serpentune.datasets import (
    DatasetStats,
    Recipe,
    build_dataset,
    get_encoding,
    load_splits,
    read_manifest,
    read_moves,
)
from serpentune.datasets.completions import after_moves, parse_prompt
from serpentune.datasets.symmetries import inverse, transformed
from serpentune.datasets.validate import validate
from serpentune.game import Limits, LockstepGames, Move, State, States, random_states, states_before
from serpentune.logs import read_logs, write_run
from serpentune.teachers import Teacher, check_explanation
from tests.teachers.reference import after

STUDENT = "STUDENT-7"


@pytest.fixture(scope="module")
def student_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Games of a student that plays at random: mostly legal moves, with reversals, unreadable answers and deaths."""
    folder = tmp_path_factory.mktemp("student")
    rng = np.random.default_rng(0)
    games = LockstepGames(range(40), 6, 6, Limits())
    while (running := games.running).size:
        moves = np.full(len(games), -1, np.int8)
        legal = games.legal()
        for game in running.tolist():
            choices = np.flatnonzero(legal[game]).tolist() if rng.random() < 0.97 else [*range(4), int(Move.EMPTY)]
            moves[game] = rng.choice(choices or [0])
        games.step(moves)
    write_run(games.records(STUDENT), folder / "student_20250101_000000", metadata={})
    return folder


def _written_out(teacher: Teacher, state: State, whole_plan: bool) -> bytes:
    """The teacher's answer, asked state by state; empty where it has none."""
    moves = bytearray()
    now: State | None = state
    while now is not None and now.apple >= 0 and len(moves) <= 2 * state.width * state.height:
        move = teacher.decide(now).move
        if move == Move.NO_PATH_FOUND:
            return b""
        moves.append(move)
        if not whole_plan:
            return bytes(moves)
        now = after(now, move)
    eaten = now is not None and now.apple < 0
    return bytes(moves) if eaten and len(moves) <= 2 * state.width * state.height else b""


@pytest.mark.parametrize("name", teachers.names())
def test_every_answer_is_the_teachers_own(student_runs: Path, tmp_path: Path, name: str) -> None:
    teacher = teachers.get(name)
    stats = build_dataset(
        [student_runs], tmp_path / "set", label=name.lower(), styles=["plan", "move"], samples_per_teacher=120
    )
    games = {game.number: game for game in read_logs([student_runs]).games}
    seen = 0
    for split in load_splits(tmp_path / "set").values():
        for row in split:
            parsed = parse_prompt(row["prompt"])
            assert parsed is not None
            assert parsed[0] == row["teacher"] == name
            state = get_encoding("grid").decode(parsed[1])
            assert states_before(games[int(row["game"].rpartition("/")[2])], [row["step"]])[0] == state
            assert read_moves(row["completion"]) == _written_out(teacher, state, row["style"] == "plan") != b""
            seen += 1
    assert seen == sum(stats.records.values()) > 30
    assert stats.by_teacher == {name: stats.by_player[STUDENT]}


@pytest.mark.parametrize("name", teachers.names())
def test_plans_are_rollouts_to_the_apple(name: str) -> None:
    """From states that nobody chose too, on a board of two odd sides; a Python function plans as its kernel does."""
    states = random_states(30, 5, 7, seed=3)
    teacher = teachers.get(name)
    slow = Teacher("SLOW", "As another.", "None.", function=lambda state: teacher.decide(state).move)
    for asked in (teacher, slow):
        moves, offsets = asked.plans(states)
        for row, state in enumerate(states):
            assert moves[offsets[row] : offsets[row + 1]].tobytes() == _written_out(teacher, state, True)


def test_what_has_no_answer_is_counted(student_runs: Path, tmp_path: Path) -> None:
    stats = build_dataset([student_runs], tmp_path / "set", label="BFS", moves="all", samples_per_teacher=100_000)
    checks, about = stats.manifest["checks"], stats.manifest["teachers"]["BFS"]
    states, asked = [], 0
    for game in read_logs([student_runs]).games:
        before = states_before(game, range(len(game.moves)))
        new = [place == 0 or before[place] != before[place - 1] for place in range(len(before))]
        asked += len(before)
        states += [state for state, is_new in zip(before, new, strict=True) if is_new]
    assert about["candidates"] == about["drawn"] == {"plan": len(states)}
    assert about["moves_without_answer"] == asked - len(states) > 0
    unanswered = int((np.diff(teachers.BFS.plans(States.stack(states))[1]) == 0).sum())
    assert checks["unanswered"]["count"] == unanswered > 0
    left_out = sum(checks[name]["count"] for name in ("unanswered", "contradictions", "leaks", "duplicates", "balance"))
    assert sum(stats.records.values()) == len(states) - left_out
    assert checks["contradictions"]["count"] == checks["legal"]["count"] == 0
    assert f"| unanswered | {unanswered} |" in (tmp_path / "set" / "README.md").read_text()


def test_shares_go_by_the_player(student_runs: Path, logs: Path, tmp_path: Path) -> None:
    """A student's games and a teacher's own in a stated proportion, all answered by a third."""
    settings = {"label": "CELL", "teachers": {STUDENT: {"weight": 3}, "BFS": {}}, "samples_per_teacher": 60}
    stats = build_dataset([student_runs, logs], tmp_path / "set", **settings)
    players = stats.manifest["players"]
    assert {name: sum(about["drawn"].values()) for name, about in players.items()} == {STUDENT: 180, "BFS": 60}
    kept = {name: sum(counts.values()) for name, counts in stats.by_player.items()}
    assert abs(kept[STUDENT] - 3 * kept["BFS"]) <= 3
    assert list(stats.by_teacher) == ["CELL"]
    assert sum(stats.by_teacher["CELL"].values()) == sum(kept.values()) == sum(stats.records.values())
    assert (stats.games[STUDENT], stats.games["BFS"]) == (40, 24)
    card = (tmp_path / "set" / "README.md").read_text()
    assert "answers of CELL" in card
    assert f"| {STUDENT} | 40 |" in card
    again = build_dataset([student_runs, logs], tmp_path / "again", **settings)
    assert read_manifest(again.path)["sha256"] == read_manifest(stats.path)["sha256"]


def test_images_are_answered_as_the_teacher_answers_them(student_runs: Path, tmp_path: Path) -> None:
    stats = build_dataset(
        [student_runs], tmp_path / "set", label="CELL", symmetries="checked", samples_per_teacher=200, styles="plan"
    )
    games = {game.number: game for game in read_logs([student_runs]).games}
    symmetries = set()
    for split in load_splits(tmp_path / "set").values():
        for row in split:
            parsed = parse_prompt(row["prompt"])
            assert parsed is not None
            state = get_encoding("grid").decode(parsed[1])
            back = transformed(States.stack([state]), int(inverse(row["symmetry"])))
            assert states_before(games[int(row["game"].rpartition("/")[2])], [row["step"]])[0] == back[0]
            assert read_moves(row["completion"]) == _written_out(teachers.CELL, state, True)
            symmetries.add(row["symmetry"])
    assert symmetries == set(range(8))
    assert stats.manifest["teachers"]["CELL"]["mirrored"] > 0


def test_explanations_are_true_of_the_states(student_runs: Path, tmp_path: Path) -> None:
    build_dataset([student_runs], tmp_path / "set", label="HAMILTONIAN", styles="explain", samples_per_teacher=40)
    for row in load_splits(tmp_path / "set")["train"]:
        parsed = parse_prompt(row["prompt"])
        assert parsed is not None
        said = check_explanation(
            get_encoding("grid").decode(parsed[1]), after_moves(row["completion"]), teachers.HAMILTONIAN
        )
        assert said.true
        assert not said.false
        assert not said.unreadable


def test_validate_asks_the_teacher_again(student_runs: Path, tmp_path: Path) -> None:
    """The logs hold the states, and other answers; exported, the set no longer says whose the answers are."""
    folder = tmp_path / "set"
    build_dataset(
        [student_runs],
        folder,
        label="CELL",
        symmetries="any",
        styles=["plan", "move", "explain"],
        samples_per_teacher=90,
    )
    found = {check.name: check for check in validate(folder, logs=[student_runs]).checks}
    assert not any(check.violations for check in found.values())
    assert found["answer"].checked == found["replay"].checked > 30
    lines = sorted((folder / "jsonl").glob("*.jsonl"))
    with_label = {
        check.name: check.violations for check in validate(lines[0], logs=[student_runs], label="cell").checks
    }
    assert with_label["answer"] == with_label["replay"] == 0
    without = {check.name: check.violations for check in validate(lines[0], logs=[student_runs]).checks}
    assert "answer" not in without
    assert without["replay"] > 0
    (other,) = [check for check in validate(lines[0], checks=["answer"], label="BFS").checks if check.name == "answer"]
    assert other.violations == other.checked  # every row names another teacher, whatever it answers
    with pytest.raises(UserError, match="--label"):
        validate(lines[0], checks=["answer"])


def test_what_no_teacher_is_needed_for_is_checked_without_it(student_runs: Path, tmp_path: Path) -> None:
    """A set whose label is another package's teacher, which isn't installed here."""
    folder = tmp_path / "set"
    build_dataset([student_runs], folder, label="BFS", samples_per_teacher=20)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["recipe"]["label"] = "ELSEWHERE"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    found = validate(folder, checks=["leaks", "replay"], logs=[student_runs])
    assert not any(check.violations for check in found.checks)
    with pytest.raises(UserError, match="no teacher named 'ELSEWHERE'"):
        validate(folder)
    with pytest.raises(UserError, match="Did you mean CELL"):
        validate(folder, checks=["leaks"], label="CEL")


def test_refusals() -> None:
    with pytest.raises(UserError, match="CELL"):
        Recipe(sources=["logs"], label="CEL")
    with pytest.raises(UserError, match="drop_tail"):
        Recipe(sources=["logs"], label="CELL", checks={"drop_tail": 3})
    with pytest.raises(UserError, match=r"random moves.*label"):
        Recipe(generate=[{"teachers": ["BFS"], "games": 3, "noise": 0.1}])


def test_noisy_games_teach_with_a_label_only(tmp_path: Path) -> None:
    noisy = {"teachers": ["BFS"], "games": 12, "grid_size": "6", "noise": 0.2}
    recipe = Recipe(generate=[noisy, {**noisy, "noise": 0}], label="BFS", samples_per_teacher=60)
    stats = build_dataset(recipe, tmp_path / "set")
    assert set(stats.manifest["players"]) == {"BFS", "BFS+NOISE"}
    assert [order["noise"] for order in stats.manifest["recipe"]["generate"]] == [0.2, 0.0]
    assert all(not check.violations for check in validate(tmp_path / "set").checks)
    runs = [tmp_path / "set" / "runs"]
    with pytest.raises(UserError, match=r"BFS\+NOISE.*label"):
        build_dataset(runs, tmp_path / "other")
    plain = build_dataset(runs, tmp_path / "plain", teachers=["BFS"], samples_per_teacher=60)
    assert plain.manifest["games_of_other_players"] == {"BFS+NOISE": 12}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> DatasetStats:
    """Games of two teachers with random moves and without, each answered by its own."""
    order = {"teachers": ["BFS", "CELL"], "games": 10, "grid_size": "6"}
    recipe = Recipe(
        generate=[order, {**order, "noise": 0.1, "first_seed": 5}],
        label="Player",
        styles=["plan", "move", "explain"],
        moves="all",
        samples_per_teacher=240,
        symmetries="any",
    )
    return build_dataset(recipe, tmp_path_factory.mktemp("own") / "set")


def _rows(folder: Path) -> list[dict[str, Any]]:
    return [row for split in load_splits(folder).values() for row in split]


def test_each_player_s_own_teacher_answers(own: DatasetStats) -> None:
    games = {
        f"{run.name}/{game.number}": game
        for run in sorted((own.path / "runs").iterdir())
        for game in read_logs([run]).games
    }
    random_moves = 0
    for row in _rows(own.path):
        game = games[row["game"]]
        parsed = parse_prompt(row["prompt"])
        assert parsed is not None
        assert parsed[0] == row["teacher"] == game.player.removesuffix("+NOISE")
        teacher, state = teachers.get(parsed[0]), get_encoding("grid").decode(parsed[1])
        assert read_moves(row["completion"].partition("\n")[0]) == _written_out(teacher, state, row["style"] == "plan")
        if row["style"] == "explain":
            said = check_explanation(state, after_moves(row["completion"]), teacher)
            assert said.true
            assert not said.false
        if row["symmetry"] == 0:
            random_moves += read_moves(row["completion"])[0] != game.moves[row["step"]]
    assert random_moves > 0
    assert own.manifest["recipe"]["label"] == "player"


def test_players_are_balanced_and_counted_by_their_teacher_too(own: DatasetStats) -> None:
    kept = {name: sum(counts.values()) for name, counts in own.by_player.items()}
    assert list(kept) == list(own.manifest["players"]) == ["BFS", "BFS+NOISE", "CELL", "CELL+NOISE"]
    assert max(kept.values()) - min(kept.values()) <= 3
    assert list(own.by_teacher) == list(own.manifest["teachers"]) == ["BFS", "CELL"]
    for name, about in own.manifest["teachers"].items():
        assert about["games"] == 20
        assert about["seeds"] == "0-14"
        assert sum(about["records"].values()) == kept[name] + kept[f"{name}+NOISE"]
    card = (own.path / "README.md").read_text()
    assert "answers of the teacher who played" in card
    assert "| CELL+NOISE | 10 |" in card


def test_two_players_of_one_teacher_ask_one_question_and_two_teachers_two(own: DatasetStats, tmp_path: Path) -> None:
    """All begin in the same states, in which the teachers don't always agree."""
    shared = {"label": "player", "moves": "all", "styles": "move", "samples_per_teacher": 400, "balance": []}
    runs = [own.path / "runs"]
    tagged = build_dataset(runs, tmp_path / "tagged", split={"leaks": "off"}, **shared)
    counted = tagged.manifest["checks"]
    rows = _rows(tagged.path)
    assert counted["contradictions"]["count"] == 0 < counted["duplicates"]["count"]
    assert len({row["prompt"] for row in rows}) == len(rows)
    names, boards = zip(*(row["prompt"].split(". ", 1) for row in rows), strict=True)
    assert set(names) == {"Player BFS", "Player CELL"}
    assert len(set(boards)) < len(boards)
    dropped = build_dataset(runs, tmp_path / "dropped", checks={"contradictions": "drop"}, **shared)
    assert dropped.manifest["checks"]["contradictions"]["count"] > 0


def test_validate_asks_the_teacher_whom_a_row_names(own: DatasetStats, tmp_path: Path) -> None:
    found = {check.name: check for check in validate(own.path).checks}
    assert not any(check.violations for check in found.values())
    assert found["answer"].checked == found["replay"].checked == sum(own.records.values())
    right = next(
        row for row in _rows(own.path) if (row["teacher"], row["style"]) == ("BFS", "plan") and _cell_differs(row)
    )
    asks_cell, asks_nobody = (
        {**right, "teacher": name, "prompt": right["prompt"].replace("Player BFS", f"Player {name}")}
        for name in ("CELL", "NOBODY")
    )
    texts = [{name: row[name] for name in ("prompt", "completion")} for row in (right, asks_cell)]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in (right, asks_cell, asks_nobody, *texts)))
    forged = validate(file, checks=["answer", "replay"], label="player", logs=[own.path / "runs"])
    answer, replay, _ = forged.checks
    assert [(check.name, check.checked, check.violations) for check in (answer, replay)] == [
        ("answer", 5, 3),
        ("replay", 3, 2),
    ]
    for line, reason in ((2, "not that of CELL"), (3, "NOBODY is not registered"), (5, "not that of CELL")):
        assert any(f"line {line}: " in text and reason in text for text in answer.examples), answer.examples
    assert all("was played by BFS" in text for text in replay.examples), replay.examples


def _cell_differs(row: dict[str, Any]) -> bool:
    parsed = parse_prompt(row["prompt"])
    assert parsed is not None
    return read_moves(row["completion"]) != _written_out(teachers.CELL, get_encoding("grid").decode(parsed[1]), True)


def test_a_player_who_is_no_teacher_can_t_answer(student_runs: Path, logs: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"{STUDENT} is no registered teacher"):
        build_dataset([student_runs, logs], tmp_path / "set", label="player")
    with pytest.raises(UserError, match="MINE is no registered teacher"):
        Recipe(sources=["logs"], label="player", teachers=["BFS", "mine"])
    stats = build_dataset([student_runs, logs], tmp_path / "set", label="player", teachers=["BFS"])
    assert list(stats.by_teacher) == ["BFS"]
    assert stats.manifest["games_of_other_players"][STUDENT] == 40
