"""Floor 9, comparison: the reading of an ablation: what each factor does, and what two do beyond their sum.

A design is a set of variants, each a level for every factor. A level's main effect is taken against the baseline's
level of the same factor, over all pairs of variants that differ in this factor alone; so one definition serves a full
factorial design (many pairs) and a design that changes one factor at a time (one pair).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from serpentune.common.errors import UserError
from serpentune.statistics import Finding, seed_level_difference

Levels = Mapping[str, str]
"""A variant: level by factor."""

Table = NDArray[np.float64]
"""A figure of a variant's games, shape (training seeds, games): apples, or 1 for a win."""


@dataclass(frozen=True)
class Effect:
    """What a level does, or two levels together beyond the sum of what each does.

    Attributes:
        factors: one for a main effect, two for an interaction.
        levels: of these factors.
        baseline: the baseline's levels of the same factors.
        comparisons: pairs of variants that differ in nothing else; for an interaction quadruples.
        by_seed: the effect in the students of each training seed, in the order of the tables' rows.
        found: their mean, with an interval over training seeds and games, or the reason why there is none.
    """

    factors: tuple[str, ...]
    levels: tuple[str, ...]
    baseline: tuple[str, ...]
    comparisons: int
    by_seed: tuple[float, ...]
    found: Finding

    @property
    def name(self) -> str:
        """The levels, as they were typed."""
        return ", ".join(f"{factor}={level}" for factor, level in zip(self.factors, self.levels, strict=True))


def main_effects(
    variants: Mapping[str, Levels],
    baseline: str,
    tables: Mapping[str, Table],
    *,
    level: float = 0.95,
    bounds: tuple[float, float] | None = None,
) -> list[Effect]:
    """The effect of each level that isn't the baseline's, in the order of the variants.

    Args:
        variants: of the design, by name; all have the same factors.
        baseline: the name of the variant that the levels are measured against.
        tables: of every variant; rows are of the same training seeds, columns of the same games.
        level: coverage of the intervals.
        bounds: the least and greatest value of a game; no interval goes beyond what effects can then be.

    Raises:
        UserError: of some level there is no variant that differs from another one in it alone.
    """
    base, named = variants[baseline], {_key(levels): name for name, levels in variants.items()}
    effects, unread = [], []
    for factor, standard in base.items():
        for other in _others(variants, factor, standard):
            pairs = [
                (named[_key({**levels, factor: standard})], name)
                for name, levels in variants.items()
                if levels[factor] == other and _key({**levels, factor: standard}) in named
            ]
            if not pairs:
                unread.append(f"{factor}={other} against {factor}={standard}")
                continue
            without = _mean([tables[a] for a, _ in pairs])
            with_it = _mean([tables[b] for _, b in pairs])
            effects.append(_effect((factor,), (other,), (standard,), len(pairs), without, with_it, level, bounds))
    if unread:
        raise UserError(
            f"The effect of {', '.join(unread)} can't be read: no two variants differ in this alone. Add one that "
            "does, or leave out those that have the level."
        )
    return effects


def interactions(
    variants: Mapping[str, Levels],
    baseline: str,
    tables: Mapping[str, Table],
    *,
    level: float = 0.95,
    bounds: tuple[float, float] | None = None,
) -> list[Effect]:
    """What two levels do together beyond the sum of their effects; empty where no two factors were changed at once.

    For levels l of f and m of g it is y(l, m) - y(l, g's baseline) - y(f's baseline, m) + y(baselines), over all
    settings of the other factors for which the four variants are there. Arguments as of `main_effects`.
    """
    base, named = variants[baseline], {_key(levels): name for name, levels in variants.items()}
    effects = []
    for f, g in combinations(base, 2):
        for one, other in product(_others(variants, f, base[f]), _others(variants, g, base[g])):
            quadruples = []
            for levels in variants.values():
                four = [{**levels, f: x, g: y} for x in (one, base[f]) for y in (other, base[g])]
                if levels == four[0] and all(_key(each) in named for each in four):
                    quadruples.append([tables[named[_key(each)]] for each in four])
            if quadruples:
                apart = _mean([only_f + only_g for _, only_f, only_g, _ in quadruples])
                together = _mean([both + neither for both, _, _, neither in quadruples])
                levels_of = (one, other), (base[f], base[g])
                sums = None if bounds is None else (2 * bounds[0], 2 * bounds[1])  # of two games each
                effects.append(_effect((f, g), *levels_of, len(quadruples), apart, together, level, sums))
    return effects


def _others(variants: Mapping[str, Levels], factor: str, standard: str) -> list[str]:
    return [level for level in dict.fromkeys(each[factor] for each in variants.values()) if level != standard]


def _effect(
    factors: tuple[str, ...],
    levels: tuple[str, ...],
    baseline: tuple[str, ...],
    comparisons: int,
    without: Table,
    with_it: Table,
    level: float,
    bounds: tuple[float, float] | None,
) -> Effect:
    found = seed_level_difference(without, with_it, level=level, bounds=bounds)
    by_seed = tuple(map(float, with_it.mean(1) - without.mean(1)))
    return Effect(factors, levels, baseline, comparisons, by_seed, found)


def _key(levels: Levels) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(levels.items()))


def _mean(tables: Sequence[Table]) -> Table:
    return np.asarray(np.mean(tables, axis=0), np.float64)
