"""Floor 11, pipeline: from the logs of several heuristics to a student that has really played, in five steps.

A template method: `run_pipeline` fixes the order collect → prepare → train → evaluate → report, what is kept, and what
a resumed run leaves out; each step is a method that a subclass may replace.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serpentune import __version__
from serpentune.common.errors import UserError
from serpentune.common.files import write_json
from serpentune.common.paths import PathUtils
from serpentune.common.progress import phase_bars
from serpentune.common.run_log import TrainingLoggingUtils
from serpentune.datasets import SPLITS, build_dataset, load_splits
from serpentune.game import check_board, parse_board
from serpentune.logs import find_logs
from serpentune.models import check_precision, end_ids, find_base, load_base, load_student, open_tokenizer, short_name
from serpentune.pipeline._base import UNTUNED
from serpentune.pipeline._experiment import CONFIG, DATASET, EVALUATION, LOGS, MODELS, REPORT, SUMMARY, Experiment
from serpentune.pipeline._results import PipelineInterrupted, PipelineResults
from serpentune.pipeline.config import MultiDatasetConfig
from serpentune.teachers import get
from serpentune.training import AdvancedTrainingConfig, TrainingResult, total_steps, train

if TYPE_CHECKING:
    from serpentune.comparison import ComparisonReport
    from serpentune.evaluation import EvaluationResult, EvaluationSettings

_LOG = logging.getLogger(__name__)


class MultiDatasetPipeline:
    """Trains one student on the games of several teachers, and lets it and its untuned base play.

    Leaves `<output_dir>/<experiment_name>/` with `config.json`, `datasets/`, `models/final_model/`, `evaluation/`,
    `logs/`, `results_summary.json` and `report.html`.

    >>> config = MultiDatasetConfig(heuristic_log_dirs=["logs/extensions/*"])   # doctest: +SKIP
    >>> MultiDatasetPipeline(config).run_pipeline().model_path                   # doctest: +SKIP
    """

    def __init__(
        self, config: MultiDatasetConfig, *, resume: bool = False, overwrite: bool = False, quiet: bool = False
    ) -> None:
        """Prepare a run; nothing is read or written yet.

        Args:
            config: the configuration.
            resume: go on with the experiment of that name; what is finished in it is kept.
            overwrite: replace the experiment of that name.
            quiet: show no progress bars.

        Raises:
            UserError: both `resume` and `overwrite`, or `resume` without an `experiment_name`.
        """
        if resume and overwrite:
            raise UserError("An experiment is either gone on with (resume) or replaced (overwrite).")
        if resume and config.experiment_name is None:
            raise UserError("To go on with an experiment, name it: experiment_name, or --resume with its folder.")
        self.experiment = Experiment(config)
        self.config = self.experiment.config
        self.resume = resume
        self.overwrite = overwrite
        self.quiet = quiet

    @classmethod
    def from_experiment(cls, folder: str | Path, *, quiet: bool = False) -> MultiDatasetPipeline:
        """The pipeline that goes on with the experiment in `folder`, with the settings that it began with.

        Raises:
            UserError: the folder holds no experiment.
        """
        return cls(Experiment.load(Path(folder)).config, resume=True, quiet=quiet)

    def run_pipeline(self) -> PipelineResults:
        """Run every step that isn't finished yet.

        Raises:
            UserError: bad input; everything that can be is checked before any work is done.
            PipelineInterrupted: after Ctrl-C or SIGTERM, when there is something to go on from.
        """
        began = time.perf_counter()
        self.check()
        folder = self.experiment.folder
        with self._claimed(), TrainingLoggingUtils.log_file(folder / LOGS / "run.log"):
            seconds: dict[str, float] = {}
            with self._step("collect", seconds):
                runs = self.collect()
            with self._step("prepare", seconds):
                manifest = self.prepare(runs)
                games = self._games(manifest)
            with self._step("train", seconds):
                trained = self.train()
            with self._step("evaluate", seconds):
                results, comparison = self.evaluate(trained.model_path, games)
            with self._step("report", seconds):
                report = self.report(manifest, trained, results, comparison)
            took = time.perf_counter() - began
            summary = self._summary(manifest, trained, results, comparison, {**seconds, "total": round(took, 2)})
            write_json(folder / SUMMARY, summary)
        return PipelineResults(
            config=self.config,
            dataset_stats=manifest,
            training_history=trained.history,
            evaluation_metrics=summary["evaluation"],
            model_path=trained.model_path,
            execution_time=took,
            experiment_dir=folder,
            report_path=report,
            comparison=comparison,
            summary=summary,
        )

    def check(self) -> None:
        """Check everything that can be wrong before any work is done.

        Raises:
            UserError: log directories that are missing or empty, an unknown base model, with `chat` one without a
                usable chat template, a number format that this machine can't compute in, an impossible board, an
                experiment folder that is taken, or several processes.
        """
        config = self.config
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            raise UserError(
                "The whole run works in one process. For several GPUs build the data with `serpentune dataset build` "
                "and train on it with `torchrun --nproc-per-node N -m serpentune train`."
            )
        if self.resume:
            self.experiment.check_resumable()
        sources = [] if self.resume and self.experiment.has_dataset else find_logs(config.heuristic_log_dirs)
        if not self.resume:
            self.experiment.check_free(overwrite=self.overwrite, sources=sources)
        get(config.player)
        if config.grid_size is not None:
            parse_board(config.grid_size)
        find_base(config.base_model_name)
        if config.chat:
            end_ids(open_tokenizer(config.base_model_name), chat=True)
        check_precision(fp16=config.fp16, bf16=config.bf16)

    def collect(self) -> list[Path]:
        """Find the run folders; none where the data set is there already."""
        if self.experiment.has_dataset:
            return []
        runs = find_logs(self.config.heuristic_log_dirs)
        _LOG.info("%d run folders: %s", len(runs), ", ".join(map(str, runs)))
        return runs

    def prepare(self, runs: Sequence[Path]) -> dict[str, Any]:
        """Build the data set from the games in `runs`, and return its manifest."""
        if self.experiment.has_dataset:
            _LOG.info("the data set is there already")
            return self.experiment.dataset_manifest()
        config = self.config
        with phase_bars(quiet=self.quiet) as advance:
            stats = build_dataset(
                runs,
                self.experiment.folder / DATASET,
                teachers=config.dataset_types,
                samples_per_teacher=config.max_samples_per_algorithm,
                styles=config.styles,
                encodings=config.encoding,
                split={"train": config.train_test_split, "leaks": "held-out"},
                seed=config.seed,
                progress=advance,
            )
        for refusal in stats.refused:
            _LOG.info("left out: %s: %s", refusal["file"], refusal["reason"])
        _LOG.info("%s records", ", ".join(f"{count} {split}" for split, count in stats.records.items()))
        return self.experiment.dataset_manifest()

    def train(self) -> TrainingResult:
        """Fine-tune the base model on the data set, from the last checkpoint where there is one."""
        finished = self.experiment.finished_training()
        if finished is not None:
            _LOG.info("the student is trained already")
            return finished
        from serpentune.pipeline._estimate import TimeEstimate

        folder = self.experiment.folder
        splits = load_splits(folder / DATASET)
        training = self.training_config()
        steps = training.hyperparameters
        _LOG.info(
            "%s of %s: %d samples, %d optimiser steps, learning rate %g",
            training.training_strategy, training.base_model_name, len(splits["train"]),
            total_steps(training, len(splits["train"])), steps.learning_rate,
        )  # fmt: skip
        estimate = TimeEstimate(steps.batch_size * steps.gradient_accumulation_steps)
        result = train(
            training,
            splits["train"],
            splits["validation"],
            folder / MODELS,
            resume=(folder / MODELS).is_dir(),
            callbacks=[estimate],
            quiet=self.quiet,
        )
        self.experiment.save_training(result)
        return result

    def training_config(self) -> AdvancedTrainingConfig:
        """The settings of the training step; a subclass may change those that `MultiDatasetConfig` doesn't name."""
        return self.config.training_config()

    def evaluate(self, model_path: Path, games: EvaluationSettings) -> tuple[list[EvaluationResult], ComparisonReport]:
        """Let the untuned base and the student play the same games, and compare them."""
        from serpentune.comparison import ModelComparator
        from serpentune.evaluation import evaluate_model

        folder = self.experiment.folder / EVALUATION
        test = load_splits(self.experiment.folder / DATASET)["test"]
        records = list(test.select(range(min(len(test), self.config.evaluation_records))))
        results = []
        for name in (UNTUNED, self.config.training_strategy):
            if name == UNTUNED:
                loaded = load_base(self.config.base_model_name, chat=self.config.chat)
            else:
                loaded = load_student(model_path)
            results.append(
                evaluate_model(loaded, folder / name, games, name=name, test_records=records, quiet=self.quiet)
            )
            _LOG.info(
                "%s: %.2f apples a game, %d wins of %d",
                name,
                results[-1].scores.mean(),
                results[-1].wins.sum(),
                games.games,
            )
        comparison = ModelComparator(folder, seed=self.config.seed).compare_two_models(*results)
        _LOG.info("%s", comparison.verdict)
        return results, comparison

    def report(
        self,
        manifest: dict[str, Any],
        trained: TrainingResult,
        results: Sequence[EvaluationResult],
        comparison: ComparisonReport,
    ) -> Path:
        """Write the HTML report."""
        from serpentune.report import write_report

        config = self.config
        about = {
            "history": trained.history,
            "strategy": config.training_strategy,
            "seconds": trained.seconds,
            "trainable_parameters": trained.trainable_parameters,
            "parameters": trained.parameters,
        }
        return write_report(
            results,
            self.experiment.folder / REPORT,
            title=f"{short_name(config.base_model_name)} learns Snake from {', '.join(manifest['teachers'])}",
            comparisons=[comparison.to_json()],
            training={config.training_strategy: about},
            dataset={name: teacher["records"] for name, teacher in manifest["teachers"].items()},
            notes=[f"In all games the prompt asks to play like {config.player}."],
            commands=[f"serpentune run --config {CONFIG} --experiment-name again"],
        )

    def _games(self, manifest: dict[str, Any]) -> EvaluationSettings:
        """The games of the evaluation, checked before the student is trained."""
        from serpentune.evaluation import EvaluationSettings

        config = self.config
        boards = sorted({board for teacher in manifest["teachers"].values() for board in teacher["boards"]})
        if config.grid_size is None and len(boards) > 1:
            raise UserError(
                f"The logs hold games on {', '.join(boards)}; say which board the evaluation shall use (--grid-size)."
            )
        width, height = parse_board(config.grid_size or boards[0])
        check_board(width, height)
        games = EvaluationSettings(
            games=config.evaluation_games,
            width=width,
            height=height,
            seed=config.evaluation_seed,
            teacher=config.player,
            style=config.styles[0],
            encoding=config.encoding,
        )
        games.check()
        self._refuse_known_games(games, manifest)
        return games

    def _refuse_known_games(self, games: EvaluationSettings, manifest: dict[str, Any]) -> None:
        """A student that met the apples of a game while it was trained would be measured on what it was shown."""
        train = load_splits(self.experiment.folder / DATASET)["train"].select_columns(["seed", "board"])
        board = f"{games.width}x{games.height}"
        known = {row["seed"] for row in train if row["board"] == board and row["seed"] is not None}
        again = sorted(known & set(range(games.seed, games.seed + games.games)))
        if again:
            raise UserError(
                f"{len(again)} of the evaluation's games have seeds that the student is trained on, such as "
                f"{again[0]}. Choose an evaluation seed beyond {max(known)}."
            )

    def _summary(
        self,
        manifest: dict[str, Any],
        trained: TrainingResult,
        results: Sequence[EvaluationResult],
        comparison: ComparisonReport,
        seconds: dict[str, float],
    ) -> dict[str, Any]:
        from serpentune.evaluation import figures

        folder, config = self.experiment.folder, self.config
        return {
            "experiment": config.experiment_name,
            "serpentune": __version__,
            "base_model": config.base_model_name,
            "strategy": config.training_strategy,
            "dataset": {
                "records": {split: manifest["records"][split] for split in SPLITS},
                "teachers": {name: teacher["records"] for name, teacher in manifest["teachers"].items()},
                "games_refused": manifest["games_refused"],
            },
            "training": {
                "samples": trained.samples,
                "samples_too_long": trained.samples_too_long,
                "steps": trained.steps,
                "learning_rate": config.peak_learning_rate,
                "final_loss": trained.final_loss,
                "eval_loss": trained.eval_loss,
                "seconds": round(trained.seconds, 2),
                "samples_per_second": round(trained.samples_per_second, 1),
                "parameters": trained.parameters,
                "trainable_parameters": trained.trainable_parameters,
            },
            "evaluation": {result.name: figures(result) for result in results},
            "comparison": comparison.to_json(),
            "model": PathUtils.relative(trained.model_path, folder),
            "report": REPORT,
            "seconds": seconds,
        }

    @contextmanager
    def _claimed(self) -> Iterator[None]:
        """The experiment's folder while it is worked in.

        A new folder in which not even a data set was made is removed again, so that a run that failed at once doesn't
        stand in the way of the next one; otherwise an interruption says how to go on.
        """
        folder = self.experiment.folder
        fresh = not folder.exists()
        self.experiment.claim(replace=self.overwrite)
        try:
            yield
        except BaseException as error:
            if fresh and not self.experiment.has_dataset:
                shutil.rmtree(folder)
            elif isinstance(error, KeyboardInterrupt):
                received = getattr(error, "signal", signal.SIGINT)
                raise PipelineInterrupted(folder, received, "Stopped. ") from error
            raise

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
