"""Floor 11, pipeline: the runs of an ablation, one after another, as far as the time allows."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serpentune import __version__
from serpentune.common.errors import UserError
from serpentune.common.files import read_object, write_json
from serpentune.common.progress import phase_bars
from serpentune.datasets import Recipe, load_splits, read_manifest
from serpentune.datasets.directory import check_files
from serpentune.pipeline._datasets import build_from_recipe
from serpentune.pipeline._design import Design, Variant
from serpentune.pipeline._games import games_for
from serpentune.pipeline.recipe import ExperimentRecipe
from serpentune.training import load_result, refuse_other_data, train_once

if TYPE_CHECKING:
    from serpentune.evaluation import EvaluationResult
    from serpentune.training import TrainingResult

RUNS = "runs.json"
"""What is planned in an ablation's folder, by which recipes, and what each finished run took."""

_DATASETS, _MODELS, _EVALUATIONS = "datasets", "models", "evaluation"
_WAY_OUT = "Choose another folder (--output)."


def round_fits(
    variants: Sequence[str], finished: Mapping[str, Mapping[int, float]], seed: int, seconds_left: float
) -> bool:
    """Whether what is missing of a seed's round would end in time.

    A variant is expected to take the mean of its own finished runs; one that never ran, the mean of all. The very first
    run is begun in any case.

    Args:
        variants: names of all that belong to the round.
        finished: seconds by variant and training seed, of the runs that are finished.
        seed: of the round.
        seconds_left: until the time is up.
    """
    every = [seconds for by_seed in finished.values() for seconds in by_seed.values()]
    if not every:
        return True  # somebody has to be the first
    expected = 0.0
    for name in variants:
        if seed not in finished.get(name, {}):
            own = list(finished.get(name, {}).values()) or every
            expected += sum(own) / len(own)
    return expected == 0 or expected <= seconds_left


def earlier_seconds(trained: TrainingResult, *, trained_before: bool) -> float:
    """The seconds of a student's training that earlier calls took.

    Args:
        trained: what training says; its `seconds` are those of the last call alone.
        trained_before: whether that was an earlier call.
    """
    last = trained.seconds if trained_before else 0.0
    before = trained.resumed_from or 0
    if not 0 < before < trained.steps:
        return last
    # Nobody timed a call that was stopped: its steps are taken to have been as fast as those of the last one.
    return last + trained.seconds * before / (trained.steps - before)


def refuse_other_recipes(folder: Path, planned: Design) -> None:
    """Make sure that what an ablation's folder holds under the names of planned variants is of the same recipes.

    Raises:
        UserError: a variant's recipe was another, or the data set that it names has changed.
    """
    noted = read_object(folder / RUNS).get("recipes", {})
    for variant in planned.variants:
        if variant.name not in noted:
            continue
        before, now = noted[variant.name], _identity(variant)
        # A setting that came with a later version has its standard value in what was noted before.
        recipe_then = _told(ExperimentRecipe.from_values(before["recipe"]))
        changed = [key for key, value in now["recipe"].items() if recipe_then[key] != value]
        if before["data_sha256"] != now["data_sha256"] and "dataset" not in changed:
            changed.append("what the data set holds")
        if not changed:
            continue
        began = f"The ablation in {folder} began with" if variant is planned.variants[0] else (
            f"The variant {variant.name} in {folder} was planned from"
        )  # fmt: skip
        raise UserError(f"{began} another recipe: {', '.join(changed)} differs. {_WAY_OUT}")


def _identity(variant: Variant) -> dict[str, Any]:
    """What a variant is trained and played by: its recipe, and the hashes of a data set that is there already."""
    data = variant.recipe.dataset
    there = None if isinstance(data, Recipe) else read_manifest(Path(data).expanduser()).get("sha256")
    return {"recipe": _told(variant.recipe), "data_sha256": there}


def _told(recipe: ExperimentRecipe) -> dict[str, Any]:
    return recipe.model_dump(mode="json", exclude={"name"})


