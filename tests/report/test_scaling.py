"""The curve of wins against samples or parameters, of real games and of training notes as runs write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from serpentune.common.errors import UserError
from serpentune.evaluation.contestants import training_settings
from serpentune.report import plot_scaling, scaling_points
from serpentune.statistics import wilson_interval
from serpentune.training import AdvancedTrainingConfig
from serpentune.training.curves import write_history
from tests.cli.calls import serpentune
from tests.report.players import Chooser, cycle, greedy, play, walk


def student(folder: Path, choose: Chooser, parameters: int, samples: int, games: range, **settings: Any) -> None:
    """A run of two steps' notes, and the games of its student."""
    config = AdvancedTrainingConfig(training_strategy="full").with_values(settings)
    name = f"{config.base_model_name},{samples},{config.seed}"
    run = folder / "models" / name
    (run / "final_model").mkdir(parents=True)
    told = {"config": config.model_dump(mode="json"), "data_sha256": "a" * 64, "processes": 1, "found_batch_size": None}
    (run / "training.json").write_text(json.dumps(told))
    card = {"parameters": parameters, "trainable_parameters": 1, "training": {"samples": samples, "steps": 20}}
    (run / "final_model" / "student.json").write_text(json.dumps(card))
    write_history([{"step": 20, "epoch": 1.0, "loss": 2.0}], run / "history.csv")
    manifest = {"model": str(run / "final_model"), "training": training_settings(run), "model_sha256": name}
    play(folder / "evaluation" / name, name, choose, games, manifest=manifest)


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, games = tmp_path_factory.mktemp("scaling"), range(20)
    for seed in (0, 1):
        student(folder, walk, 1000, 100, games, seed=seed, base_model="scratch-2m")
        student(folder, cycle, 5000, 100, games, seed=seed, base_model="scratch-10m")
    student(folder, greedy, 1000, 900, games, base_model="nano")  # which met 20 steps of 16 samples
    play(folder / "evaluation" / "untuned", "untuned", walk, games, manifest={"model": "nano"})
    return folder


def test_each_student_has_its_sizes_and_its_wilson_interval(experiment: Path) -> None:
    points, left_out = scaling_points([experiment])
    assert [(point.base_model, point.seed, point.samples, point.parameters) for point in points] == [
        ("nano", 0, 320, 1000),
        ("scratch-10m", 0, 100, 5000),
        ("scratch-10m", 1, 100, 5000),
        ("scratch-2m", 0, 100, 1000),
        ("scratch-2m", 1, 100, 1000),
    ]
    assert [point.wins for point in points] == [0, 20, 20, 0, 0] and {point.games for point in points} == {20}
    best = wilson_interval(20, 20).interval
    assert best is not None and (points[1].low, points[1].high) == (best.low, best.high)
    assert left_out == {"untuned": "it wasn't trained here"}


def test_the_curve_is_drawn_and_its_points_lie_beside_it(experiment: Path, tmp_path: Path) -> None:
    made = serpentune("report", experiment, "--against", "parameters", "--output", tmp_path / "size.svg", "--json")
    assert made.code == 0, made.err
    assert made.document["files"] == [str(tmp_path / "size.svg"), str(tmp_path / "size.json")]
    told = json.loads((tmp_path / "size.json").read_text())
    assert told["against"] == "parameters" and len(told["points"]) == 5
    # Only what differs in size alone is joined by a line.
    assert {label: len(names) for label, names in told["lines"].items()} == {"nano, full": 1, "from scratch, full": 4}
    drawn = (tmp_path / "size.svg").read_text()
    assert all(text in drawn for text in ("<!-- parameters -->", "<!-- from scratch, full -->", "<!-- nano, full -->"))
    _, data = plot_scaling([experiment], tmp_path / "samples.png", against="samples")
    assert len(json.loads(data.read_text())["lines"]) == 3


@pytest.mark.parametrize(("rates", "lines"), [((1e-3, 1e-3), 1), ((1e-3, 1e-4), 0)])
def test_no_line_leads_through_students_that_differ_in_more_than_size(
    rates: tuple[float, float], lines: int, tmp_path: Path
) -> None:
    seeds = (0, 1) if rates[0] == rates[1] else (0, 0)
    for place, (rate, seed) in enumerate(zip(rates, seeds, strict=True)):
        for samples in (100, 200):
            student(tmp_path / str(place), walk, 1000, samples, range(4), base_model="scratch-2m", lr=rate, seed=seed)
    drawn, _ = plot_scaling([tmp_path / "0", tmp_path / "1"], tmp_path / "a.svg")
    assert drawn.read_text().count("opacity: 0.6") == lines


def test_bases_and_players_of_one_name_are_told_apart(tmp_path: Path) -> None:
    bases = [f"{owner}/small" for owner in ("ours", "theirs")]
    for base in bases:
        student(tmp_path / base, walk, 1000, 100, range(4), base_model=base)
        training = json.loads(next((tmp_path / base / "evaluation").rglob("manifest.json")).read_text())["training"]
        method, run = {**training, "improved": {"rounds": 2}}, tmp_path / base / "improved"
        run.mkdir()
        (run / "training.json").write_text("{}")
        (run / "method.json").write_text(json.dumps(method))
        for name, told in {
            "untuned": {},
            "improved": {"model": str(run / "final_model"), "training": method},
            "other": {"training": {**training, "data_sha256": "b" * 64}},
        }.items():
            play(tmp_path / base / "evaluation" / name, name, walk, range(4), manifest={"model": base, **told})
    _, data = plot_scaling([tmp_path / base for base in bases], tmp_path / "a.svg")
    told = json.loads(data.read_text())
    assert list(told["lines"]) == [f"{base}, full" for base in bases]
    reasons = {
        "improved": "it met other samples in its rounds of improvement",
        "other": "no run with its settings and data lies where its results lead to",
        "untuned": "it wasn't trained here",
    }
    second = tmp_path / bases[1] / "evaluation"
    assert told["left_out"] == {**reasons, **{f"{name} in {second / name}": why for name, why in reasons.items()}}


def test_what_is_no_curve_is_refused(experiment: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Did you mean samples"):
        plot_scaling([experiment], tmp_path / "a.png", against="sample")
    with pytest.raises(UserError, match=r"ends in \.png"):
        plot_scaling([experiment], tmp_path / "a.html")
    with pytest.raises(UserError, match="whose training run is still there"):
        plot_scaling([experiment / "evaluation" / "untuned"], tmp_path / "a.png")
    (tmp_path / "a.json").write_text("mine")
    with pytest.raises(UserError, match=r"a\.json exists"):
        plot_scaling([experiment], tmp_path / "a.png")
    made = serpentune("report", experiment, "--against", "samples", "--by", "method", "--output", tmp_path / "b.png")
    assert made.code == 2 and "Leave out --by" in made.err and not (tmp_path / "b.png").exists()
