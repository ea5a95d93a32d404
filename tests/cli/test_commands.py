"""Every command, really run on small boards with the built-in model."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from pathlib import Path

import pytest

from serpentune import teachers
from serpentune.game import Move, State
from serpentune.teachers import _registry
from tests.cli.calls import ROOT, serpentune
from tests.evaluation.chat_server import COMPLETION_TOKENS, plays_bfs, serving


def test_teachers() -> None:
    listed = serpentune("teachers", "--json").document["teachers"]
    assert {"BFS", "DFS", "ASTAR", "HAMILTONIAN"} <= {teacher["name"] for teacher in listed}
    assert all(teacher["summary"] and teacher["guarantee"] for teacher in listed)
    table = serpentune("teachers")
    assert table.code == 0 and table.err == ""
    assert "HAMILTONIAN" in table.out and max(map(len, table.out.splitlines())) <= 80


def test_teachers_play_a_league() -> None:
    options = ["--algorithms", "CELL", "BFS", "--games", 12, "--grid-size", "6x4", "--seed", 3]
    rows = serpentune("teachers", *options, "--json").document["rows"]
    assert [row["teacher"] for row in rows] == ["CELL", "BFS"]
    wanted = {"teacher", "grid", "games", "wins", "score_mean", "steps_to_win_mean", "moves_per_second"}
    assert all(wanted <= set(row) for row in rows)
    assert (rows[0]["grid"], rows[0]["games"], rows[0]["wins"], rows[0]["score_mean"]) == ("6x4", 12, 12, 23.0)
    assert rows[1]["wins"] < 12
    table = serpentune("teachers", *options)
    assert table.code == 0 and max(map(len, table.out.splitlines())) <= 80
    assert "6x4, 12 games each from seed 3" in table.out
    assert next(line.split() for line in table.out.splitlines() if line.startswith("CELL"))[1] == "100.0%"


def test_generate_shows_figures_and_folders(tmp_path: Path) -> None:
    options = ["--algorithms", "HAMILTONIAN", "BFS", "--games", 5, "--grid-size", "6x4"]
    made = serpentune("generate", *options, "--output-dir", tmp_path / "runs")
    assert made.code == 0
    # On a machine that has compiled nothing yet, that is said once.
    assert re.fullmatch(r"(Compiled \d+ kernels for this machine in .*\n)?", made.err)
    assert serpentune("generate", *options, "--output-dir", tmp_path / "again").err == ""
    row = next(line.split() for line in made.out.splitlines() if line.startswith("HAMILTONIAN"))
    assert row[:4] == ["HAMILTONIAN", "5", "5", "23.00"]  # it wins each: 24 cells
    folders = made.out.splitlines()[-2:]
    assert all(Path(folder, "games.parquet").is_file() for folder in folders)
    assert [Path(folder).name.split("_")[0] for folder in folders] == ["heuristics-hamiltonian", "heuristics-bfs"]


def test_a_generation_that_was_interrupted_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By Ctrl-C while the second piece of a run is played."""
    moves = itertools.count()

    def up(_: State) -> Move:
        if next(moves) == 300:  # two moves a game, at least 128 games a piece
            raise KeyboardInterrupt
        return Move.UP

    climber = teachers.Teacher("CLIMBER", summary="Always up.", guarantee="It dies.", function=up)
    monkeypatch.setitem(_registry._TEACHERS, climber.name, climber)  # known in this test only
    options = [
        "generate",
        "--algorithms",
        "CLIMBER",
        "--games",
        300,
        "--grid-size",
        4,
        "--output-dir",
        tmp_path / "runs",
    ]
    nothing = serpentune(*options, "--resume")
    assert nothing.code == 2 and "There is nothing to resume" in nothing.err
    stopped = serpentune(*options)
    assert stopped.code == 130 and "the same command with --resume goes on" in stopped.err
    (part,) = (tmp_path / "runs").glob(".generate-*.part")
    part.rename(part.with_name(re.sub(r"\d{8}_\d{6}", "20200101_000000", part.name)))
    other = serpentune(*options, "--json")
    assert other.code == 0 and "unfinished run of this request" in " ".join(other.err.split())
    resumed = serpentune(*options, "--resume", "--json")
    assert resumed.code == 0, resumed.err
    assert resumed.document["runs"][0]["folder"].endswith("heuristics-climber_20200101_000000")
    runs = [made.document["runs"][0] for made in (other, resumed)]
    assert runs[0] | {"folder": ""} == runs[1] | {"folder": ""}
    assert serpentune(*options, "--resume").code == 2


