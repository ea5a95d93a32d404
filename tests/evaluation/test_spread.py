"""Games spread over processes and a cluster are those of one process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from serpentune.common.errors import UserError
from serpentune.evaluation import (
    EvaluationSettings,
    evaluate_contestant,
    evaluate_model,
    model_contestant,
    open_contestant,
)
from serpentune.models import LoadedModel

SETTINGS = EvaluationSettings(games=12, width=4, height=4, seed=7)


def games(folder: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "games.jsonl").read_text().splitlines()]
    return sorted(({**line, "ms": None} for line in lines), key=lambda line: line["seed"])


@pytest.mark.slow
def test_two_processes_play_the_games_of_one(nano: LoadedModel, tmp_path: Path) -> None:
    two = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "serpentune"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"}
    asked = ["evaluate", "nano", "--games", "12", "--grid-size", "4", "--seed", "7", "--json"]
    done = subprocess.run(
        [*two, *asked, "--output", str(tmp_path / "two")],
        env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["games"] == 12  # one document: the second process is silent
    evaluate_model(nano, tmp_path / "one", SETTINGS, quiet=True)
    assert games(tmp_path / "two") == games(tmp_path / "one")
    assert not list((tmp_path / "two").glob("*part*"))
    figures = json.loads((tmp_path / "two" / "performance.json").read_text())
    assert (figures["games"], figures["processes"], figures["undefined"]) == (12, 2, {})


@pytest.mark.slow
def test_what_processes_that_were_killed_left_is_taken_once(nano: LoadedModel, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    evaluate_model(nano, whole, SETTINGS, quiet=True)
    lines = (whole / "games.jsonl").read_text().splitlines(keepends=True)
    cut = tmp_path / "cut"
    evaluate_model(nano, cut, SETTINGS, quiet=True)
    # Killed while the first process took over the parts of the others: one of a part's games is there already.
    (cut / "games.jsonl").write_text("".join(lines[:5]))
    (cut / "games.part-1.jsonl").write_text("".join(lines[4:8]) + lines[8][:20])
    (cut / "games.part-2.jsonl").write_text("")
    evaluate_model(nano, cut, SETTINGS, quiet=True)
    assert games(cut) == games(whole)
    assert not list(cut.glob("*part*"))
    kept = (cut / "games.jsonl").read_text().splitlines(keepends=True)
    assert kept[:8] == lines[:8]


def test_games_that_only_a_part_holds_are_kept_from_other_settings(tmp_path: Path) -> None:
    evaluate_contestant(open_contestant("BFS"), tmp_path, SETTINGS, quiet=True)
    part = (tmp_path / "games.jsonl").rename(tmp_path / "games.part-1.jsonl")
    (tmp_path / "games.jsonl").touch()
    held = part.read_bytes()
    with pytest.raises(UserError, match="its first_seed is 7, not 8"):
        evaluate_contestant(open_contestant("BFS"), tmp_path, replace(SETTINGS, seed=8), quiet=True)
    assert part.read_bytes() == held
    part.write_text("")  # nobody played: the folder is free
    again = evaluate_contestant(open_contestant("BFS"), tmp_path, replace(SETTINGS, seed=8), quiet=True)
    assert again.seeds == tuple(range(8, 20)) and not part.exists()


def test_a_game_that_stands_in_two_parts_is_taken_once(tmp_path: Path) -> None:
    evaluate_contestant(open_contestant("BFS"), tmp_path, SETTINGS, quiet=True)
    lines = (tmp_path / "games.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "games.jsonl").write_text("".join(lines[:4]))
    (tmp_path / "games.part-1.jsonl").write_text("".join(lines[3:8]))
    (tmp_path / "games.part-2.jsonl").write_text("".join(lines[6:]))
    assert evaluate_contestant(open_contestant("BFS"), tmp_path, SETTINGS, quiet=True).seeds == tuple(range(7, 19))
    assert (tmp_path / "games.jsonl").read_text() == "".join(lines)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra `cluster`")
def test_a_cluster_plays_the_games_of_one_process(nano: LoadedModel, tmp_path: Path) -> None:
    for name in ("nano", "BFS"):
        contestant = open_contestant(name)
        evaluate_contestant(contestant, tmp_path / f"ray-{name}", SETTINGS, engine="ray", quiet=True)
        evaluate_contestant(contestant, tmp_path / f"here-{name}", SETTINGS, quiet=True)
        assert games(tmp_path / f"ray-{name}") == games(tmp_path / f"here-{name}")
        figures = json.loads((tmp_path / f"ray-{name}" / "performance.json").read_text())
        assert figures["device"] is figures["peak_memory_mb"] is figures["processes"] is None
        assert "Ray cluster" in figures["undefined"]["peak_memory_mb"]


def test_what_cannot_be_spread_is_refused(nano: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="Did you mean ray"):
        evaluate_contestant(open_contestant("BFS"), tmp_path / "a", SETTINGS, engine="rai", quiet=True)
    with pytest.raises(UserError, match="lives in this process only"):
        evaluate_contestant(model_contestant(nano), tmp_path / "b", SETTINGS, engine="ray", quiet=True)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="without torchrun"):
        evaluate_contestant(open_contestant("BFS"), tmp_path / "c", SETTINGS, engine="ray", quiet=True)
