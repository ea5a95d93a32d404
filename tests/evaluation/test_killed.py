"""An evaluation that is killed again and again ends with the games and figures of one that isn't."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

KILLS = 20


def games(folder: Path) -> list[dict[str, Any]]:
    """The finished games without their times, in the order of their seeds."""
    found = [json.loads(line) for line in (folder / "games.jsonl").read_text().splitlines()]
    return sorted(({**line, "ms": None} for line in found), key=lambda line: line["seed"])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no fork there")
@pytest.mark.parametrize("player", ["scripted", "nano"])
def test_twenty_kills_lose_no_game_and_change_no_number(tmp_path: Path, player: str) -> None:
    command = [sys.executable, "-m", "tests.evaluation.killed", player, str(tmp_path), str(KILLS)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True, text=True)
    assert int(done.stdout) > 5, "the kills left no game to keep"
    assert games(tmp_path / "killed") == games(tmp_path / "whole")
    left, whole = (json.loads((tmp_path / name / "play.json").read_text()) for name in ("killed", "whole"))
    assert left["figures"] == whole["figures"]
