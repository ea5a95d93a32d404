"""Floor 8, evaluation: what an evaluation leaves on disk, and how it is read back.

A results folder holds `games.jsonl` (append-only, a line per finished game), `language.json`, `performance.json` and
`manifest.json`. Every figure of later floors is computed from these files, never from a live model.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serpentune.common.errors import UserError
from serpentune.common.files import read_json
from serpentune.game import Ending, GameRecord, from_letters, letters, verify

GAMES = "games.jsonl"
MANIFEST = "manifest.json"
LANGUAGE = "language.json"
PERFORMANCE = "performance.json"

EVALUATION = "evaluation"
"""Where the results folders of a sweep or an experiment lie in its folder."""


@dataclass(frozen=True)
class GameResult:
    """One really played game.

    Attributes:
        record: moves, apples, ending, score, steps and seed.
        answers: prompts that the player answered.
        invalid: moves of answers that could not be used, by kind: `reversal` (turns back into the neck), and where
            an answer has no move what `play.Answer.unusable` says (`empty`, `unreadable`, `contradictory`, failures of
            an endpoint); an answer that is played again is counted again.
        agreed: moves that equal the reference teacher's move in the same state.
        asked: moves in states for which the reference teacher has a move.
        cut: answers that were ended by the most tokens that they may have.
        constrained: answers whose likeliest token was no move, so that the best move was taken instead.
        replaced: places in the record's moves, ascending, where the policy for unreadable answers chose the move.
        opening: moves at the beginning that somebody else played; 0 where the player began.
        tokens: tokens that were written.
        ms: wall time of the game's answers in milliseconds, its share of each batch.
    """

    record: GameRecord
    answers: int
    invalid: dict[str, int]
    agreed: int = 0
    asked: int = 0
    cut: int = 0
    constrained: int = 0
    replaced: tuple[int, ...] = ()
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
            "agreed": self.agreed,
            "asked": self.asked,
            "cut": self.cut,
            "constrained": self.constrained,
            "replaced": list(self.replaced),
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
            record = GameRecord(
                player=player,
                width=int(data["grid"][0]),
                height=int(data["grid"][1]),
                moves=from_letters(data["moves"]),
                apples=tuple(int(cell) for cell in data["apples"]),
                ending=Ending[data["end"]],
                score=int(data["score"]),
                steps=int(data["steps"]),
                seed=int(data["seed"]),
            )
            result = cls(
                record,
                int(data["answers"]),
                {str(kind): int(count) for kind, count in data["invalid"].items()},
                int(data["agreed"]),
                int(data["asked"]),
                cut=int(data.get("cut", 0)),
                constrained=int(data.get("constrained", 0)),
                replaced=tuple(int(place) for place in data.get("replaced", ())),
                opening=int(data.get("opening", 0)),
                tokens=int(data.get("tokens", 0)),
                ms=float(data["ms"]),
            )
        except (KeyError, TypeError, IndexError, AttributeError, OverflowError, RecursionError) as error:
            raise ValueError(f"not a game of this format ({error!r})") from error
        counts = (
            result.answers,
            *result.invalid.values(),
            result.agreed,
            result.asked - result.agreed,
            result.answers - result.cut,
            result.answers - result.constrained,
            result.tokens,
            result.opening,
            len(record.moves) - result.opening,
        )
        if any(not 0 <= place < len(record.moves) for place in result.replaced):
            raise ValueError("a move that it says was replaced is none of its moves")
        if min(counts) < 0 or not 0 <= result.ms < math.inf:
            raise ValueError("its counts of answers, or their time, are impossible")
        if problem := verify(record):
            raise ValueError(problem)
        return result


@dataclass(frozen=True)
class EvaluationResult:
    """One model's evaluation, as read from its results folder.

    Attributes:
        name: what the model is called in tables.
        manifest: versions, seeds, hashes, board, limits, completion style, prompted teacher.
        games: in the order of their seeds.
        language: figures of `language.json`, or None where language was not evaluated.
        performance: figures of `performance.json`, or None.
    """

    name: str
    manifest: dict[str, Any]
    games: tuple[GameResult, ...]
    language: dict[str, Any] | None
    performance: dict[str, Any] | None

    @classmethod
    def load(cls, folder: Path) -> EvaluationResult:
        """Read a results folder; every game is replayed.

        Raises:
            UserError: a file is missing or damaged, no game is finished, a game doesn't follow from its moves, or a
                seed stands twice; the message names file and line.
        """
        if not (folder / MANIFEST).is_file():
            raise UserError(f"{folder} is no results folder: it has no {MANIFEST}. `serpentune evaluate` makes one.")
        manifest = read_json(folder / MANIFEST)
        if not isinstance(manifest, dict) or not isinstance(manifest.get("name"), str):
            raise UserError(f"{folder / MANIFEST}: no evaluation manifest (it has no model name).")
        path = folder / GAMES
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
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
                games.append(GameResult.from_json(line, manifest["name"]))
            except ValueError as error:
                raise UserError(f"{path}, line {number}: {error}.") from error
        twice = [seed for seed, count in Counter(game.record.seed for game in games).items() if count > 1]
        if twice:
            raise UserError(f"{path}: seed {twice[0]} stands more than once.")
        games.sort(key=lambda game: game.record.seed or 0)
        return cls(
            manifest["name"], manifest, tuple(games), _optional(folder / LANGUAGE), _optional(folder / PERFORMANCE)
        )

    @property
    def seeds(self) -> tuple[int, ...]:
        """The game seeds, ascending."""
        return tuple(game.record.seed or 0 for game in self.games)

    @property
    def scores(self) -> NDArray[np.float64]:
        """Apples eaten a game."""
        return np.array([game.record.score for game in self.games], np.float64)

    @property
    def steps(self) -> NDArray[np.float64]:
        """Steps a game."""
        return np.array([game.record.steps for game in self.games], np.float64)

    @property
    def wins(self) -> NDArray[np.bool_]:
        """Whether each game filled the board."""
        return np.array([game.record.ending == Ending.WIN for game in self.games], np.bool_)

    @property
    def endings(self) -> dict[str, int]:
        """Games by ending, the most frequent first."""
        return dict(Counter(game.record.ending.name for game in self.games).most_common())

    @property
    def invalid(self) -> dict[str, int]:
        """Answers that could not be used, by kind, over all games."""
        total: Counter[str] = Counter()
        for game in self.games:
            total.update(game.invalid)
        return dict(total)

    @property
    def agreement(self) -> float | None:
        """Share of moves that equal the reference teacher's in the same state; None where none was asked."""
        asked = sum(game.asked for game in self.games)
        return sum(game.agreed for game in self.games) / asked if asked else None


def _optional(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    figures = read_json(path)
    if not isinstance(figures, dict):
        raise UserError(f"{path}: no figures of an evaluation. Run the evaluation again.")
    return figures


def results_folders(folder: Path) -> list[Path]:
    """The results folders that a folder stands for: itself, or those in it, or in the `evaluation/` of a sweep.

    An untuned model's comes first, the others in the order of their names.
    """
    if (folder / MANIFEST).is_file():
        return [folder]
    for place in (folder / EVALUATION, folder):
        found = [path.parent for path in place.glob(f"*/{GAMES}") if (path.parent / MANIFEST).is_file()]
        if found:
            return sorted(found, key=lambda path: (not path.name.startswith("untuned"), path.name))
    return [folder]
