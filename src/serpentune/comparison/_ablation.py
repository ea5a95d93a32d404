"""Floor 9, comparison: what an ablation found, from the evaluations of its variants, as data and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from serpentune.common.errors import UserError, unknown_name
from serpentune.comparison._factors import Effect, Levels, Table, interactions, main_effects
from serpentune.comparison._pairing import pair
from serpentune.evaluation.results import EvaluationResult

FIGURES = {"score": "apples a game", "win": "share of boards filled"}
"""What effects are read in, and the unit."""


@dataclass(frozen=True)
class AblationReading:
    """What each factor does, over the training seeds of which every variant is finished.

    Attributes:
        variants: level by factor, by name.
        baseline: the name of the recipe as it is.
        seeds: training seeds.
        games: that every student played.
        means: of each variant, by figure.
        effects: main effects, by figure.
        interactions: of two factors, by figure; empty where one factor was changed at a time.
    """

    variants: dict[str, dict[str, str]]
    baseline: str
    seeds: tuple[int, ...]
    games: int
    means: dict[str, dict[str, float]]
    effects: dict[str, list[Effect]]
    interactions: dict[str, list[Effect]]

    @property
    def level(self) -> str:
        """What the figures are about."""
        if len(self.seeds) > 1:
            return f"Each figure is of a method, over the training seeds {', '.join(map(str, self.seeds))}."
        return (
            f"Each variant was trained once (seed {self.seeds[0]}), so this is about these checkpoints and no claim "
            "about what a factor does in other training runs."
        )

    def to_json(self) -> dict[str, Any]:
        """Everything as plain values."""
        return asdict(self)

    def to_markdown(self) -> str:
        """Tables of variants, main effects and interactions."""
        lines = [f"{self.games} games a student. {self.level}", ""]
        lines += ["| variant | " + " | ".join(FIGURES.values()) + " |", "|---|" + "---:|" * len(FIGURES)]
        for name in self.variants:
            lines.append(f"| {name} | " + " | ".join(_number(self.means[key][name]) for key in FIGURES) + " |")
        for key, unit in FIGURES.items():
            for title, effects in (("Main effects", self.effects[key]), ("Interactions", self.interactions[key])):
                if effects:
                    lines += ["", f"{title} on {unit}:", "", "| what | against | comparisons | effect | 95% interval |"]
                    lines += ["|---|---|---:|---:|---:|"] + [_row(effect) for effect in effects]
        if not self.interactions["score"] and len(next(iter(self.variants.values()))) > 1:
            lines += [
                "",
                "One factor was changed at a time, which shows no interactions: --full trains all combinations.",
            ]
        reasons = dict.fromkeys(effect.found.reason for effect in self.effects["score"] if effect.found.reason)
        lines += [line for reason in reasons for line in ("", f"Where there is no interval: {reason}.")]
        return "\n".join(lines) + "\n"


def read_ablation(
    variants: Mapping[str, Levels],
    baseline: str,
    seeds: Sequence[int],
    results: Mapping[str, Sequence[EvaluationResult]],
    *,
    level: float = 0.95,
) -> AblationReading:
    """Read the main effects and interactions from the games of all variants' students.

    Args:
        variants: level by factor, by name.
        baseline: one of these names.
        seeds: of training.
        results: of every variant, one for each of `seeds`, in that order.
        level: coverage of the intervals.

    Raises:
        UserError: no variant of the baseline's name, no seeds, a variant without a result for each, students that
            didn't play the same games, or as of `main_effects`.
    """
    if baseline not in variants:
        raise unknown_name("variant", baseline, variants)
    for name in variants:
        if len(results.get(name, ())) != len(seeds) or not seeds:
            raise UserError(
                f"{name} has {len(results.get(name, ()))} results for {len(seeds)} training seeds. Effects are read "
                "from seeds that every variant was trained with."
            )
    every = [result for name in variants for result in results[name]]
    common = set.intersection(*({game.record.seed for game in result.games} for result in every))
    for other in every:
        pair(every[0], other)  # refuses other rules
        if len(common) < len(other.games):
            raise UserError(f"{other.name} and the other students didn't play the same games. Evaluate them again.")
    tables = {key: {name: _table(results[name], key) for name in variants} for key in FIGURES}
    board = every[0].games[0].record
    bounds = {"score": (0.0, board.width * board.height - 1.0), "win": (0.0, 1.0)}
    return AblationReading(
        {name: dict(levels) for name, levels in variants.items()},
        baseline,
        tuple(seeds),
        len(common),
        {key: {name: float(table.mean()) for name, table in of.items()} for key, of in tables.items()},
        {key: main_effects(variants, baseline, of, level=level, bounds=bounds[key]) for key, of in tables.items()},
        {key: interactions(variants, baseline, of, level=level, bounds=bounds[key]) for key, of in tables.items()},
    )


def _table(results: Sequence[EvaluationResult], key: str) -> Table:
    """Rows of students, columns of games in the order of their seeds."""
    rows = []
    for result in results:
        order = np.argsort([int(game.record.seed or 0) for game in result.games])
        rows.append(np.asarray(result.scores if key == "score" else result.wins, np.float64)[order])
    return np.array(rows)


def _row(effect: Effect) -> str:
    against = ", ".join(f"{factor}={level}" for factor, level in zip(effect.factors, effect.baseline, strict=True))
    interval = effect.found.interval
    span = "none" if interval is None else f"{_number(interval.low, sign=True)} to {_number(interval.high, sign=True)}"
    estimate = effect.found.estimate
    assert estimate is not None
    return f"| {effect.name} | {against} | {effect.comparisons} | {_number(estimate, sign=True)} | {span} |"


def _number(value: float, *, sign: bool = False) -> str:
    return f"{value:{'+' if sign else ''}.3f}"
