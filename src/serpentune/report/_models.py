"""Floor 10, report: each model's figures with their intervals, from `serpentune.statistics`, and the tables of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from serpentune.evaluation.results import EvaluationResult
from serpentune.report import _format
from serpentune.report._tables import Cell, Column, Row, Table, between, figure, without_empty_columns
from serpentune.statistics import Finding, Interval, mean_interval, wilson_interval

LEVEL = 0.95
"""Coverage of the intervals of each model's figures, those of `play_metrics` among them."""

RESAMPLING_SEED = 0
"""Bootstraps of a report start from this seed, so that the same results always make the same report."""


@dataclass(frozen=True)
class Model:
    """One model as the report shows it.

    Attributes:
        result: its evaluation.
        colour: the place of its colour in the palette.
        wins: share of games won with Wilson's interval; None without games.
        written: share of games won without a plan being dropped before a fatal move; None where that wasn't counted.
        score: mean score with its interval; None without games.
        accuracy: share of decisions that are the teacher's move, clustered by game; None where no teacher was asked.
    """

    result: EvaluationResult
    colour: int
    wins: Finding | None
    written: Finding | None
    score: Finding | None
    accuracy: Finding | None

    @property
    def name(self) -> str:
        """What the model is called in tables."""
        return self.result.name

    @property
    def games(self) -> int:
        """Games played."""
        return len(self.result.games)


def describe(results: Sequence[EvaluationResult]) -> list[Model]:
    """The figures of each result, in their order."""
    return [_model(result, index) for index, result in enumerate(results)]


def _model(result: EvaluationResult, colour: int) -> Model:
    games = result.games
    if not games:
        return Model(result, colour, None, None, None, None)
    rng = np.random.default_rng(RESAMPLING_SEED)
    most = max(game.record.width * game.record.height - 1 for game in games)
    written = result.play["wins_as_written"]
    return Model(
        result,
        colour,
        wilson_interval(int(result.wins.sum()), len(games), level=LEVEL),
        None if written is None else wilson_interval(written, len(games), level=LEVEL),
        mean_interval(result.scores, rng, level=LEVEL, bounds=(0.0, float(most))),
        _accuracy(result.play),
    )


def _accuracy(play: Mapping[str, Any]) -> Finding | None:
    """The decision accuracy of `play_metrics` as a finding."""
    if play["accuracy"] is None:
        return None
    low, high = play["accuracy_low"], play["accuracy_high"]
    return Finding(
        "the share of decisions that are the teacher's move",
        play["accuracy"],
        play["games"],
        play["methods"].get("accuracy", "no interval"),
        None if low is None else Interval(low, high, LEVEL),
        reason=play["undefined"].get("accuracy_low"),
    )


def by_limit(models: Iterable[Model]) -> list[str]:
    """Whose mean scores have an interval that only says what so few unlike games leave open, as of `mean_interval`."""
    return [model.name for model in models if model.score is not None and model.score.method.startswith("exact")]


def methods(found: Iterable[Finding | None]) -> str:
    """By which methods these figures got their intervals, as they were really used."""
    return ", or ".join(sorted({each.method for each in found if each is not None and each.interval is not None}))


def interval_methods(models: Sequence[Model]) -> list[tuple[str, str]]:
    """By which methods each figure that has an interval got it, under the figure's name."""
    found = (
        ("Win rates", methods(model.wins for model in models)),
        ("Mean scores", methods(model.score for model in models)),
        ("Accuracy", methods(model.accuracy for model in models)),
    )
    return [(name, how) for name, how in found if how]


def play_table(models: Sequence[Model]) -> Table:
    """How well each model plays."""
    how = dict(interval_methods(models))

    def hint(text: str, name: str) -> str:
        return f"{text}; {_format.level(LEVEL)} interval ({how[name]})" if name in how else text

    # A column of its own only where it says something else than the win rate.
    dropped = any(model.games and model.result.play["dropped_plans"] for model in models)
    won = hint("games won without a plan being dropped, since its next move would end the game", "Win rates")
    columns = (
        Column("Games"),
        Column("Win rate", hint("games that filled the board", "Win rates")),
        *([Column("Won as written", won)] if dropped else []),
        Column("Mean score", hint("apples eaten a game", "Mean scores")),
        Column("Median"),
        Column("Best"),
        Column("Mean steps", "moves a game"),
        Column(
            "Invalid answers",
            "answers that turn back or can't be read, of all answers; one is counted once, however often it was played",
        ),
        Column("Accuracy", hint("decisions that are the teacher's move in the same state", "Accuracy")),
    )
    rows = tuple(_play_row(model, len(columns), dropped) for model in models)
    return Table("How well each model plays", "Model", columns, rows)


