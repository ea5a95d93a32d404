"""Floor 11, pipeline: an experiment from games to a report on students that have really played, step by step.

A template method: `run` fixes the order collect → prepare → train → improve → evaluate → report, what is kept, and what
a resumed run leaves out; each step is a method that a subclass may replace.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from serpentune.common.errors import UserError
from serpentune.common.files import write_json
from serpentune.common.paths import PathUtils
from serpentune.common.processes import is_first_process, process_count, wait_for_all
from serpentune.common.progress import phase_bars
from serpentune.common.run_log import TrainingLoggingUtils
from serpentune.datasets import load_splits
from serpentune.datasets.directory import check_files
from serpentune.evaluation.results import EVALUATION
from serpentune.logs import find_logs
from serpentune.models import end_ids, find_base, open_tokenizer
from serpentune.pipeline._datasets import build_from_recipe
from serpentune.pipeline._findings import all_trained, experiment_summary, write_experiment_report
from serpentune.pipeline._folder import DATASET, LOGS, MODELS, RECIPE, SUMMARY, Experiment, here
from serpentune.pipeline._games import games_for
from serpentune.pipeline._improving import NOT_IMPROVED, ImprovedStudent, Improvement
from serpentune.pipeline._results import ExperimentResults
from serpentune.pipeline.recipe import ExperimentRecipe
from serpentune.training import (
    AdvancedTrainingConfig,
    Cell,
    TrainingResult,
    check_machine,
    sweep,
    total_steps,
    train_once,
    train_samples,
)

if TYPE_CHECKING:
    from serpentune.comparison import ComparisonReport
    from serpentune.evaluation import EvaluationResult, EvaluationSettings

_LOG = logging.getLogger(__name__)


class ExperimentPipeline:
    """Does what a recipe says: builds the data, trains every combination, improves, lets all play, compares, reports.

    Leaves `<output_dir>/<name>/` with `recipe.yaml`, `datasets/`, `models/`, `evaluation/`, `logs/`,
    `results_summary.json` and `report.html`, with its figures as JSON, CSV and Markdown beside it. A sweep's students
    lie in `models/<what varies>/final_model/`, a single one in `models/final_model/`; each one's rounds of improvement,
    where the recipe asks for them, in `improved/<run>/`.

    >>> recipe = ExperimentRecipe.load("recipes/quickstart.yaml")   # doctest: +SKIP
    >>> ExperimentPipeline(recipe).run().report_path                # doctest: +SKIP
    """

    _may_differ: ClassVar[Collection[str]] = ("name", "training", "sweep", "max_runs", "improve", "evaluation")
    """Settings that a resumed experiment may change; each training run, and each student's rounds of improvement,
    compare their own with those they began with."""

    def __init__(
        self,
        recipe: ExperimentRecipe,
        *,
        output_dir: str | Path | None = None,
        resume: bool = False,
        overwrite: bool = False,
        quiet: bool = False,
    ) -> None:
        """Prepare a run; nothing is read or written yet.

        Args:
            recipe: what to do.
            output_dir: folder of experiments; None takes the recipe's `training.output_dir`.
            resume: go on with the experiment of that name; what is finished in it is kept.
            overwrite: replace the experiment of that name.
            quiet: show no progress bars.

        Raises:
            UserError: both `resume` and `overwrite`, or `resume` without a name.
        """
        if resume and overwrite:
            raise UserError("An experiment is either gone on with (resume) or replaced (overwrite).")
        if resume and recipe.name is None:
            raise UserError("To go on with an experiment, name it: experiment_name, or --resume with its folder.")
        name = recipe.name or f"{recipe.training.training_strategy}_{PathUtils.timestamp()}"
        self.recipe = recipe.model_copy(update={"name": name}, deep=True)
        folder = Path(output_dir if output_dir is not None else recipe.training.output_dir).expanduser() / name
        self.experiment = Experiment(folder, self.recipe, RECIPE)
        self.resume = resume
        self.overwrite = overwrite
        self.quiet = quiet

    @classmethod
    def from_experiment(cls, folder: str | Path, *, quiet: bool = False) -> ExperimentPipeline:
        """The pipeline that goes on with the experiment in `folder`, with the settings that it began with.

        Raises:
            UserError: the folder holds no experiment.
        """
        file, output_dir, name = here(Path(folder), RECIPE)
        recipe = ExperimentRecipe.load(file).model_copy(update={"name": name})
        return cls(recipe, output_dir=output_dir, resume=True, quiet=quiet)

    def run(self) -> ExperimentResults:
        """Run every step that isn't finished yet.

        Where `torchrun` starts several processes, all of them train and play, and the first one does everything else.

        Raises:
            UserError: bad input; everything that can be is checked before any work is done. Or several processes, and
                the recipe asks for rounds of improvement, in which one process has to play what the next step learns.
            PipelineInterrupted: after Ctrl-C or SIGTERM, when there is something to go on from.
        """
        if self.recipe.improve is not None and process_count() > 1:
            raise UserError(
                "Rounds of improvement (improve) run in one process. Start this recipe without torchrun; or leave them "
                "out, and afterwards let each student go through them by itself (serpentune improve)."
            )
        if is_first_process():
            return self._run()
        wait_for_all()  # for the data set
        students = self.train()
        if (games := self._games(check_files(self.dataset))) is not None:
            self.play(students, games)
        return ExperimentResults(self.recipe, self.experiment.folder, {}, students, {}, {}, {}, None, {}, 0.0)

    def _run(self) -> ExperimentResults:
        began = time.perf_counter()
        self.check()
        folder = self.experiment.folder
        held = self.experiment.claimed(replace=self.overwrite, by="another run")
        with held, TrainingLoggingUtils.log_file(folder / LOGS / "run.log"):
            seconds: dict[str, float] = {}
            with self._step("collect", seconds):
                runs = self.collect()
            with self._step("prepare", seconds):
                manifest = self.prepare(runs)
                games = self._games(manifest)
                improvement = Improvement.of(self.recipe, manifest, self.dataset)
            wait_for_all()
            with self._step("train", seconds):
                students = self.train()
            improved: dict[str, ImprovedStudent] = {}
            if improvement is not None:
                with self._step("improve", seconds):
                    improved = self.improve(students, improvement)
            results: list[EvaluationResult] = []
            comparisons: dict[str, ComparisonReport] = {}
            report = None
            if games is not None:
                with self._step("evaluate", seconds):
                    results = self.play(students, games, improved)
                    comparisons = self.compare(results, improved)
                with self._step("report", seconds):
                    report = self.report(manifest, students, improved, results, comparisons)
            took = time.perf_counter() - began
            seconds["total"] = round(took, 2)
            summary = self._summary(manifest, students, improved, results, comparisons, seconds)
            write_json(folder / SUMMARY, summary)
        return ExperimentResults(
            recipe=self.recipe,
            folder=folder,
            dataset_stats=manifest,
            students=students,
            improved=improved,
            results={result.name: result for result in results},
            comparisons=comparisons,
            report_path=report,
            summary=summary,
            execution_time=took,
        )

    def check(self) -> None:
        """Check everything that can be wrong before any work is done.

        A data recipe that is named by its file is read, and is from now on part of the experiment's own recipe.

        Raises:
            UserError: log directories that are missing or empty, a data set or recipe that isn't there, an unknown base
                model, with `chat` one without a usable chat template, several whose results would share a folder
                (`evaluation.untuned_names`), settings that this machine doesn't suit (`training.check_machine`), or an
                experiment folder that is taken.
        """
        from serpentune.evaluation import untuned_names

        if isinstance(self.recipe.dataset, str):
            self.recipe = self.recipe.with_data_recipe()
            self.experiment = replace(self.experiment, config=self.recipe)
        if self.resume:
            self.experiment.check_resumable(self._may_differ)
        data = self.recipe.data_recipe()
        read = [] if data is None or (self.resume and self.experiment.has_dataset) else data.sources
        sources = find_logs(read) if read else []
        if not self.resume:
            self.experiment.check_free(overwrite=self.overwrite, sources=sources)
        for config in (cell.config for cell in self.runs()):
            check_machine(config)
            find_base(config.base_model_name)
            if config.chat:
                tokenizer = open_tokenizer(config.base_model_name, trust_remote_code=config.trust_remote_code)
                end_ids(tokenizer, chat=True)
        if self.recipe.evaluation is not None:
            untuned_names(cell.config for cell in self.runs())

    def training_config(self) -> AdvancedTrainingConfig:
        """What the training runs have in common; a subclass may change it."""
        return self.recipe.training

    def runs(self) -> list[Cell]:
        """The training runs: each combination of the sweep, or one that is called like its strategy."""
        return self.recipe.model_copy(update={"training": self.training_config()}).cells()

    @property
    def dataset(self) -> Path:
        """The data set's folder, in the experiment's own or where the recipe says."""
        recipe = self.recipe
        if isinstance(recipe.dataset, str) and recipe.data_recipe() is None:
            return Path(recipe.dataset).expanduser()
        return self.experiment.folder / DATASET

    def collect(self) -> list[Path]:
        """Find the run folders to read; none where the data set is there already or plays its own games."""
        data = self.recipe.data_recipe()
        if data is None or not data.sources or self.experiment.has_dataset:
            return []
        runs = find_logs(data.sources)
        _LOG.info("%d run folders: %s", len(runs), ", ".join(map(str, runs)))
        return runs

    def prepare(self, runs: Sequence[Path]) -> dict[str, Any]:
        """Build the data set from the games in `runs` and those that it plays, and return its manifest."""
        data = self.recipe.data_recipe()
        if data is None or self.experiment.has_dataset:
            _LOG.info("the data set is there already")
            return check_files(self.dataset)
        data = data.model_copy(update={"sources": [str(run) for run in runs]})
        with phase_bars(quiet=self.quiet) as advance:
            stats = build_from_recipe(data, self.dataset, progress=advance)
        for refusal in stats.refused:
            _LOG.info("left out: %s: %s", refusal["file"], refusal["reason"])
        _LOG.info("%s records", ", ".join(f"{count} {split}" for split, count in stats.records.items()))
        return check_files(self.dataset)

    def train(self) -> dict[str, TrainingResult]:
        """Train every run that isn't finished, from its last checkpoint where there is one; results by run."""
        from serpentune.pipeline._estimate import TimeEstimate

        folder = self.experiment.folder / MODELS
        config = self.training_config()
        if self.recipe.sweep:
            swept = sweep(
                config,
                self.recipe.sweep,
                self.dataset,
                folder,
                resume=folder.is_dir(),
                max_runs=self.recipe.max_runs,
                callbacks=[TimeEstimate()],
                quiet=self.quiet,
                announce=_LOG.info,
            )
            results = {run.name: run.result for run in swept.runs}
            return {cell.name: results[cell.name] for cell in self.runs()}
        splits, hashes = load_splits(self.dataset), check_files(self.dataset)["sha256"]
        _LOG.info(
            "%s of %s: %d samples, %d optimiser steps, learning rate %g",
            config.training_strategy, config.base_model_name, train_samples(config, len(splits["train"])),
            total_steps(config, len(splits["train"])), config.hyperparameters.learning_rate,
        )  # fmt: skip
        result = train_once(config, splits, hashes, folder, callbacks=[TimeEstimate()], quiet=self.quiet)
        return {self.runs()[0].name: result}

    def improve(self, students: Mapping[str, TrainingResult], improvement: Improvement) -> dict[str, ImprovedStudent]:
        """Let every student go through its rounds; what came out, by the run's name and `-improved`."""
        return improvement.run(students, self.runs(), self.experiment.folder, quiet=self.quiet)

    def play(
        self,
        students: Mapping[str, TrainingResult],
        games: EvaluationSettings,
        improved: Mapping[str, ImprovedStudent] = NOT_IMPROVED,
    ) -> list[EvaluationResult]:
        """Let the untuned base, every student and every improved one play the same games."""
        from serpentune.evaluation import evaluate_students, read_test_records

        assert self.recipe.evaluation is not None
        found = evaluate_students(
            {name: trained.model_path for name, trained in all_trained(students, improved).items()},
            [cell.config for cell in self.runs()] * (2 if improved else 1),
            self.experiment.folder / EVALUATION,
            games,
            test_records=read_test_records(self.dataset, self.recipe.evaluation.records),
            quiet=self.quiet,
        )
        return list(found.values())

    def compare(
        self, results: Sequence[EvaluationResult], improved: Mapping[str, ImprovedStudent] = NOT_IMPROVED
    ) -> dict[str, ComparisonReport]:
        """Compare each student, or with training seeds enough each method, with the base it was made from.

        What was improved is compared with what it was before, too.
        """
        from serpentune.comparison import ModelComparator, by_method, fitting_level

        folder = self.experiment.folder / EVALUATION
        comparator = ModelComparator(folder, seed=self.training_config().seed)
        origins = {name: student.origin for name, student in improved.items()}
        comparisons = comparator.compare_all(results, by=fitting_level(results), origins=origins)
        for comparison in comparisons.values():
            _LOG.info("%s", comparison.verdict)
        for method in by_method(results):
            _LOG.info("%s", method.sentence)
        return comparisons

    def report(
        self,
        manifest: Mapping[str, Any],
        students: Mapping[str, TrainingResult],
        improved: Mapping[str, ImprovedStudent],
        results: Sequence[EvaluationResult],
        comparisons: Mapping[str, ComparisonReport],
    ) -> Path:
        """Write the report, as HTML and in every other form; returns the page."""
        return write_experiment_report(
            self.experiment.folder, manifest, self.runs(), students, improved, results, comparisons, self._command()
        )

    def _command(self) -> str:
        """What makes the same experiment again, from its own folder."""
        return f"serpentune run {RECIPE} --output-dir again"

    def _games(self, manifest: Mapping[str, Any]) -> EvaluationSettings | None:
        """The games of the evaluation, checked before anything is trained; None where there are none."""
        if self.recipe.evaluation is None:
            return None
        return games_for(self.recipe.evaluation, manifest, self.dataset)

    def _summary(
        self,
        manifest: Mapping[str, Any],
        students: Mapping[str, TrainingResult],
        improved: Mapping[str, ImprovedStudent],
        results: Sequence[EvaluationResult],
        comparisons: Mapping[str, ComparisonReport],
        seconds: Mapping[str, float],
    ) -> dict[str, Any]:
        """What `results_summary.json` says."""
        return experiment_summary(
            self.experiment.folder, manifest, self.runs(), students, improved, results, comparisons, seconds
        )

    @contextmanager
    def _step(self, name: str, seconds: dict[str, float]) -> Iterator[None]:
        _LOG.info("step %s", name)
        began = time.perf_counter()
        try:
            yield
        except (Exception, KeyboardInterrupt) as error:
            _LOG.info("step %s ended early: %s", name, str(error) or type(error).__name__)
            raise
        seconds[name] = round(time.perf_counter() - began, 2)
