"""Floor 8, evaluation: what decides how games go."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from serpentune.common.errors import UserError, unknown_name
from serpentune.datasets import get_encoding, get_style
from serpentune.evaluation.play import MODES, Opening, Policy
from serpentune.game import Limits, check_board, parse_board
from serpentune.models import taught_with
from serpentune.teachers import get

if TYPE_CHECKING:
    from serpentune.models.decoding import DecoderKind

FIRST_HELD_OUT = 1_000_000
"""From here on game seeds belong to evaluations: nothing is trained or chosen by them."""

_DECODERS = ("auto", "slots", "plain")


@dataclass(frozen=True)
class EvaluationSettings:
    """What decides how the games of an evaluation go.

    Attributes:
        games: how many.
        width: cells a row.
        height: cells a column.
        seed: of the first game; the others follow. Two models with the same seeds meet the same apples.
        teacher: whom the prompt asks to play like, and whose moves the model's are compared with.
        style: completion style that the prompt asks for: `plan` (the moves to the apple), `move` (the next one),
            `explain` (the next one with reasons) or `explain-short` (without what only counting can tell).
        encoding: how states are written.
        mode: how a model is asked: `plan` (it writes moves), `move` (the likeliest of the four moves, in one forward
            pass) or `free` (it writes what it likes, and the move is looked for).
        policy: what is played where an answer can't be used: `end`, `random`, or `fallback TEACHER`.
        replan_every: moves of an answer that are played at most before the model is asked again; None for all.
        opening: who begins the games, and up to which length of the snake, such as `HAMILTONIAN 12`; None lets the
            player begin.
        limits: when a game is stopped although the snake lives.
        max_new_tokens: where an answer is cut; None for what its mode and board may need.
        decoder: how answers are generated, as of `models.decoding.open_decoder`; it changes no game in 32 bits.
        places: games that run side by side; None for what suits the player.
        top_moves: of how many of the first games a results folder keeps what a model gives each of the four moves in
            every state.
    """

    games: int = 200
    width: int = 6
    height: int = 6
    seed: int = FIRST_HELD_OUT
    teacher: str = "BFS"
    style: str = "plan"
    encoding: str = "grid"
    mode: str = "plan"
    policy: str = "end"
    replan_every: int | None = None
    opening: str | None = None
    limits: Limits = field(default_factory=Limits)
    max_new_tokens: int | None = None
    decoder: DecoderKind = "auto"
    places: int | None = None
    top_moves: int = 0

    def check(self) -> None:
        """Refuse what can't be played.

        Raises:
            UserError: a number out of range, an impossible board, or an unknown teacher, style, encoding, mode, policy,
                opening or decoder.
        """
        if self.games < 1:
            raise UserError(f"At least one game is needed, not {self.games}.")
        if self.seed < 0:
            raise UserError(f"Game seeds are 0 or more, not {self.seed}.")
        if self.top_moves < 0:
            raise UserError(f"Top moves are kept of 0 games or more, not of {self.top_moves}.")
        for what in ("replan_every", "max_new_tokens", "places"):
            value = getattr(self, what)
            if value is not None and value < 1:
                raise UserError(f"{what} is {value}; it must be at least 1.")
        check_board(self.width, self.height)
        get(self.teacher)
        get_style(self.style)
        get_encoding(self.encoding)
        Policy.parse(self.policy)
        if self.opening is not None:
            Opening.parse(self.opening).check(self.width, self.height)
        for kind, chosen, known in (("mode", self.mode, MODES), ("decoder", self.decoder, _DECODERS)):
            if chosen not in known:
                raise unknown_name(kind, chosen, known)

    def as_taught(self, *players: str | Path) -> Self:
        """These settings, but with the teacher, style, encoding and board that students were taught with.

        Each of the four changes only where it is the same in all that the students among the players were taught, so
        that all are asked alike.

        >>> EvaluationSettings(width=10, height=10).as_taught("nano-6x6").teacher
        'CELL'

        Args:
            players: folders of students, built-in names, or other players, which have no say.

        Raises:
            UserError: as of `models.taught_with`.
        """
        taught = [taught_with(player) for player in players]
        asked: dict[str, Any] = {}
        for column in ("teacher", "style", "encoding", "board"):
            values = {value for each in taught for value in each.get(column, ())}
            if len(values) == 1:
                asked[column] = values.pop()
        if board := asked.pop("board", None):
            asked["width"], asked["height"] = parse_board(board)
        return replace(self, **asked)

    def rules(self) -> dict[str, Any]:
        """What decides the games, for manifests; how they are spread and generated is left out."""
        return {
            "grid": [self.width, self.height],
            "first_seed": self.seed,
            "games": self.games,
            "teacher": get(self.teacher).name,
            "style": self.style,
            "encoding": self.encoding,
            "decoding": "greedy",
            "mode": self.mode,
            "policy": str(Policy.parse(self.policy)),
            "replan_every": self.replan_every,
            "opening": self.opening and str(Opening.parse(self.opening)),
            "max_new_tokens": self.max_new_tokens,
            "limits": self.limits.as_dict(),
        }
