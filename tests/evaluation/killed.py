"""An evaluation in processes that are killed: `python -m tests.evaluation.killed scripted|nano FOLDER KILLS`.

Each process goes on with FOLDER/killed and is killed at a random point: while it starts, plays, or writes the figures.
Finished games must stay. Then that evaluation is finished, and one that was never killed is made in FOLDER/whole.
Prints how many games the processes that were killed had finished.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from serpentune.evaluation import EvaluationSettings, evaluate_model, play_games
from serpentune.evaluation.results import write_derived
from serpentune.evaluation.store import open_results
from serpentune.game import State
from tests.evaluation.players import Scripted, plan

GAMES = 100


def scripted(folder: Path) -> None:
    """Many short games by a player that takes a while, as models do."""

    def answer(state: State) -> str:
        time.sleep(0.0002)
        return "" if (sum(state.body) + state.apple) % 31 == 0 else plan("BFS", most=3)(state)

    with open_results(folder, {"name": "scripted", "teacher": "CELL"}, overwrite=False) as results:
        seeds = [seed for seed in range(GAMES) if seed not in results.finished]
        for result in play_games(Scripted(answer, places=6), seeds, 4, 4):
            results.add(result)
        write_derived(folder)


def nano() -> Callable[[Path], None]:
    """Few games by the built-in model."""
    import torch

    from serpentune.models import load_base

    torch.set_num_threads(1)
    loaded = load_base("nano", dtype=torch.float32)
    settings = EvaluationSettings(games=24, width=4, height=4, style="move")

    def evaluate(folder: Path) -> None:
        evaluate_model(loaded, folder, settings, quiet=True)

    return evaluate


def main(player: str, folder: Path, kills: int) -> None:
    evaluate = scripted if player == "scripted" else nano()
    chance = random.Random(0)
    killed = 0
    before: list[bytes] = []
    while killed < kills:
        child = os.fork()
        if not child:
            evaluate(folder)
            os._exit(0)
        # By games and not by time, so that a slow machine gets as far.
        wanted = len(before) + chance.randrange(3)
        while (
            len(finished(folder)) < wanted and os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        ):
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.03))
        os.kill(child, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status not in (0, -signal.SIGKILL):
            sys.exit("an evaluation failed")
        killed += status != 0
        now = finished(folder)
        if now[: len(before)] != before:
            sys.exit("a finished game is gone")
        before = now
    print(len(before))
    evaluate(folder)
    evaluate(folder.parent / "whole")


def finished(folder: Path) -> list[bytes]:
    """The whole lines of the games."""
    path = folder / "games.jsonl"
    return path.read_bytes().split(b"\n")[:-1] if path.is_file() else []


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]) / "killed", int(sys.argv[3]))
