"""A data set that a tiny model learns within a few steps: echo the board's apples as moves."""

from __future__ import annotations

import random
from typing import Any


def samples(count: int, seed: int = 0, *, cells: int = 12, longest: int = 6) -> Any:
    from datasets import Dataset

    draw = random.Random(seed)
    prompts, completions = [], []
    for _ in range(count):
        board = [draw.choice([".", ".", "H", "A"]) for _ in range(cells)]
        prompts.append(" " + " ".join(board) + " Moves:")
        completions.append(" " + " ".join("U" if cell == "A" else "D" for cell in board[: draw.randint(1, longest)]))
    return Dataset.from_dict({"prompt": prompts, "completion": completions, "teacher": ["BFS"] * count})
