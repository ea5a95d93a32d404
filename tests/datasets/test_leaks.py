"""States in two splits where prompts don't show it: written in other words, or with the body left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from serpentune.datasets import build_dataset, load_splits
from serpentune.datasets.symmetries import state_hashes, transformed
from serpentune.game import states_before
from serpentune.logs import read_logs

WORDS = ["grid", "simple", "detailed"]


def replayed(folder: Path, logs: Path) -> list[dict[str, Any]]:
    """Every record, with its split and hashes of its state, which the game tells and not the prompt."""
    reading = read_logs([logs])
    games = {f"{run.name}/{game.number}": game for game, run in zip(reading.games, reading.folders, strict=True)}
    found = []
    for split, of_split in load_splits(folder).items():
        for row in of_split:
            state = transformed(states_before(games[row["game"]], [row["step"]]), [row["symmetry"]])
            hashes = {"state": int(state_hashes(state)[0]), "image": int(state_hashes(state, symmetric=True)[0])}
            found.append({**row, "split": split, **hashes, "board_text": row["prompt"].partition(". ")[2]})
    return found


def several(keys: Iterable[tuple[Any, Any]]) -> set[Any]:
    """Which keys have more than one value."""
    values = defaultdict(set)
    for key, value in keys:
        values[key].add(value)
    return {key for key, found in values.items() if len(found) > 1}


@pytest.mark.parametrize(
    ("key", "policy"),
    [
        ("state", "train"),
        ("image", "held-out"),
        pytest.param("state", "held-out", marks=pytest.mark.slow),
        pytest.param("image", "train", marks=pytest.mark.slow),
    ],
)
def test_a_state_leaks_in_whatever_words(few_logs: Path, tmp_path: Path, key: str, policy: str) -> None:
    off = {"duplicates": "off", "contradictions": "off"}
    options: dict[str, Any] = {"styles": ["move"], "encodings": WORDS, "balance": [], "checks": off}
    build_dataset([few_logs], tmp_path / "leaking", split={"leaks": "off"}, **options)
    leaking = replayed(tmp_path / "leaking", few_logs)
    planted = several((row[key], row["split"]) for row in leaking)
    assert several((row[key], row["encoding"]) for row in leaking if row[key] in planted)
    split = {"leaks": policy, "symmetric_leaks": key == "image"}
    stats = build_dataset([few_logs], tmp_path / "set", split=split, **options)
    found = replayed(tmp_path / "set", few_logs)
    assert not several((row[key], row["split"]) for row in found)
    assert not several((row["board_text"], row["split"]) for row in found)
    assert stats.manifest["checks"]["leaks"]["count"] == len(leaking) - len(found) > 0
    untouched = "test" if policy == "train" else "train"
    kept, there = (sum(row["split"] == untouched for row in rows) for rows in (found, leaking))
    assert kept == there


def test_images_of_one_state_stay_once_in_whatever_words(logs: Path, tmp_path: Path) -> None:
    checks = {"duplicates": "symmetric", "contradictions": "off"}
    build_dataset(
        [logs], tmp_path / "set", styles=["move"], encodings=WORDS, balance=[], checks=checks, split={"leaks": "off"}
    )
    found = replayed(tmp_path / "set", logs)
    assert len({(row["teacher"], row["image"]) for row in found}) == len(found)
    assert len({(row["prompt"], row["completion"]) for row in found}) == len(found)


@pytest.mark.parametrize("policy", ["train", "held-out"])
def test_which_split_keeps_a_repeated_record_is_said_by_the_policy(logs: Path, tmp_path: Path, policy: str) -> None:
    options: dict[str, Any] = {"teachers": ["BFS"], "styles": ["move"], "balance": []}
    build_dataset([logs], tmp_path / "all", checks={"duplicates": "off"}, split={"leaks": "off"}, **options)
    build_dataset([logs], tmp_path / "set", split={"leaks": policy}, **options)
    before, after = (
        {split: {row["prompt"] for row in of_split} for split, of_split in load_splits(tmp_path / name).items()}
        for name in ("all", "set")
    )
    assert before["train"] & before["test"]
    untouched = "test" if policy == "train" else "train"
    assert after[untouched] == before[untouched]
    assert after["validation"] == before["validation"] - before["test"] - (
        before["train"] if policy == "held-out" else set()
    )
