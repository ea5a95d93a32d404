"""Read a folder of `game_N.json` files, as other Snake programs write them, and see what the reader refuses.

Run: python examples/05_read_other_logs.py
Change: break the files in other ways, or point `read_logs` at logs of your own (folders and globs).
"""

import json
from pathlib import Path

from serpentune.logs import generate_runs, read_logs

OUTPUT = Path("output/examples/other_logs")

# Five games, each a JSON file with its moves, apples, score and ending.
(run,) = generate_runs(["BFS"], 5, 6, 6, 0, OUTPUT, format="json", timestamp="20000101_000000", overwrite=True)
print(f"{len(read_logs([run]).games)} games in {run} are accepted.")

# A file that was cut short, as by a full disk.
cut = run / "game_2.json"
text = cut.read_text(encoding="utf-8")
cut.write_text(text[: len(text) // 2], encoding="utf-8")

# A score that nobody earned: every game is replayed, so this can't pass.
boasting = run / "game_4.json"
game = json.loads(boasting.read_text(encoding="utf-8"))
game["score"] += 10
boasting.write_text(json.dumps(game), encoding="utf-8")

# The reader leaves out what is wrong, says why, and goes on with the rest.
reading = read_logs([run])
print(f"After the damage {len(reading.games)} are accepted, {len(reading.refused)} refused:")
for refusal in reading.refused:
    print(f"  {refusal.file.name}: {refusal.reason}")
print(f"The same from the command line: serpentune logs check {run}")
