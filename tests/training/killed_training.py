"""Training runs that are killed and gone on with: `python killed_training.py FOLDER BASE MOMENTS`, one as JSON a line.

Each run is a child process that kills itself (SIGKILL) at a moment: `open@checkpoint-8/trainer_state.json` is the
first event of that kind, as the interpreter reports them, at that place; `12` is the twelfth touch of the checkpoints'
folder; `time` is some time after the start. This process trains once and then forks, so that a child starts at once.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

from serpentune.training import AdvancedTrainingConfig, HyperparameterConfig, TrainingResult, train
from tests.training.samples import samples

TOUCHES = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree"}
DONE = "done.json"


def settings(base: str) -> AdvancedTrainingConfig:
    """20 steps in which entries of the history, evaluations and checkpoints fall together in all ways."""
    return AdvancedTrainingConfig(
        base_model_name=base,
        hyperparameters=HyperparameterConfig(
            num_epochs=2, batch_size=4, gradient_accumulation_steps=2, learning_rate=5e-3
        ),
        logging_steps=3,
        eval_steps=7,
        save_steps=4,
    )


def losses(run: TrainingResult) -> list[dict[str, float]]:
    return [{key: entry[key] for key in entry if key in ("step", "loss", "eval_loss")} for entry in run.history]


def in_a_child(base: str, folder: Path, *, moment: str = "", after: float = 0) -> int:
    """The child's exit code, or minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        seen = 0
        event, _, place = moment.partition("@")

        def watch(happened: str, arguments: tuple[object, ...]) -> None:
            nonlocal seen
            if happened not in TOUCHES or f"{folder}/checkpoints" not in str(arguments[0]):
                return
            seen += 1
            if moment == str(seen) or (place and event == happened and place in str(arguments[0])):
                os.kill(os.getpid(), signal.SIGKILL)

        if moment:
            sys.addaudithook(watch)
        code = 1
        try:
            run = train(settings(base), samples(80), samples(16, 1), folder, resume=folder.exists(), quiet=True)
            (folder / DONE).write_text(json.dumps({"losses": losses(run), "resumed_from": run.resumed_from}))
            code = 0
        finally:
            os._exit(code)
    if after:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(root: Path, base: str, moments: str) -> None:
    chance = random.Random(0)
    whole = losses(train(settings(base), samples(80), samples(16, 1), root / "whole", quiet=True))
    began = time.perf_counter()
    assert in_a_child(base, root / "again") == 0
    taken = time.perf_counter() - began
    for number, moment in enumerate(moments.split(",")):
        folder = root / f"killed-{number}"
        killed = in_a_child(
            base,
            folder,
            moment="" if moment == "time" else moment,
            after=taken * chance.random() if moment == "time" else 0,
        )
        answer: dict[str, Any] = {"moment": moment, "killed": killed == -signal.SIGKILL}
        answer["ended"] = in_a_child(base, folder)
        done = json.loads((folder / DONE).read_text())
        answer["same"] = done["losses"] == whole
        answer["resumed_from"] = done["resumed_from"]
        answer["left"] = sorted(path.name for path in (folder / "checkpoints").iterdir())
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
