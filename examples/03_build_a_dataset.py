"""Turn games of three teachers into a data set that a language model can be trained on.

Run: python examples/03_build_a_dataset.py
Change: TEACHERS, SIDE, STYLES ("move" asks for one move, "plan" for all moves to the apple).
"""

from pathlib import Path

from serpentune.datasets import build_dataset, load_splits
from serpentune.logs import generate_runs

OUTPUT = Path("output/examples/dataset")
TEACHERS, SIDE, STYLES = ("BFS", "ASTAR", "HAMILTONIAN"), 6, ("plan", "move")

# A run folder for each teacher; all play the same game seeds. The fixed timestamp keeps reruns in one place.
runs = generate_runs(TEACHERS, 50, SIDE, SIDE, 0, OUTPUT / "logs", timestamp="20000101_000000", overwrite=True)

# Every game is replayed; each teacher gives equally many records; games with the same apples share a split.
stats = build_dataset(runs, OUTPUT / "records", styles=STYLES, samples_per_teacher=500, overwrite=True)
for teacher, counts in stats.by_teacher.items():
    print(f"{teacher}: {counts} records from {stats.games[teacher]} games")
print(f"Left out because they don't replay: {len(stats.refused)} games")

# A Hugging Face data set in memory; `datasets.load_dataset(folder)` reads the same files.
splits = load_splits(stats.path)
for style in STYLES:
    record = next(record for record in splits["train"] if record["style"] == style)
    print(f"\nA {style!r} record, game {record['game']}, step {record['step']}:")
    print(f"{record['prompt']}[{record['completion']} ]")

games = {split: set(records["seed"]) for split, records in splits.items()}
shared = (
    (games["train"] & games["validation"]) | (games["train"] & games["test"]) | (games["validation"] & games["test"])
)
print(f"\nGames that lie in two splits: {len(shared)}")
print(f"Look into {stats.path}: README.md is the data card, jsonl/ has the records as text.")
