"""`serpentune compare`: levels, every pair, margins, and what is refused, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.calls import serpentune
from tests.comparison.players import careless, greedy, play, save


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a sweep over two methods and two seeds leaves, and the untuned model's games."""
    folder = tmp_path_factory.mktemp("sweep")
    for method, player in (("full", greedy), ("lora", careless)):
        for seed in range(2):
            name = f"strategy={method},seed={seed}"
            games = play(player, range(30), 5, own_seed=seed)
            save(folder / name, name, games, training={"training_strategy": method, "seed": seed})
    save(folder / "untuned", "untuned", play(careless, range(30), 5, own_seed=9))
    return folder


def test_a_sweep_is_compared_by_method_when_asked_to(sweep: Path) -> None:
    alone = serpentune("compare", sweep)
    assert alone.code == 0, alone.err
    assert "strategy=full,seed=0 against untuned, 30 paired games, as checkpoints" in alone.out
    assert "(--by method)" in " ".join(alone.out.split())
    # What is the same for all comparisons is said once.
    assert alone.out.count("The verdicts go by p-values after Holm's correction") == 1
    found = serpentune("compare", sweep, "--by", "method", "--json")
    assert found.code == 0, found.err
    comparisons = found.document["comparisons"]
    assert list(comparisons) == ["untuned_vs_strategy=full", "untuned_vs_strategy=lora"]
    first = comparisons["untuned_vs_strategy=full"]
    assert (first["about"], first["seeds_b"]) == ("methods", [0, 1])
    assert "about the method strategy=full" in first["scope"]


def test_every_pair_is_compared_and_ranked(sweep: Path, tmp_path: Path) -> None:
    folders = [sweep / "untuned", sweep / "strategy=full,seed=0", sweep / "strategy=lora,seed=0"]
    options = ["--all-pairs", "--margin", "score=12", "win=0.2", "--metrics", "score", "win"]
    told = serpentune("compare", *folders, *options, "--output", tmp_path / "out")
    assert told.code == 0, told.err
    words = " ".join(told.out.split())
    assert "In the order of score: 1. strategy=full,seed=0: " in words
    assert "shown to differ from all others." in words
    assert len(list((tmp_path / "out").glob("*.md"))) == 3
    found = serpentune("compare", *folders, *options, "--json").document
    assert found["ranking"]["metric"] == "score"
    assert found["ranking"]["places"][1]["same"] == [found["ranking"]["places"][2]["name"]]
    assert {row["margin"] for report in found["comparisons"].values() for row in report["rows"]} == {12, 0.2}


def test_a_metric_that_ranks_nobody_takes_no_table_away(sweep: Path) -> None:
    """Nobody wins on this board, and a clock is no test."""
    folders = [sweep / "untuned", sweep / "strategy=full,seed=0", sweep / "strategy=lora,seed=0"]
    told = serpentune("compare", *folders, "--all-pairs", "--metrics", "steps_to_win", "ms_per_move", "score")
    assert told.code == 0, told.err
    assert "In the order of score: 1. strategy=full,seed=0: " in " ".join(told.out.split())
    told = serpentune("compare", *folders, "--all-pairs", "--metrics", "steps_to_win", "ms_per_move")
    assert told.code == 0, told.err
    assert "not shown to differ" not in told.out
    assert "There is no order: no metric" in told.out


def test_effect_size_pairs_and_their_correlation_are_told(sweep: Path) -> None:
    found = serpentune("compare", sweep / "untuned", sweep / "strategy=full,seed=0", "--metrics", "score", "--json")
    (row,) = found.document["comparisons"]["untuned_vs_strategy=full,seed=0"]["rows"]
    told = serpentune("compare", sweep / "untuned", sweep / "strategy=full,seed=0", "--metrics", "score")
    assert (
        f"- score: n = 30, effect size (Cohen's d_z) {row['effect_size']:.2f}, measured pairing correlation "
        f"{row['correlation']:.2f}." in " ".join(told.out.split())
    )


