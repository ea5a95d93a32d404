"""Simulated experiments shaped like ours, on which intervals and tests are tried.

An `Experiment` says of one experiment after the other whether the interval covered the truth, or whether the test was
wrong to reject. benchmarks/calibration.py counts, and tests/statistics/test_calibration.py holds the counts to limits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple

import numpy as np

from benchmarks._players import (
    CAP,
    Array,
    Method,
    Pair,
    Rng,
    decisions,
    difficulty,
    mean_of,
    nearly_full,
    scores,
    steps,
    wins,
)
from serpentune.common.errors import UserError
from serpentune.statistics import (
    Finding,
    bca_interval,
    cliffs_delta,
    clustered_share,
    equivalence,
    holm,
    interquartile_mean,
    mcnemar_exact,
    mean_interval,
    paired_mean_interval,
    paired_permutation,
    pairing_correlation,
    seed_level_difference,
    seed_level_mean,
    wilson_interval,
)

LEVEL = 0.95
RESAMPLES = 999
"""A tenth of what is usual, to be quick; more resamples make intervals steadier and not wider."""

_MANY = 1_000_000


class Rate(NamedTuple):
    """The share of experiments that covered or erred, and how many had an answer."""

    share: float
    answers: int


@dataclass(frozen=True)
class Experiment:
    """One kind of experiment.

    Attributes:
        method: the function that is tried.
        data: what it is tried on.
        kind: "coverage" of an interval, or "errors" of a test where what it rejects is true.
        once: plays it; true where the interval covered or the test erred, None where no interval was given.
        stated: the rate to which docs/statistics.md owns up where the limit is missed; None where the limit holds.
        quick: among those of the quick tests.
    """

    method: str
    data: str
    kind: Literal["coverage", "errors"]
    once: Callable[[Rng], bool | None]
    stated: float | None = None
    quick: bool = False

    @property
    def name(self) -> str:
        return f"{self.method}: {self.data}"

    @property
    def limit(self) -> float:
        """Two points below the nominal coverage, or one above the nominal rate of errors."""
        return LEVEL - 0.02 if self.kind == "coverage" else 1 - LEVEL + 0.01

    def rate(self, times: int, seed: int) -> Rate:
        """How many of `times` experiments covered or erred, among those with an answer.

        Raises:
            UserError: none has an answer.
        """
        rng = np.random.default_rng([seed, *self.name.encode()])
        answers = [answer for _ in range(times) if (answer := self.once(rng)) is not None]
        if not answers:
            raise UserError(f"{self.name}: none of {times:,} experiments gave an interval, so there is no rate.")
        return Rate(sum(answers) / len(answers), len(answers))


def _covered(found: Finding, truth: float) -> bool | None:
    return None if found.interval is None else found.interval.low <= truth <= found.interval.high


def _shares() -> Iterator[Experiment]:
    for games, chance in ((50, 0.02), (100, 0.04), (100, 0.5), (200, 0.9), (1000, 0.99)):

        def wilson(rng: Rng, games: int = games, chance: float = chance) -> bool | None:
            return _covered(wilson_interval(int(rng.binomial(games, chance)), games), chance)

        stated = 0.92 if chance == 0.02 else None
        data = f"{chance:.0%} wins, {games} games"
        yield Experiment("wilson_interval", data, "coverage", wilson, stated, quick=games == 100)
    for games, first, second in ((100, 0.02, 0.05), (100, 0.5, 0.7), (200, 0.9, 0.95), (50, 0.96, 0.98)):

        def newcombe(rng: Rng, games: int = games, first: float = first, second: float = second) -> bool | None:
            return _covered(mcnemar_exact(*wins(rng, games, first, second)), second - first)

        yield Experiment(
            "Newcombe's paired interval", f"{first:.0%} and {second:.0%} wins, {games} games", "coverage", newcombe
        )


@cache
def true_value(of: Callable[[Rng, int], Array], statistic: Callable[[Array], float] = np.mean) -> float:
    return float(statistic(of(np.random.default_rng(98), _MANY)))


def _means() -> Iterator[Experiment]:
    kinds: dict[str, Callable[[Rng, int], Array]] = {
        "capped scores": lambda rng, n: scores(rng, n, 0.05)[0],
        "weak player": lambda rng, n: scores(rng, n, 0.6)[0],
        "very weak player": lambda rng, n: scores(rng, n, 0.9)[0],
        "1 of 10 games lost": lambda rng, n: nearly_full(rng, n, 0.1)[0],
        "1 of 50 games lost": lambda rng, n: nearly_full(rng, n, 0.02)[0],
    }
    for data, games in (
        ("capped scores", 50),
        ("capped scores", 200),
        ("weak player", 50),
        ("weak player", 100),
        ("very weak player", 30),
        ("very weak player", 100),
        ("1 of 10 games lost", 30),
        ("1 of 10 games lost", 100),
        ("1 of 50 games lost", 50),
        ("1 of 50 games lost", 200),
    ):

        def mean(rng: Rng, draw: Callable[[Rng, int], Array] = kinds[data], games: int = games) -> bool | None:
            found = mean_interval(draw(rng, games), rng, resamples=RESAMPLES, bounds=(0, CAP))
            return _covered(found, true_value(draw))

        yield Experiment("mean_interval", f"{data}, {games} games", "coverage", mean, quick=games == 100)

    def long_and_short(rng: Rng) -> bool | None:
        return _covered(mean_interval(steps(rng, 100), rng, resamples=RESAMPLES), true_value(steps))

    yield Experiment("mean_interval", "steps, 100 games", "coverage", long_and_short)
    kinds["steps"] = steps
    for data in ("capped scores", "weak player", "steps"):

        def middle(rng: Rng, draw: Callable[[Rng, int], Array] = kinds[data]) -> bool | None:
            found = bca_interval(draw(rng, 100), rng, interquartile_mean, resamples=RESAMPLES)
            return _covered(found, true_value(draw, interquartile_mean))

        yield Experiment("bca_interval of the IQM", f"{data}, 100 games", "coverage", middle)


PAIRED: dict[str, Callable[[Rng, int], Pair]] = {
    "capped scores": lambda rng, n: scores(rng, n, 0.05, 0.03),
    "two strong players": lambda rng, n: scores(rng, n, 0.005, 0.004),
    "two weak players": lambda rng, n: scores(rng, n, 0.6, -0.1),
    "two very weak players": lambda rng, n: scores(rng, n, 0.9, -0.15),
    "1 of 10 and 1 of 20 games lost": lambda rng, n: nearly_full(rng, n, 0.1, 0.05),
    "1 of 25 and 1 of 50 games lost": lambda rng, n: nearly_full(rng, n, 0.04, 0.02),
    "against a teacher that fills every board": lambda rng, n: (np.full(n, float(CAP)), nearly_full(rng, n, 0.1)[0]),
}


@cache
def true_difference(draw: Callable[[Rng, int], Pair]) -> float:
    a, b = draw(np.random.default_rng(99), _MANY)
    return float((b - a).mean())


def _pairs() -> Iterator[Experiment]:
    for data, games in (
        ("capped scores", 50),
        ("capped scores", 200),
        ("two weak players", 50),
        ("two weak players", 100),
        ("two very weak players", 50),
        ("1 of 10 and 1 of 20 games lost", 50),
        ("1 of 10 and 1 of 20 games lost", 200),
        ("1 of 25 and 1 of 50 games lost", 50),
        ("1 of 25 and 1 of 50 games lost", 200),
        ("against a teacher that fills every board", 100),
    ):

        def difference(rng: Rng, draw: Callable[[Rng, int], Pair] = PAIRED[data], games: int = games) -> bool | None:
            found = paired_mean_interval(*draw(rng, games), rng, resamples=RESAMPLES, bounds=(0, CAP))
            return _covered(found, true_difference(draw))

        yield Experiment("paired_mean_interval", f"{data}, {games} games", "coverage", difference, quick=games == 100)

    def normal(rng: Rng) -> bool | None:
        return _covered(pairing_correlation(*rng.multivariate_normal([0, 0], [[1, 0.3], [0.3, 1]], 100).T), 0.3)

    yield Experiment("pairing_correlation", "normal values, 100 games", "coverage", normal)
    for data, draw in (("capped scores", PAIRED["capped scores"]), ("wins", _win_pairs)):

        def correlated(rng: Rng, draw: Callable[[Rng, int], Pair] = draw) -> bool | None:
            return _covered(pairing_correlation(*draw(rng, 200)), _correlation(draw))

        yield Experiment("pairing_correlation", f"{data}, 200 games", "coverage", correlated)


def _win_pairs(rng: Rng, games: int) -> Pair:
    a, b = wins(rng, games, 0.6, 0.7)
    return a.astype(float), b.astype(float)


@cache
def _correlation(draw: Callable[[Rng, int], Pair]) -> float:
    return float(np.corrcoef(*draw(np.random.default_rng(97), _MANY))[0, 1])


def _clusters() -> Iterator[Experiment]:
    for share, alike, games, short in (
        (0.9, 20, 20, False),
        (0.9, 20, 100, False),
        (0.97, 20, 100, False),
        (0.99, 10, 100, False),
        (0.97, 20, 50, True),
        (0.995, 50, 100, True),
    ):

        def agreement(
            rng: Rng, share: float = share, alike: float = alike, games: int = games, short: bool = short
        ) -> bool | None:
            return _covered(
                clustered_share(*decisions(rng, games, share, alike, short), rng, resamples=RESAMPLES), share
            )

        length = "short" if short else "long"
        yield Experiment("clustered_share", f"{share:.1%} right, {games} {length} games", "coverage", agreement)


METHODS = {
    "students differ": (Method(), Method()),
    "students hardly differ, games suit a method": (Method(students=0.02, games=0.6),) * 2,
    "strong": (Method(3.3, 0.5), Method(3.3, 0.5)),
    "one method steady, one not": (Method(students=0.1), Method(students=0.8)),
    "1 of 5 runs fails": (Method(students=0.3, failing=0.2),) * 2,
    "1 of 5 runs of one method fails": (Method(students=0.3), Method(students=0.3, failing=0.2)),
}


def _seeds() -> Iterator[Experiment]:
    one_fails = "1 of 5 runs of one method fails"
    missed = {(one_fails, 3): 0.88, (one_fails, 5): 0.82, (one_fails, 10): 0.89}
    for data, (first, second) in METHODS.items():
        for seeds in (3, 5, 10):
            for win in (True, False):
                what = f"{data}, {seeds} seeds, {'wins' if win else 'scores'}"

                def play(
                    rng: Rng, first: Method = first, second: Method = second, seeds: int = seeds, win: bool = win
                ) -> Finding:
                    common = difficulty(rng, 100)
                    return seed_level_difference(
                        first.play(rng, seeds, common, win=win), second.play(rng, seeds, common, win=win)
                    )

                def covers(
                    rng: Rng,
                    play: Callable[[Rng], Finding] = play,
                    first: Method = first,
                    second: Method = second,
                    win: bool = win,
                ) -> bool | None:
                    truth = 0.0 if first == second else mean_of(second, win) - mean_of(first, win)
                    return _covered(play(rng), truth)

                yield Experiment("seed_level_difference", what, "coverage", covers, missed.get((data, seeds)))
    for seeds in (3, 5, 10):

        def alone(rng: Rng, seeds: int = seeds) -> bool | None:
            found = seed_level_mean(Method().play(rng, seeds, difficulty(rng, 100), win=True), bounds=(0, 1))
            return _covered(found, mean_of(Method(), True))

        yield Experiment("seed_level_mean", f"students differ, {seeds} seeds, wins", "coverage", alone)


def _rejected(p_value: float | None) -> bool:
    return p_value is not None and p_value <= 1 - LEVEL


def _tests() -> Iterator[Experiment]:
    for data, games, draw in (
        ("capped scores", 100, lambda rng, n: scores(rng, n, 0.05)),
        ("mostly ties at 0", 100, lambda rng, n: scores(rng, n, 0.9)),
        ("few games", 12, lambda rng, n: scores(rng, n, 0.1)),
        ("1 of 20 games lost", 100, lambda rng, n: nearly_full(rng, n, 0.05)),
    ):

        def flip(rng: Rng, draw: Callable[[Rng, int], Pair] = draw, games: int = games) -> bool:
            return _rejected(paired_permutation(*draw(rng, games), rng, resamples=RESAMPLES).p_value)

        yield Experiment("paired_permutation", f"{data}, {games} games", "errors", flip, quick=games == 12)

        def ranks(rng: Rng, draw: Callable[[Rng, int], Pair] = draw, games: int = games) -> bool:
            return _rejected(cliffs_delta(draw(rng, games)[0], draw(rng, games)[1]).p_value)

        yield Experiment("cliffs_delta", f"{data}, {games} games each", "errors", ranks)
    for games, chance in ((100, 0.03), (200, 0.5), (500, 0.95)):

        def mcnemar(rng: Rng, games: int = games, chance: float = chance) -> bool:
            return _rejected(mcnemar_exact(*wins(rng, games, chance, chance)).p_value)

        yield Experiment("mcnemar_exact", f"{chance:.0%} wins, {games} games", "errors", mcnemar, quick=games == 200)

    def family(rng: Rng) -> bool:
        """Any of nine tests that share a model: scores and wins of it against three others, and ranks of the scores."""
        own, values = scores(rng, 60, 0.05)[0], []
        for _ in range(3):
            other = scores(rng, 60, 0.05)[0]
            values += [
                paired_permutation(own, other, rng, resamples=RESAMPLES).p_value,
                mcnemar_exact(own == CAP, other == CAP).p_value,
                cliffs_delta(own, other).p_value,
            ]
        return any(_rejected(p_value) for p_value in holm(values))

    yield Experiment("holm", "any of 9 tests, 60 games", "errors", family)
    for seeds in (3, 5):

        def methods(rng: Rng, seeds: int = seeds) -> bool:
            method, common = METHODS["students hardly differ, games suit a method"][0], difficulty(rng, 100)
            a, b = (method.play(rng, seeds, common, win=False) for _ in range(2))
            return _rejected(seed_level_difference(a, b).p_value)

        yield Experiment("seed_level_difference", f"games suit a method, {seeds} seeds", "errors", methods)


def _same() -> Iterator[Experiment]:
    """Players that differ by exactly the margin, and are said to be the same."""
    for data, games in (
        ("capped scores", 100),
        ("two strong players", 100),
        ("two weak players", 100),
        ("two very weak players", 100),
        ("1 of 10 and 1 of 20 games lost", 100),
        ("1 of 25 and 1 of 50 games lost", 50),
        ("1 of 25 and 1 of 50 games lost", 200),
        ("against a teacher that fills every board", 50),
        ("against a teacher that fills every board", 200),
    ):

        def near(rng: Rng, draw: Callable[[Rng, int], Pair] = PAIRED[data], games: int = games) -> bool:
            margin = abs(true_difference(draw))
            found = equivalence(*draw(rng, games), rng, margin=margin, bounds=(0, CAP), resamples=RESAMPLES)
            return _rejected(found.p_value)

        yield Experiment("equivalence", f"{data}, {games} games", "errors", near)
    for games, first, margin, common in (
        (50, 0.5, 0.05, 0.95),
        (100, 0.02, 0.05, 0.5),
        (100, 0.5, 0.1, 0.95),
        (200, 0.9, 0.05, 0.5),
        (300, 0.5, 0.1, 0.0),
    ):

        def wins_near(
            rng: Rng, games: int = games, first: float = first, margin: float = margin, common: float = common
        ) -> bool:
            return _rejected(equivalence(*wins(rng, games, first, first + margin, common), rng, margin=margin).p_value)

        data = f"{first:.0%} and {first + margin:.0%} wins, {common:.0%} of the luck shared, {games} games"
        yield Experiment("equivalence", data, "errors", wins_near, quick=games == 200)


EXPERIMENTS = (*_shares(), *_means(), *_pairs(), *_clusters(), *_seeds(), *_tests(), *_same())
