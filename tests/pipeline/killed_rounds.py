"""Rounds of improvement that kill themselves: `python killed_rounds.py FOLDER STUDENT PLACE`.

They are begun in FOLDER, or gone on with where they were begun, and get SIGKILL before the first rename to PLACE.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from serpentune.pipeline import ImproveConfig, improve


def settings(output_dir: Path, student: Path, **more: Any) -> ImproveConfig:
    """Two rounds of four games and six steps on 4x4."""
    values: dict[str, Any] = {
        "student": student,
        "teacher": "BFS",
        "rounds": 2,
        "name": "rounds",
        "output_dir": output_dir,
        "games": 4,
        "teacher_games": 8,
        "samples": 80,
        "evaluation_games": 3,
        "training": {
            "hyperparameters": {"max_steps": 6, "batch_size": 4, "gradient_accumulation_steps": 1},
            "save_steps": 2,
        },
    }
    return ImproveConfig(**values | more)


def _watch(place: str) -> None:
    def renames(happened: str, arguments: tuple[Any, ...]) -> None:
        if happened == "os.rename" and str(arguments[1]).endswith(place):
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(renames)


if __name__ == "__main__":
    folder, student, place = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    _watch(place)
    if (folder / "improve.yaml").is_file():
        improve(resume=folder, quiet=True)
    else:
        improve(settings(folder.parent, student), quiet=True)
