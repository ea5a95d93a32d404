"""How arguments are read, seen through the commands that take them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.calls import serpentune


def _players(*arguments: object) -> list[str]:
    result = serpentune("generate", "--games", 2, "--grid-size", 4, "--json", *arguments)
    assert result.code == 0, result.err
    return [run["algorithm"] for run in result.document["runs"]]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--algorithms", "BFS", "ASTAR", "DFS"],
        ["--algorithms", "BFS", "--algorithms", "ASTAR", "DFS"],
        ["--algorithms=BFS", "ASTAR", "DFS"],
        ["--algorithms=BFS", "--seed", "3", "--algorithms=ASTAR", "DFS"],
        ["--algorithms", "BFS", "ASTAR", "DFS", "--seed", "3"],
        ["--algorithms", "BFS", "ASTAR", "--seed=3", "--algorithms", "DFS", "-q"],
    ],
    ids=" ".join,
)
def test_list_option_takes_all_values_up_to_the_next_option(arguments: list[str]) -> None:
    assert _players(*arguments) == ["BFS", "ASTAR", "DFS"]


def test_value_after_a_single_option_is_not_taken_for_the_list(tmp_path: Path) -> None:
    assert _players("--algorithms", "BFS", "--output-dir", tmp_path / "runs", "--format", "json") == ["BFS"]
    assert len(list((tmp_path / "runs").glob("heuristics-bfs_*/game_*.json"))) == 2


def test_stray_word_is_refused_not_swallowed() -> None:
    result = serpentune("generate", "--seed", 3, "ASTAR", "--algorithms", "BFS")
    assert result.code == 2
    assert "unexpected extra argument" in result.err and "ASTAR" in result.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--algorithms"], "--algorithms needs at least one value"),
        (["--algorithms", "--games", "5"], "--algorithms needs at least one value, but --games follows"),
        (["--algorithms", "BFS", "--games"], "--games needs a value"),
        (["--algorithms", "BFS", "--output-dir", "--seed", "1"], "--output-dir needs a value, but --seed follows"),
        (["--algorithms", "BFS", "--output-dir", "--json"], "--output-dir needs a value, but --json follows"),
    ],
)
def test_option_without_its_value(arguments: list[str], said: str) -> None:
    result = serpentune("generate", *arguments)
    assert result.code == 2
    assert said in result.err
    assert "serpentune generate --help" in result.err


def test_negative_number_is_a_value() -> None:
    result = serpentune("generate", "--algorithms", "BFS", "--seed", "-3")
    assert result.code == 2
    assert "seed -3 is out of range" in result.err


def test_positional_arguments_may_come_before_or_after_a_double_dash(results: list[Path]) -> None:
    before = serpentune("compare", *results, "--metrics", "score", "win", "--json")
    after = serpentune("compare", "--json", "--metrics", "score", "win", "--", *results)
    assert before.code == after.code == 0
    assert before.document == after.document
    (report,) = before.document["comparisons"].values()
    assert [row["metric"] for row in report["rows"]][:2] == ["score", "win"]


def test_list_option_that_took_the_positional_arguments_says_so(results: list[Path]) -> None:
    all_taken = serpentune("compare", "--metrics", "score", *results)
    assert all_taken.code == 2
    assert f"--metrics took {results[0]} {results[1]} as its own" in all_taken.err
    assert "Put RESULTS before the options" in all_taken.err
    one_taken = serpentune("compare", results[0], "--metrics", "score", results[1])
    assert one_taken.code == 2
    assert f"no metric named '{results[1]}'" in one_taken.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["generat"], "No such command 'generat'. Did you mean 'generate'?"),
        (["logs", "chek", "x"], "No such command 'chek'. Did you mean 'check'?"),
        (["--jsn", "teachers"], "There is no option --jsn. Did you mean --json?"),
        (["generate", "--algoritms", "BFS"], "There is no option --algoritms. Did you mean --algorithms?"),
        (["train", "--learningrate=3"], "There is no option --learningrate. Did you mean --learning-rate?"),
        (["teachers", "-x"], "No such option: -x"),
        (["generate", "--algorithms", "BFS", "--games", "many"], "'--games': a whole number is needed."),
        (["dataset", "build", "--train-test-split", "half"], "'--train-test-split': a number is needed."),
        (["generate", "--algorithms", "BFS", "--format", "xml"], "'xml' is not one of 'parquet', 'json'"),
        (["generate"], "Missing option '--algorithms'"),
        (["evaluate"], "Missing argument 'MODEL...'"),
        (["teachers", "--log-level", "loud"], "'loud' is not one of 'debug', 'info', 'warning', 'error'"),
    ],
)
def test_misspelt_and_missing_arguments(arguments: list[str], said: str) -> None:
    result = serpentune(*arguments)
    assert result.code == 2
    assert said in result.err
    assert "--help'." in result.err
    assert "Traceback" not in result.err and result.out == ""


def test_shared_options_go_before_and_after_the_command() -> None:
    assert serpentune("--json", "teachers").document == serpentune("teachers", "--json").document
