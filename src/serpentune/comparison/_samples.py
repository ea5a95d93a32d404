"""Floor 9, comparison: what a metric finds in the games or records that several models have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from serpentune.comparison._metrics import GameMetric, LanguageMetric
from serpentune.evaluation.results import EvaluationResult
from serpentune.statistics import ratio_parts

if TYPE_CHECKING:
    from serpentune.evaluation.language import MeasuredRecord


_LARGEST_EXPONENT = 700
"""e to this is still a floating-point number, and so is what a part of it may exceed it by."""


@dataclass(frozen=True)
class Sample:
    """A metric of `m` models on the `n` units in which it counts for all of them, in the same order.

    Attributes:
        above: float64 `(m, n)`, what stands above the ratio.
        below: float64 `(m, n)`, what stands below it.
        unit: what the units are, in the plural: "games", or "records" where it isn't known of which games they are.
        exponential: the figure is e to the ratio.
        records: that the units were made of, where they are games of the test split.
        notes: what a reader should know, as clauses.
    """

    above: NDArray[np.float64]
    below: NDArray[np.float64]
    unit: str
    exponential: bool = False
    records: int = 0
    notes: tuple[str, ...] = ()

    @property
    def units(self) -> str:
        """How many of what, in words."""
        n = self.above.shape[1]
        counted = f"{n} paired {self.unit if n > 1 else self.unit.removesuffix('s')}"
        return f"{self.records} paired records of {n} game{'s' * (n > 1)}" if self.records else counted

    @property
    def figures(self) -> NDArray[np.float64]:
        """Each model's figure, float64 `(m,)`."""
        ratios = self.above.sum(axis=1) / self.below.sum(axis=1)
        return np.asarray(np.exp(ratios) if self.exponential else ratios)

    @property
    def values(self) -> NDArray[np.float64]:
        """Each unit's part in each model's figure, float64 `(m, n)`: means along the units are the figures."""
        parts = np.stack([ratio_parts(above, below) for above, below in zip(self.above, self.below, strict=True)])
        if not self.exponential:
            return parts
        figures = self.figures[:, None]
        return np.asarray(figures * (1 + parts - parts.mean(axis=1, keepdims=True)))

    @property
    def is_ratio(self) -> bool:
        """Whether units differ in how much they count."""
        return bool(np.ptp(self.below) > 0)

    @property
    def unequal(self) -> int:
        """Units in which not all models have the same counts."""
        same = (self.above == self.above[0]).all(axis=0) & (self.below == self.below[0]).all(axis=0)
        return int((~same).sum())


def sample(
    metric: GameMetric | LanguageMetric, results: Sequence[EvaluationResult], seeds: Sequence[int]
) -> Sample | str:
    """What a metric finds in the games of these seeds, or in the records that all models were measured on.

    Args:
        metric: a tested one, or one of games.
        results: the models.
        seeds: of the games that all of them played.

    Returns:
        The sample, or the reason why there is none.
    """
    found = _of_games(metric, results, seeds) if isinstance(metric, GameMetric) else _of_records(metric, results)
    if isinstance(found, str):
        return found
    # A unit that says nothing of one model would pass for one that agrees with all the others.
    counts = (found.below > 0).all(axis=0)
    if not counts.any():
        return "no pair counts for it"
    notes, missing = found.notes, int((~counts).sum())
    # Steps to win are of the games that both won, which every word about them says.
    if missing and not (isinstance(metric, GameMetric) and metric.both_won):
        was = "game was" if missing == 1 else "games were"
        notes = (*notes, f"{missing} {was} left out: nothing counts for this metric in one model's part of them")
    return replace(found, above=found.above[:, counts], below=found.below[:, counts], notes=notes)


