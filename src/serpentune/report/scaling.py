"""Floor 10, report: how often students win against their samples or parameters, as a picture and as data."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serpentune.common.errors import UserError, unknown_name
from serpentune.common.files import ensure_no_file, read_object, write_json
from serpentune.common.pictures import COLOURS, check_picture, save_picture
from serpentune.evaluation import results_folders
from serpentune.evaluation.results import EvaluationResult
from serpentune.report._learning import run_of
from serpentune.statistics import wilson_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AXES = {"samples": "training samples", "parameters": "parameters"}
"""What wins are shown against, and what its axis says."""

_LEVEL = 0.95
_MARKERS = "os^DvPX"
"""Hollow, and one for each line, so that two points at one place are both seen."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ScalingPoint:
    """A student and its wins.

    Attributes:
        name: of its results.
        base_model: what it was made from.
        strategy: how.
        seed: of its training.
        samples: different samples that it met in its training run; not in the one that it went on from.
        parameters: of the model, an adapter's included.
        games: that it played.
        wins: boards that it filled.
        win_rate: their share.
        low: lower end of its 95% Wilson interval, over the games of this one student.
        high: upper end.
        score: apples a game.
        model_sha256: of the weights that played.
    """

    name: str
    base_model: str
    strategy: str
    seed: int
    samples: int
    parameters: int
    games: int
    wins: int
    win_rate: float
    low: float
    high: float
    score: float
    model_sha256: str | None


def scaling_points(folders: Sequence[str | Path]) -> tuple[list[ScalingPoint], dict[str, str]]:
    """Students with the sizes of their data and their models.

    Args:
        folders: results folders, or sweeps, experiments and ablations that hold some. The training runs must lie where
            their results lead to, as for the loss curves of a report.

    Returns:
        The points in the order of the results, and by name of each player that is none, such as an untuned base, why.

    Raises:
        UserError: a folder holds no results or damaged ones, none of them is a student whose training run is known, or
            two students played by different rules.
    """
    from serpentune.comparison import pair

    points: list[ScalingPoint] = []
    left_out: dict[str, str] = {}
    first: EvaluationResult | None = None
    for folder in (place for each in folders for place in results_folders(Path(each))):
        result = EvaluationResult.load(folder)
        run = run_of(folder, result.manifest)
        if run is None or "improved" in result.manifest["training"]:
            name = result.name if result.name not in left_out else f"{result.name} in {folder}"
            left_out[name] = _why_no_point(result.manifest)
            continue
        first = first or result
        pair(first, result)  # refuses other rules
        points.append(_point(result, run))
    if not points:
        raise UserError(
            f"Nothing to draw: none of {', '.join(map(str, folders))} is a student whose training run is still there."
        )
    for name, reason in left_out.items():
        _LOG.info("%s is no point of the curve: %s", name, reason)
    return points, left_out


def plot_scaling(
    folders: Sequence[str | Path], path: str | Path, *, against: str = "samples", overwrite: bool = False
) -> tuple[Path, Path]:
    """Draw win rate against samples or parameters, and write the points as JSON beside the picture.

    Each student is a dot with its Wilson interval. A line joins the means at each size: against samples of the students
    of one base and strategy, against parameters of the bases from scratch. What was pre-trained had other data too, so
    no line leads there; nor is there one where students of one size and seed differ in something else, such as a rate.

    Args:
        folders: as of `scaling_points`.
        path: of the picture; its suffix says the format (`.png`, `.svg`, `.pdf`).
        against: one of `AXES`.
        overwrite: whether files that exist may be replaced.

    Returns:
        Picture and data.

    Raises:
        UserError: a file exists, an unknown axis or format, or as of `scaling_points` and `save_picture`.
    """
    from matplotlib.figure import Figure

    if against not in AXES:
        raise unknown_name("axis", against, AXES)
    path = Path(path)
    check_picture(path)
    files = path, path.with_suffix(".json")
    ensure_no_file(*files, overwrite=overwrite)
    points, left_out = scaling_points(folders)
    lines = _lines(points, against)
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    for place, (label, own) in enumerate(lines.items()):
        _draw(axes, own, against, label, COLOURS[place % len(COLOURS)], _MARKERS[place % len(_MARKERS)])
    axes.set_xscale("log")
    axes.set(xlabel=AXES[against], ylabel="boards filled (%)", ylim=(-2, 102))
    axes.set_title("95% Wilson interval over the games of each student", fontsize=9, loc="left")
    axes.grid(alpha=0.25)
    axes.legend(frameon=False, fontsize=8)
    save_picture(figure, path)
    write_json(
        files[1],
        {
            "against": against,
            "interval": {"method": "Wilson score interval", "level": _LEVEL, "over": "games of one student"},
            "lines": {label: [point.name for point in own] for label, own in lines.items()},
            "points": [asdict(point) for point in points],
            "left_out": left_out,
        },
    )
    return files


