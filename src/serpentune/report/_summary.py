"""Floor 10, report: the summary in words, which page and Markdown print alike: what was found and what it is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from serpentune.report import _format, _models
from serpentune.report._comparisons import Comparison


@dataclass(frozen=True)
class Summary:
    """The summary's sentences; one that doesn't apply is empty.

    Attributes:
        lead: the best mean score, where nothing was compared.
        facts: of the games, by name.
        means: how to read mean scores and their intervals.
        claim: what all of this is about, and what it is not.
    """

    lead: str
    facts: tuple[tuple[str, str], ...]
    means: str
    claim: str


def describe(models: Sequence[_models.Model], comparison: Comparison | None) -> Summary:
    """The summary of some models and of their comparison, where there is one."""
    played = [model for model in models if model.games]
    return Summary(
        "" if comparison else _lead(played, len(models)),
        _facts(models, played),
        _means(played) if played else "",
        _claim(models, comparison),
    )


def _lead(played: Sequence[_models.Model], models: int) -> str:
    best = max(played, key=lambda model: float(model.result.scores.mean()), default=None)
    if best is None:
        return ""
    apples = f"{_format.number(best.result.scores.mean(), 2)} apples a game."
    if models == 1:
        return f"{best.name} scores {apples}"
    return (
        f"{best.name} has the highest mean score, {apples} No comparison was made, so this is a description and not a "
        "finding."
    )


def _facts(models: Sequence[_models.Model], played: Sequence[_models.Model]) -> tuple[tuple[str, str], ...]:
    boards = sorted({(game.record.width, game.record.height) for model in played for game in model.result.games})
    seeds = sorted({seed for model in played for seed in model.result.seeds})
    return (
        ("Models", str(len(models))),
        ("Games played", _format.count(sum(model.games for model in models))),
        ("Board", " and ".join(f"{width} × {height}" for width, height in boards) or "no board"),
        ("Game seeds", f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else _format.seeds(seeds)),
    )


def _means(played: Sequence[_models.Model]) -> str:
    how, limited = _models.methods(model.score for model in played), _models.by_limit(played)
    intervals = f", with {_format.level(_models.LEVEL)} intervals: {how}" if how else ""
    words = [f"Mean scores are apples eaten a game{intervals}."]
    if len(played) > 1:
        alike = len({model.result.seeds for model in played}) == 1
        words.append(
            "All models met the same games: apples depend on the game seed alone."
            if alike
            else "The models did not all play the same game seeds, so their means are not paired."
        )
    if limited:
        words.append(
            f"Nearly all games of {' and of '.join(limited)} have the same score. So few others don't tell how far a "
            "game can go, and the interval reaches to what they leave open."
        )
    return " ".join(words)


def _claim(models: Sequence[_models.Model], comparison: Comparison | None) -> str:
    games = "this game" if sum(model.games for model in models) == 1 else "these games"
    about = f"about {'these models as they are' if len(models) > 1 else 'this model as it is'} on {games}."
    if comparison and comparison.of_methods:
        return f"{' '.join(comparison.scopes)} All other figures are {about}"
    return f"Everything here is {about} A claim about a training method needs several training seeds of each method."
