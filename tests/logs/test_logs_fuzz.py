"""Logs that were changed at random: each is refused with file, game and reason, or is a true game; nothing is lost."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serpentune.game import DIRECTIONS, Ending, GameRecord, Move, states_before
from serpentune.logs import check_logs, read_logs, write_run

VALUES = [
    None, True, -1, 0, 3, 10**30, 1.5, float("nan"), float("inf"), "", "7", "UP", "NO_PATH_FOUND", [], {}, [[]], [{}],
]  # fmt: skip
DELTAS = ((0, 1), (1, 0), (0, -1), (-1, 0))


def is_true(game: GameRecord) -> bool:
    """Whether a game follows from its moves, found out with lists and positions, without a kernel."""
    body, direction, score, steps, ending = [(game.width // 2, game.height // 2)], None, 0, 0, Ending.RUNNING
    apples = [(cell % game.width, cell // game.width) for cell in game.apples]
    for move in game.moves:
        if ending != Ending.RUNNING or score >= len(apples):
            return False
        if move == Move.NO_PATH_FOUND:
            ending = Ending.NO_PATH_FOUND
            continue
        steps += 1
        if move not in DIRECTIONS or (direction is not None and (move - direction) % 4 == 2):
            continue
        head = (body[0][0] + DELTAS[move][0], body[0][1] + DELTAS[move][1])
        if not (0 <= head[0] < game.width and 0 <= head[1] < game.height):
            ending = Ending.WALL
        elif head in body[:-1]:
            ending = Ending.SELF
        else:
            eats = head == apples[score]
            if eats and head in body:
                return False
            body = [head, *(body if eats else body[:-1])]
            direction, score = move, score + eats
            if len(body) == game.width * game.height:
                ending = Ending.WIN
            elif eats and score < len(apples) and apples[score] in body and score < len(apples) - (game.seed is None):
                return False
    open_end = ending == Ending.RUNNING and game.ending > Ending.SELF
    return (
        (score, steps) == (game.score, game.steps)
        and len(apples) <= score + (ending != Ending.WIN)
        and (open_end or ending == game.ending)
    )


# --- JSON -----------------------------------------------------------------------------------------------------------


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a document."""
    keys: Any = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [place for key in keys for place in [(value, key), *places(value[key])]]


def anywhere(document: Any, rng: random.Random) -> None:
    for _ in range(rng.choice([1, 1, 2, 5])):
        container, key = rng.choice(places(document) or [({"": 0}, "")])
        kind = rng.randrange(4)
        if kind == 0:
            del container[key]
        elif kind == 1 and isinstance(container[key], int | float):
            container[key] += rng.choice([-1, 1, 100])
        elif kind == 2 and isinstance(container, list):
            container.insert(key, container[rng.randrange(len(container))])
        else:
            container[key] = rng.choice(VALUES)


def another(value: int, rng: random.Random) -> int:
    return value + rng.choice([-2, -1, 1, 2, 50])


def elsewhere(position: list[int], rng: random.Random) -> list[int]:
    return [(position[0] + rng.randrange(1, 6)) % 6, position[1]]


def a_board(document: Any, rng: random.Random) -> Any:
    return rng.choice(list(document["dataset_game_states"].values()))


def a_round(document: Any, rng: random.Random) -> Any:
    return rng.choice(list(document["detailed_history"]["rounds_data"].values()))


def after_the_end(document: Any, rng: random.Random) -> None:
    """Moves after the one that ended the game, the count of steps being raised with them."""
    extra = [rng.choice(["UP", "EMPTY", "LEFT"]) for _ in range(rng.choice([1, 3]))]
    document["detailed_history"]["moves"] += extra
    document["steps"] += len(extra)


def teleporting_head(document: Any, rng: random.Random) -> None:
    board = a_board(document, rng)
    board["head_position"] = elsewhere(board["head_position"], rng)


def teleporting_body(document: Any, rng: random.Random) -> None:
    cells = a_board(document, rng)["snake_positions"]
    index = rng.randrange(len(cells))
    cells[index] = elsewhere(cells[index], rng)


def teleporting_apple(document: Any, rng: random.Random) -> None:
    place = a_board(document, rng) if rng.random() < 0.5 else a_round(document, rng)
    place["apple_position"] = elsewhere(place["apple_position"], rng)


def missing_apple(document: Any, rng: random.Random) -> None:
    apples = document["detailed_history"]["apple_positions"]
    del apples[rng.randrange(max(1, document["score"]))]