def _why_no_point(manifest: Mapping[str, Any]) -> str:
    if "training" not in manifest:
        return "it wasn't trained here"
    if "improved" in manifest["training"]:
        return "it met other samples in its rounds of improvement"
    return "no run with its settings and data lies where its results lead to"


def _point(result: EvaluationResult, run: Path) -> ScalingPoint:
    from serpentune.models import STUDENT
    from serpentune.training import RUN, AdvancedTrainingConfig

    card, note = read_object(run / STUDENT), read_object(run.parent / RUN)
    try:
        config = AdvancedTrainingConfig(**note["config"])
        steps = config.hyperparameters
        # auto_batch_size changes the batch and leaves the samples of a step.
        met = card["training"]["steps"] * steps.batch_size * steps.gradient_accumulation_steps * note["processes"]
        samples, parameters = min(card["training"]["samples"], met), int(card["parameters"])
    except (KeyError, TypeError) as error:
        raise UserError(f"{run}: {STUDENT} or {RUN} isn't what a training run writes ({error!r}).") from error
    games, wins = len(result.games), int(result.wins.sum())
    found = wilson_interval(wins, games, level=_LEVEL)
    assert found.interval is not None
    return ScalingPoint(
        result.name,
        config.base_model_name,
        config.training_strategy,
        config.seed,
        samples,
        parameters,
        games,
        wins,
        wins / games,
        found.interval.low,
        found.interval.high,
        float(result.scores.mean()),
        result.manifest.get("model_sha256"),
    )


def _lines(points: Sequence[ScalingPoint], against: str) -> dict[str, list[ScalingPoint]]:
    """Points that differ in size and training seed by what they have in common, each line in ascending order."""
    from serpentune.models import SCRATCH, short_name

    called: dict[str, set[str]] = {}
    for point in points:
        called.setdefault(short_name(point.base_model), set()).add(point.base_model)
    lines: dict[str, list[ScalingPoint]] = {}
    for point in points:
        base = short_name(point.base_model)
        label = base if len(called[base]) == 1 else point.base_model
        if against == "parameters" and point.base_model in SCRATCH:
            label = "from scratch"
        lines.setdefault(f"{label}, {point.strategy}", []).append(point)
    return {label: sorted(own, key=lambda point: getattr(point, against)) for label, own in lines.items()}


def _draw(axes: Axes, points: Sequence[ScalingPoint], against: str, label: str, colour: str, marker: str) -> None:
    at = [getattr(point, against) for point in points]
    for x, point in zip(at, points, strict=True):
        axes.plot([x, x], [100 * point.low, 100 * point.high], color=colour, linewidth=1.2)
    rates = [100 * point.win_rate for point in points]
    axes.plot(at, rates, marker, color=colour, fillstyle="none", markersize=7, label=label)
    places = sorted(set(at))
    if len({(x, point.seed) for x, point in zip(at, points, strict=True)}) < len(points):
        _LOG.info("%s: students of one size and seed differ in something else, so no line joins them", label)
    elif len(places) > 1:
        of_place = [[rate for x, rate in zip(at, rates, strict=True) if x == place] for place in places]
        axes.plot(places, [sum(own) / len(own) for own in of_place], color=colour, linewidth=1, alpha=0.6)
