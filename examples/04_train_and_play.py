"""Teach the built-in model `nano` Snake for some seconds with LoRA, then let it play against what it was before.

Run: python examples/04_train_and_play.py
Change: TEACHER, SAMPLES, EPOCHS, GAMES. More of each takes longer and plays, or judges, better.
"""

from pathlib import Path

from serpentune.comparison import compare_results
from serpentune.datasets import build_dataset, load_splits
from serpentune.evaluation import EvaluationSettings, evaluate_model
from serpentune.logs import generate_runs
from serpentune.models import load_base, load_student
from serpentune.training import TrainingConfigBuilder, train

OUTPUT = Path("output/examples/train_and_play")
TEACHER, SIDE, SAMPLES, EPOCHS, GAMES = "BFS", 6, 800, 2, 20

# Lessons: boards of the teacher's games with the moves that it made there.
runs = generate_runs([TEACHER], 100, SIDE, SIDE, 0, OUTPUT / "logs", timestamp="20000101_000000", overwrite=True)
build_dataset(runs, OUTPUT / "records", samples_per_teacher=SAMPLES, overwrite=True)
lessons = load_splits(OUTPUT / "records")

# LoRA: the base model stays as it is, a small adapter learns.
builder = TrainingConfigBuilder().with_strategy("lora").with_model("nano").with_lora(dropout=0.0)
config = builder.with_training(epochs=EPOCHS, learning_rate=5e-3, batch_size=16, gradient_accumulation_steps=1).build()
result = train(config, lessons["train"], lessons["validation"], OUTPUT / "student", overwrite=True)
share = result.trainable_parameters / result.parameters
print(f"{result.samples} samples in {result.seconds:.0f} s, {share:.1%} of the parameters learnt.")
print(f"Loss per completion token on games not learnt from: {result.eval_loss:.2f}")

# Both play the same seeds, none of which the teacher played.
settings = EvaluationSettings(games=GAMES, width=SIDE, height=SIDE, seed=1_000_000, teacher=TEACHER)
before = evaluate_model(load_base("nano"), OUTPUT / "before", settings, name="untuned", overwrite=True)
after = evaluate_model(load_student(result.model_path), OUTPUT / "after", settings, name="student", overwrite=True)
for played in (before, after):
    print(f"{played.name}: {played.scores.mean():.2f} apples a game; games ended by {played.endings}")
print(compare_results(before, after, metrics=["score"]).verdict)