class Runner:
    """Works through a design in a folder that is its own."""

    def __init__(self, folder: Path, planned: Design, quiet: bool, announce: Callable[[str], None]) -> None:
        self.folder = folder
        self.planned = planned
        self.quiet = quiet
        self.announce = announce
        self.seconds: dict[str, dict[int, float]] = {}
        self._recipes: dict[str, dict[str, Any]] = {}
        if (folder / RUNS).is_file():
            noted = read_object(folder / RUNS)
            for name, by_seed in noted.get("seconds", {}).items():
                self.seconds[name] = {int(seed): float(seconds) for seed, seconds in by_seed.items()}
            self._recipes = noted.get("recipes", {})  # those of variants that aren't asked for now stay
        self._recipes |= {variant.name: _identity(variant) for variant in planned.variants}
        self._datasets = _dataset_folders(planned)

    def run(self, deadline: float | None) -> tuple[tuple[int, ...], dict[str, list[EvaluationResult]], int]:
        """Train and play until all is done or `deadline`, a time of `time.monotonic`, would be passed.

        Returns:
            The training seeds of which every variant is finished, the results of every variant in their order, and how
            many runs are left.
        """
        order = self.planned.order()
        names = [variant.name for variant in self.planned.variants]
        self.note()
        under_way = self.planned.seeds[0]
        for seed, variant in order:
            if self._finished(variant.name, seed):
                continue
            left = float("inf") if deadline is None else deadline - time.monotonic()
            # A further seed is begun as a whole or not at all.
            if not round_fits([variant.name] if seed == under_way else names, self.seconds, seed, left):
                break
            under_way = seed
            self._run(variant, seed)
        done = sum(self._finished(variant.name, seed) for seed, variant in order)
        if done < len(order):
            self.announce(
                f"The time is up: {done} of {len(order)} runs are finished. The same command with more time goes on."
            )
        whole = tuple(seed for seed in self.planned.seeds if all(self._finished(name, seed) for name in names))
        return whole, {name: [self._result(name, seed) for seed in whole] for name in names}, len(order) - done

    def _finished(self, name: str, seed: int) -> bool:
        return seed in self.seconds.get(name, {})

    def _result(self, name: str, seed: int) -> EvaluationResult:
        from serpentune.evaluation import EvaluationResult

        return EvaluationResult.load(self.folder / _EVALUATIONS / name / f"seed={seed}")

    def _run(self, variant: Variant, seed: int) -> None:
        """Train and play one variant with one seed; what is finished of it is kept."""
        from serpentune.evaluation import evaluate_contestant, open_contestant, read_test_records

        place = Path(variant.name) / f"seed={seed}"
        self.announce(f"{variant.name}, training seed {seed}")
        began = time.monotonic()
        recipe = variant.recipe
        assert recipe.evaluation is not None
        trained_before = load_result(self.folder / _MODELS / place) is not None
        try:
            dataset = self._dataset(variant)
            manifest = check_files(dataset)
            for done in self.seconds.get(variant.name, {}):  # all seeds of a variant learn from the same
                refuse_other_data(self.folder / _MODELS / variant.name / f"seed={done}", manifest["sha256"], _WAY_OUT)
            games = games_for(recipe.evaluation, manifest, dataset)
            trained = train_once(
                recipe.training.with_values({"seed": seed}),
                load_splits(dataset),
                manifest["sha256"],
                self.folder / _MODELS / place,
                quiet=self.quiet,
            )
            contestant = open_contestant(
                trained.model_path,
                name=f"{variant.name},seed={seed}",
                trust_remote_code=recipe.training.trust_remote_code,
            )
            evaluate_contestant(
                contestant,
                self.folder / _EVALUATIONS / place,
                games,
                test_records=read_test_records(dataset, recipe.evaluation.records),
                quiet=self.quiet,
            )
        except UserError as error:
            raise UserError(
                f"The variant {variant.name} with training seed {seed}: {error} What is finished is kept."
            ) from error
        del contestant
        gc.collect()  # before the next model wants the memory
        took = time.monotonic() - began + earlier_seconds(trained, trained_before=trained_before)
        self.seconds.setdefault(variant.name, {})[seed] = round(took, 2)
        self.note()

    def _dataset(self, variant: Variant) -> Path:
        """The folder of what a variant learns from, built when it is first needed; equal recipes share it."""
        name = self._datasets[variant.name]
        data = variant.recipe.data_recipe()
        if name is None or data is None:
            return Path(str(variant.recipe.dataset)).expanduser()
        folder = self.folder / _DATASETS / name
        if not folder.is_dir():
            with phase_bars(quiet=self.quiet) as advance:
                build_from_recipe(data, folder, progress=advance)
        return folder

    def note(self) -> None:
        """Write what is planned and what is finished."""
        write_json(
            self.folder / RUNS,
            {
                "serpentune": __version__,
                "variants": {variant.name: variant.levels for variant in self.planned.variants},
                "seeds": list(self.planned.seeds),
                "seconds": self.seconds,
                "recipes": self._recipes,
            },
        )


def _dataset_folders(planned: Design) -> dict[str, str | None]:
    """The data set's folder of each variant, named after the first one that learns from it; None where it is there."""
    first: dict[str, str] = {}
    folders: dict[str, str | None] = {}
    for variant in planned.variants:
        data = variant.recipe.dataset
        same = json.dumps(data.model_dump(mode="json"), sort_keys=True) if isinstance(data, Recipe) else None
        folders[variant.name] = None if same is None else first.setdefault(same, variant.name)
    return folders