def test_win_rate_is_another_word_for_win(sweep: Path) -> None:
    folders = [sweep / "untuned", sweep / "strategy=full,seed=0"]
    found = serpentune("compare", *folders, "--metrics", "win_rate", "--margin", "win_rate=0.2", "--json")
    assert found.code == 0, found.err
    (row,) = found.document["comparisons"]["untuned_vs_strategy=full,seed=0"]["rows"]
    assert (row["metric"], row["margin"]) == ("win", 0.2)
    twice = serpentune("compare", *folders, "--metrics", "win", "--margin", "win_rate=0.2", "win=0.1")
    assert (twice.code, "two margins for win" in twice.err) == (2, True)
    by_rate, by_win = (
        serpentune("plan", "--metric", name, "--baseline", 0.88, "--detect", 0.03, "--json")
        for name in ("win_rate", "win")
    )
    assert by_rate.document == by_win.document


@pytest.mark.parametrize(
    "options",
    [
        ["--by", "method", "--level", "0.9"],
        pytest.param(["--all-pairs", "--metrics", "score", "win", "--margin", "win=0.2"], marks=pytest.mark.slow),
        pytest.param(["--baseline", "strategy=full,seed=0"], marks=pytest.mark.slow),
    ],
)
def test_a_report_compares_as_compare_does(sweep: Path, tmp_path: Path, options: list[str]) -> None:
    told = serpentune("report", sweep, "--output", tmp_path / "r.json", *options)
    assert told.code == 0, told.err
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["title"] == "Language models that play Snake"
    assert report["comparisons"] == list(
        serpentune("compare", sweep, *options, "--json").document["comparisons"].values()
    )


def test_a_report_of_methods_says_so_on_its_page(sweep: Path, tmp_path: Path) -> None:
    told = serpentune("report", sweep, "--output", tmp_path / "r.html", "--by", "method")
    assert told.code == 0, told.err
    text = (tmp_path / "r.html").read_text()
    assert "This is about the method strategy=full" in text
    assert 'title="games that all students played">Pairs</th>' in text and "correlation" not in text.split("<table")[-1]
    alone = serpentune("report", sweep / "untuned", "--output", tmp_path / "alone.html", "--by", "method")
    assert alone.code == 2 and "needs at least two models" in alone.err


@pytest.mark.parametrize("command", ["compare", "report"])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--margin", "win"], "--margin win: write METRIC=SIZE, such as win=0.03."),
        (["--margin", "win=much"], "--margin win=much: write METRIC=SIZE"),
        (["--margin", "won=0.1"], "There is no metric named 'won'. Did you mean win?"),
        (["--margin", "win=5"], "a share between 0 and 1"),
        (["--by", "methods"], "There is no level named 'methods'. Did you mean method?"),
        (["--level", "95"], "The confidence level is 95.0"),
        (["--all-pairs", "--baseline", "untuned"], "there is no baseline"),
        (["--metrics", "loss"], "has anything to compare in loss"),
    ],
)
def test_what_makes_no_sense_is_refused(
    sweep: Path, tmp_path: Path, command: str, options: list[str], said: str
) -> None:
    page = ["--output", tmp_path / "r.html"] if command == "report" else []
    refused = serpentune(command, sweep, *page, *options)
    assert not list(tmp_path.iterdir())
    assert refused.code == 2
    assert said in " ".join(refused.err.split())


def test_folders_that_can_not_be_compared_are_refused(sweep: Path, tmp_path: Path) -> None:
    assert "is given twice" in serpentune("compare", sweep, sweep / "untuned").err
    (tmp_path / "empty").mkdir()
    empty = serpentune("compare", sweep / "untuned", tmp_path / "empty")
    assert empty.code == 2
    assert f"{tmp_path / 'empty'} is no results folder" in empty.err
