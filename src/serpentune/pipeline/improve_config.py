"""Floor 11, pipeline: every setting of a student's rounds of improvement, checked before any work is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, FieldSerializationInfo, field_serializer, field_validator, model_validator

from serpentune import teachers
from serpentune.common.errors import UserError
from serpentune.common.settings import Settings
from serpentune.datasets import Recipe, get_encoding, get_style
from serpentune.datasets.recipe import board_name
from serpentune.evaluation.settings import FIRST_HELD_OUT
from serpentune.pipeline._base import FolderName
from serpentune.training import AdvancedTrainingConfig

MOST_ROUNDS = 99
"""So that the folders of rounds, `round-01` and so on, stand in their order wherever names are sorted."""

OF_STUDENT = ("training_strategy", "base_model_name", "adapter", "chat", "lora", "qlora")
_OF_ROUNDS = ("output_dir", "experiment_name")

FOLLOWS = (*OF_STUDENT, *_OF_ROUNDS)
"""Settings of training that nobody sets for rounds of improvement."""


class ImproveSettings(Settings):
    """What rounds of improvement are, whichever student goes through them.

    Attributes:
        teacher: whose moves are the right ones, in every state and on whatever path.
        rounds: how often the student plays, is corrected, and trains on.
        games: that the student plays in each round, to be learnt from.
        first_seed: of the first round's games; the other games and rounds follow. All lie below 1,000,000.
        heuristic_log_dirs: runs that take the place of the teacher's own games: run folders, folders of run folders,
            and globs. Whoever played, the teacher's moves are the answers. Games on other boards are left out.
        teacher_games: that the teacher plays, once, to be mixed in; none where there are runs to take their place.
        teacher_seed: of the first of these.
        student_share: share of a round's records that come from the student's games of all rounds so far, of each
            round in proportion to its moves.
        samples: records of a round's data set, over all splits; fewer where one side's games hold too few moves, so
            that the share is kept.
        symmetries: as of `datasets.Recipe`.
        balance: what contributes equally within the records of a player, some of `board`, `length` and `position`, as
            of `datasets.Recipe`.
        moves: which moves may become records, as of `datasets.Recipe`.
        between: as of `datasets.Recipe`.
        train_share: share of the games to train on; validation and test get half of the rest each. Every round splits
            all its games anew, so what a later one calls validation was learnt from in part: only the evaluation's
            games are held out of all rounds.
        grid_size: the board, `"6"` or `"12x8"`; None takes the student's own.
        encoding: how boards are written; None takes the student's own.
        style: completion style; None takes the student's own.
        seed: of split and sample.
        evaluation_games: held-out games that the student plays before the first round and after each.
        evaluation_seed: of the first of these; the same games every time. They tune: below 1,000,000.
    """

    synonyms: ClassVar[Mapping[str, str]] = {"heuristic_dirs": "heuristic_log_dirs"}

    teacher: str
    rounds: int = Field(3, ge=1, le=MOST_ROUNDS)
    games: int = Field(500, ge=1)
    first_seed: int = Field(100_000, ge=0)
    heuristic_log_dirs: list[str] = Field(default_factory=list)
    teacher_games: int = Field(500, ge=1)
    teacher_seed: int = Field(0, ge=0)
    student_share: float = Field(0.5, gt=0, le=1)
    samples: int = Field(20_000, ge=10)
    symmetries: Literal["none", "symmetric", "checked", "any"] = "none"
    balance: list[Literal["board", "length", "position"]] = Field(default_factory=list)
    moves: Literal["auto", "all", "apples"] = "auto"
    between: float = Field(0.25, ge=0, le=1)
    train_share: float = Field(0.9, gt=0, lt=1)
    grid_size: str | None = None
    encoding: str | None = None
    style: str | None = None
    seed: int = Field(0, ge=0, lt=2**62)
    evaluation_games: int = Field(200, ge=1)
    evaluation_seed: int = Field(900_000, ge=0)

    @field_validator("heuristic_log_dirs", mode="before")
    @classmethod
    def _paths_as_text(cls, value: Any) -> Any:
        values = value if isinstance(value, list | tuple) else [value]
        return [str(item) if isinstance(item, Path) else item for item in values]

    @field_validator("teacher")
    @classmethod
    def _known_teacher(cls, value: str) -> str:
        return teachers.get(value).name

    @field_validator("encoding", "style")
    @classmethod
    def _known(cls, value: str | None, info: Any) -> str | None:
        if value is None:
            return None
        return (get_style if info.field_name == "style" else get_encoding)(value).name

    @field_validator("grid_size", mode="before")
    @classmethod
    def _board(cls, value: Any) -> Any:
        return None if value is None else board_name(value)

    @model_validator(mode="after")
    def _something_to_mix_in(self) -> Self:
        if self.heuristic_log_dirs and self.student_share == 1:
            raise ValueError("student_share = 1 leaves no record to heuristic_log_dirs: leave out one of the two")
        return self

    @model_validator(mode="after")
    def _seeds_of_their_own(self) -> Self:
        played = self.seeds()
        for what, seeds in played.items():
            if seeds.stop > FIRST_HELD_OUT:
                raise ValueError(
                    f"{what} reach up to seed {seeds.stop - 1}; seeds from {FIRST_HELD_OUT} on are kept for "
                    "last evaluations. Begin lower, or play fewer games"
                )
        names = list(played)
        for place, what in enumerate(names):
            for other in names[place + 1 :]:
                if (first := max(played[what].start, played[other].start)) < min(played[what].stop, played[other].stop):
                    raise ValueError(f"{what} and {other} share seeds, such as {first}")
        return self

    @model_validator(mode="after")
    def _builds(self) -> Self:
        try:
            self.data_recipe(["games"], {self.teacher: 1.0}, self.encoding or "grid", self.style or "plan")
        except UserError as error:
            raise ValueError(str(error)) from None  # so that pydantic takes a refused assignment back
        return self

    def seeds(self) -> dict[str, range]:
        """Seeds of all games that are played, by whose they are, in words."""
        return {
            "the rounds' games (first_seed)": self.round_seeds(),
            "the evaluation's games (evaluation_seed)": self.evaluation_seeds(),
            "the teacher's games (teacher_seed)": self.teacher_seeds(),
        }

    def round_seeds(self, number: int | None = None) -> range:
        """Seeds of the games that the student plays in round `number`, 1 to `rounds`, or in all of them."""
        if number is None:
            return range(self.first_seed, self.first_seed + self.rounds * self.games)
        first = self.first_seed + (number - 1) * self.games
        return range(first, first + self.games)

    def evaluation_seeds(self) -> range:
        """Seeds of the games that are played before the first round and after each."""
        return range(self.evaluation_seed, self.evaluation_seed + self.evaluation_games)

    def teacher_seeds(self) -> range:
        """Seeds of the games that the teacher plays; none where it plays none."""
        plays = self.student_share < 1 and not self.heuristic_log_dirs
        return range(self.teacher_seed, self.teacher_seed + self.teacher_games) if plays else range(0)

    def data_recipe(self, sources: list[str], shares: Mapping[str, float], encoding: str, style: str) -> Recipe:
        """The data set of a round.

        Args:
            sources: run folders.
            shares: what each player contributes; they add up to 1.
            encoding: how boards are written.
            style: completion style.

        Raises:
            UserError: a value that the recipe refuses.
        """
        return Recipe(
            sources=sources,
            label=self.teacher,
            teachers={player: {"weight": share} for player, share in shares.items()},
            grid_sizes=None if self.grid_size is None else [self.grid_size],
            samples_per_teacher=self.samples,
            styles=style,
            encodings=encoding,
            moves=self.moves,
            between=self.between,
            balance=["teacher", *self.balance],
            symmetries=self.symmetries,
            split={"train": self.train_share, "leaks": "held-out"},
            formats=["parquet"],
            seed=self.seed,
        )


class ImproveConfig(ImproveSettings):
    """A student that learns from its own mistakes, round by round, in one configuration.

    Attributes:
        student: the model to improve: a student's folder, or a base model, all of whose weights learn then.
        name: of the folder in `output_dir`; None takes the student's name and `-improved`.
        output_dir: folder of experiments.
        training: how each round trains on; strategy, base and adapter are the student's and aren't set here.
    """

    synonyms: ClassVar[Mapping[str, str]] = {**ImproveSettings.synonyms, "model": "student"}

    student: str = Field(min_length=1)
    name: FolderName | None = None
    output_dir: str = Field("output", min_length=1)
    training: AdvancedTrainingConfig = Field(default_factory=AdvancedTrainingConfig)

    @field_validator("student", "output_dir", mode="before")
    @classmethod
    def _path_as_text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, Path) else value

    @field_validator("training")
    @classmethod
    def _the_student_decides(cls, value: AdvancedTrainingConfig) -> AdvancedTrainingConfig:
        usual = AdvancedTrainingConfig()
        refuse_what_follows(name for name in FOLLOWS if getattr(value, name) != getattr(usual, name))
        return value

    @field_serializer("training")
    def _without_what_follows(self, value: AdvancedTrainingConfig, info: FieldSerializationInfo) -> dict[str, Any]:
        """What nobody sets here would be told as what nobody used."""
        return value.model_dump(mode=info.mode, exclude=set(FOLLOWS))


def refuse_what_follows(settings: Iterable[str]) -> None:
    """Refuse settings of training that are somebody else's to decide.

    Raises:
        UserError: one of them follows from the student, or from where the rounds lie.
    """
    for name in settings:
        if name in FOLLOWS:
            why = "is the rounds' own" if name in _OF_ROUNDS else "follows from the student"
            raise UserError(f"training.{name} {why}: leave it out")
