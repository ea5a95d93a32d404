"""Each example runs as a newcomer would start it, says what it promises, and writes below output/examples/ only."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from serpentune import teachers
from serpentune.datasets import get_encoding
from serpentune.logs import check_logs

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
OUTPUT = Path("output/examples")


def run(name: str, folder: Path) -> str:
    """What an example prints when it is started in `folder`."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(EXAMPLES / name)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd=folder)
    assert done.returncode == 0, done.stderr
    written = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    assert all(path.is_relative_to(OUTPUT) for path in written)
    return done.stdout


def test_every_example_is_run_here() -> None:
    tested = set(re.findall(r'run\("([^"]+)"', Path(__file__).read_text(encoding="utf-8")))
    assert tested == {path.name for path in EXAMPLES.glob("*.py")}


def test_watching_a_teacher_shows_its_game(tmp_path: Path) -> None:
    printed = run("01_watch_a_teacher.py", tmp_path)
    (game,) = teachers.play(teachers.get("BFS"), [7], 6, 6)
    assert printed.endswith(f"ends with {game.ending.name}. Moves {game.steps}, apples {game.score} of 35.\n")
    drawings = re.findall(r"Board 6x6, heading \w+\.\n(?: .*\n){6}", printed)
    states = [get_encoding("grid").decode(drawing) for drawing in drawings]
    assert [len(state.body) - 1 for state in states] == [*range(game.score + 1), game.score]
    assert tuple(state.apple for state in states[:-1]) == game.apples


@pytest.mark.slow
def test_an_own_teacher_is_judged_against_bfs(tmp_path: Path) -> None:
    printed = run("02_write_your_own_teacher.py", tmp_path)
    assert re.search(r"BFS eats \d+\.\d apples a game, ROOMY \d+\.\d\.", printed)
    assert "95% interval" in printed
    assert "n = 200" in printed
    assert printed.endswith("ROOMY is better.\n")


@pytest.mark.slow
def test_the_built_dataset_is_balanced_and_leaks_nothing(tmp_path: Path) -> None:
    printed = run("03_build_a_dataset.py", tmp_path)
    counts = set()
    for teacher in ("BFS", "ASTAR", "HAMILTONIAN"):
        (line,) = [line for line in printed.splitlines() if line.startswith(f"{teacher}: ")]
        records, games = line.split("records from")
        counts.add(sum(map(int, re.findall(r"\d+", records))))
        assert games == " 50 games"
    # The same of each, less what the checks left out.
    (count,) = counts
    assert 450 < count <= 500
    assert "Games that lie in two splits: 0" in printed
    assert "Left out because they don't replay: 0 games" in printed
    assert re.search(r"Move:\[ [URDL] \]", printed)
    assert re.search(r"Moves:\[( [URDL])+ \]", printed)
    assert run("03_build_a_dataset.py", tmp_path) == printed  # a second run replaces what the first one left


def test_a_teacher_beats_random_moves_in_the_environment(tmp_path: Path) -> None:
    printed = run("06_gymnasium.py", tmp_path)
    found = re.findall(r"^(\w+): (\S+) apples a game, mean return (\S+)\. Endings: (.*)$", printed, re.M)
    scores = {name: float(score) for name, score, _, _ in found}
    played = teachers.play(teachers.get("BFS"), range(64), 8, 8)
    assert scores["BFS"] == round(sum(game.score for game in played) / 64, 2)
    assert scores["BFS"] > 3 * scores["random"]
    for _, score, mean_return, endings in found:
        counts = {name: int(count) for count, name in re.findall(r"(\d+) (\w+)", endings)}
        assert sum(counts.values()) == 64
        deaths = counts.get("WALL", 0) + counts.get("SELF", 0)
        assert float(mean_return) == pytest.approx(float(score) - deaths / 64, abs=0.011)
    assert printed.count("│\n") == 8 and run("06_gymnasium.py", tmp_path) == printed


@pytest.mark.slow
def test_a_student_learns_and_plays(tmp_path: Path) -> None:
    printed = run("04_train_and_play.py", tmp_path)
    apples = {name: float(mean) for name, mean in re.findall(r"^(\w+): (\d+\.\d+) apples a game", printed, re.M)}
    assert apples["student"] > apples["untuned"]
    assert re.search(
        r"^student eats \S+ more apples a game than untuned \(95% interval .* 20 paired games\)", printed, re.M
    )