def test_logs_check_accepts_what_was_generated(logs: Path) -> None:
    assert serpentune("logs", "check", logs, "--json").document == {"accepted": 24, "refused": []}
    text = serpentune("logs", "check", f"{logs}/*bfs*", f"{logs}/*astar*")
    assert text.code == 0
    assert text.out == "24 games accepted, 0 refused.\n"


def test_logs_check_names_what_it_refuses_and_fails(tmp_path: Path) -> None:
    options = ["--algorithms", "BFS", "--games", 3, "--grid-size", 4, "--format", "json"]
    made = serpentune("generate", *options, "--output-dir", tmp_path / "runs")
    assert made.code == 0
    game = next((tmp_path / "runs").glob("*/game_*.json"))
    game.write_text(json.dumps({**json.loads(game.read_text()), "score": 99}))
    checked = serpentune("logs", "check", tmp_path / "runs", "--json")
    assert checked.code == 2
    assert checked.document["accepted"] == 2
    (refused,) = checked.document["refused"]
    assert refused["file"] == str(game) and "99" in refused["reason"]
    text = serpentune("logs", "check", tmp_path / "runs")
    assert text.code == 2
    assert text.out.splitlines()[-1] == "2 games accepted, 1 refused."
    assert str(game) in text.out


@pytest.mark.skipif(not (ROOT.parent / "shared" / "samples").is_dir(), reason="needs the sample logs")
def test_logs_check_accepts_games_of_other_programs() -> None:
    checked = serpentune("logs", "check", f"{ROOT.parent}/shared/samples/*", "--json")
    assert checked.code == 0
    assert checked.document["accepted"] > 0 and checked.document["refused"] == []


