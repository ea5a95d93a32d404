"""Floor 9, comparison: what is compared, in which direction it is better, and how it is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from serpentune.game import Ending, GameRecord


@dataclass(frozen=True)
class GameMetric:
    """A figure of each game.

    Attributes:
        name: as users type it.
        noun: what it measures, after "difference in".
        claim: a sentence without its full stop, with `{a}`, `{b}`, `{amount}` and `{more}` ("more" or "fewer").
        value: the figure of one game.
        higher_is_better: None where neither direction is better; then nothing is tested.
        both_won: only pairs that both models won count.
        binary: the figure is 0 or 1.
    """

    name: str
    noun: str
    claim: str
    value: Callable[[GameRecord], float]
    higher_is_better: bool | None
    both_won: bool = False
    binary: bool = False

    @property
    def unit(self) -> str:
        """What stands behind a difference in words; shares are told in percentage points."""
        return " percentage points" if self.binary else ""

    @property
    def scale(self) -> float:
        """From the figure to the unit in which it is told."""
        return 100.0 if self.binary else 1.0


@dataclass(frozen=True)
class LanguageMetric:
    """A figure of `language.json`: one number a model, so that there is nothing to test."""

    name: str
    noun: str
    higher_is_better: bool


METRICS = {
    metric.name: metric
    for metric in (
        GameMetric(
            "score",
            "apples a game",
            "{b} eats {amount} {more} apples a game than {a}",
            lambda game: game.score,
            higher_is_better=True,
        ),
        GameMetric(
            "win",
            "the share of games won",
            "{b} wins {amount} percentage points {more} of its games than {a}",
            lambda game: game.ending == Ending.WIN,
            higher_is_better=True,
            binary=True,
        ),
        # A game is short because it was won quickly or because it was lost early, so by itself neither is better.
        GameMetric(
            "steps",
            "steps a game",
            "{b} takes {amount} {more} steps a game than {a}",
            lambda game: game.steps,
            higher_is_better=None,
        ),
        GameMetric(
            "steps_to_win",
            "steps of the games that both won",
            "Where both win, {b} takes {amount} {more} steps than {a}",
            lambda game: game.steps,
            higher_is_better=False,
            both_won=True,
        ),
    )
}

LANGUAGE_METRICS = (
    LanguageMetric("perplexity", "Perplexity", higher_is_better=False),
    LanguageMetric("bleu", "BLEU", higher_is_better=True),
    LanguageMetric("rouge_l", "ROUGE-L", higher_is_better=True),
)
