"""Floor 8, evaluation: the figures of games that were played, each with its interval, as one flat dictionary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from serpentune.common.errors import UserError
from serpentune.evaluation._figures import Figures, missing, rng, share
from serpentune.evaluation.judging import LENGTHS, Judgement, judge
from serpentune.game import Ending, Limits
from serpentune.statistics import bca_interval, interquartile_mean, mean_interval, wilson_interval
from serpentune.teachers import Teacher, play

if TYPE_CHECKING:
    from serpentune.evaluation.games import GameResult

NO_TEACHER = "no teacher is named whose moves are the right ones"


def play_metrics(
    games: Sequence[GameResult], teacher: Teacher | None, *, limits: Limits | None = None, without: str = NO_TEACHER
) -> dict[str, Any]:
    """Every figure of some games. It depends on the games alone, not on their order, a clock or a model.

    Intervals are of 95% and stand beside their figure as `…_low` and `…_high`. Shares lie between 0 and 1.

    Args:
        games: of one player on one board, at least one, each of another seed.
        teacher: whose moves are the right ones.
        limits: those of the games, by which the teacher plays too; the default of the rules without.
        without: why there is no teacher, where there is none.

    Returns:
        - `games`, `wins`, `win_rate` with Wilson's interval; `endings` and `invalid`: counts by name, the most frequent
          first. `invalid` counts moves of answers that couldn't be used.
        - of `score` (apples eaten) and `steps`: `…_mean`, `…_median` and `…_iqm` (without the lowest and highest
          quarter); the mean with its interval, the IQM with BCa's.
        - `answers`; of these `unusable_answers` turned back or had no move, each counted once, however often it was
          played; `cut_answers` reached the most tokens, and `constrained_answers` would rather have been no move;
          `replaced_moves`: chosen by the policy for unusable answers. Those are not the player's and are left out of
          what follows, as are the moves of an opening.
        - `dropped_plans`: answers the rest of which was dropped, since the next move would have ended the game;
          `wins_as_written`: games won without that, so that every answer was played as it was written, with
          `win_rate_as_written` and Wilson's interval. None where a game of before this was counted is among them.
        - `legal_rate`: answers whose first choice was a legal move, of all to states in which there is one: before any
          constraint, unusable answers counted as wrong. Its interval, as all that follow, resamples whole games.
        - `teacher`; `decisions`: moves in states for which it has one, unusable answers among them; `accuracy`: those
          that are its move; `accuracy_equal`: those that are its move or one that it holds equally good.
        - `moves`: those that moved the snake or killed it; `fatal_moves`: those after which the snake was dead or
          couldn't reach its tail, while there was a safe move; `fatal_per_1000_moves`.
        - `steps_ratio`: steps over the teacher's in the game of the same seed, mean over the `steps_ratio_games` games
          that both won, with an interval; not defined for games with an opening, which the teacher wouldn't play.
        - `by_length`: a row for each bin of snake lengths that has moves, from `length_from` to `length_to`, with
          `decisions`, `accuracy`, `accuracy_equal`, `moves`, `fatal_moves` and `fatal_per_1000_moves`.
        - `methods`: how each interval was found, where a method gave out also what took its place.
        - `undefined`: why a figure or an interval is None. A row of `by_length` has its own.

    Raises:
        ValueError: no games, or games of several players or boards.
        UserError: as of `judge`.
    """
    ordered = sorted(games, key=lambda game: game.record.seed or 0)
    judged = judge(ordered, teacher)
    figures = Figures()
    _results(figures, ordered)
    figures.values |= {
        "answers": sum(game.answers for game in ordered),
        "unusable_answers": int(judged.unusable.sum()),
        "cut_answers": sum(game.cut for game in ordered),
        "constrained_answers": sum(len(game.constrained) for game in ordered),
        "replaced_moves": sum(len(game.replaced) for game in ordered),
    }
    _as_written(figures, ordered)
    figures.add("legal_rate", share(judged.legal, judged.answers, "no answer came to a state with a legal move"))
    figures.values["teacher"] = None if teacher is None else teacher.name
    _decisions(figures, judged, slice(None), without if teacher is None else None)
    _against(figures, ordered, teacher, limits, without)
    figures.values["by_length"] = [
        _row(judged, place, without if teacher is None else None)
        for place in range(len(LENGTHS))
        if judged.decisions[:, place].any() or judged.moves[:, place].any()
    ]
    return figures.document()


def _results(figures: Figures, games: Sequence[GameResult]) -> None:
    """How the games ended."""
    wins = sum(game.record.ending == Ending.WIN for game in games)
    invalid: Counter[str] = Counter()
    for game in games:
        invalid.update(game.invalid)
    figures.values |= {"games": len(games), "wins": wins}
    figures.add("win_rate", wilson_interval(wins, len(games)))
    record = games[0].record
    for name, values, bounds in (
        ("score", [game.record.score for game in games], (0.0, float(record.width * record.height - 1))),
        ("steps", [game.record.steps for game in games], None),
    ):
        figures.add(f"{name}_mean", mean_interval(values, rng(), bounds=bounds))
        figures.values[f"{name}_median"] = float(np.median(values))
        figures.add(f"{name}_iqm", bca_interval(values, rng(), interquartile_mean))
    figures.values["endings"] = dict(Counter(game.record.ending.name for game in games).most_common())
    figures.values["invalid"] = dict(invalid.most_common())


def _as_written(figures: Figures, games: Sequence[GameResult]) -> None:
    """What is left of the wins where nothing of an answer was dropped."""
    dropped = [game.dropped for game in games]
    counts = [len(places) for places in dropped if places is not None]
    if len(counts) < len(games):
        figures.values |= {"dropped_plans": None, "wins_as_written": None}
        figures.add("win_rate_as_written", missing("games of before dropped plans were counted"))
        return
    wins = sum(game.record.ending == Ending.WIN and not count for game, count in zip(games, counts, strict=True))
    figures.values |= {"dropped_plans": sum(counts), "wins_as_written": wins}
    figures.add("win_rate_as_written", wilson_interval(wins, len(games)))


def _decisions(figures: Figures, judged: Judgement, chosen: slice | int, without: str | None) -> None:
    """What the moves were worth, over all snake lengths or in one bin of them."""

    def counted(counts: NDArray[np.int64]) -> NDArray[np.int64]:
        of_games: NDArray[np.int64] = counts[:, chosen].reshape(len(counts), -1).sum(axis=1)
        return of_games

    decisions, moves, fatal = counted(judged.decisions), counted(judged.moves), counted(judged.fatal)
    nothing = without or "there was no decision for which the teacher has a move"
    figures.values["decisions"] = int(decisions.sum())
    figures.add("accuracy", share(counted(judged.exact), decisions, nothing))
    figures.add("accuracy_equal", share(counted(judged.equal), decisions, nothing))
    figures.values |= {"moves": int(moves.sum()), "fatal_moves": int(fatal.sum())}
    figures.add("fatal_per_1000_moves", share(fatal, moves, "no move of the player moved the snake"), 1000.0)


def _row(judged: Judgement, place: int, without: str | None) -> dict[str, Any]:
    row = Figures()
    last = place + 1 == len(LENGTHS)
    row.values |= {"length_from": LENGTHS[place], "length_to": None if last else LENGTHS[place + 1] - 1}
    _decisions(row, judged, place, without)
    return row.document()


def _against(
    figures: Figures, games: Sequence[GameResult], teacher: Teacher | None, limits: Limits | None, without: str
) -> None:
    """Steps over the teacher's, in games that both won."""
    won = [game.record for game in games if game.record.ending == Ending.WIN]
    seeds = [record.seed for record in won if record.seed is not None]
    reason = ""
    if teacher is None:
        reason = without
    elif any(game.opening for game in games):
        reason = "the games begin with an opening"
    elif len(seeds) < len(won):
        reason = "a game has no seed, so the teacher can't play it"
    if teacher is None or reason:
        figures.values["steps_ratio_games"] = 0
        figures.add("steps_ratio", missing(reason))
        return
    width, height = games[0].record.width, games[0].record.height
    ratios = [
        own.steps / other.steps
        for own, other in zip(won, play(teacher, seeds, width, height, limits), strict=True)
        if other.ending == Ending.WIN
    ]
    figures.values["steps_ratio_games"] = len(ratios)
    nothing = "the player won no game" if not won else f"{teacher.name} won none of the games that the player won"
    figures.add("steps_ratio", mean_interval(ratios, rng()) if ratios else missing(nothing))


def limits_of(manifest: dict[str, Any]) -> Limits:
    """The limits that a manifest names; the default of the rules where it names none.

    Raises:
        UserError: they are no limits.
    """
    named = manifest.get("limits", {})
    known = Limits().as_dict()
    if not isinstance(named, dict) or not all(
        name in known and (isinstance(value, int) or (value is None and known[name] is None))
        for name, value in named.items()
    ):
        raise UserError(f"The manifest's limits are none of the rules: {named!r}.")
    return Limits(**named)
