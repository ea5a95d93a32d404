"""Does a student learn from its own mistakes? Two rounds in which it plays, a teacher corrects it, and it trains on.

Run: python examples/10_learn_from_mistakes.py
"""

from __future__ import annotations

from serpentune.pipeline import ImproveConfig, improve

OUTPUT = "output/examples"


def main() -> None:
    """Begin with `nano`, which knows the rules and no teacher, and say what each round did."""
    config = ImproveConfig(
        student="nano",
        teacher="BFS",
        rounds=2,
        name="learn_from_mistakes",
        output_dir=OUTPUT,
        grid_size=4,
        games=30,
        teacher_games=60,
        samples=400,
        training={
            "hyperparameters": {
                "max_steps": 20,
                "batch_size": 16,
                "gradient_accumulation_steps": 1,
                "learning_rate": 1e-3,
            },
            "logging_steps": 5,
        },
        evaluation_games=20,
    )
    done = improve(config, overwrite=True, quiet=True)
    for row in done.rounds:
        print(f"Round {row['round']}: {row['score_mean']:.2f} apples a game, {row['wins']} of {row['games']} games won")
        for player, count in row.get("records", {}).items():
            print(f"    after {count} records of games of {player}")
    print(f"The student after round {done.best}: {done.model_path}")
    print(f"The report: {done.report_path}")


if __name__ == "__main__":
    main()
