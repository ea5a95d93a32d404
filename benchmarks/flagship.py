"""How often a language model fills the board, how quickly, and how long it takes to make.

    python benchmarks/flagship.py [--quick] [--json] [--folder output/flagship] [--final docs/results/flagship.json]

Runs recipes/flagship.yaml, or reads the experiment in --folder that `serpentune run` has finished, and holds its
student to the targets. --final keeps the figures of its games as JSON: `games`, `wins`, `wilson_low`,
`steps_per_win_mean`, `fatal_per_1000_moves`, `wins_as_written` (no plan dropped before a fatal move), `first_seed`,
`model_sha256`, and `card`, the GPU that it played on. With --quick a student learns 4x4 boards for a moment instead.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

# The root instead of this folder, whose datasets.py would hide the library of that name.
sys.path.pop(0)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._common import Figure, run, say
from serpentune.common.files import read_json, write_json
from serpentune.evaluation import UNTUNED, EvaluationResult
from serpentune.pipeline import ExperimentPipeline, ExperimentRecipe

RECIPE = Path(__file__).resolve().parent.parent / "recipes" / "flagship.yaml"
TINY = {
    "dataset.generate": [
        {"teachers": ["CELL"], "games": 40, "grid_size": 4},
        {"teachers": ["CELL"], "games": 40, "grid_size": 4, "first_seed": 100, "noise": 0.1},
    ],
    "samples_per_teacher": 200,
    "split.train": 0.8,
    "base_model": "nano",
    "max_train_samples": 128,
    "bf16": None,
    "hyperparameters.batch_size": 16,
    "evaluation.games": 20,
    "evaluation.records": 8,
}


def measure(quick: bool, folder: str, final: str) -> Iterator[Figure]:
    """The figures of the recipe's student."""
    with TemporaryDirectory() as scratch:
        if not folder:
            recipe = ExperimentRecipe.from_values(TINY if quick else {}, RECIPE)
            folder = str(ExperimentPipeline(recipe, output_dir=scratch, quiet=True).run().folder)
        summary = read_json(Path(folder) / "results_summary.json")
        *_, name = (name for name in summary["evaluation"] if name != UNTUNED)
        result = EvaluationResult.load(Path(folder) / "evaluation" / name)
        calls = (Path(folder) / "logs" / "run.log").read_text().count("step collect")
    figures = final_figures(result)
    if final:
        write_json(Path(final), figures)
    width, height = result.manifest["grid"]
    subject = f"{width}x{height}"
    yield Figure(subject, "boards filled", 100 * figures["wins"] / figures["games"], "%", target=99.5)
    yield Figure(subject, "boards filled, Wilson's lower bound", 100 * figures["wilson_low"], "%", target=99)
    if figures["wins"]:
        yield Figure(subject, "steps to a full board", figures["steps_per_win_mean"], "steps", "lower", 1100)
    yield Figure(subject, "fatal errors", figures["fatal_per_1000_moves"], "in 1,000 moves", "lower", 0.01)
    if calls > 1:
        say("data and training: not known, since the experiment was resumed")
        return
    made = sum(summary["seconds"].get(step, 0) for step in ("prepare", "train", "improve"))
    yield Figure(subject, "data and training", made / 60, "minutes", "lower", 15)


def final_figures(result: EvaluationResult) -> dict[str, Any]:
    """What is kept of the last evaluation."""
    return {
        "games": len(result.games),
        "wins": int(result.wins.sum()),
        "wilson_low": result.play["win_rate_low"],
        "steps_per_win_mean": result.steps_per_win,
        "fatal_per_1000_moves": result.play["fatal_per_1000_moves"],
        "wins_as_written": result.play["wins_as_written"],
        "first_seed": result.manifest["first_seed"],
        "model_sha256": result.manifest["model_sha256"],
        "card": result.manifest["versions"]["gpu"],
    }


if __name__ == "__main__":
    run(
        __doc__,
        measure,
        options={
            "folder": ("", "a finished experiment, instead of running the recipe"),
            "final": ("", "keep the figures of the games in this JSON file"),
        },
    )
