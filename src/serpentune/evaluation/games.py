"""Floor 8, evaluation: one really played game, as a line of `games.jsonl` and back."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from operator import index
from pathlib import Path

from serpentune.common.errors import UserError
from serpentune.game import Ending, GameRecord, from_letters, letters, verify

_NEEDED = ("seed", "grid", "score", "steps", "end", "moves", "apples", "answers", "invalid", "ms")
"""What every line of `games.jsonl` has; the rest came with later versions."""


@dataclass(frozen=True)
class GameResult:
    """One really played game.

    Attributes:
        record: moves, apples, ending, score, steps and seed.
        answers: prompts that the player answered.
        invalid: moves of answers that could not be used, by kind: `reversal` (turns back into the neck), and where
            an answer has no move what `play.Answer.unusable` says (`empty`, `unreadable`, `contradictory`, failures of
            an endpoint); an answer that is played again is counted again.
        cut: answers that were ended by the most tokens that they may have.
        constrained: places in the record's moves, ascending, of those that begin an answer whose likeliest token was
            no move, so that the best move was taken instead.
        replaced: places in the record's moves, ascending, where the policy for unreadable answers chose the move.
        dropped: places in the record's moves, ascending, where the rest of an answer was dropped, since its next move
            would have ended the game, and the player was asked again; None in games of before this was kept.
        opening: moves at the beginning that somebody else played; 0 where the player began.
        tokens: tokens that were written.
        ms: wall time of the game's answers in milliseconds, its share of each batch.
    """

    record: GameRecord
    answers: int
    invalid: dict[str, int]
    cut: int = 0
    constrained: tuple[int, ...] = ()
    replaced: tuple[int, ...] = ()
    dropped: tuple[int, ...] | None = ()
    opening: int = 0
    tokens: int = 0
    ms: float = 0.0

    def to_json(self) -> str:
        """The game as one line of `games.jsonl`."""
        record = self.record
        line = {
            "seed": record.seed,
            "grid": [record.width, record.height],
            "score": record.score,
            "steps": record.steps,
            "end": record.ending.name,
            "moves": letters(record.moves),
            "apples": list(record.apples),
            "answers": self.answers,
            "invalid": self.invalid,
            "cut": self.cut,
            "constrained": list(self.constrained),
            "replaced": list(self.replaced),
            **({} if self.dropped is None else {"dropped": list(self.dropped)}),
            "opening": self.opening,
            "tokens": self.tokens,
            "ms": round(self.ms, 3),
        }
        return json.dumps(line, separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str, player: str) -> GameResult:
        """The inverse of `to_json`.

        Raises:
            ValueError: the line is no JSON object of this form, or its score, steps or ending don't follow from its
                moves.
        """
        try:
            data = json.loads(line)
            if missing := [name for name in _NEEDED if name not in data]:
                raise ValueError(f"not a game of an evaluation: it has no {missing[0]!r}")
            if data["end"] not in Ending.__members__:
                raise ValueError(f"it says that it ends with {data['end']!r}, which no game does")
            record = GameRecord(
                player=player,
                width=int(data["grid"][0]),
                height=int(data["grid"][1]),
                moves=from_letters(data["moves"]),
                apples=tuple(int(cell) for cell in data["apples"]),
                ending=Ending[data["end"]],
                score=int(data["score"]),
                steps=int(data["steps"]),
                seed=index(data["seed"]),
            )
            result = cls(
                record,
                int(data["answers"]),
                {str(kind): int(count) for kind, count in data["invalid"].items()},
                cut=int(data.get("cut", 0)),
                constrained=tuple(int(place) for place in data.get("constrained", ())),
                replaced=tuple(int(place) for place in data.get("replaced", ())),
                dropped=tuple(int(place) for place in data["dropped"]) if "dropped" in data else None,
                opening=int(data.get("opening", 0)),
                tokens=int(data.get("tokens", 0)),
                ms=float(data["ms"]),
            )
        except (KeyError, TypeError, IndexError, AttributeError, OverflowError, RecursionError) as error:
            raise ValueError("not a game of an evaluation: one of its values is of another kind") from error
        counts = (
            result.answers,
            *result.invalid.values(),
            result.answers - result.cut,
            result.answers - len(result.constrained),
            result.tokens,
            result.opening,
            len(record.moves) - result.opening,
        )
        answered = len(record.moves) + (record.ending == Ending.NO_PATH_FOUND)  # giving up is no move of a record
        marked = (*result.replaced, *result.constrained, *(result.dropped or ()))
        if any(not 0 <= place < answered for place in marked):
            raise ValueError("a move that it says was replaced, constrained or asked for again is none of its moves")
        if min(counts) < 0 or not 0 <= result.ms < math.inf:
            raise ValueError("its counts of answers, or their time, are impossible")
        if problem := verify(record):
            raise ValueError(problem)
        return result


def read_games(path: Path, raw: bytes, player: str) -> tuple[GameResult, ...]:
    """The games of a `games.jsonl` in the order of their seeds.

    Args:
        path: the file, for what is said of it.
        raw: its bytes.
        player: who played.

    Raises:
        UserError: it is no text, holds no game, a torn line, one that is no game of ours, two boards, or a seed twice.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise UserError(f"{path} can't be read ({error}).") from error
    if not text:
        raise UserError(f"{path}: no game is finished. Run the same evaluation again; it goes on where it stopped.")
    if not text.endswith("\n"):
        raise UserError(
            f"{path}, line {text.count(chr(10)) + 1}: it is torn, as a killed run leaves it. "
            "Run the same evaluation again; it goes on where it stopped."
        )
    games = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            games.append(GameResult.from_json(line, player))
        except ValueError as error:
            raise UserError(f"{path}, line {number}: {error}.") from error
        if len({(game.record.width, game.record.height) for game in (games[0], games[-1])}) > 1:
            raise UserError(f"{path}, line {number}: the game was played on another board than those before.")
    twice = [seed for seed, count in Counter(game.record.seed for game in games).items() if count > 1]
    if twice:
        raise UserError(f"{path}: seed {twice[0]} stands more than once.")
    return tuple(sorted(games, key=lambda game: game.record.seed or 0))