@pytest.mark.slow
def test_a_mixture_is_built_validated_and_learnt_from(tmp_path: Path) -> None:
    printed = run("07_mix_teachers.py", tmp_path)
    found = {
        column: dict(kind.split() for kind in kinds.split(", "))
        for column, kinds in re.findall(r"^To learn from, by (\w+): (.*)$", printed, re.M)
    }
    assert len(found["teacher"]) == 5 and set(found["board"]) == {"6x6", "8x8"}
    assert set(found["style"]) == {"plan", "move", "explain"} and set(found["encoding"]) == {"grid", "coordinates"}
    ((records, violations),) = re.findall(
        r"^(\d+) records looked at again by \d+ checks: (\d+) violations$", printed, re.M
    )
    assert int(records) > sum(map(int, found["teacher"].values())) and violations == "0"
    assert ", 0 records were too long." in printed
    losses = re.findall(r"^  (\w+): (\S+) -> (\S+) ", printed, re.M)
    assert [style for style, _, _ in losses] == ["plan", "move", "explain"]
    assert all(float(after) < 0.7 * float(before) for _, before, after in losses)


@pytest.mark.slow
def test_two_strategies_are_compared_over_two_seeds(tmp_path: Path) -> None:
    printed = run("08_compare_strategies.py", tmp_path)
    losses = re.findall(r"^strategy=(\w+),seed=(\d): loss (\d+\.\d+)", printed, re.M)
    assert [(strategy, seed) for strategy, seed, _ in losses] == [
        ("lora", "0"), ("lora", "1"), ("full", "0"), ("full", "1")
    ]  # fmt: skip
    untuned = float(re.findall(r"^untuned: (\S+) apples", printed, re.M)[0])
    methods = re.findall(r"^strategy=(\w+), training seeds 0, 1: (\S+) apples a game", printed, re.M)
    assert [name for name, _ in methods] == ["lora", "full"]
    assert max(float(score) for _, score in methods) > untuned
    assert (tmp_path / OUTPUT / "compare_strategies" / "report.html").is_file()


@pytest.mark.slow
def test_a_student_learns_from_its_own_games_and_the_teacher_s(tmp_path: Path) -> None:
    printed = run("10_learn_from_mistakes.py", tmp_path)
    assert re.findall(r"^Round (\d): \d+\.\d\d apples a game, \d+ of 20 games won$", printed, re.M) == ["0", "1", "2"]
    players = re.findall(r"after \d+ records of games of (\S+)", printed)
    assert players == ["BFS", "STUDENT-1", "BFS", "STUDENT-1", "STUDENT-2"]
    assert (tmp_path / OUTPUT / "learn_from_mistakes" / "report.html").is_file()


@pytest.mark.slow
def test_damaged_logs_are_refused_by_name(tmp_path: Path) -> None:
    printed = run("05_read_other_logs.py", tmp_path)
    assert printed.startswith("5 games in ")
    assert "3 are accepted, 2 refused" in printed
    assert re.search(r"game_2\.json: .*cut short", printed)
    assert re.search(r"game_4\.json: .*score", printed)
    assert check_logs([tmp_path / OUTPUT / "other_logs" / "*"])["accepted"] == 3
    assert run("05_read_other_logs.py", tmp_path) == printed


@pytest.mark.slow
def test_players_are_measured_in_games_states_and_the_arena(tmp_path: Path) -> None:
    printed = run("09_measure_players.py", tmp_path)
    apples = {name: float(mean) for name, mean in re.findall(r"^(\w+): (\S+) apples a game, \d+ of 20", printed, re.M)}
    assert list(apples) == ["nano", "BFS", "random"] and apples["BFS"] > max(apples["nano"], apples["random"])
    assert "BFS chooses as well as BFS 100.0%, HAMILTONIAN" in printed
    rows = re.findall(r"^nano, (\S+): \S+ apples of its own", printed, re.M)
    assert rows[0] == "home" and {"board-7x7", "length-18", "after-DFS"} <= set(rows)
    assert run("09_measure_players.py", tmp_path) == printed  # finished games are kept
