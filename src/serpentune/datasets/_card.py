"""Floor 4, datasets: the card of a data set, the README.md that Hugging Face shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serpentune.datasets.records import SPLITS


def card(manifest: Mapping[str, Any]) -> str:
    """The card of the data set that a manifest tells of."""
    teachers = manifest["teachers"]
    counts = "\n".join(
        f"| {name} | {about['games']} | {', '.join(about['boards'])} | "
        + " | ".join(str(about["records"][split]) for split in SPLITS)
        + " |"
        for name, about in teachers.items()
    )
    styles = ", ".join(f"`{style}`" for style in manifest["styles"])
    others = ", ".join(f"{count} of {name}" for name, count in sorted(manifest["games_of_other_players"].items()))
    files = "\n".join(f"  - split: {split}\n    path: data/{split}.parquet" for split in SPLITS)
    return f"""---
task_categories: [text-generation]
tags: [snake, imitation-learning, serpentune]
configs:
- config_name: default
  data_files:
{files}
---
# Snake games of {", ".join(teachers)}

Prompts show a board of Snake before a move and name a teacher; completions are that teacher's moves
(U, R, D, L). Encoding {", ".join(f"`{name}`" for name in manifest["encodings"])}, completion styles {styles}.
Made by serpentune {manifest["serpentune"]} from replayed games, sample and split drawn with seed {manifest["seed"]}.
Splits are by game: games with the same apples lie in one split, whoever played them.

| teacher | games | boards | {" | ".join(SPLITS)} |
|---|---|---|---|---|---|
{counts}

Fields: `prompt`, `completion`, `teacher`, `style`, `game` (run folder and number), `seed` (of its apples), `step`
(moves played before), `snake_length`, `board`.

Games left out: {manifest["games_refused"]} that did not replay, {manifest["games_repeated"]} that the logs hold twice,
of players who were not asked for: {others or "none"}. `manifest.json` holds the candidates, what was dropped to balance
the teachers, and the hashes.
"""
