"""A training run of several processes that is told to stop, for `torchrun`: BASE FOLDER STEP.

After step STEP, and not after step 0, the second process sends itself SIGTERM. The first prints a line of JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from serpentune.training import TrainingInterrupted, train
from tests.training.killed_training import losses, settings
from tests.training.samples import samples


class Tell(TrainerCallback):
    def __init__(self, step: int) -> None:
        self._step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == self._step and os.environ["RANK"] == "1":
            os.kill(os.getpid(), signal.SIGTERM)


def main(base: str, folder: Path, step: int) -> None:
    said: dict[str, Any] = {}
    try:
        run = train(
            settings(base), samples(80), samples(16, 1), folder,
            resume=folder.exists(), callbacks=[Tell(step)], quiet=True,
        )  # fmt: skip
        said = {"losses": losses(run), "resumed_from": run.resumed_from}
    except TrainingInterrupted as interrupted:
        said = {"stopped": interrupted.checkpoint.name}
    if os.environ["RANK"] == "0":
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
