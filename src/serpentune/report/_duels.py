"""Floor 10, report: two models side by side on one game seed: where they part, also without JavaScript."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from serpentune.common.visible import visible
from serpentune.evaluation.games import GameResult
from serpentune.evaluation.results import EvaluationResult
from serpentune.game import DIRECTIONS, MOVE_LETTERS, Ending, GameRecord, Move, states_before
from serpentune.report import _format, _replays
from serpentune.report._board import board_svg, last_frame
from serpentune.report._thoughts import teacher_of

SCRIPTS = ("rules.js", "board.js", "shares.js", "duel_words.js", "duel.js", "page.js")
"""The JavaScript of a page with replays, in its order."""

_WORDS = {
    Move.INVALID_REVERSAL: "turns back",
    Move.EMPTY: "gives an unreadable answer",
    Move.SOMETHING_IS_WRONG: "fails to answer",
    Move.NO_PATH_FOUND: "gives up",
}


@dataclass(frozen=True)
class Duel:
    """The game with which the replays begin.

    Attributes:
        seed: the game seed.
        left: the place of the first model in the results.
        right: that of the second, or None where no other model played this seed.
        at: moves before the first in which they differ; None where they play alike, and for one model.
    """

    seed: int
    left: int
    right: int | None = None
    at: int | None = None


def first_difference(left: GameRecord, right: GameRecord) -> int | None:
    """Moves that two games of one seed have in common before the first that differs, or that one of them lacks.

    Returns:
        None where they are the same game.
    """
    for at, (a, b) in enumerate(zip(left.moves, right.moves, strict=False)):
        if a != b:
            return at
    shorter, longer = sorted((len(left.moves), len(right.moves)))
    return None if shorter == longer else shorter


def opening_duel(results: Sequence[EvaluationResult]) -> Duel | None:
    """The first two models with a seed in common, on the game that tells them apart best; None without any game.

    That is the first game that one fills and in which the other dies, else the first that one of them fills, else the
    first in which they play differently, else the first.
    """
    played = [(place, {game.record.seed or 0: game for game in result.games}) for place, result in enumerate(results)]
    played = [(place, games) for place, games in played if games]
    if not played:
        return None
    left, games = played[0]
    for right, others in played[1:]:
        if common := sorted(games.keys() & others.keys()):
            seed = max(common, key=lambda seed: (_contrast(games[seed], others[seed]), -seed))
            return Duel(seed, left, right, first_difference(games[seed].record, others[seed].record))
    return Duel(min(games), left)


def _contrast(left: GameResult, right: GameResult) -> int:
    endings = {left.record.ending, right.record.ending}
    if Ending.WIN in endings and endings & {Ending.WALL, Ending.SELF}:
        return 3
    if Ending.WIN in endings and len(endings) > 1:
        return 2
    return int(first_difference(left.record, right.record) is not None)


def describe(results: Sequence[EvaluationResult]) -> dict[str, Any]:
    """What the page's replays are made of; `still` is None where nobody played."""
    replays = _replays.pack(results)
    duel = opening_duel(results)
    return {
        "replays": replays,
        "page_data": {
            # Scripts show them and make addresses of them, which halves of surrogate pairs can't stand in.
            "models": [visible(result.name) for result in results],
            "letters": MOVE_LETTERS,
            "endings": {ending.name: _format.ending(ending.name) for ending in Ending},
            "start": None if duel is None else [duel.left, duel.right, str(duel.seed)],
            "thought": [count > 0 for count in replays.thought],
        },
        "still": None if duel is None else _still(results, duel),
        "thought_notes": _notes(results, replays),
    }


def _still(results: Sequence[EvaluationResult], duel: Duel) -> dict[str, Any]:
    """Boards and words for readers without JavaScript."""
    sides = [results[side] for side in (duel.left, duel.right) if side is not None]
    records = {result.name: _record(result, duel.seed) for result in sides}
    ends = "; ".join(
        f"{name}: {_format.ending(record.ending.name)} after {_format.count(record.steps)} steps, score {record.score}"
        for name, record in records.items()
    )
    if duel.at is None:
        words = "They play alike." if len(sides) > 1 else "The last board."
        boards = [(name, Markup(last_frame(record))) for name, record in records.items()]
    else:
        moves = {name: _move(record, duel.at) for name, record in records.items()}
        words = f"Move {_format.count(duel.at + 1)}, the first that differs: {_said(moves)}."
        boards = [
            (name, Markup(board_svg(states_before(record, [min(duel.at, len(record.moves))])[0], move=moves[name])))
            for name, record in records.items()
        ]
    return {"seed": duel.seed, "boards": boards, "words": words, "ends": ends}


def _record(result: EvaluationResult, seed: int) -> GameRecord:
    return next(game.record for game in result.games if (game.record.seed or 0) == seed)


def _move(record: GameRecord, at: int) -> Move | None:
    return Move(record.moves[at]) if at < len(record.moves) else None


def _said(moves: Mapping[str, Move | None]) -> str:
    return ", ".join(f"{name} {'is at its end' if move is None else _words(move)}" for name, move in moves.items())


def _words(move: Move) -> str:
    return f"goes {move.name.lower()}" if move in DIRECTIONS else _WORDS[move]


def _notes(results: Sequence[EvaluationResult], replays: _replays.Replays) -> list[str]:
    """Of whom the page shows what was thought of a move, as sentences; nothing of those without games."""
    notes = []
    for result, count in zip(results, replays.thought, strict=True):
        if not result.games:
            continue
        kind = "the moves that it holds equally good" if teacher_of(result) else "what it gives each move"
        games = f"{_format.count(count)} of {_format.count(len(result.games))} games"
        notes.append(f"{result.name}: {kind}, in {games}." if count else f"{result.name}: nothing was kept.")
    return notes