def test_dataset_build(logs: Path, tmp_path: Path) -> None:
    options = ["--heuristic-dirs", f"{logs}/*bfs*", f"{logs}/*astar*", "--max-samples-per-algorithm", 20]
    folder = tmp_path / "set"
    made = serpentune(
        "dataset", "build", *options, "--algorithms", "bfs", "ASTAR", "--styles", "move", "plan", "--output", folder,
        "--leaks", "off", "--duplicates", "off",
    )  # fmt: skip
    assert made.code == 0, made.err
    assert made.out.splitlines()[-1] == str(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert sum(manifest["records"].values()) == 40 and manifest["styles"] == {"move": 0.5, "plan": 0.5}
    again = serpentune("dataset", "build", *options, "--output", folder, "--overwrite", "--json").document
    assert again["path"] == str(folder)
    assert again["manifest"]["styles"] == {"plan": 1.0}
    few = serpentune(
        "dataset", "build", *options, "--algorithms", "BFS=2", "astar", "--styles", "move=3", "explain",
        "--moves", "every", "--every", 2, "--drop-explanations", 1, "--output", tmp_path / "few", "--json",
    ).document  # fmt: skip
    recipe = few["manifest"]["recipe"]
    assert {name: share["weight"] for name, share in recipe["teachers"].items()} == {"BFS": 2, "ASTAR": 1}
    assert (recipe["every"], recipe["drop_explanations"], recipe["styles"]["move"]) == (2, 1, 0.75)
    twice = serpentune("dataset", "build", *options, "--styles", "plan=3", "plan", "--output", tmp_path / "twice")
    assert twice.code == 2 and "plan is named twice" in twice.err


def test_noisy_games_are_answered_by_a_teacher_of_ones_choice(tmp_path: Path) -> None:
    runs, folder = tmp_path / "runs", tmp_path / "set"
    options = ["--games", 12, "--grid-size", 4, "--noise", 0.2, "--output-dir", runs]
    assert serpentune("generate", "--algorithms", "BFS", "DFS", *options).code == 0
    assert serpentune("logs", "check", runs, "--json").document["accepted"] == 24
    build = ["dataset", "build", "--heuristic-dirs", runs, "--output", folder, "--max-samples-per-algorithm", 30]
    refused = serpentune(*build)
    assert refused.code == 2 and "--label" in refused.err
    made = serpentune(*build, "--label", "hamiltonian")
    assert made.code == 0, made.err
    assert {"player", "BFS+NOISE", "DFS+NOISE"} <= {line.split()[0] for line in made.out.splitlines() if line.strip()}
    own = serpentune(*build, "--overwrite", "--label", "PLAYER", "--json").document
    assert list(own["by_teacher"]) == ["BFS", "DFS"] and list(own["by_player"]) == ["BFS+NOISE", "DFS+NOISE"]
    checked = serpentune("dataset", "validate", folder, "--logs", runs, "--json").document
    assert checked["ok"] and {"answer", "replay"} <= {check["name"] for check in checked["checks"]}


def test_train_shows_what_was_learnt(student: Path, dataset: Path, tmp_path: Path) -> None:
    assert (student / "adapter_model.safetensors").is_file()
    settings = tmp_path / "settings.yaml"
    settings.write_text(
        "training_strategy: full\nhyperparameters: {max_steps: 9, batch_size: 2, gradient_accumulation_steps: 1}\n"
        "logging_steps: 1\n"
    )
    text = serpentune(
        "train", "--dataset", dataset, "--output-dir", tmp_path / "full", "--config", settings, "--max-steps", 2,
        "--set", "batch_size=3", "max_steps=7", "--set", "lr=1e-3",
    )  # fmt: skip
    assert text.code == 0, text.err
    assert "full of nano" in text.out and "100.0%" in text.out
    assert re.search(r"^steps +2$", text.out, re.MULTILINE), "an option overrides the file"
    assert text.out.splitlines()[-1] == str(tmp_path / "full" / "final_model")
    told = json.loads((tmp_path / "full" / "training.json").read_text())["config"]
    assert told["hyperparameters"]["batch_size"] == 3, "--set overrides the file, and an option --set"
    assert told["hyperparameters"]["learning_rate"] == 1e-3


def test_train_resumes(student: Path, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(student.parent, out)
    shutil.rmtree(out / "checkpoints" / "checkpoint-4")
    options = ["--max-steps", 4, "--batch-size", 4, "--gradient-accumulation-steps", 1, "--logging-steps", 2]
    again = serpentune("train", "--dataset", dataset, "--output-dir", out, *options, "--resume", "--json")
    assert again.code == 0, again.err
    assert again.document["resumed_from"] == 2 and again.document["steps"] == 4
    assert again.document["model_path"] == str(out / "final_model")


def test_evaluate_measures_play_and_language(dataset: Path, tmp_path: Path) -> None:
    options = ["nano", "--games", 4, "--grid-size", 4, "--dataset", dataset, "--language-records", 5]
    result = serpentune("evaluate", *options, "--json")
    assert result.code == 0, result.err
    figures = result.document
    assert figures["folder"] == "output/evaluations/nano"
    assert figures["games"] == 4 and sum(figures["endings"].values()) == 4
    assert 0 <= figures["win_rate_low"] <= figures["win_rate"] <= figures["win_rate_high"] <= 1
    assert figures["perplexity"] > 1 and 0 <= figures["agreement"] <= 1
    folder = tmp_path / "output" / "evaluations" / "nano"
    lines = (folder / "games.jsonl").read_text()
    text = serpentune("evaluate", *options, "--top-moves", 2)
    assert text.code == 0
    assert (folder / "games.jsonl").read_text() == lines, "finished games are kept"
    assert len((folder / "top_moves.jsonl").read_text().splitlines()) == 2
    assert "95% Wilson interval" in text.out and "seeds 1000000 to 1000003" in text.out
    assert text.out.splitlines()[-1] == "output/evaluations/nano"


def test_evaluate_says_what_it_did_not_measure(student: Path) -> None:
    text = serpentune("evaluate", student, "--games", 2, "--grid-size", 4, "--name", "my student/1")
    assert text.code == 0, text.err
    assert re.search(r"^model +my student/1$", text.out, re.MULTILINE)
    assert re.search(r"^perplexity +not measured$", text.out, re.MULTILINE)
    assert "nan" not in text.out.lower().split()
    assert text.out.splitlines()[-1] == "output/evaluations/my-student-1"


def test_evaluate_asks_in_any_form_that_can_be_taught(tmp_path: Path) -> None:
    options = ["nano", "--games", 2, "--grid-size", 4, "--style", "explain", "--output", tmp_path / "out"]
    played = serpentune("evaluate", *options, "--encoding", "coordinates")
    assert played.code == 0, played.err
    told = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (told["encoding"], told["style"]) == ("coordinates", "explain")
    other = serpentune("evaluate", *options)
    assert other.code == 2 and "encoding" in other.err
    typo = serpentune("evaluate", *options, "--encoding", "cordinates")
    assert typo.code == 2 and "coordinates" in typo.err


def test_models_of_one_command_spend_one_budget(tmp_path: Path) -> None:
    with serving(plays_bfs) as server:
        options = ["--endpoint", server.url, "--games", 1, "--grid-size", 4, "--endpoint-prices", "0,1000000"]
        assert serpentune("evaluate", "small", *options, "--output", tmp_path / "alone").code == 0
        budget = COMPLETION_TOKENS * (len(server.bodies) + 1)  # enough for one of them, and a question more
        models = ["small", "large", *options, "--endpoint-budget", budget, "--output", tmp_path / "both"]
        stopped = serpentune("evaluate", *models)
    assert stopped.code == 2 and "The budget is spent" in stopped.err
    small, large = (json.loads((tmp_path / "both" / name / "performance.json").read_text()) for name in models[:2])
    assert small["games"] == 1 and "games" not in large
    assert small["endpoint"]["cost"] + large["endpoint"]["cost"] == budget


def test_evaluate_calls_a_student_after_its_run(results: list[Path]) -> None:
    assert [json.loads((folder / "manifest.json").read_text())["name"] for folder in results] == ["nano", "lora"]


def test_compare(results: list[Path], tmp_path: Path) -> None:
    text = serpentune("compare", *results, "--output", tmp_path / "comparisons")
    assert text.code == 0, text.err
    assert "lora against nano, 6 paired games" in text.out
    assert "Verdict: " in text.out and max(map(len, text.out.splitlines()[:-1])) <= 80
    assert (tmp_path / "comparisons" / "nano_vs_lora.md").is_file()
    turned = serpentune("compare", *results, "--baseline", "lora", "--json").document["comparisons"]
    assert list(turned) == ["lora_vs_nano"]
    assert turned["lora_vs_nano"]["verdict"] and turned["lora_vs_nano"]["pairs"] == 6


def test_report(results: list[Path], tmp_path: Path) -> None:
    page = tmp_path / "pages" / "report.html"
    made = serpentune("report", *results, "--output", page, "--title", "Two <models>", "--json")
    assert made.code == 0, made.err
    assert made.document == {"files": [str(page)]}
    assert "Two &lt;models&gt;" in page.read_text()
    again = serpentune("report", *results, "--output", page)
    assert again.code == 2 and "--overwrite" in again.err
    both = serpentune("report", *results, "--output", page, "--format", "html", "json", "--overwrite")
    assert both.out.splitlines() == [str(page), str(page.with_suffix(".json"))]


def test_run_goes_from_logs_to_report(logs: Path, tmp_path: Path) -> None:
    made = serpentune(
        "run", "--heuristic-dirs", f"{logs}/*bfs*", f"{logs}/*astar*", "--algorithms", "BFS", "ASTAR",
        "--training-strategy", "lora", "--epochs", 1, "--batch-size", 8, "--gradient-accumulation-steps", 1,
        "--max-samples-per-algorithm", 20, "--evaluation-games", 4, "--evaluation-records", 3,
        "--output-dir", tmp_path / "experiments", "--experiment-name", "first",
    )  # fmt: skip
    assert made.code == 0, made.err
    folder = tmp_path / "experiments" / "first"
    assert made.out.splitlines()[-2:] == [str(folder / "models" / "final_model"), str(folder / "report.html")]
    assert {line.split()[0] for line in made.out.splitlines() if line[:1].isalpha()} >= {"untuned", "lora"}
    again = serpentune("run", "--resume", folder, "--json")
    assert again.code == 0, again.err
    assert again.document["folder"] == str(folder)
    assert again.document["report_path"] == str(folder / "report.html")
    other = serpentune("run", "--resume", folder, "--epochs", 2)
    assert other.code == 2 and "Leave out --epochs" in other.err


@pytest.mark.slow
def test_demo_leaves_a_report(tmp_path: Path) -> None:
    made = serpentune("demo", "--quick", "--games", 10, "--output", tmp_path / "demo")
    assert made.code == 0, made.err
    assert made.out.splitlines()[-1] == str(tmp_path / "demo" / "report.html")
    assert (tmp_path / "demo" / "report.html").is_file()
    again = serpentune("demo", "--quick", "--output", tmp_path / "demo", "--json")
    assert again.code == 2 and "--overwrite" in again.document["error"]


@pytest.mark.parametrize("command", ["teachers", "generate", "check"])
def test_document_is_all_there_is_on_standard_output(command: str, logs: Path) -> None:
    arguments: dict[str, list[object]] = {
        "teachers": ["teachers"],
        "generate": ["generate", "--algorithms", "BFS", "--games", 2, "--grid-size", 4, "--verbose"],
        "check": ["logs", "check", logs, "--log-level", "debug"],
    }
    result = serpentune(*arguments[command], "--json")
    assert isinstance(result.document, dict)
    assert "\x1b[" not in result.out + result.err
