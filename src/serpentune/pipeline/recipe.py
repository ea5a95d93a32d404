"""Floor 11, pipeline: an experiment in one file: data, training, what varies, and how the students are judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field, field_validator, model_validator

from serpentune import teachers
from serpentune.common.errors import UserError
from serpentune.common.paths import PathUtils
from serpentune.common.settings import Settings
from serpentune.datasets import Recipe, get_encoding, get_style
from serpentune.datasets.recipe import board_name
from serpentune.datasets.records import MANIFEST
from serpentune.evaluation.settings import FIRST_HELD_OUT
from serpentune.pipeline._base import FolderName
from serpentune.pipeline.improve_config import (
    FOLLOWS,
    ImproveConfig,
    ImproveSettings,
    refuse_what_follows,
)
from serpentune.training import AdvancedTrainingConfig, Cell, cells
from serpentune.training.config import flat


class EvaluationRecipe(Settings):
    """The games that the untuned base and every student play.

    What is None follows from the data set.

    Attributes:
        games: how many each plays.
        seed: of the first game; the others follow. No teacher should have played them.
        grid_size: the board, `"10"` or `"12x8"`; None takes that of the games that were learnt from.
        teacher: whom the prompt asks to play like; None takes the first of the data set.
        style: completion style that is asked for, one that the data set has; None takes that with the greatest share.
        encoding: how boards are written, likewise.
        records: records of the test split, at most, on which perplexity, BLEU and ROUGE-L are measured.
        top_moves: of how many of the first games the report's replays show what a model gives each move.
    """

    games: int = Field(200, ge=1)
    seed: int = Field(FIRST_HELD_OUT, ge=0, lt=2**62)
    grid_size: str | None = None
    teacher: str | None = None
    style: str | None = None
    encoding: str | None = None
    records: int = Field(500, ge=0)
    top_moves: int = Field(0, ge=0)

    @field_validator("grid_size", mode="before")
    @classmethod
    def _board(cls, value: Any) -> Any:
        return None if value is None else board_name(value)

    @field_validator("teacher", "style", "encoding")
    @classmethod
    def _known(cls, value: str | None, info: Any) -> str | None:
        if value is None:
            return None
        if info.field_name == "teacher":
            return teachers.get(value).name
        return get_style(value).name if info.field_name == "style" else get_encoding(value).name


class ImproveRecipe(ImproveSettings):
    """The rounds in which every student of an experiment learns from its own mistakes.

    The games to mix in are those of the experiment's data set that the teacher played or answers for, on the board of
    the rounds; where it has none, and `heuristic_log_dirs` names none, the teacher plays `teacher_games`.

    Attributes:
        training: what a round's training does otherwise than the experiment's, by setting, named as for
            `Settings.with_values`: `{lr: 5.0e-4}`, or in sections. Strategy, base and adapter are the student's.
    """

    training: dict[str, Any] = Field(default_factory=dict)

    def of_student(self, trained: AdvancedTrainingConfig, student: str | Path, **settled: Any) -> ImproveConfig:
        """The rounds of one student.

        Args:
            trained: what it was trained with.
            student: its folder.
            settled: settings of `ImproveConfig` that the recipe leaves open.

        Raises:
            UserError: `training` names no setting, one that follows from the student, or a value that can't be used.
        """
        usual = AdvancedTrainingConfig()
        follows = {name: getattr(usual, name) for name in FOLLOWS}
        changes = flat(self.training)
        try:
            refuse_what_follows(usual.full_key(name).partition(".")[0] for name in changes)
            training = trained.model_copy(update=follows, deep=True).with_values(changes)
        except UserError as error:
            raise UserError(f"improve: {error}") from None
        values = self.model_dump() | {"student": str(student), "training": training.model_dump()} | settled
        try:
            return ImproveConfig(**values)
        except UserError as error:
            raise UserError(f"improve: {error}") from None


class ExperimentRecipe(Settings):
    """What `serpentune run RECIPE.yaml` does: build the data, train every combination, let all play, compare, report.

    Attributes:
        name: of the experiment, and of its folder in `training.output_dir`; None takes the recipe file's.
        dataset: a data set's recipe, which may play its own games; or the path of such a recipe's file, or of a data
            set that is there already.
        training: what the training runs have in common.
        sweep: what varies, value lists by setting, as of `training.cells`; every combination is trained. A mapping
            gives a value settings that come with it: `strategy: {lora: {lr: 0.005}, full: {lr: 0.001}}`. Empty trains
            one student.
        max_runs: how many runs the sweep may have.
        improve: rounds in which each student learns from its own mistakes; None leaves the students as they are.
        evaluation: the games; None trains only.
    """

    typed_in_full: ClassVar[Sequence[str]] = ("improve",)

    name: FolderName | None = None
    dataset: Recipe | str
    training: AdvancedTrainingConfig = Field(default_factory=AdvancedTrainingConfig)
    sweep: dict[str, Any] = Field(default_factory=dict)
    max_runs: int = Field(100, ge=1)
    improve: ImproveRecipe | None = None
    evaluation: EvaluationRecipe | None = Field(default_factory=EvaluationRecipe)

    @field_validator("dataset", mode="before")
    @classmethod
    def _inline_or_path(cls, value: Any) -> Any:
        if isinstance(value, Recipe):
            return value
        if isinstance(value, dict):
            return Recipe(**value)
        if isinstance(value, str | Path) and str(value).strip():
            return str(value)
        raise ValueError("a data set's recipe is needed, or the path of one or of a data set's folder")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.training.experiment_name is not None:
            raise ValueError("training.experiment_name is set: the experiment is called by the recipe's own `name`")
        try:
            for cell in self.cells():
                if self.improve is not None:
                    self.improve.of_student(cell.config, cell.name)
        except UserError as error:
            raise ValueError(str(error)) from None  # so that pydantic takes a refused assignment back
        return self

    @model_validator(mode="after")
    def _evaluates_on_other_games(self) -> Self:
        if self.improve is None or self.evaluation is None:
            return self
        first, last = self.evaluation.seed, self.evaluation.seed + self.evaluation.games - 1
        for what, seeds in self.improve.seeds().items():
            if seeds and seeds.start <= last and first < seeds.stop:
                raise ValueError(
                    f"evaluation.seed: the last evaluation and {what} of `improve` share seeds, such as "
                    f"{max(seeds.start, first)}. Evaluate on games of its own, such as from {FIRST_HELD_OUT} on"
                )
        return self

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """The recipe in a file; one without a name is called like the file.

        Raises:
            UserError: as of `Settings.load`.
        """
        return cls._called_like(super().load(path), path)

    @classmethod
    def from_values(cls, values: Mapping[str, Any], file: str | Path | None = None) -> Self:
        """As `Settings.from_values`; a file's recipe without a name is called like the file."""
        return cls._called_like(super().from_values(values, file), file)

    @classmethod
    def _called_like(cls, recipe: Self, file: str | Path | None) -> Self:
        if recipe.name is None and file is not None:
            recipe.name = PathUtils.safe_name(Path(file).stem)
        return recipe

    def cells(self) -> list[Cell]:
        """The training runs: each combination of the sweep, or one that is called like its strategy.

        Raises:
            UserError: as of `training.cells`.
        """
        if not self.sweep:
            return [Cell(self.training.training_strategy, {}, self.training)]
        return cells(self.training, self.sweep, max_runs=self.max_runs)

    def data_recipe(self) -> Recipe | None:
        """How the data set is built; None where `dataset` names one that is there already.

        Raises:
            UserError: `dataset` is a path where neither a data set nor a recipe is.
        """
        if isinstance(self.dataset, Recipe):
            return self.dataset
        path = Path(self.dataset).expanduser()
        if (path / MANIFEST).is_file():
            return None
        if path.is_dir():
            raise UserError(
                f"{path} is no data set: it has no {MANIFEST}. Name a folder of `serpentune dataset build`."
            )
        return Recipe.load(path)

    def with_data_recipe(self) -> Self:
        """The same with the data set's recipe itself in place of the path of its file, which no other folder knows.

        Raises:
            UserError: as of `data_recipe`.
        """
        data = self.data_recipe()
        return self if data is None else self.model_copy(update={"dataset": data})