def _play_row(model: Model, width: int, dropped: bool) -> Row:
    result = model.result
    if not model.games:
        missing = (figure(None, _format.count) for _ in range(width - 1))
        return Row(model.name, (figure(0, _format.count), *missing), model.colour)
    answers, unusable = result.play["answers"], result.play["unusable_answers"]
    cells = (
        figure(model.games, _format.count),
        _found(model.wins, _format.percent),
        *([_found(model.written, _format.percent)] if dropped else []),
        _found(model.score, lambda value: _format.number(value, 2)),
        figure(float(np.median(result.scores)), _format.significant if np.median(result.scores) % 1 else _format.count),
        figure(float(result.scores.max()), _format.count),
        figure(float(result.steps.mean()), _format.number),
        figure(
            unusable / answers if answers else None,
            _format.percent,
            f"{_format.count(unusable)} of {_format.count(answers)}",
        ),
        _found(model.accuracy, _format.percent),
    )
    return Row(model.name, cells, model.colour)


def _found(finding: Finding | None, show: _format.Show) -> Cell:
    if finding is None:
        return figure(None, show)
    interval = finding.interval
    return figure(finding.estimate, show, "" if interval is None else between(interval.low, interval.high, show))


def intervals(models: Sequence[Model]) -> str:
    """By which methods the figures got their intervals, as a sentence; empty where none has one."""
    found = "; ".join(f"{name.lower()} by {how}" for name, how in interval_methods(models))
    return f"The {_format.level(LEVEL)} intervals of each model's figures: {found}." if found else ""


def language_table(models: Sequence[Model]) -> tuple[Table | None, str]:
    """Language and speed figures as far as one model has them (None where there are none), and what none has, in words.

    The words are empty where nothing is missing.
    """
    columns = (
        Column("Perplexity", "of the teacher's answers; lower is better, comparable between models of one tokenizer"),
        Column("Bits per byte", "of the teacher's answers; lower is better, comparable between tokenizers"),
        Column("BLEU", "0 to 100, of the answers against the teacher's"),
        Column("ROUGE-L", "0 to 1, of the answers against the teacher's"),
        Column("Exact match", "answers that equal the teacher's"),
        Column("True claims", "of those in its explanations that can be checked against the board"),
        Column("Same move", "explained moves that are the one it plays when asked for a move alone"),
        Column("Same as its plan", "explained moves that are the first of the plan it writes without reasons"),
        Column("ms per move", "with as many games at once as were played"),
        Column("Tokens per second", "written, with as many games at once as were played"),
        Column("Peak memory", "of the GPU where there is one, else of the whole process since it started"),
    )
    rows = []
    for model in models:
        language, speed = model.result.language or {}, model.result.performance or {}
        cells = (
            figure(language.get("perplexity"), _format.significant),
            figure(language.get("bits_per_byte"), _format.significant),
            figure(language.get("bleu"), _format.number),
            figure(language.get("rouge_l"), lambda value: _format.number(value, 3)),
            figure(language.get("exact_match"), _format.percent),
            figure(language.get("explanation_truth"), _format.percent),
            _same(model.result.explained, "same_as_move"),
            _same(model.result.explained, "same_as_plan"),
            figure(speed.get("ms_per_move"), _format.significant),
            figure(speed.get("tokens_per_second"), _format.significant),
            figure(speed.get("peak_memory_mb"), _format.megabytes),
        )
        rows.append(Row(model.name, cells, model.colour))
    table = without_empty_columns(Table("Language and speed", "Model", columns, tuple(rows)))
    missing = [column.head for column in columns if column not in table.columns]
    return (table if table.columns else None), f"Not measured: {', '.join(missing)}." if missing else ""


def _same(explained: Mapping[str, Any] | None, name: str) -> Cell:
    if explained is None or explained[name] is None:
        return figure(None, _format.percent)
    low, high = explained[f"{name}_low"], explained[f"{name}_high"]
    counts = f"{_format.count(explained[f'{name}_states'])} of {_format.count(explained['states'])}"
    return figure(explained[name], _format.percent, counts if low is None else between(low, high, _format.percent))


def endings_table(models: Sequence[Model], order: Sequence[str]) -> Table:
    """Games by ending, the figures behind the chart."""
    rows = tuple(
        Row(model.name, tuple(figure(model.result.endings.get(kind, 0), _format.count) for kind in order), model.colour)
        for model in models
    )
    return Table("Games by ending", "Model", tuple(Column(_format.ending(kind)) for kind in order), rows)