def _of_games(metric: GameMetric, results: Sequence[EvaluationResult], seeds: Sequence[int]) -> Sample | str:
    if metric.by_teacher:
        teachers = dict.fromkeys(str(result.manifest.get("teacher")) for result in results)
        if len(teachers) > 1:
            return f"the decisions are held against different teachers ({', '.join(teachers)})"
    counted = []
    for result in results:
        place = {seed: at for at, seed in enumerate(result.seeds)}
        at = [place[seed] for seed in seeds]
        counted.append([side[at] for side in metric.counts(result)])
    above, below = np.array(counted, np.float64).swapaxes(0, 1)
    return Sample(above, below, "games")


def figures_apart(metric: LanguageMetric, results: Sequence[EvaluationResult]) -> str | None:
    """Why what models have in `language.json` can't be held against each other, as a clause; None where it can."""
    common = _common_records(results)
    if isinstance(common, str):
        return common
    if common.notes:
        return "the models were not measured on the same records"
    return _other_tokens(metric, common.rows)


@dataclass(frozen=True)
class _CommonRecords:
    """Records that every model was measured on: of each model its own, in one order, and notes on the others."""

    rows: list[list[MeasuredRecord]]
    notes: tuple[str, ...]


def _common_records(results: Sequence[EvaluationResult]) -> _CommonRecords | str:
    sides = []
    for result in results:
        if result.records is None:
            return f"{result.name} has no language.jsonl"
        sides.append(_keyed(result.records))
    every = set().union(*sides)
    measured = [{key: record for key, record in side.items() if record.answer is not None} for side in sides]
    # What one model was never given counts as that, even where another one's context doesn't hold it.
    shared = [key for key in sides[0] if all(key in side for side in sides[1:])]
    common = [key for key in shared if all(key in side for side in measured)]
    if not shared:
        return "the models were measured on different records"
    if not common:
        return "there is no record that every model's context holds"
    notes = [
        f"{number} record{'s were' if number > 1 else ' was'} left out: {why}"
        for number, why in (
            (len(every) - len(shared), "not every model was measured on them"),
            (len(shared) - len(common), "not every model's context holds them"),
        )
        if number
    ]
    return _CommonRecords([[side[key] for key in common] for side in sides], tuple(notes))


def _other_tokens(metric: LanguageMetric, rows: Sequence[Sequence[MeasuredRecord]]) -> str | None:
    first, *others = ([record.tokens for record in row] for row in rows)
    differ = metric.per_token and any(tokens != first for tokens in others)
    return "the models' tokens differ; bits_per_byte can be compared" if differ else None


def _of_records(metric: LanguageMetric, results: Sequence[EvaluationResult]) -> Sample | str:
    assert metric.counts is not None
    common = _common_records(results)
    if isinstance(common, str):
        return common
    rows, notes = common.rows, common.notes
    if (reason := _other_tokens(metric, rows)) is not None:
        return reason
    above, below = np.array([metric.counts(row) for row in rows]).swapaxes(0, 1)
    if not np.isfinite(above).all():
        return "a model gives a completion no finite probability"
    if metric.exponential and (above.sum(axis=1) / below.sum(axis=1)).max() > _LARGEST_EXPONENT:
        return "it is too large for a floating-point number; loss can be compared"
    games = [record.game for record in rows[0]]
    if None in games:
        unknown = "it isn't known which records are of one game, so each stands for itself: p and interval are too sure"
        return Sample(above, below, "records", metric.exponential, 0, (*notes, unknown))
    _, of_game = np.unique(np.array(games), return_inverse=True)
    count = int(of_game.max()) + 1
    grouped = [np.array([np.bincount(of_game, row, count) for row in side], np.float64) for side in (above, below)]
    return Sample(grouped[0], grouped[1], "games of the test split", metric.exponential, len(games), notes)


def _keyed(records: Sequence[MeasuredRecord]) -> dict[tuple[str, str, int], MeasuredRecord]:
    """The records by prompt and completion; equal ones are told apart by their order."""
    seen: Counter[tuple[str, str]] = Counter()
    keyed = {}
    for record in records:
        text = record.prompt, record.completion
        keyed[(*text, seen[text])] = record
        seen[text] += 1
    return keyed
