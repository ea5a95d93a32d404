"""Floor 9, comparison: which games of two evaluations belong together, and when they may not be paired at all."""

from __future__ import annotations

from collections.abc import Sequence
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

PLAYER = "player"
"""The manifest's entry of a player that is no language model: it was never prompted, whatever the settings were."""


@dataclass(frozen=True)
class Pairs:
    """The games that some models have in common.

    Attributes:
        seeds: of the games that all of them played, ascending.
        games: of each model, these games in that order.
        dropped: games of any of them that another one didn't play.
        identical: seeds on which all of them played the same moves.
        notes: what a reader should know about the pairing, in sentences.
    """

    seeds: tuple[int, ...]
    games: tuple[tuple[GameRecord, ...], ...]
    dropped: int
    identical: int
    notes: tuple[str, ...]

    @property
    def a(self) -> tuple[GameRecord, ...]:
        """The first model's games."""
        return self.games[0]

    @property
    def b(self) -> tuple[GameRecord, ...]:
        """The second model's games."""
        return self.games[1]

    def __len__(self) -> int:
        return len(self.seeds)


def pair(*results: EvaluationResult) -> Pairs:
    """Pair the games of two evaluations or more by seed.

    Raises:
        UserError: they were not played under the same rules, limits, board or policy, a game's board is not the
            manifest's, or no seed was played by all.
    """
    first, *others = results
    for other in others:
        _check_same_rules(first, other)
    games = [{game.record.seed: game.record for game in result.games} for result in results]
    common = [seed for seed in first.seeds if all(seed in own for own in games)]
    if not common:
        raise UserError(
            f"{_names(results)} have no game seed in common ({' and '.join(map(_span, results))}), so nothing can be "
            "paired. Evaluate all with the same --seed and --games."
        )
    records = tuple(tuple(own[seed] for seed in common) for own in games)
    for other, own in zip(others, records[1:], strict=True):
        _check_same_apples(first, other, records[0], own)
    identical = sum(len({(record.moves, record.apples) for record in each}) == 1 for each in zip(*records, strict=True))
    left_out = {result.name: len(result.games) - len(common) for result in results}
    dropped = sum(left_out.values())
    notes = [note for result in results if (note := _unfinished(result))]
    if dropped:
        counts = [f"{count} of {name}'s" for name, count in left_out.items()]
        counts[0] += " games"
        notes.append(f"{' and '.join(counts)} were left out: not every model played their seeds.")
    notes += dict.fromkeys(note for other in others for note in _unlike(first, other))
    return Pairs(tuple(common), records, dropped, identical, tuple(notes))


def _unlike(a: EvaluationResult, b: EvaluationResult) -> list[str]:
    """What differs between two evaluations without forbidding their comparison, in sentences."""
    prompted = PLAYER not in a.manifest and PLAYER not in b.manifest
    notes = _asked_otherwise(a, b) if prompted else []
    teachers = [result.manifest.get("teacher") for result in (a, b)]
    if not prompted and teachers[0] != teachers[1]:
        notes.append(
            f"The decisions of {a.name} are held against {teachers[0]!r} and those of {b.name} against {teachers[1]!r}."
        )
    if a.manifest.get("model_sha256") is not None and a.manifest["model_sha256"] == b.manifest.get("model_sha256"):
        notes.append(
            f"{a.name} and {b.name} are evaluations of one and the same model: their files have the same hash."
        )
    versions = [result.manifest.get("serpentune") for result in (a, b)]
    if None not in versions and versions[0] != versions[1]:
        notes.append(
            f"{a.name} was evaluated by serpentune {versions[0]} and {b.name} by {versions[1]}, under the same rules."
        )
    return notes


def _asked_otherwise(a: EvaluationResult, b: EvaluationResult) -> list[str]:
    """What differs in the prompts of two language models and in how they are asked, in sentences."""
    notes = [
        f"The models were prompted with different {field}s ({a.manifest.get(field)!r} and {b.manifest.get(field)!r}), "
        "so their language figures are of different texts."
        for field in PROMPT_FIELDS
        if a.manifest.get(field) != b.manifest.get(field)
    ]
    return notes + [
        f"The models were asked differently: {field} is {a.manifest.get(field)!r} for {a.name} and "
        f"{b.manifest.get(field)!r} for {b.name}."
        for field in ASKING_FIELDS
        if a.manifest.get(field) != b.manifest.get(field)
    ]


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
    a: EvaluationResult, b: EvaluationResult, games_a: Sequence[GameRecord], games_b: Sequence[GameRecord]
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


def _names(results: Sequence[EvaluationResult]) -> str:
    *most, last = dict.fromkeys(result.name for result in results)
    return f"{', '.join(most)} and {last}"


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
