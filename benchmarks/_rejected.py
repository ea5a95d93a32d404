"""Ways to the same answers that are usual or simpler, and too sure of themselves on data like ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from math import sqrt

import numpy as np
from scipy.stats import t, ttest_ind

from benchmarks._experiments import METHODS, PAIRED, RESAMPLES, Experiment, true_difference, true_value
from benchmarks._players import Array, Rng, difficulty, nearly_full, scores, wins
from serpentune.statistics import bca_interval, mcnemar_exact

Ends = tuple[float, float]


def _t(values: Array, _: Rng) -> Ends:
    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def _bca(values: Array, rng: Rng) -> Ends | None:
    interval = bca_interval(values, rng, np.mean, resamples=RESAMPLES).interval
    return None if interval is None else (interval.low, interval.high)


def _weak(rng: Rng, games: int) -> Array:
    return scores(rng, games, 0.6)[0]


def _strong(rng: Rng, games: int) -> Array:
    return nearly_full(rng, games, 0.1)[0]


def _of_values() -> Iterator[Experiment]:
    ways: dict[str, Callable[[Array, Rng], Ends | None]] = {"BCa": _bca, "t-interval": _t}
    for way, ends in ways.items():
        for data, games, draw in (("weak player", 50, _weak), ("1 of 10 games lost", 100, _strong)):

            def mean(
                rng: Rng,
                ends: Callable[[Array, Rng], Ends | None] = ends,
                draw: Callable[[Rng, int], Array] = draw,
                games: int = games,
            ) -> bool | None:
                found = ends(draw(rng, games), rng)
                return None if found is None else found[0] <= true_value(draw) <= found[1]

            yield Experiment(f"{way} of the mean", f"{data}, {games} games", "coverage", mean)
    for data, games in (("two very weak players", 50), ("1 of 25 and 1 of 50 games lost", 200)):

        def paired(rng: Rng, data: str = data, games: int = games) -> bool | None:
            a, b = PAIRED[data](rng, games)
            found = _bca(b - a, rng)
            return None if found is None else found[0] <= true_difference(PAIRED[data]) <= found[1]

        yield Experiment("BCa of paired differences", f"{data}, {games} games", "coverage", paired)


def _two_levels(a: Array, b: Array, rng: Rng, resamples: int = 299) -> Ends:
    """Percentile bootstrap of seeds, and of games within."""
    differences = []
    for _ in range(resamples):
        games = rng.integers(0, a.shape[1], a.shape[1])
        means = [table[rng.integers(0, len(table), len(table))][:, games].mean() for table in (a, b)]
        differences.append(means[1] - means[0])
    low, high = np.quantile(differences, [0.025, 0.975])
    return float(low), float(high)


def _welch(a: Array, b: Array) -> float:
    return float(ttest_ind(a.mean(1), b.mean(1), equal_var=False).pvalue)


def _permuted(a: Array, b: Array) -> float:
    """Exact permutation of the training seeds."""
    means = np.concatenate([a.mean(1), b.mean(1)])
    sums = [means[list(chosen)].sum() for chosen in combinations(range(len(means)), len(a))]
    away = np.abs(np.array(sums) / len(a) - means.mean())
    return float((away >= away[0] - 1e-12).mean())


def _of_seeds() -> Iterator[Experiment]:
    for data in ("students differ", "1 of 5 runs fails"):
        for seeds in (3, 5, 10):

            def bootstrap(rng: Rng, data: str = data, seeds: int = seeds) -> bool:
                common = difficulty(rng, 100)
                a, b = (method.play(rng, seeds, common, win=False) for method in METHODS[data])
                low, high = _two_levels(a, b, rng)
                return low <= 0 <= high

            yield Experiment("bootstrap of seeds and games", f"{data}, {seeds} seeds, scores", "coverage", bootstrap)
    data = "students hardly differ, games suit a method"
    for way, p_value in (
        ("Welch's test of the students' means", _welch),
        ("permutation of seeds", _permuted),
    ):
        for seeds in (4, 5):

            def test(rng: Rng, p_value: Callable[[Array, Array], float] = p_value, seeds: int = seeds) -> bool:
                common = difficulty(rng, 100)
                a, b = (method.play(rng, seeds, common, win=False) for method in METHODS[data])
                return p_value(a, b) <= 0.05

            yield Experiment(way, f"games suit a method, {seeds} seeds, scores", "errors", test)


def _of_sameness() -> Iterator[Experiment]:
    for games, margin in ((50, 0.1), (100, 0.05)):

        def usual(rng: Rng, games: int = games, margin: float = margin) -> bool:
            interval = mcnemar_exact(*wins(rng, games, 0.5, 0.5 + margin, 1.0), level=0.9).interval
            assert interval is not None
            return -margin < interval.low and interval.high < margin

        data = f"50% and {0.5 + margin:.0%} wins, all luck shared, {games} games"
        yield Experiment("TOST at 1 - 2 alpha", data, "errors", usual)


REJECTED = (*_of_values(), *_of_seeds(), *_of_sameness())
