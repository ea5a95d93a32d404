"""Floor 9, comparison: how alike models play, in states that both of them met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from serpentune.common.errors import UserError
from serpentune.comparison._loading import Results, check_names, load_all
from serpentune.comparison._pairing import pair
from serpentune.evaluation.results import EvaluationResult


@dataclass(frozen=True)
class Agreement:
    """How alike some models play, pair by pair.

    Two games of one seed are the same until the first move in which they differ; up to there both models were asked
    about the same states, and behind it about other ones. So of each pair of games the common moves count as agreed,
    and the first different one, where there is one, as not.

    Attributes:
        names: of the models, the order of rows and columns.
        moves: share of moves in common states that are the same; 1 with itself, None without a common game.
        states: common states that this is a share of; for a model with itself all of its moves.
        games: share of the common game seeds that both played move for move alike.
    """

    names: tuple[str, ...]
    moves: tuple[tuple[float | None, ...], ...]
    states: tuple[tuple[int, ...], ...]
    games: tuple[tuple[float | None, ...], ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON documents."""
        return {
            "names": list(self.names),
            **{name: [list(row) for row in getattr(self, name)] for name in ("moves", "states", "games")},
        }


def agreement(results: Sequence[Results]) -> Agreement:
    """How alike models play, by their games alone: no model and no teacher is asked.

    Raises:
        UserError: there are no results, two have one name, one has no games, or two weren't played under the same
            conditions, as of `compare_results`; having no game in common is no error.
    """
    loaded = load_all(results)
    if not loaded:
        raise UserError("There are no results whose moves could be compared.")
    check_names(loaded)
    met = [[_alike(a, b) for b in loaded] for a in loaded]
    return Agreement(
        tuple(result.name for result in loaded),
        tuple(tuple(_share(agreed, states) for agreed, states, _, _ in row) for row in met),
        tuple(tuple(states for _, states, _, _ in row) for row in met),
        tuple(tuple(_share(alike, games) for _, _, alike, games in row) for row in met),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _alike(a: EvaluationResult, b: EvaluationResult) -> tuple[int, int, int, int]:
    """Agreed moves, common states, games that are alike throughout, common games."""
    if not set(a.seeds) & set(b.seeds):
        return 0, 0, 0, 0
    common = pair(a, b)
    agreed = alike = 0
    for first, second in zip(common.a, common.b, strict=True):
        if first.moves == second.moves:
            agreed, alike = agreed + len(first.moves), alike + 1
        else:
            agreed += _common(first.moves, second.moves)
    return agreed, agreed + len(common) - alike, alike, len(common)


def _common(a: bytes, b: bytes) -> int:
    """Length of the common beginning."""
    return next((at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
