"""Floor 11, pipeline: every student of an experiment goes through rounds of improvement, which mix its games in."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serpentune.common.errors import UserError
from serpentune.datasets import who_answers
from serpentune.datasets.records import RUNS
from serpentune.game import parse_board
from serpentune.logs import Refusal, find_logs, iter_batches
from serpentune.pipeline._folder import IMPROVED, MODELS
from serpentune.pipeline._games import only_board, refuse_known
from serpentune.pipeline._improve_rounds import round_name
from serpentune.pipeline.improve import ImproveResult, improve_within
from serpentune.pipeline.recipe import ExperimentRecipe, ImproveRecipe
from serpentune.training import Cell, TrainingResult, load_result

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImprovedStudent:
    """A student after the last round that its recipe asks for.

    How many rounds there are is decided before any of them, so that nothing is chosen by games, and students of several
    training seeds stay students of one method.

    Attributes:
        origin: the run whose student it was.
        trained: what the last round's training gave.
        rounds: all rounds.
    """

    origin: str
    trained: TrainingResult
    rounds: ImproveResult


NOT_IMPROVED: Mapping[str, ImprovedStudent] = {}


@dataclass(frozen=True)
class Improvement:
    """The rounds that a recipe asks for, with what it leaves open taken from the data set.

    Attributes:
        settings: the recipe's section.
        board: `"10x10"`.
        games: run folders to mix in; empty where the teacher has to play.
    """

    settings: ImproveRecipe
    board: str
    games: tuple[str, ...]

    @classmethod
    def of(cls, recipe: ExperimentRecipe, manifest: Mapping[str, Any], dataset: Path) -> Improvement | None:
        """What the recipe asks for, checked before anything is trained; None where it asks for no rounds.

        Raises:
            UserError: the data set holds several boards and none is named, the board is impossible, or students learn
                from games that are to be held out in the rounds.
        """
        from serpentune.evaluation import EvaluationSettings

        asked = recipe.improve
        if asked is None:
            return None
        of_evaluation = None if recipe.evaluation is None else recipe.evaluation.grid_size
        board = asked.grid_size or of_evaluation or only_board(manifest, "the rounds shall use (improve.grid_size)")
        width, height = parse_board(board)
        held_out = EvaluationSettings(
            games=asked.evaluation_games, width=width, height=height, seed=asked.evaluation_seed, teacher=asked.teacher
        )
        try:
            held_out.check()
            refuse_known(held_out, dataset)
        except UserError as error:
            raise UserError(f"improve: {error}") from None
        return cls(asked, board, tuple(_games_that_fit(asked, board, manifest, dataset)))

    def run(
        self, students: Mapping[str, TrainingResult], cells: Sequence[Cell], experiment: Path, *, quiet: bool
    ) -> dict[str, ImprovedStudent]:
        """Let each student go through whatever rounds it has left.

        Args:
            students: what training gave, by run.
            cells: the runs.
            experiment: the experiment's folder.
            quiet: show no progress bars.

        Returns:
            The improved students by name, which is the run's and `-improved`.

        Raises:
            UserError: as of `improve`, or rounds that are there began with other settings.
            PipelineInterrupted: as of `improve`.
        """
        improved = {}
        for cell in cells:
            config = self.settings.of_student(
                cell.config,
                students[cell.name].model_path,
                name=cell.name,
                output_dir=str(experiment / IMPROVED),
                grid_size=self.board,
                heuristic_log_dirs=list(self.games),
            )
            _LOG.info("%s: %d rounds of improvement", cell.name, config.rounds)
            done = improve_within(config, quiet=quiet, announce=_LOG.info)
            trained = load_result(done.folder / MODELS / round_name(config.rounds))
            assert trained is not None
            improved[f"{cell.name}-improved"] = ImprovedStudent(cell.name, trained, done)
        return improved


def _games_that_fit(
    asked: ImproveRecipe, board: str, manifest: Mapping[str, Any], dataset: Path
) -> Sequence[str] | Iterator[str]:
    """The runs that the recipe names, or those of the data set that the teacher played or answers for."""
    if asked.heuristic_log_dirs:
        return asked.heuristic_log_dirs
    runs = find_logs([dataset / RUNS]) if (dataset / RUNS).is_dir() and asked.student_share < 1 else []
    label = manifest.get("recipe", {}).get("label")
    return (str(run) for run in runs if _fits(run, board, asked.teacher, label))


def _fits(run: Path, board: str, teacher: str, label: str | None) -> bool:
    """Whether a run of a data set, which is of one player and one board, is on this board and the teacher's.

    It is the teacher's who played it, and of the one who answers for it by the data set's label.
    """
    first = next((item for item in iter_batches([run]) if not isinstance(item, Refusal)), None)
    return (
        first is not None
        and f"{first.width}x{first.height}" == board
        and teacher in (player := first.player.upper(), who_answers(label, player))
    )
