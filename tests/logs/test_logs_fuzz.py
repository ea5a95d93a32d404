"""Logs whose bytes were changed at random: never a crash, and the counts add up."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from serpentune.game import verify
from serpentune.logs import check_logs, read_logs, write_run

VALUES = [
    None,
    True,
    -1,
    0,
    3,
    10**30,
    1.5,
    float("nan"),
    float("inf"),
    "",
    "7",
    "UP",
    "NO_PATH_FOUND",
    [],
    {},
    [[]],
    [{}],
]


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a document."""
    keys: Any = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [place for key in keys for place in [(value, key), *_places(value[key])]]


def _mutate(document: Any, rng: random.Random) -> None:
    for _ in range(rng.choice([1, 1, 2, 5])):
        container, key = rng.choice(_places(document) or [({"": 0}, "")])
        kind = rng.randrange(4)
        if kind == 0:
            del container[key]
        elif kind == 1 and isinstance(container[key], int | float):
            container[key] += rng.choice([-1, 1, 100])
        elif kind == 2 and isinstance(container, list):
            container.insert(key, container[rng.randrange(len(container))])
        else:
            container[key] = rng.choice(VALUES)


def _check_answer(folder: Path) -> tuple[int, int]:
    reading = read_logs([folder])
    assert all(verify(game) is None for game in reading.games)
    assert all(refusal.file.parent == folder and refusal.reason for refusal in reading.refused)
    check_logs([folder])
    return len(reading.games), len(reading.refused)


def test_no_mutated_json_crashes_the_reader(tmp_path, random_games):
    source = write_run(random_games(6), tmp_path / "source", metadata={}, format="json")
    documents = [(source / f"game_{n}.json").read_text() for n in range(1, 7)]
    for text in documents[:3]:
        document = json.loads(text)
        del document["detailed_history"]["rounds_data"], document["grid_size"], document["serpentune"]
        documents.append(json.dumps(document))
    rng = random.Random(2)
    folder = tmp_path / "mutated"
    folder.mkdir()
    outcomes: Counter[str] = Counter()
    for number in range(600):
        text = rng.choice(documents)
        if number % 3 == 0:
            content = bytearray(text.encode())
            for _ in range(rng.choice([1, 4])):
                content[rng.randrange(len(content))] = rng.randrange(256)
            content = content[: rng.randrange(len(content)) if rng.random() < 0.3 else None]
        else:
            document = json.loads(text)
            _mutate(document, rng)
            content = bytearray(json.dumps(document).encode())
        (folder / "game_1.json").write_bytes(content)
        (folder / "summary.json").write_text(
            rng.choice(['{"configuration": {"grid_size": 6}}', "[]", "{", '{"configuration": 3}'])
        )
        accepted, refused = _check_answer(folder)
        assert accepted + refused == 1
        outcomes["accepted"] += accepted
        outcomes["refused"] += refused
    assert outcomes["refused"] > 200 and outcomes["accepted"] > 20, outcomes


def test_no_mutated_parquet_crashes_the_reader(tmp_path, random_games):
    source = write_run(random_games(20), tmp_path / "source", metadata={})
    original = (source / "games.parquet").read_bytes()
    games = set(read_logs([source]).games)
    rng = random.Random(3)
    folder = tmp_path / "mutated"
    folder.mkdir()
    for _ in range(300):
        content = bytearray(original)
        for _ in range(rng.choice([1, 3, 20])):
            content[rng.randrange(len(content))] = rng.randrange(256)
        (folder / "games.parquet").write_bytes(content)
        _check_answer(folder)
        # A checksum guards the pages: no damage turns a game into another one of the same number.
        accepted = read_logs([folder]).games
        assert {replace(game, player="", seed=None) for game in accepted} <= {
            replace(game, player="", seed=None) for game in games
        }
