"""Floor 4, datasets: everything that decides what a data set holds, in one configuration that is checked at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from serpentune import teachers as registry
from serpentune.common.errors import UserError, unknown_name
from serpentune.common.settings import Settings
from serpentune.datasets._relabel import known_label, who_answers
from serpentune.datasets.completions import get_style
from serpentune.datasets.encodings import get_encoding
from serpentune.datasets.sampling import BALANCES
from serpentune.datasets.store import FORMATS
from serpentune.game import parse_board
from serpentune.teachers import PLAYER

Shares = dict[str, float]

_MOST = 2**31 - 1
"""The largest number of records, moves or tokens: a data set numbers its records so."""


class Games(Settings):
    """Games to be played for the data set; they are kept in its folder, below `runs/`.

    Attributes:
        teachers: who plays.
        games: how many each plays.
        grid_size: the board, `"10"` or `"12x8"`.
        first_seed: seed of the first game; the others follow.
        noise: with what probability a move is random, as of `logs.generate_runs`. The players are then called
            `BFS+NOISE`, and their games need a label.
    """

    teachers: list[str] = Field(min_length=1)
    games: int = Field(ge=1, le=_MOST)
    grid_size: str = "10"
    first_seed: int = Field(0, ge=0, lt=2**62)
    noise: float = Field(0, ge=0, le=1)

    @field_validator("teachers", mode="before")
    @classmethod
    def _known(cls, value: Any) -> Any:
        names = [value] if isinstance(value, str) else value
        return [registry.get(str(name)).name for name in names] if isinstance(names, list | tuple) else names

    @field_validator("grid_size", mode="before")
    @classmethod
    def _board(cls, value: Any) -> str:
        return board_name(value)


class TeacherShare(Settings):
    """How much one teacher contributes.

    Attributes:
        samples: records of this teacher at most; None takes the recipe's `samples_per_teacher`.
        weight: what that number is multiplied with.
    """

    samples: int | None = Field(None, ge=1, le=_MOST)
    weight: float = Field(1, gt=0, le=_MOST)


class Checks(Settings):
    """What keeps a record out. Each has a count in the manifest; that games replay is always checked.

    Attributes:
        legal: leave out moves that run into a wall or the snake; a student shouldn't learn how games are lost.
        duplicates: `exact` keeps one of several records with the same prompt and answer; `symmetric` one of several of
            one teacher and style whose states are images of each other; `off` keeps all.
        contradictions: what becomes of one question with two answers. `tagged`: prompts name their teacher, so two
            teachers may differ, and only what contradicts itself is left out; `drop`: all records of a board and style
            on which anyone differs are left out; `vote`: those with the most frequent answer stay, of a tie none;
            `off` keeps all.
        min_score: leave out games with fewer apples.
        drop_tail: leave out the last moves of lost games, so many, and plans that reach into them.
        max_tokens: leave out records that are longer, prompt, answer and end token together; None measures nothing.
        tokenizer: the model whose tokenizer measures: `nano`, a folder, or a hub id.
    """

    legal: bool = True
    duplicates: Literal["exact", "symmetric", "off"] = "exact"
    contradictions: Literal["tagged", "drop", "vote", "off"] = "tagged"
    min_score: int = Field(0, ge=0, le=_MOST)
    drop_tail: int = Field(0, ge=0, le=_MOST)
    max_tokens: int | None = Field(None, ge=1, le=_MOST)
    tokenizer: str = "nano"


class HoldOut(Settings):
    """What only the test split holds.

    Attributes:
        teachers: all games of these players.
        grid_sizes: all games on these boards.
        lengths: states with these snake lengths: numbers (`"7"`) and ranges (`"40-60"`, `"80-"`). They stay out of
            training and validation; the test split holds those of its own games, beside all other lengths.
    """

    teachers: list[str] = Field(default_factory=list)
    grid_sizes: list[str] = Field(default_factory=list)
    lengths: list[str] = Field(default_factory=list)

    @field_validator("teachers", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        return _in_capitals(value)

    @field_validator("grid_sizes", mode="before")
    @classmethod
    def _boards(cls, value: Any) -> Any:
        return _boards(value)

    @field_validator("lengths", mode="before")
    @classmethod
    def _ranges(cls, value: Any) -> Any:
        values = _listed(value)
        for item in values:
            length_range(item)
        return values


class Split(Settings):
    """How records are divided into train, validation and test: by game, so that one game lies in one split.

    Attributes:
        train: share of the games to train on; validation and test get half of the rest each.
        leaks: what becomes of a state that occurs in two splits. `train`: it is left out of training, so that no test
            state was taught; `held-out`: it is left out of validation and test, and all of training stays; `off`.
            A state of both validation and test stays in the test split.
        symmetric_leaks: whether images of a state under the board's symmetries count as the same state.
        hold_out: what only the test split holds.
    """

    train: float = 0.8
    leaks: Literal["train", "held-out", "off"] = "train"
    symmetric_leaks: bool = False
    hold_out: HoldOut = Field(default_factory=HoldOut)

    @field_validator("train")
    @classmethod
    def _share(cls, value: float) -> float:
        if not 0 < value < 1:
            raise ValueError("it must lie between 0 and 1, such as 0.8")
        return value


class Recipe(Settings):
    """From game logs to a data set: the same recipe and logs give the same bytes.

    Attributes:
        sources: run folders, folders of run folders, and globs.
        generate: games to be played first.
        teachers: players to learn from, a list, or a mapping to `TeacherShare`s; None for all that the logs hold.
        label: the teacher whose answer every record gets, whoever played, or `player`: the teacher who played the game,
            asked anew and without noise. `teachers`, `samples_per_teacher` and the balance by `teacher` then go by the
            players of the games. None: each record holds what was played.
        samples_per_teacher: records of each at most, over all splits, styles and encodings.
        grid_sizes: boards to take games from, None for all.
        styles: completion styles, a list (equal shares) or a mapping to shares.
        drop_explanations: probability with which a record of a style that explains loses its reasons and asks for
            the move alone, as `move`.
        encodings: how boards are written, a name, a list (equal shares) or a mapping to shares.
        moves: which moves may become records: `all`; `every` k-th of a game; `apples`, those at which an apple has just
            appeared, and a share between; `auto` is `apples` for whole plans and `all` for single moves.
        every: the k of `every`.
        between: share of moves between two apples with `apples`, at most; with `auto` more, where apples are too few
            for the records that were asked for.
        balance: what contributes equally, some of `teacher` (by weight), `board`, `length` (of the snake) and
            `position` (the head's cell), each as far as there are enough.
        symmetries: what is done with the board's symmetries. `none`; otherwise every record gets one of them at random,
            applied to state and answer: `symmetric`, of teachers only that say they are symmetric; `checked`, wherever
            the teacher itself gives the mirrored answer; `any`, whatever the teacher would say.
        checks: what keeps a record out.
        split: how records are divided.
        formats: `parquet`, always, and `jsonl`.
        seed: decides the split, the sample and the order.
    """

    sources: list[str] = Field(default_factory=list)
    generate: list[Games] = Field(default_factory=list)
    teachers: dict[str, TeacherShare] | None = None
    label: str | None = None
    samples_per_teacher: int = Field(10_000, ge=1, le=_MOST)
    grid_sizes: list[str] | None = None
    styles: Shares = Field(default_factory=lambda: {"plan": 1.0})
    drop_explanations: float = Field(0, ge=0, le=1)
    encodings: Shares = Field(default_factory=lambda: {"grid": 1.0})
    moves: Literal["auto", "all", "every", "apples"] = "auto"
    every: int = Field(4, ge=1, le=_MOST)
    between: float = Field(0.25, ge=0, le=1)
    balance: list[str] = Field(default_factory=lambda: ["teacher"])
    symmetries: Literal["none", "symmetric", "checked", "any"] = "none"
    checks: Checks = Field(default_factory=Checks)
    split: Split = Field(default_factory=Split)
    formats: list[str] = Field(default_factory=lambda: ["parquet", "jsonl"])
    seed: int = Field(0, ge=0, lt=2**62)

    @field_validator("sources", mode="before")
    @classmethod
    def _paths(cls, value: Any) -> Any:
        return _listed(value)

    @field_validator("teachers", mode="before")
    @classmethod
    def _teachers(cls, value: Any) -> Any:
        if isinstance(value, dict):
            names = [str(name).upper() for name in value]
            _refuse_repeated(names)
            return {name: {} if share is None else share for name, share in zip(names, value.values(), strict=True)}
        return value if value is None else {name: {} for name in _in_capitals(value)}

    @field_validator("label")
    @classmethod
    def _label(cls, value: str | None) -> str | None:
        return value if value is None else known_label(value)

    @field_validator("grid_sizes", mode="before")
    @classmethod
    def _grid_sizes(cls, value: Any) -> Any:
        return value if value is None else _boards(value)

    @field_validator("styles", "encodings", mode="before")
    @classmethod
    def _shares(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return value
        names = _listed(value)
        _refuse_repeated(names)
        return dict.fromkeys(names, 1.0)

    @field_validator("styles", "encodings")
    @classmethod
    def _known_shares(cls, value: Shares, info: Any) -> Shares:
        known = get_style if info.field_name == "styles" else get_encoding
        names = {known(name).name: share for name, share in value.items() if share != 0}
        if not names or min(names.values()) < 0 or max(names.values()) > _MOST:
            raise ValueError(f"name at least one, with shares above 0 and up to {_MOST}")
        total = sum(names.values())
        return {name: share / total for name, share in names.items()}

    @field_validator("teachers", "grid_sizes")
    @classmethod
    def _some(cls, value: Any) -> Any:
        if value is not None and not value:
            raise ValueError("name at least one, or leave the setting out for all")
        return value

    @field_validator("balance", "formats")
    @classmethod
    def _known_names(cls, value: list[str], info: Any) -> list[str]:
        kind, known = ("balance", BALANCES) if info.field_name == "balance" else ("format of a data set", FORMATS)
        for name in value:
            if name not in known:
                raise unknown_name(kind, name, known)
        return list(dict.fromkeys(value))

    @model_validator(mode="after")
    def _something_to_read(self) -> Self:
        if not self.sources and not self.generate:
            raise ValueError("no source of games: name run folders in `sources`, or games to play in `generate`")
        if self.samples_per_teacher < len(self.styles):
            raise ValueError(
                f"{self.samples_per_teacher} records of each teacher are too few: each of {len(self.styles)} "
                "completion styles needs one at least"
            )
        return self

    @model_validator(mode="after")
    def _what_a_label_decides(self) -> Self:
        noisy = next((order.teachers[0] for order in self.generate if order.noise), None)
        if noisy is not None and self.label is None:
            raise ValueError(
                f"generate lets {noisy} play with random moves, and a student would learn them as answers: name the "
                f"teacher who answers instead in `label`, or {PLAYER!r} for {noisy} itself"
            )
        if self.label is not None and self.checks.drop_tail:
            raise ValueError(
                f"checks.drop_tail leaves out how games are lost, but with label = {self.label!r} these states have "
                "good answers: leave out one of the two"
            )
        try:
            for player in self.teachers or ():
                self.who_answers(player)
        except UserError as error:
            raise ValueError(str(error)) from None  # so that pydantic takes a refused assignment back
        return self

    def who_answers(self, player: str) -> str:
        """The teacher, or other player, whose answers the records of a player's games hold, and whom prompts name.

        Raises:
            UserError: the label is `player`, and the player is no teacher.
        """
        return who_answers(self.label, player)

    @classmethod
    def of(cls, path: str | Path | None, **changes: Any) -> Self:
        """The recipe in a file, or the default one, with some settings changed.

        Args:
            path: YAML or JSON; None for none.
            changes: settings by name; None leaves a setting as it is. A mapping changes the settings within it.

        Raises:
            UserError: as of `Settings.load`.
        """
        values = {} if path is None else cls.load(path).model_dump()
        for name, value in changes.items():
            inner = getattr(cls.model_fields[name].default_factory, "model_fields", None) if value is not None else None
            if inner is not None:
                given = {key: setting for key, setting in value.items() if setting is not None}
                values[name] = {**values.get(name, {}), **given}
            elif value is not None:
                values[name] = value
        return cls(**values)


def board_name(value: Any) -> str:
    """A board size as `"10x10"`, from a number or a text such as `"12x8"`.

    Raises:
        UserError: it is no board size within the rules.
    """
    width, height = parse_board(str(value))
    return f"{width}x{height}"


def length_range(text: str) -> tuple[int, int]:
    """First and last snake length of `"7"`, `"40-60"` or `"80-"`.

    Raises:
        UserError: the text is no such range.
    """
    first, dash, last = text.partition("-")
    if not first.strip().isdecimal() or (last.strip() and not last.strip().isdecimal()):
        raise UserError(f"{text!r} is no range of snake lengths. Write 7, 40-60 or 80-.")
    low = int(first)
    high = int(last) if last.strip() else 2**31 if dash else low
    if high < low:
        raise UserError(f"{text!r} is no range of snake lengths: it ends before it begins.")
    return low, high


def _listed(value: Any) -> list[str]:
    """One name or several; a number or a path is the name that it is written as."""
    values = value if isinstance(value, list | tuple) else [value]
    for item in values:
        if isinstance(item, bool) or not isinstance(item, str | int | Path) or not str(item).strip():
            raise ValueError(f"a name or a list of names is needed, not {item!r}")
    return [str(item) for item in values]


def _refuse_repeated(names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name} is named twice")


def _in_capitals(value: Any) -> list[str]:
    return list(dict.fromkeys(name.upper() for name in _listed(value)))


def _boards(value: Any) -> list[str]:
    return list(dict.fromkeys(board_name(item) for item in _listed(value)))
