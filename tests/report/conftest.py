"""Real results and records for the reports, of players one of whom has a name that breaks out of HTML."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serpentune.comparison import compare_all
from serpentune.evaluation.results import EvaluationResult
from serpentune.game import Move
from serpentune.report import write_dataset_report, write_report
from tests.datasets.made import positions, records, write
from tests.report.opened import ARGUMENTS
from tests.report.players import UNRULY, cycle, greedy, play, walk


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[EvaluationResult]:
    """Three players of one set of seeds; the weakest has the unruly name."""
    folder, seeds = tmp_path_factory.mktemp("results"), range(1000, 1040)
    return [
        play(folder / "walk", UNRULY, walk, seeds, manifest={"model": "nano", "folder": f"a/{UNRULY}/c"}),
        play(folder / "greedy", "greedy", greedy, seeds, language={"perplexity": 1.25, "bleu": 71.0, "rouge_l": 0.83}),
        play(
            folder / "cycle",
            "cycle",
            cycle,
            seeds,
            performance={"ms_per_move": 3.21, "tokens_per_second": 812.0, "peak_memory_mb": 1234.5},
        ),
    ]


@pytest.fixture(scope="session")
def report(results: list[EvaluationResult], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with every section, and the unruly text in every place that takes text."""
    history = [{"step": step, "loss": 3 / (1 + step / 50)} for step in range(10, 600, 10)]
    history += [{"step": step, "eval_loss": 3.2 / (1 + step / 50)} for step in range(100, 600, 100)]
    (page,) = write_report(
        results,
        tmp_path_factory.mktemp("report") / "report.html",
        title=f"Report {UNRULY}",
        comparisons=[comparison.to_json() for comparison in compare_all(results).values()],
        training={
            UNRULY: {
                "history": history,
                "strategy": "lora",
                "seconds": 74.2,
                "trainable_parameters": 210,
                "parameters": 840,
            }
        },
        dataset={
            "BFS": {"train": 800, "validation": 100, "test": 100},
            UNRULY: {"train": 790, "validation": 110, "test": 100},
        },
        notes=[f"A note {UNRULY}"],
        commands=[f"serpentune evaluate '{UNRULY}'"],
    )
    return page


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records of two teachers on two boards and of a player with the unruly name, who contradicts itself."""
    square, wide = positions(400), positions(150, 9, 5)
    unruly = records(square.take(range(100)), UNRULY, [Move.LEFT] * 100)
    unruly += [{**row, "completion": " R"} for row in unruly[:20]]
    unruly.append({**unruly[0], "prompt": UNRULY, "completion": UNRULY, "style": UNRULY, "encoding": None})
    groups = {
        "train": [records(square, "BFS"), records(square, "HAMILTONIAN"), unruly],
        "validation": [records(wide, "BFS")],
        "test": [records(wide, "HAMILTONIAN")],
    }
    return write(
        tmp_path_factory.mktemp("data set") / UNRULY.replace("/", "⁄"),
        groups,
        checks={UNRULY: {"count": 12, "action": UNRULY}, "duplicates": {"count": 3, "action": "left out"}},
        recipe={"sources": [UNRULY], "seed": 3},
    )


@pytest.fixture(scope="session")
def dataset_page(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page about that data set with every section."""
    path = tmp_path_factory.mktemp("page") / "dataset.html"
    return write_dataset_report(dataset, path, title=f"Data {UNRULY}", tokenizer="nano", token_records=150)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()
