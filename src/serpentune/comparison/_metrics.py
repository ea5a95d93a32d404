"""Floor 9, comparison: what is compared, in which direction it is better, and how it is said.

Every metric is a ratio of sums: over games, or over the records of a data set's test split. A mean is the ratio with 1
below each game; decisions are counted within their games, so that games stay the units of every test.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from serpentune.common.errors import UserError, unknown_name
from serpentune.evaluation.results import EvaluationResult

if TYPE_CHECKING:
    from serpentune.evaluation.language import MeasuredRecord

Counted = tuple[NDArray[np.float64], NDArray[np.float64]]
"""What stands above and below the ratio for each unit, float64 `(n,)` each."""


@dataclass(frozen=True)
class Metric:
    """What is compared.

    Attributes:
        name: as users type it.
        noun: what it measures, after "difference in".
        claim: a sentence without its full stop, with `{a}`, `{b}`, `{amount}`, and `{more}` ("more" or "fewer") or
            `{higher}` ("higher" or "lower").
        higher_is_better: None where neither direction is better; then no better or worse is tested.
        share: the figure lies between 0 and 1, and its differences are told in percentage points.
        untested: why it is shown without a test; empty where it is tested.
        title: what heads its rows and charts.
    """

    units: ClassVar[str]
    """What its pairs are, in the plural."""

    name: str
    noun: str
    claim: str
    higher_is_better: bool | None
    share: bool = False
    untested: str = ""
    title: str = field(kw_only=True)

    @property
    def unit(self) -> str:
        """What stands behind a difference in words."""
        return " percentage points" if self.share else ""

    @property
    def scale(self) -> float:
        """From the figure to the unit in which it is told."""
        return 100.0 if self.share else 1.0


@dataclass(frozen=True, kw_only=True)
class GameMetric(Metric):
    """A figure of games.

    Attributes:
        counts: what stands above and below for each game of an evaluation, in their order.
        both_won: only games that both models won count (others have 0 below).
        binary: each game's figure is 0 or 1.
        by_teacher: decisions are held against the manifest's teacher, which must be the same.
    """

    units = "games"

    counts: Callable[[EvaluationResult], Counted]
    both_won: bool = False
    binary: bool = False
    by_teacher: bool = False


@dataclass(frozen=True, kw_only=True)
class LanguageMetric(Metric):
    """A figure of held-out records, as `language.json` has it.

    Attributes:
        counts: what stands above and below for each record; None where the figure doesn't come apart.
        per_token: it is counted in tokens, so that it means something between models of one tokenizer only.
        exponential: the figure is e to the ratio.
    """

    units = "held-out records"

    counts: Callable[[Sequence[MeasuredRecord]], Counted] | None = None
    per_token: bool = False
    exponential: bool = False


def _each(values: ArrayLike) -> Counted:
    """A figure that every unit has by itself."""
    above = np.asarray(values, np.float64)
    return above, np.ones(len(above))


def _summed(hits: NDArray[np.int64], tries: NDArray[np.int64]) -> Counted:
    """Counts by game, or by game and snake length, as counts by game."""
    above, below = (counts.reshape(len(counts), -1).sum(axis=1, dtype=np.float64) for counts in (hits, tries))
    return above, below


def _fatal(result: EvaluationResult) -> Counted:
    fatal, moves = _summed(result.judged.fatal, result.judged.moves)
    return 1000 * fatal, moves


def _tokens(records: Sequence[MeasuredRecord]) -> NDArray[np.float64]:
    return np.array([record.tokens for record in records], np.float64)


def _unlikely(records: Sequence[MeasuredRecord]) -> NDArray[np.float64]:
    return np.array([record.nll for record in records], np.float64)


def _bits(records: Sequence[MeasuredRecord]) -> Counted:
    size = np.array([len(record.completion.encode()) for record in records], np.float64)
    return _unlikely(records) / math.log(2), size


def _matches(records: Sequence[MeasuredRecord]) -> Counted:
    from serpentune.evaluation.language import exact_matches

    return _each(exact_matches(records))


def _rouge(records: Sequence[MeasuredRecord]) -> Counted:
    from serpentune.evaluation.language import rouge_scores

    return _each(rouge_scores(records))


GAME_METRICS: tuple[GameMetric, ...] = (
    GameMetric(
        "score",
        "apples a game",
        "{b} eats {amount} {more} apples a game than {a}",
        title="Score",
        higher_is_better=True,
        counts=lambda result: _each(result.scores),
    ),
    GameMetric(
        "win",
        "the share of games won",
        "{b} wins {amount} percentage points {more} of its games than {a}",
        title="Win rate",
        higher_is_better=True,
        share=True,
        counts=lambda result: _each(result.wins),
        binary=True,
    ),
    # A game is short because it was won quickly or because it was lost early, so by itself neither is better.
    GameMetric(
        "steps",
        "steps a game",
        "{b} takes {amount} {more} steps a game than {a}",
        title="Steps",
        higher_is_better=None,
        counts=lambda result: _each(result.steps),
    ),
    GameMetric(
        "steps_to_win",
        "steps of the games that both won",
        "Where both win, {b} takes {amount} {more} steps than {a}",
        title="Steps where both win",
        higher_is_better=False,
        counts=lambda result: (result.steps, result.wins.astype(np.float64)),
        both_won=True,
    ),
    GameMetric(
        "accuracy",
        "the share of decisions that are the teacher's move",
        "{b}'s share of decisions that are the teacher's move is {amount} percentage points {higher} than {a}'s",
        title="Accuracy",
        higher_is_better=True,
        share=True,
        counts=lambda result: _summed(result.judged.exact, result.judged.decisions),
        by_teacher=True,
    ),
    GameMetric(
        "accuracy_equal",
        "the share of decisions that the teacher holds as good as its own",
        "{b}'s share of decisions that the teacher holds as good as its own is {amount} percentage points {higher} "
        "than {a}'s",
        title="Accuracy, equally good moves too",
        higher_is_better=True,
        share=True,
        counts=lambda result: _summed(result.judged.equal, result.judged.decisions),
        by_teacher=True,
    ),
    GameMetric(
        "fatal_per_1000_moves",
        "fatal moves per 1,000 moves",
        "{b} makes {amount} {more} fatal moves per 1,000 moves than {a}",
        title="Fatal moves per 1,000",
        higher_is_better=False,
        counts=_fatal,
    ),
    GameMetric(
        "legal_rate",
        "the share of answers that are legal moves",
        "{b}'s share of answers that are legal moves is {amount} percentage points {higher} than {a}'s",
        title="Legal moves",
        higher_is_better=True,
        share=True,
        counts=lambda result: _summed(result.judged.legal, result.judged.answers),
    ),
    GameMetric(
        "ms_per_move",
        "milliseconds a move",
        "{b} takes {amount} {more} milliseconds a move than {a}",
        title="ms per move",
        higher_is_better=False,
        untested="the clock ran once for each model, and whatever else the machine did is in all of its games",
        counts=lambda result: (np.array([game.ms for game in result.games], np.float64), result.steps),
    ),
)


LANGUAGE_METRICS: tuple[LanguageMetric, ...] = (
    LanguageMetric(
        "loss",
        "loss",
        "{b}'s loss is {amount} nats a token {higher} than {a}'s",
        title="Loss",
        higher_is_better=False,
        counts=lambda records: (_unlikely(records), _tokens(records)),
        per_token=True,
    ),
    LanguageMetric(
        "perplexity",
        "perplexity",
        "{b}'s perplexity is {amount} {higher} than {a}'s",
        title="Perplexity",
        higher_is_better=False,
        counts=lambda records: (_unlikely(records), _tokens(records)),
        per_token=True,
        exponential=True,
    ),
    LanguageMetric(
        "bits_per_byte",
        "bits per byte",
        "{b} needs {amount} {more} bits per byte than {a}",
        title="Bits per byte",
        higher_is_better=False,
        counts=_bits,
    ),
    LanguageMetric(
        "token_accuracy",
        "the share of tokens ranked first",
        "{b}'s share of tokens ranked first is {amount} percentage points {higher} than {a}'s",
        title="Token accuracy",
        higher_is_better=True,
        share=True,
        counts=lambda records: (np.array([record.right for record in records], np.float64), _tokens(records)),
        per_token=True,
    ),
    LanguageMetric(
        "exact_match",
        "the share of answers that equal the record's",
        "{b}'s share of answers that equal the record's is {amount} percentage points {higher} than {a}'s",
        title="Exact match",
        higher_is_better=True,
        share=True,
        counts=_matches,
    ),
    LanguageMetric(
        "rouge_l",
        "ROUGE-L",
        "{b}'s ROUGE-L is {amount} {higher} than {a}'s",
        title="ROUGE-L",
        higher_is_better=True,
        counts=_rouge,
    ),
    LanguageMetric(
        "bleu",
        "BLEU",
        "{b}'s BLEU is {amount} {higher} than {a}'s",
        title="BLEU",
        higher_is_better=True,
        untested="it is one number a model, of all its answers together",
    ),
)

METRICS: dict[str, GameMetric | LanguageMetric] = {
    **{metric.name: metric for metric in GAME_METRICS},
    **{metric.name: metric for metric in LANGUAGE_METRICS},
}

_OTHER_NAMES = {"win_rate": "win"}
"""By which metrics are known elsewhere, to the names that tables and files have."""

DEFAULT_METRICS = ("score", "win", "steps")

SHOWN = ("perplexity", "bleu", "rouge_l")
"""Language figures that are shown, untested, wherever both models have them."""


def metric_name(typed: str) -> str:
    """A metric's name in tables and files: `win_rate` is the field's word for `win`.

    Raises:
        UserError: there is no such metric.
    """
    name = _OTHER_NAMES.get(typed, typed)
    if name not in METRICS:
        raise unknown_name("metric", typed, METRICS)
    return name


def chosen_metrics(names: Sequence[str]) -> list[GameMetric | LanguageMetric]:
    """The metrics of these names, each once.

    Raises:
        UserError: none, or one that isn't known.
    """
    if not names:
        raise UserError(f"No metric to compare. Known: {', '.join(METRICS)}.")
    return [METRICS[name] for name in dict.fromkeys(map(metric_name, names))]


def checked_margins(margins: Mapping[str, Any], metrics: Sequence[Metric]) -> dict[str, float]:
    """The margins, by metric.

    Raises:
        UserError: one is of a metric that isn't compared or not tested, it is no difference that a figure can have, or
            a metric has two.
    """
    compared = {metric.name: metric for metric in metrics}
    checked: dict[str, float] = {}
    for typed, margin in margins.items():
        name = metric_name(typed)
        if name in checked:
            raise UserError(f"There are two margins for {name}. Give one.")
        if name not in compared:
            raise UserError(f"There is a margin for {name}, which isn't compared. Add it to the metrics, or drop it.")
        if compared[name].untested:
            raise UserError(f"There is a margin for {name}, which isn't tested: {compared[name].untested}.")
        if isinstance(margin, bool) or not isinstance(margin, int | float) or not 0 < margin < math.inf:
            raise UserError(f"The margin of {name} is {margin!r}; it is a number above 0, in the metric's own unit.")
        if compared[name].share and margin >= 1:
            raise UserError(
                f"The margin of {name} is {margin:g}, but {name} is a share between 0 and 1: write 0.03 for 3 "
                "percentage points."
            )
        checked[name] = float(margin)
    return checked
