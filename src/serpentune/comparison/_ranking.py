"""Floor 9, comparison: models in the order of their mean score."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from serpentune.common.errors import UserError
from serpentune.evaluation.results import EvaluationResult
from serpentune.statistics import Finding, mean_interval, wilson_interval


@dataclass(frozen=True)
class Standing:
    """A model by itself: `score` is its mean score with its interval, `wins` its win rate with a Wilson interval."""

    score: Finding
    wins: Finding


def rank(results: Iterable[EvaluationResult], *, level: float = 0.95, seed: int = 0) -> list[tuple[str, Standing]]:
    """Models by mean score, the best first; among equal ones the higher win rate, then the name.

    Intervals of two models may overlap although one is better on paired games, so this is an order and no test.

    Raises:
        UserError: a model has no games.
    """
    standings = []
    for result in results:
        if not result.games:
            raise UserError(f"{result.name} has no finished games, so it can't be ranked. Evaluate it first.")
        most = max(game.record.width * game.record.height - 1 for game in result.games)
        score = mean_interval(result.scores, np.random.default_rng(seed), level=level, bounds=(0.0, float(most)))
        wins = wilson_interval(int(result.wins.sum()), len(result.games), level=level)
        standings.append((result.name, Standing(score, wins)))
    return sorted(standings, key=lambda item: (-_value(item[1].score), -_value(item[1].wins), item[0]))


def _value(finding: Finding) -> float:
    assert finding.estimate is not None
    return finding.estimate
