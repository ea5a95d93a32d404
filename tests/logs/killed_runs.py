"""Runs that are killed and gone on with: `python killed_runs.py FOLDER FORMAT SEED MOMENTS`, an outcome a line as JSON.

Each run is a child process that kills itself (SIGKILL) at its n-th touch of the file system below its folder, or is
killed by this process after some time. This process forks only, so that a child starts at once and with no threads.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

from serpentune.common.errors import UserError
from serpentune.logs import _shards, generate_runs

_TOUCHES = {"open", "os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.chmod"}
STAMP = "20260102_030405"
TEACHERS = ["BFS", "HAMILTONIAN"]
GAMES = 11
NOTHING_TO_RESUME = 3


def generate(folder: Path, kind: str, *, resume: bool) -> int:
    try:
        generate_runs(TEACHERS, GAMES, 6, 6, 3, folder, format=kind, timestamp=STAMP, resume=resume)  # type: ignore[arg-type]
    except UserError as error:
        return NOTHING_TO_RESUME if "nothing to resume" in str(error) else 4
    return 0


def in_a_child(folder: Path, kind: str, *, resume: bool, at_touch: int = 0, after: float = 0) -> int:
    """The child's exit code, or minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        seen = 0

        def watch(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal seen
            if event in _TOUCHES and str(folder) in str(arguments[0]):
                seen += 1
                if seen == at_touch:
                    os.kill(os.getpid(), signal.SIGKILL)

        if at_touch:
            sys.addaudithook(watch)
        os._exit(generate(folder, kind, resume=resume))
    if after:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def content(folder: Path) -> dict[str, bytes]:
    """The finished run folders."""
    runs = folder.glob("heuristics-*")
    return {str(path.relative_to(folder)): path.read_bytes() for run in runs for path in run.iterdir()}


def main(root: Path, kind: str, seed: int, moments: str) -> None:
    _shards._MOST_GAMES = 4  # so that a few games are several shards
    rng = random.Random(seed)
    assert in_a_child(root / "whole", kind, resume=False) == 0
    began = time.perf_counter()
    assert in_a_child(root / "timed", kind, resume=False) == 0
    taken = time.perf_counter() - began
    expected = content(root / "whole")
    for number, moment in enumerate(moments.split(",")):
        folder = root / f"killed-{number}"
        kills: list[int] = []
        for attempt in range(rng.choice([1, 1, 2, 3])):
            when = {"after": taken * rng.random()} if moment == "time" else {"at_touch": int(moment) + 7 * attempt}
            resume = bool(kills)
            code = in_a_child(folder, kind, resume=resume, **when)  # type: ignore[arg-type]
            kills.append(code)
            if code != -signal.SIGKILL:
                break  # it was quicker, or there was nothing to go on with
        code = in_a_child(folder, kind, resume=True) if kills[-1] == -signal.SIGKILL else kills[-1]
        if code == NOTHING_TO_RESUME and not content(folder):
            code = in_a_child(folder, kind, resume=False)  # killed before anything was begun
        left = [path.name for path in folder.rglob("*.parquet") if path.parent.parent != folder]
        answer = {"moment": moment, "kills": kills, "code": code, "same": content(folder) == expected, "left": left}
        print(json.dumps(answer), flush=True)
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4])
