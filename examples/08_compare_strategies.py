"""Which strategy teaches `nano` more, LoRA or full fine-tuning? Two training seeds of each, on the same data and games.

Run: python examples/08_compare_strategies.py
"""

from __future__ import annotations

from pathlib import Path

from serpentune.comparison import by_method
from serpentune.pipeline import ExperimentPipeline, ExperimentRecipe

OUTPUT = Path("output/examples")


def main() -> None:
    """Build a data set, train four students, let all play, and put the methods side by side."""
    recipe = ExperimentRecipe(
        name="compare_strategies",
        dataset={
            "generate": [{"teachers": ["BFS", "HAMILTONIAN"], "games": 80, "grid_size": 5}],
            "samples_per_teacher": 400,
        },
        training={
            "hyperparameters": {"num_epochs": 1, "batch_size": 16, "gradient_accumulation_steps": 1},
            "lora": {"dropout": 0.0},
            "logging_steps": 5,
        },
        sweep={"strategy": {"lora": {"lr": 5e-3}, "full": {"lr": 1e-3}}, "seed": [0, 1]},
        evaluation={"games": 20, "teacher": "BFS", "records": 20},
    )
    done = ExperimentPipeline(recipe, output_dir=OUTPUT, overwrite=True, quiet=True).run()
    for name, trained in done.students.items():
        print(f"{name}: loss {trained.final_loss:.3f}, {trained.trainable_parameters:,} weights learnt")
    untuned = done.results["untuned"]
    print(f"untuned: {untuned.scores.mean():.2f} apples a game")
    for method in by_method(done.results.values()):
        print(method.sentence)
    print("Two seeds show how far students of one method lie apart; they prove nothing about the methods.")
    print(f"The report: {done.report_path}")


if __name__ == "__main__":
    main()
