"""Floor 3, logs: one game as one `game_N.json` document, the family that other Snake programs write.

What other programs leave open, and how it is read here:

* The player's name is the first of `heuristic_info.algorithm`, `metadata.algorithm`, `algorithm` and
  `llm_info.primary_model`.
* `grid_size` is one number (a square board) or `[width, height]`. A game without it is of the size in
  `configuration.grid_size` of the folder's `summary.json`, else 10x10, the size of the programs that leave it out.
* Some programs count `NO_PATH_FOUND` as a step. It is none in our rules, so `steps` may be either count; the record
  holds ours.
* The game's number is the one in the file's name.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from serpentune.game import MAX_SIDE, MIN_SIDE, Ending, GameRecord, Move
from serpentune.logs._positions import next_apples

FORMAT_VERSION = 1
USUAL_SIDE = 10

_ENDINGS = {ending.name: ending for ending in Ending if ending != Ending.RUNNING}
_MOVES = {move.name: int(move) for move in Move}
_PLAYER_PLACES = (
    ("heuristic_info", "algorithm"),
    ("metadata", "algorithm"),
    ("algorithm",),
    ("llm_info", "primary_model"),
)
_MAX_COUNT = 2**62


class Unusable(ValueError):
    """A document that is no finished game; the message says why."""


def load_document(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        Unusable: the file can't be read, or holds anything but one JSON object in UTF-8.
    """
    try:
        document = json.loads(path.read_bytes().decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise Unusable(f"not valid JSON, or cut short (line {error.lineno}: {error.msg})") from error
    except UnicodeDecodeError as error:
        raise Unusable(f"not UTF-8 text (byte {error.start})") from error
    except RecursionError as error:
        raise Unusable("not valid JSON (nested too deeply)") from error
    except ValueError as error:
        raise Unusable("not valid JSON (a number has too many digits)") from error
    except OSError as error:
        raise Unusable(f"can't be read ({error.strerror or error})") from error
    return _as_object(document, "the document")


def parse_game(document: dict[str, Any], number: int, folder: Path) -> GameRecord:
    """The game in a document, not yet replayed; `folder` is where its `summary.json` is looked for.

    Raises:
        Unusable: a needed key is missing, or a value is of the wrong kind or out of range.
    """
    history = _as_object(_get(document, "detailed_history"), "detailed_history")
    score = _count(document, "score")
    length = _count(document, "snake_length")
    if length != score + 1:
        raise Unusable(f"its snake_length is {length}, a score of {score} makes {score + 1}")
    if _get(document, "game_over") is not True:
        raise Unusable("its game_over is not true: the game is unfinished")
    ending = _get(document, "game_end_reason")
    if not isinstance(ending, str) or ending not in _ENDINGS:
        raise Unusable(f"its game_end_reason is {_describe(ending)}, none of: {', '.join(_ENDINGS)}")
    width, height = _board(document, folder)
    moves = bytes(_move(move, index) for index, move in enumerate(_list(history, "moves")))
    steps = _count(document, "steps")
    gave_up = moves.count(Move.NO_PATH_FOUND)
    return GameRecord(
        player=_player(document),
        width=width,
        height=height,
        moves=moves,
        apples=tuple(
            _cell(apple, index, width, height) for index, apple in enumerate(_list(history, "apple_positions"))
        ),
        ending=_ENDINGS[ending],
        score=score,
        steps=steps - gave_up if steps == len(moves) else steps,
        seed=_seed(document),
        number=number,
    )


def game_text(record: GameRecord) -> str:
    """A record as the text of its `game_N.json`; a round of `rounds_data` is a move and the apple before it."""
    rounds: dict[str, Any] = {}
    for index, (apple, move) in enumerate(zip(next_apples(record), record.moves, strict=True), 1):
        name = Move(move).name
        rounds[str(index)] = {"round": index, "apple_position": _xy(apple, record.width), "moves": [name]}
    document = {
        "score": record.score,
        "steps": record.steps,
        "snake_length": record.score + 1,
        "game_over": True,
        "game_end_reason": record.ending.name,
        "round_count": len(rounds),
        "grid_size": grid_size(record.width, record.height),
        "heuristic_info": {"algorithm": record.player},
        "metadata": {"algorithm": record.player, "game_number": record.number, "round_count": len(rounds)},
        "serpentune": {"format_version": FORMAT_VERSION, "seed": record.seed},
        "detailed_history": {
            "moves": [Move(move).name for move in record.moves],
            "apple_positions": [dict(zip("xy", _xy(cell, record.width), strict=True)) for cell in record.apples],
            "rounds_data": rounds,
        },
    }
    return json.dumps(document, separators=(",", ":"), allow_nan=False) + "\n"


def grid_size(width: int, height: int) -> int | list[int]:
    """A board as `grid_size`: one number where it is square."""
    return width if width == height else [width, height]


def _xy(cell: int, width: int) -> list[int]:
    return [cell % width, cell // width]


def _player(document: dict[str, Any]) -> str:
    for place in _PLAYER_PLACES:
        value: Any = document
        for depth, key in enumerate(place):
            value = _as_object(value, ".".join(place[:depth])).get(key)
            if value is None:
                break
        if value is not None:
            name = ".".join(place)
            if not isinstance(value, str) or not value.strip() or not value.strip().isprintable():
                raise Unusable(f"its {name} is {_describe(value)}, not a name")
            return value.strip()
    raise Unusable(f"it names no player: none of {', '.join('.'.join(place) for place in _PLAYER_PLACES)} is there")


def _board(document: dict[str, Any], folder: Path) -> tuple[int, int]:
    value, place = document.get("grid_size"), "grid_size"
    if value is None:
        value, place = _configured_size(folder), "summary.json's configuration.grid_size"
    sides = value if isinstance(value, list) and len(value) == 2 else [value, value]
    for side in sides:
        if isinstance(side, bool) or not isinstance(side, int) or not MIN_SIDE <= side <= MAX_SIDE:
            raise Unusable(f"its {place} is {_describe(value)}, not a board of {MIN_SIDE} to {MAX_SIDE} cells a side")
    return sides[0], sides[1]


def _configured_size(folder: Path) -> Any:
    path = folder / "summary.json"
    if not path.exists():
        return USUAL_SIDE
    try:
        configuration = load_document(path).get("configuration")
        size = None if configuration is None else _as_object(configuration, "configuration").get("grid_size")
    except Unusable as error:
        raise Unusable(f"it has no grid_size, and its summary.json is no help: {error}") from error
    return USUAL_SIDE if size is None else size


def _seed(document: dict[str, Any]) -> int | None:
    """The seed of a game that we wrote; what other programs call a seed draws no apples of ours."""
    ours = document.get("serpentune")
    if ours is None:
        return None
    ours = _as_object(ours, "serpentune")
    if ours.get("format_version") != FORMAT_VERSION:
        version = _describe(ours.get("format_version"))
        raise Unusable(f"its serpentune.format_version is {version}, this program reads {FORMAT_VERSION}")
    return None if ours.get("seed") is None else _count(ours, "seed")


def _move(value: Any, index: int) -> int:
    if not isinstance(value, str) or value not in _MOVES:
        raise Unusable(f"move {index} is {_describe(value)}, none of: {', '.join(_MOVES)}")
    return _MOVES[value]


def _cell(value: Any, index: int, width: int, height: int) -> int:
    apple = _as_object(value, f"apple {index}")
    x, y = _count(apple, "x", f"apple {index}: "), _count(apple, "y", f"apple {index}: ")
    if x >= width or y >= height:
        raise Unusable(f"apple {index} at ({x}, {y}) lies outside the {width}x{height} board")
    return y * width + x


def _get(parent: dict[str, Any], key: str, where: str = "") -> Any:
    if key not in parent:
        raise Unusable(f"{where}the key {key} is missing")
    return parent[key]


def _count(parent: dict[str, Any], key: str, where: str = "") -> int:
    value = _get(parent, key, where)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_COUNT:
        raise Unusable(f"{where}its {key} is {_describe(value)}, not a whole number from 0")
    return value


def _list(parent: dict[str, Any], key: str) -> list[Any]:
    value = _get(parent, key)
    if not isinstance(value, list):
        raise Unusable(f"its {key} is {_describe(value)}, not a list")
    return value


def _as_object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unusable(f"{name} is {_describe(value)}, not an object")
    return value


def _describe(value: Any) -> str:
    """A value in a message: short, and never a walk through something deeply nested."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if value is None:
        return "null"
    if isinstance(value, int) and abs(value) > _MAX_COUNT:
        return "a number beyond all bounds"
    text = json.dumps(value) if isinstance(value, bool) else repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