UNTRUE: dict[str, Callable[[Any, random.Random], object]] = {
    "score": lambda d, rng: d.update(score=another(d["score"], rng)),
    "score and length": lambda d, rng: d.update(score=(n := another(d["score"], rng)), snake_length=n + 1),
    "steps": lambda d, rng: d.update(steps=another(d["steps"], rng)),
    "grid size": lambda d, rng: d.update(grid_size=rng.choice([0, 3, 51, -6, 10**9, [6], [6, 6, 6], "6", 6.0, True])),
    "moves after the end": after_the_end,
    "head": teleporting_head,
    "body": teleporting_body,
    "apple": teleporting_apple,
    "missing apple": missing_apple,
    "ending": lambda d, rng: d.update(game_end_reason=rng.choice(["WIN", "BORED", None, 3, "RUNNING"])),
}
"""Changes after which the games below are true in no reading."""


def with_boards(text: str, game: GameRecord) -> str:
    """The document with a board before each move, as another program adds them."""
    document = json.loads(text)
    document["dataset_game_states"] = {
        str(place + 2): {
            "head_position": list(state.xy(state.head)),
            "snake_positions": [list(state.xy(cell)) for cell in state.body[::-1]],
            "apple_position": list(state.xy(state.apple)),
            "steps": place,
        }
        for place, state in enumerate(states_before(game, range(len(game.moves))))
    }
    return json.dumps(document)


def changed_bytes(content: bytes, rng: random.Random, at_once: list[int]) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice(at_once)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed[: rng.randrange(len(changed)) if rng.random() < 0.2 else None])


def check_json(tmp_path: Path, source: list[GameRecord], count: int, seed: int) -> Counter[str]:
    rng = random.Random(seed)
    # Games that ended on the board: what comes after such an end is wrong in every reading.
    games = [game for game in source if game.ending in (Ending.WALL, Ending.SELF) and game.score >= 1][:6]
    assert len(games) == 6
    whole = write_run(
        [replace(game, number=n) for n, game in enumerate(games, 1)], tmp_path / "whole", metadata={}, format="json"
    )
    texts = [with_boards((whole / f"game_{n}.json").read_text(), game) for n, game in enumerate(games, 1)]
    folder = tmp_path / "mutated"
    folder.mkdir()
    intact, untrue = {}, {}
    for number in range(1, count + 1):
        path = folder / f"game_{number}.json"
        text = rng.choice(texts)
        match rng.randrange(10):
            case 0:
                intact[number] = path.write_text(text)
            case 1 | 2 | 3:
                path.write_bytes(changed_bytes(text.encode(), rng, [1, 4]))
            case 4 | 5 | 6:
                document = json.loads(text)
                anywhere(document, rng)
                path.write_text(json.dumps(document))
            case _:
                document = json.loads(text)
                name = rng.choice(list(UNTRUE))
                UNTRUE[name](document, rng)
                path.write_text(json.dumps(document))
                untrue[number] = name
    reading = read_logs([folder])
    accepted = {game.number: game for game in reading.games}
    assert len(accepted) == len(reading.games)
    refused = {refusal.file.name for refusal in reading.refused}
    assert len(refused) == len(reading.refused)
    assert all(refusal.reason for refusal in reading.refused)
    assert {f"game_{number}.json" for number in accepted} | refused == {path.name for path in folder.iterdir()}
    assert len(accepted) + len(refused) == count
    assert set(intact) <= set(accepted)
    assert all(is_true(game) for game in reading.games)
    assert {number: name for number, name in untrue.items() if number in accepted} == {}
    checked = check_logs([folder])
    assert (checked["accepted"], len(checked["refused"])) == (len(accepted), len(refused))
    return Counter(accepted=len(accepted) - len(intact), refused=len(refused))


# --- Parquet --------------------------------------------------------------------------------------------------------


def other_value(name: str, value: Any, rng: random.Random) -> Any:
    """Another value of the same column."""
    if name == "moves":
        changed = bytearray(value)
        match rng.randrange(4):
            case 0 if changed:
                changed[rng.randrange(len(changed))] = rng.choice([0, 1, 2, 3, 4, 7, 8, 255])
            case 1 if changed:
                del changed[rng.randrange(len(changed)) :]
            case 2:
                changed = bytearray(rng.randbytes(rng.randrange(40)))
            case _:
                changed.append(rng.randrange(9))
        return bytes(changed)
    if name == "apples":
        changed = list(value)
        place = rng.randrange(len(changed))
        match rng.randrange(3):
            case 0:
                changed[place] = rng.choice([-1, 0, 7, 36, 32767, -32768])
            case 1:
                del changed[place]
            case _:
                changed.insert(place, rng.randrange(36))
        return changed
    if name == "ending":
        return rng.choice([*Ending.__members__, "", "BORED", "x" * 1000])
    if name == "seed":
        return rng.choice([None, -1, 2**63 - 1])
    if name in ("width", "height"):
        return rng.choice([5, 7, 0, -1, 3, 51, 32767])
    return rng.choice([value + 1, value - 1, -1, 0, 2**31 - 1])


