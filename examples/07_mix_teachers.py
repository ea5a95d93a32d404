"""Build `recipes/mixture.yaml`, smaller, look at every record again, and let `nano` learn from the mixture.

Run: python examples/07_mix_teachers.py
Change: SAMPLES and EPOCHS, or any setting of the recipe: `styles={"plan": 1}` below leaves the other styles out.
"""

from pathlib import Path

from serpentune.datasets import Recipe, load_splits
from serpentune.datasets.validate import validate
from serpentune.evaluation.language import language_metrics
from serpentune.models import load_base, load_student
from serpentune.pipeline import build_from_recipe
from serpentune.training import TrainingConfigBuilder, train

OUTPUT = Path("output/examples/mixture")
RECIPE = Path(__file__).resolve().parent.parent / "recipes" / "mixture.yaml"
GAMES, SAMPLES, EPOCHS, MEASURED = 20, 100, 1, 24

# The recipe as it stands, with fewer games and records: five teachers, two boards, three styles, two encodings.
recipe = Recipe.load(RECIPE)
fewer = [{**played.model_dump(), "games": GAMES} for played in recipe.generate]
recipe = Recipe.of(RECIPE, generate=fewer, samples_per_teacher=SAMPLES)
stats = build_from_recipe(recipe, OUTPUT / "records", overwrite=True)
splits = load_splits(stats.path)
for column in ("teacher", "board", "style", "encoding"):
    kinds = splits["train"].to_pandas()[column].value_counts()
    print(f"To learn from, by {column}: {', '.join(f'{kind} {count}' for kind, count in kinds.items())}")
left_out = {name: check["count"] for name, check in stats.manifest["checks"].items() if check["count"]}
print(f"Left out: {', '.join(f'{name} {count}' for name, count in left_out.items())}")

# Read back, explained again, looked up in the games: whether the files keep what the build promised.
validation = validate(stats.path, logs=[stats.path / "runs"])
faults = sum(check.violations for check in validation.checks if not check.note)
print(f"\n{validation.rows} records looked at again by {len(validation.checks)} checks: {faults} violations")

# Every parameter learns a little. Each step sees a random sample of the records, whatever their style and length.
builder = TrainingConfigBuilder().with_strategy("full").with_model("nano", max_length=512)
config = builder.with_training(epochs=EPOCHS, learning_rate=1e-3, batch_size=16, gradient_accumulation_steps=1).build()
result = train(config, splits["train"], None, OUTPUT / "student", overwrite=True)
print(f"\n{result.steps} steps in {result.seconds:.0f} s, {result.samples_too_long} records were too long.")

# Loss in nats per token of the answers, on games not learnt from. One token is written, as only the loss is wanted.
print("Loss on records of the test split, before and after:")
models = load_base("nano"), load_student(result.model_path)
for style in recipe.styles:
    records = [record for record in splits["test"] if record["style"] == style][:MEASURED]
    losses = [language_metrics(each.model, each.tokenizer, records, max_new_tokens=1)["loss"] for each in models]
    print(f"  {style}: {losses[0]:.2f} -> {losses[1]:.2f} ({len(records)} records)")
