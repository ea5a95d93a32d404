"""Floor 9, comparison: how many games, and how many training seeds, a comparison needs that is still to be made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import floor, isfinite, log10
from pathlib import Path
from typing import Any

import numpy as np

from serpentune.common.errors import UserError, unknown_name
from serpentune.comparison._earlier import DOWNWARD, Earlier, measured
from serpentune.comparison._simulation import TIMES, Population, Simulated, simulate, too_large
from serpentune.evaluation.results import EvaluationResult
from serpentune.statistics import correlation_range, games_for_means, games_for_shares, plain

PLANNED_METRICS = ("win_rate", "score", "steps_to_win")
"""What can be planned for, as users type it; all but the first are means."""

_NOTABLE = 0.02
"""By how much correlations differ from which on it is said."""


@dataclass(frozen=True)
class Plan:
    """What it takes to show a difference.

    Attributes:
        metric: as in `PLANNED_METRICS`.
        baseline: expected of the one model; None where a mean's isn't known, which changes nothing.
        expected: of the other one; None with `baseline`.
        detect: the difference to be shown.
        power: the wanted chance to show it, if it is there.
        level: of the interval; the test is at `1 - level`.
        paired: both models play the same games.
        correlation: of the values of one game; None where unpaired.
        correlation_from: where it is from: "measured", "given" or "not known, so 0".
        deviation: standard deviation of one game; None for shares.
        games: that each model needs: by simulation where there is one, else by theory; None where the simulation met
            the power with no number of games, as a note says then.
        games_by_theory: what the formula asks for.
        simulated: what resampling the games of earlier results shows; None without results, where unpaired, where so
            many games can't be simulated, and where none met the power.
        seeds: training seeds that each method needs for a claim about methods; None where it isn't known how much
            students of one method differ.
        seed_deviation: standard deviation of the students' means within a method.
        notes: what the reader should know, in sentences.
    """

    metric: str
    baseline: float | None
    expected: float | None
    detect: float
    power: float
    level: float
    paired: bool
    correlation: float | None
    correlation_from: str | None
    deviation: float | None
    games: int | None
    games_by_theory: int
    simulated: Simulated | None
    seeds: int | None
    seed_deviation: float | None
    notes: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The plan in plain words."""
        what = f"a difference of {plain(self.detect)} in {self.metric}"
        if self.baseline is not None and self.expected is not None:
            what += f" ({_beside(self.baseline, self.detect)} against {_beside(self.expected, self.detect)})"
        how = "the same games for both" if self.paired else "different games for each"
        aim = f"To show {what} with {plain(100 * self.power)}% power at level {plain(1 - self.level)}"
        if self.games is None:
            return (
                f"{aim}, it isn't known how many games each model has to play: the {self.games_by_theory:,} of theory, "
                "and more of them, were too few on games like these."
            )
        if self.simulated is None:
            return f"{aim}, each model plays {self.games:,} games, {how}."
        theory = "as many" if self.games == self.games_by_theory else f"{self.games_by_theory:,}"
        return (
            f"{aim}, each model plays {self.games:,} games, {how}. So many it took with simulated games like the "
            f"earlier ones; theory asks for {theory}."
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON documents, the sentence among them."""
        return {**asdict(self), "sentence": self.sentence}


def plan_comparison(
    metric: str,
    *,
    detect: float,
    baseline: float | None = None,
    power: float = 0.8,
    level: float = 0.95,
    paired: bool = True,
    correlation: float | None = None,
    deviation: float | None = None,
    seed_deviation: float | None = None,
    results: Sequence[Path | EvaluationResult] = (),
    seed: int = 0,
    quiet: bool = True,
) -> Plan:
    """How many games and training seeds does it take to show a difference of `detect`?

    What isn't given is measured on `results`: the first one's mean is the baseline and the spread of its games the
    deviation; two results on common game seeds give the correlation; students of one method, which differ only in their
    training seed, are taken together and give `seed_deviation`. More than two results have to be students of one method
    or of two. A note names what was measured on. A correlation that is neither given nor measured is 0, and the plan
    says so.

    Args:
        metric: `win_rate`, which may be called `win` as in comparisons, `score` or `steps_to_win`.
        detect: the smallest difference that should not be missed, above 0; a share for `win_rate`.
        baseline: expected of the one model; a win rate needs it, or results.
        power: the wanted chance of showing the difference.
        level: of the interval; the test is at `1 - level`.
        paired: whether both models play the same games.
        correlation: of the values of a game.
        deviation: standard deviation of a game's value; for means, it or results are needed.
        seed_deviation: standard deviation of the students' means within a method.
        results: earlier evaluations, loaded or as folders.
        seed: of the simulation.
        quiet: no progress bar.

    Raises:
        UserError: something that is needed is neither given nor measured, results are of too many models, or numbers
            don't fit together.
    """
    metric = "win_rate" if metric == "win" else metric
    _check(metric, detect, power, level, correlation, deviation, seed_deviation, paired=paired)
    loaded = [given if isinstance(given, EvaluationResult) else EvaluationResult.load(Path(given)) for given in results]
    earlier = measured(metric, loaded) if loaded else None
    if baseline is None and earlier is not None:
        baseline = float(earlier.values.mean())
    expected = None if baseline is None else baseline + (-detect if metric in DOWNWARD else detect)
    correlation, origin, notes = _correlation(correlation, earlier, paired=paired)
    if metric == "win_rate":
        deviation = None
        by_theory = _games_for_wins(baseline, expected, power, level, correlation)
    else:
        if deviation is None and earlier is not None:
            deviation = earlier.deviation
        if not deviation:
            raise UserError(
                f"How much {metric} spreads from game to game isn't known. Give --deviation, or --results of an "
                "evaluation with games that differ."
            )
        by_theory = _games_for_values(detect, deviation, power, level, correlation)
    of_seeds: tuple[str, ...] = ()
    if seed_deviation is None and earlier is not None:
        seed_deviation, of_seeds = earlier.seed_deviation, earlier.of_seeds
    seeds = games_for_means(detect, seed_deviation, power=power, alpha=1 - level) if seed_deviation else None
    simulated = None
    games: int | None = by_theory
    if earlier is not None:
        notes.append(_measured_on(earlier, of_seeds, correlated=origin == "measured"))
    if correlation is not None and earlier is not None and baseline is not None and expected is not None:
        population = _population(metric, earlier, (baseline, expected), correlation)
        binary = metric == "win_rate"
        if too_large(by_theory, level, binary=binary):
            notes.append(
                f"{by_theory:,} games, tested at a level of {plain(1 - level)}, take too long to be simulated: this is "
                "theory alone."
            )
        else:
            rng = np.random.default_rng(seed)
            tried = simulate(population, by_theory, rng, power=power, level=level, binary=binary, quiet=quiet)
            simulated = tried if tried.power >= power else None
            games = None if simulated is None else simulated.games
            notes += _of_simulation(population, by_theory, tried, enough=simulated is not None)
    if metric in DOWNWARD:
        notes.append("Only games that both models win count: play as many more as they are likely to lose.")
    notes.append(_levels(seeds, seed_deviation))
    return Plan(
        metric=metric,
        baseline=baseline,
        expected=expected,
        detect=detect,
        power=power,
        level=level,
        paired=paired,
        correlation=correlation,
        correlation_from=origin,
        deviation=deviation,
        games=games,
        games_by_theory=by_theory,
        simulated=simulated,
        seeds=seeds,
        seed_deviation=seed_deviation,
        notes=tuple(notes),
    )


def _check(
    metric: str,
    detect: float,
    power: float,
    level: float,
    correlation: float | None,
    deviation: float | None,
    seed_deviation: float | None,
    *,
    paired: bool,
) -> None:
    if metric not in PLANNED_METRICS:
        raise unknown_name("metric", metric, PLANNED_METRICS)
    if not (isfinite(detect) and detect > 0):
        raise UserError(f"The difference to detect is {plain(detect)}; it lies above 0, whichever model is better.")
    if not 0.5 <= level < 1:
        raise UserError(f"The confidence level is {plain(level)}; it lies between 0.5 and 1, 0.95 by default.")
    if not 1 - level < power < 1:
        raise UserError(f"The power is {plain(power)}; it lies between {plain(1 - level)} and 1, 0.8 by default.")
    if correlation is not None and not paired:
        raise UserError("A correlation belongs to paired games. Leave out --correlation or --unpaired.")
    if correlation is not None and not -1 < correlation < 1:
        raise UserError(f"The correlation is {plain(correlation)}; it lies between -1 and 1.")
    for name, value in (("--deviation", deviation), ("--seed-deviation", seed_deviation)):
        if value is not None and not (isfinite(value) and value > 0):
            raise UserError(f"{name} is {plain(value)}; a standard deviation lies above 0.")
    if metric == "win_rate" and deviation is not None:
        raise UserError("The spread of wins follows from their rate. Leave out --deviation.")


def _correlation(
    given: float | None, earlier: Earlier | None, *, paired: bool
) -> tuple[float | None, str | None, list[str]]:
    """The correlation to plan with, where it is from, and what is to be said of it."""
    if not paired:
        return None, None, []
    if given is not None:
        return given, "given", []
    if earlier is not None and earlier.correlation is not None:
        return earlier.correlation, "measured", []
    plan = "this is the plan of a correlation of 0, in which pairing saves no games"
    if earlier is not None and earlier.uncorrelated:
        note = (
            f"How much the values of one game go together can't be measured on these results, since "
            f"{earlier.uncorrelated}: {plan}. Give --correlation if you expect another one."
        )
    else:
        note = (
            f"How much the values of one game go together isn't known, so {plan}. Give --correlation, or --results of "
            "two models on the same games."
        )
    return 0.0, "not known, so 0", [note]


def _games_for_wins(
    baseline: float | None, expected: float | None, power: float, level: float, correlation: float | None
) -> int:
    if baseline is None or expected is None:
        raise UserError("The win rate to start from isn't known. Give --baseline, or --results of an evaluation.")
    if not 0 <= baseline <= 1:
        raise UserError(f"The win rate to start from is {plain(baseline)}; it lies between 0 and 1 (0.88 for 88%).")
    if expected > 1:
        raise UserError(
            f"Nobody can win {plain(100 * expected)}% of the games: the baseline is {plain(100 * baseline)}%, so at "
            f"most {plain(1 - baseline)} can be detected above it."
        )
    if correlation is not None:
        least, most = correlation_range(baseline, expected)
        if not least <= correlation <= most:
            raise UserError(
                f"Wins of {plain(100 * baseline)}% and {plain(100 * expected)}% can't have a correlation of "
                f"{plain(correlation)}, only {plain(least)} to {plain(most)}. Give --correlation in these limits."
            )
    return games_for_shares(baseline, expected, power=power, alpha=1 - level, correlation=correlation)


def _games_for_values(detect: float, deviation: float, power: float, level: float, correlation: float | None) -> int:
    try:
        return games_for_means(detect, deviation, power=power, alpha=1 - level, correlation=correlation)
    except ValueError as error:
        raise UserError(
            f"A difference of {plain(detect)} can't be planned for beside a spread of {plain(deviation)} from game to "
            f"game: {error}. Ask for a larger one."
        ) from error


def _population(metric: str, earlier: Earlier, means: tuple[float, float], correlation: float) -> Population:
    for mean in means:
        if earlier.bounds is not None and not earlier.bounds[0] <= mean <= earlier.bounds[1]:
            low, high = map(plain, earlier.bounds)
            raise UserError(f"A {metric} of {plain(mean)} can't be: on this board it lies between {low} and {high}.")
    return Population(earlier.values, earlier.others, means, earlier.bounds, correlation)


def _beside(value: float, detect: float) -> str:
    """A value with digits enough that one which differs by `detect` is seen to: 0.825 and not 0.82 beside 0.05."""
    digits = max(0, 1 - floor(log10(detect)))
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _measured_on(earlier: Earlier, of_seeds: Sequence[str], *, correlated: bool) -> str:
    """What the figures are of that weren't given: `of_seeds` names the methods whose training seeds were looked at."""
    first, *second = earlier.names
    told = [f"What isn't given was measured on {first}"]
    if second and correlated:
        told.append(f"how games go together on it and {second[0]}")
    if second and of_seeds:
        told.append(f"how much training seeds differ on {' and '.join(of_seeds)}")
    return f"{', and '.join(told)}."


def _of_simulation(population: Population, games: int, tried: Simulated, *, enough: bool) -> list[str]:
    notes = []
    if abs(population.possible - population.correlation) > _NOTABLE:
        notes.append(
            f"Values like these can't have a correlation of {plain(population.correlation)} once their means differ as "
            f"planned: the games were simulated with {plain(population.possible)}."
        )
    if not enough:
        then = f", and {tried.games:,} in {plain(100 * tried.power)}%" if tried.games != games else ""
        notes.append(
            f"On games like these the plan doesn't hold: {games:,} games showed the difference in "
            f"{plain(100 * tried.power_of_theory)}% of {TIMES} simulated comparisons{then}. How many do isn't known."
        )
    return notes


def _levels(seeds: int | None, seed_deviation: float | None) -> str:
    if seeds is None or seed_deviation is None:
        return (
            "This is about two players as they are. For a claim about methods several training seeds of each are "
            "needed: give --seed-deviation, or --results of several students of one method, to learn how many."
        )
    return (
        f"For a claim about methods, train {seeds} seeds of each: the means of one method's students have a standard "
        f"deviation of {plain(seed_deviation)}."
    )