def changed_rows(table: Any, rng: random.Random) -> tuple[Any, set[int]]:
    rows = {rng.randrange(table.num_rows) for _ in range(rng.choice([1, 1, 3]))}
    name = rng.choice(["moves", "moves", "apples", "ending", "seed", "width", "height", "score", "steps"])
    values = table.column(name).to_pylist()
    for row in rows:
        values[row] = other_value(name, values[row], rng)
    place = table.schema.get_field_index(name)
    field = table.schema.field(name)
    return table.set_column(place, field, pa.array(values, field.type)), rows


def check_parquet(tmp_path: Path, games: list[GameRecord], count: int, seed: int) -> Counter[str]:
    rng = random.Random(seed)
    source = write_run(games, tmp_path / "source", metadata={}) / "games.parquet"
    original, table = source.read_bytes(), pq.read_table(source)
    runs = tmp_path / "mutated"
    touched: dict[str, set[int] | None] = {}
    for number in range(count):
        path = runs / f"run-{number:05d}" / "games.parquet"
        path.parent.mkdir(parents=True)
        if rng.random() < 0.5:
            path.write_bytes(changed_bytes(original, rng, [1, 3, 20]))
            touched[path.parent.name] = None
        else:
            other, rows = changed_rows(table, rng)
            pq.write_table(other, path)
            touched[path.parent.name] = rows
    reading = read_logs([runs])
    accepted: dict[str, list[GameRecord]] = {name: [] for name in touched}
    for folder, game in zip(reading.folders, reading.games, strict=True):
        accepted[folder.name].append(game)
    refused: dict[str, list[int | None]] = {name: [] for name in touched}
    for refusal in reading.refused:
        assert refusal.file.name == "games.parquet" and refusal.reason
        refused[refusal.file.parent.name].append(refusal.game)
    for name, rows in touched.items():
        if rows is None:
            # A checksum guards the pages: no damage turns a game into another one of the same number.
            unnamed = [replace(game, player="", seed=None) for game in accepted[name]]
            assert set(unnamed) <= {replace(game, player="", seed=None) for game in games}
            assert len(unnamed) == len(games) or refused[name], name
        else:
            assert len(accepted[name]) + len(refused[name]) == len(games), name
            assert set(refused[name]) <= {games[row].number for row in rows}
            untouched = [game for row, game in enumerate(games) if row not in rows]
            assert [game for game in accepted[name] if game.number - 1 not in rows] == untouched
    assert all(is_true(game) for game in set(reading.games))
    checked = check_logs([runs])
    assert (checked["accepted"], len(checked["refused"])) == (len(reading.games), len(reading.refused))
    return Counter(accepted=len(reading.games), refused=len(reading.refused))


# --- how many -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_no_mutated_json_is_believed_or_lost(tmp_path: Path, random_games: Callable[..., list[GameRecord]]) -> None:
    outcomes = check_json(tmp_path, random_games(60), 600, seed=2)
    assert outcomes["refused"] > 200 and outcomes["accepted"] > 10, outcomes


def test_no_mutated_parquet_is_believed_or_lost(tmp_path: Path, random_games: Callable[..., list[GameRecord]]) -> None:
    outcomes = check_parquet(tmp_path, random_games(20), 200, seed=3)
    assert outcomes["refused"] > 100 and outcomes["accepted"] > 1000, outcomes


@pytest.mark.slow
def test_ten_thousand_mutated_files(tmp_path: Path, random_games: Callable[..., list[GameRecord]]) -> None:
    check_json(tmp_path / "json", random_games(60), 7000, seed=20261)
    check_parquet(tmp_path / "parquet", random_games(20), 3000, seed=20262)


@pytest.mark.parametrize("text", ['{"configuration": {"grid_size": 6}}', "[]", "{", '{"configuration": 3}'])
def test_a_strange_summary_crashes_nothing(
    tmp_path: Path, random_games: Callable[..., list[GameRecord]], text: str
) -> None:
    run = write_run(random_games(3), tmp_path / "run", metadata={}, format="json")
    for path in run.glob("game_*.json"):
        document = json.loads(path.read_text())
        del document["grid_size"]
        path.write_text(json.dumps(document))
    (run / "summary.json").write_text(text)
    reading = read_logs([run])
    assert len(reading.games) + len(reading.refused) == 3
