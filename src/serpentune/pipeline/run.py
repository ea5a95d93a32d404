"""Floor 11, pipeline: from the logs of several heuristics to one student that has really played."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from serpentune import __version__
from serpentune.common.errors import UserError
from serpentune.common.paths import PathUtils
from serpentune.common.processes import process_count
from serpentune.pipeline._figures import data_figures, training_figures
from serpentune.pipeline._folder import CONFIG, RECIPE, REPORT, Experiment, here
from serpentune.pipeline._results import PipelineResults
from serpentune.pipeline.config import MultiDatasetConfig
from serpentune.pipeline.experiment import ExperimentPipeline
from serpentune.training import AdvancedTrainingConfig, TrainingResult

if TYPE_CHECKING:
    from serpentune.comparison import ComparisonReport
    from serpentune.evaluation import EvaluationResult
    from serpentune.pipeline._improving import ImprovedStudent


class MultiDatasetPipeline(ExperimentPipeline):
    """Trains one student on the games of several teachers, and lets it and its untuned base play.

    Leaves `<output_dir>/<experiment_name>/` with `config.json`, `datasets/`, `models/final_model/`, `evaluation/`,
    `logs/`, `results_summary.json` and `report.html`, with its figures as JSON, CSV and Markdown beside it.

    >>> config = MultiDatasetConfig(heuristic_log_dirs=["logs/extensions/*"])   # doctest: +SKIP
    >>> MultiDatasetPipeline(config).run_pipeline().model_path                   # doctest: +SKIP
    """

    _may_differ: ClassVar[frozenset[str]] = frozenset(
        {
            "output_dir", "experiment_name", "heuristic_log_dirs", "dataloader_num_workers", "save_steps", "eval_steps",
            "logging_steps", "evaluation_games", "evaluation_seed", "evaluation_teacher", "evaluation_records",
            "grid_size", "report_to", "trust_remote_code",
        }
    )  # fmt: skip
    """Settings that change neither the data set, once it is there, nor what is learnt from it."""

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
        super().__init__(config.recipe(), resume=resume, overwrite=overwrite, quiet=quiet)
        self.config = config.model_copy(update={"experiment_name": self.recipe.name}, deep=True)
        self.experiment = Experiment(self.experiment.folder, self.config, CONFIG)

    @classmethod
    def from_experiment(cls, folder: str | Path, *, quiet: bool = False) -> MultiDatasetPipeline:
        """The pipeline that goes on with the experiment in `folder`, with the settings that it began with.

        Raises:
            UserError: the folder holds no experiment.
        """
        file, output_dir, name = here(Path(folder), CONFIG)
        moved = {"output_dir": output_dir, "experiment_name": name}
        return cls(MultiDatasetConfig.load(file).model_copy(update=moved), resume=True, quiet=quiet)

    def run_pipeline(self) -> PipelineResults:
        """Run every step that isn't finished yet.

        Raises:
            UserError: bad input; everything that can be is checked before any work is done. Or several processes.
            PipelineInterrupted: after Ctrl-C or SIGTERM, when there is something to go on from.
        """
        if process_count() > 1:
            raise UserError(
                "This run works in one process. For several GPUs write a recipe and run it with `torchrun "
                "--nproc-per-node N -m serpentune run RECIPE.yaml`, or train on a data set that is there with "
                "`torchrun --nproc-per-node N -m serpentune train`."
            )
        done = self.run()
        (trained,) = done.students.values()
        (comparison,) = done.comparisons.values()
        assert done.report_path is not None
        return PipelineResults(
            config=self.config,
            dataset_stats=done.dataset_stats,
            training_history=trained.history,
            evaluation_metrics=done.summary["evaluation"],
            model_path=trained.model_path,
            execution_time=done.execution_time,
            experiment_dir=done.folder,
            report_path=done.report_path,
            comparison=comparison,
            summary=done.summary,
        )

    def training_config(self) -> AdvancedTrainingConfig:
        """The settings of the training step; a subclass may change those that `MultiDatasetConfig` doesn't name."""
        return self.config.training_config()

    def _command(self) -> str:
        return f"serpentune run --config {CONFIG} --experiment-name again"

    def _summary(
        self,
        manifest: Mapping[str, Any],
        students: Mapping[str, TrainingResult],
        improved: Mapping[str, ImprovedStudent],
        results: Sequence[EvaluationResult],
        comparisons: Mapping[str, ComparisonReport],
        seconds: Mapping[str, float],
    ) -> dict[str, Any]:
        """The one student's figures, where a reader of one student looks for them."""
        from serpentune.evaluation import figures

        ((name, trained),) = students.items()
        (comparison,) = comparisons.values()
        folder, config = self.experiment.folder, self.training_config()
        return {
            "experiment": folder.name,
            "serpentune": __version__,
            "base_model": config.base_model_name,
            "strategy": name,
            "dataset": data_figures(manifest),
            "training": training_figures(trained, config),
            "evaluation": {result.name: figures(result) for result in results},
            "comparison": comparison.to_json(),
            "model": PathUtils.relative(trained.model_path, folder),
            "report": REPORT,
            "seconds": dict(seconds),
        }


def resume_experiment(folder: str | Path, *, quiet: bool = False) -> ExperimentPipeline:
    """The pipeline that goes on with the experiment in `folder`, of whichever kind it is.

    Raises:
        UserError: the folder holds no experiment.
    """
    kind = ExperimentPipeline if (Path(folder).expanduser() / RECIPE).is_file() else MultiDatasetPipeline
    return kind.from_experiment(folder, quiet=quiet)
