"""Calibration by simulation: do intervals cover and do tests keep their level on data shaped like games?

The experiments are those of benchmarks/calibration.py, whose table docs/statistics.md shows. Coverage may fall 2 points
short of nominal, a test may err 1 point more often than its level; intervals of discrete shares are conservative, which
is no fault, so coverage is bounded from below only. Tolerances add three standard errors of the simulation.
"""

from __future__ import annotations

import json
import os
from math import sqrt
from typing import Any

import numpy as np
import pytest
from filelock import FileLock

from benchmarks._experiments import EXPERIMENTS, Experiment, Rate
from benchmarks.calibration import TIMES, rates
from serpentune.common.errors import UserError

FAST = 200
QUICK = [experiment for experiment in EXPERIMENTS if experiment.quick]
STATED = [experiment for experiment in EXPERIMENTS if experiment.stated is not None]


def _holds(experiment: Experiment, rate: Rate) -> bool:
    limit = experiment.limit if experiment.stated is None else experiment.stated
    tolerance = 3 * sqrt(limit * (1 - limit) / rate.answers)
    return rate.share >= limit - tolerance if experiment.kind == "coverage" else rate.share <= limit + tolerance


@pytest.mark.parametrize("experiment", QUICK, ids=lambda experiment: experiment.name)
def test_a_few_intervals_and_tests_keep_what_they_say(experiment: Experiment) -> None:
    assert _holds(experiment, experiment.rate(FAST, 2026))


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rate]:
    """All experiments of the benchmark, on all cores: minutes, so one of pytest's processes makes them for all."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    file = folder / "calibration.json"
    with FileLock(file.with_suffix(".lock")):
        if not file.exists():
            made = dict(zip((experiment.name for experiment in EXPERIMENTS), rates(TIMES), strict=True))
            file.write_text(json.dumps(made), encoding="utf-8")
        found: dict[str, list[Any]] = json.loads(file.read_text(encoding="utf-8"))
    return {name: Rate(*rate) for name, rate in found.items()}


@pytest.mark.slow
@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: experiment.name)
def test_intervals_and_tests_keep_what_they_say(experiment: Experiment, counted: dict[str, Rate]) -> None:
    assert _holds(experiment, counted[experiment.name])


@pytest.mark.slow
@pytest.mark.parametrize("experiment", STATED, ids=lambda experiment: experiment.name)
def test_what_is_owned_up_to_is_really_missed(experiment: Experiment, counted: dict[str, Rate]) -> None:
    assert counted[experiment.name].share < 0.94


def test_the_simulation_would_catch_an_interval_that_is_too_sure() -> None:
    def wald(rng: np.random.Generator) -> bool:
        wins = int(rng.binomial(100, 0.02))
        half = 1.96 * sqrt(wins / 100 * (1 - wins / 100) / 100)
        return wins / 100 - half <= 0.02 <= wins / 100 + half

    experiment = Experiment("Wald interval", "2% wins, 100 games", "coverage", wald)
    assert not _holds(experiment, experiment.rate(TIMES, 2026))


def test_experiments_without_an_interval_are_counted_and_never_all() -> None:
    some = Experiment("half of them", "coins", "coverage", lambda rng: True if rng.random() < 0.5 else None)
    share, answers = some.rate(200, 2026)
    assert share == 1 and 60 < answers < 140
    with pytest.raises(UserError, match="none of 200 experiments gave an interval"):
        Experiment("nothing", "coins", "coverage", lambda rng: None).rate(200, 2026)
