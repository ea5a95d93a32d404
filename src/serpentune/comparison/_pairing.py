"""Floor 9, comparison: which games of two evaluations belong together, and when they may not be paired at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from serpentune.common.errors import UserError
from serpentune.evaluation.results import EvaluationResult
from serpentune.game import GameRecord

RULE_FIELDS = ("grid", "limits", "policy")
"""Fields that every manifest must have and that must agree, or a difference in play isn't the models'."""

MORE_RULE_FIELDS = ("decoding", "rules", "opening")
"""Fields that must agree where a manifest has them."""

PROMPT_FIELDS = ("style", "teacher", "encoding")
"""Fields of the manifest that belong to the student; where they differ, the report says so."""

ASKING_FIELDS = ("mode", "replan_every", "max_new_tokens")
"""Fields that say how a model is asked; where they differ, the comparison is of ways of asking too, and says so."""


@dataclass(frozen=True)
class Pairs:
    """The games of two models that share their seed, in the order of the seeds.

    Attributes:
        a: games of the first model.
        b: games of the second one, of the same seeds.
        dropped: games of either model without a partner.
        identical: pairs in which both played the same moves.
        notes: what a reader should know about the pairing, in sentences.
    """

    a: tuple[GameRecord, ...]
    b: tuple[GameRecord, ...]
    dropped: int
    identical: int
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.a)


def pair(a: EvaluationResult, b: EvaluationResult) -> Pairs:
    """Pair the games of two evaluations by seed.

    Raises:
        UserError: they were not played under the same rules, limits, board or policy, a game's board is not the
            manifest's, or no seed was played by both.
    """
    _check_same_rules(a, b)
    games_a = {game.record.seed: game.record for game in a.games}
    games_b = {game.record.seed: game.record for game in b.games}
    common = [seed for seed in games_a if seed in games_b]
    if not common:
        raise UserError(
            f"{a.name} and {b.name} have no game seed in common ({_span(a)} and {_span(b)}), so nothing can be paired. "
            "Evaluate both with the same --seed and --games."
        )
    pairs_a = tuple(games_a[seed] for seed in common)
    pairs_b = tuple(games_b[seed] for seed in common)
    _check_same_apples(a, b, pairs_a, pairs_b)
    identical = sum(x.moves == y.moves and x.apples == y.apples for x, y in zip(pairs_a, pairs_b, strict=True))
    dropped_a, dropped_b = len(a.games) - len(common), len(b.games) - len(common)
    notes = [note for result in (a, b) if (note := _unfinished(result))]
    if dropped_a or dropped_b:
        notes.append(
            f"{dropped_a} of {a.name}'s games and {dropped_b} of {b.name}'s were left out: "
            "the other model didn't play their seeds."
        )
    notes += [
        f"The models were prompted with different {field}s ({a.manifest.get(field)!r} and {b.manifest.get(field)!r}), "
        "so their language figures are of different texts."
        for field in PROMPT_FIELDS
        if a.manifest.get(field) != b.manifest.get(field)
    ]
    notes += [
        f"The models were asked differently: {field} is {a.manifest.get(field)!r} for {a.name} and "
        f"{b.manifest.get(field)!r} for {b.name}."
        for field in ASKING_FIELDS
        if a.manifest.get(field) != b.manifest.get(field)
    ]
    if a.manifest.get("model_sha256") is not None and a.manifest["model_sha256"] == b.manifest.get("model_sha256"):
        notes.append(
            f"{a.name} and {b.name} are evaluations of one and the same model: their files have the same hash."
        )
    return Pairs(pairs_a, pairs_b, dropped_a + dropped_b, identical, tuple(notes))


def _check_same_rules(a: EvaluationResult, b: EvaluationResult) -> None:
    for result in (a, b):
        for field in RULE_FIELDS:
            if field not in result.manifest:
                raise UserError(f"{result.name}: the manifest doesn't say {field}. Evaluate the model again.")
    for field in (*RULE_FIELDS, *MORE_RULE_FIELDS):
        values = (a.manifest.get(field), b.manifest.get(field))
        if values[0] != values[1]:
            raise UserError(
                f"{a.name} and {b.name} can't be compared: their manifests differ in {field} "
                f"({_difference(*values)}). Evaluate both under the same conditions."
            )
    for result in (a, b):
        for game in result.games:
            board = [game.record.width, game.record.height]
            if board != result.manifest["grid"]:
                raise UserError(
                    f"{result.name}: the game of seed {game.record.seed} was played on {board[0]}x{board[1]}, "
                    f"but the manifest says {result.manifest['grid']}. Evaluate the model again."
                )


def _check_same_apples(
    a: EvaluationResult, b: EvaluationResult, games_a: tuple[GameRecord, ...], games_b: tuple[GameRecord, ...]
) -> None:
    """The first apple follows from the seed alone: where it differs, the games are not the same game."""
    for x, y in zip(games_a, games_b, strict=True):
        if x.apples[0] != y.apples[0]:
            raise UserError(
                f"{a.name} and {b.name} can't be compared: the first apple of seed {x.seed} lies on cell "
                f"{x.apples[0]} for one and {y.apples[0]} for the other. Evaluate both with the same version."
            )


def _difference(a: Any, b: Any) -> str:
    if isinstance(a, dict) and isinstance(b, dict):
        keys = [key for key in {**a, **b} if a.get(key) != b.get(key)]
        return ", ".join(f"{key}: {a.get(key)!r} and {b.get(key)!r}" for key in keys)
    return f"{a!r} and {b!r}"


def _span(result: EvaluationResult) -> str:
    return f"seeds {result.seeds[0]} to {result.seeds[-1]}" if result.seeds else "no games"


def _unfinished(result: EvaluationResult) -> str | None:
    planned = result.manifest.get("games")
    if not isinstance(planned, int) or len(result.games) >= planned:
        return None
    return (
        f"{result.name} has {len(result.games)} of its {planned} games. Games played side by side end when the snake "
        "dies, so the missing ones are the long ones: finish the evaluation before believing its means."
    )
