"""Floor 8, evaluation: one game, move by move, with what its player and a teacher make of every state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from serpentune.common.errors import UserError
from serpentune.datasets import after_moves
from serpentune.evaluation.play import Answer, ModelPlayer, Opening, Player, Policy, TeacherPlayer, answers_to
from serpentune.evaluation.play._games import still_holds
from serpentune.game import DIRECTIONS, Ending, GameRecord, Limits, LockstepGames, Move, State, States, check_seeds
from serpentune.game.render import cells_along
from serpentune.teachers import Decision, ExplanationCheck, Teacher, check_explanation, get

By = Literal["player", "policy", "human"]


@dataclass(frozen=True)
class Moment:
    """A state of a watched game and the move that is about to be played in it.

    Attributes:
        step: moves before it.
        state: the position.
        score: apples eaten.
        move: what is played; `EMPTY` where the answer can't be used, `NO_PATH_FOUND` where a teacher gives up.
        by: whose move it is: the `player`'s, that of the `policy` for answers that can't be used, or a `human`'s.
        answer: the player's answer.
        at: how many moves of the answer were played before; 0 where the player was asked about this very state, and in
            a recorded game, which doesn't say.
        probabilities: what a model gives UP, RIGHT, DOWN and LEFT as the first thing to write in this state; None for
            other players, and where they can't be told (`WatchedGame.unknown` says why).
        explanation: the sentences that the player gave for its answer, held against the board that it was asked about;
            None where it gave none.
        teacher: what the teacher answers.
    """

    step: int
    state: State
    score: int
    move: Move
    by: By
    answer: Answer
    at: int
    probabilities: tuple[float, float, float, float] | None
    explanation: ExplanationCheck | None
    teacher: Decision

    @property
    def planned(self) -> bool:
        """Whether the move is the player's, of an answer to an earlier state; its probabilities are of this one."""
        return self.by == "player" and self.at > 0

    @property
    def plan(self) -> bytes:
        """The moves of the answer that are left, this one first, `Move` codes; empty if they aren't what is played."""
        return self.answer.moves[self.at :] if self.by == "player" else b""

    @property
    def way(self) -> bytes:
        """The moves of the plan up to the apple, after which the player is asked again, or to the edge of the board."""
        moves = 0
        for cell, _ in cells_along(self.state, self.plan):
            moves += 1
            if cell == self.state.apple:
                break
        return self.plan[:moves]

    @property
    def differs(self) -> bool:
        """Whether the teacher would play another move."""
        return self.move != self.teacher.move

    @property
    def equally_good(self) -> bool:
        """Whether the move is among those that the teacher holds as good as its own."""
        return self.move in self.teacher.equal_moves


class WatchedGame:
    """A game that is played as far as it is looked at: an iterator of moments.

    >>> game = open_game("nano", EvaluationSettings(seed=7, width=6, height=6))
    >>> for moment in game:
    ...     print(moment.state, moment.move, moment.probabilities)
    ...     if moment.step == 3:
    ...         game.play_instead(Move.UP)

    A moment's move is played when the next moment is asked for. A loop that is left can be gone on with by another one.
    Without `play_instead` it is the game that `play_games` plays, answers, plans and all.

    Attributes:
        player: who plays.
        teacher: whose choice stands beside the player's.
        seed: where the apples lie.
        moments: those whose moves are played, in their order.
        opening: moves that were played before the first of them.
        recorded: whether the moves are those of a game that is over, so that nobody can take over.
        unknown: why the probabilities of a model can't be told, for people; empty where they can, and for others.
    """

    recorded = False

    def __init__(
        self,
        player: Player,
        seed: int,
        width: int,
        height: int,
        *,
        teacher: Teacher | str | None = None,
        limits: Limits | None = None,
        policy: Policy | None = None,
        replan_every: int | None = None,
        opening: Opening | None = None,
        details: bool = True,
    ) -> None:
        """Set up the board.

        Args:
            player: who plays.
            seed: where the apples lie, from 0.
            width: cells a row.
            height: cells a column.
            teacher: whose choice stands beside the player's; None for a teacher that plays itself, else BFS.
            limits: as of `play_games`.
            policy: as of `play_games`.
            replan_every: as of `play_games`.
            opening: as of `play_games`; its moves are no moments.
            details: find out probabilities and explanations too, which takes longer.

        Raises:
            UserError: the board is outside the rules or too small for the opening, the seed is out of range, or there
                is no such teacher.
        """
        check_seeds(seed)
        own = player.teacher if isinstance(player, TeacherPlayer) else "BFS"
        chosen = own if teacher is None else teacher
        self.player = player
        self.teacher = get(chosen) if isinstance(chosen, str) else chosen
        self.seed = seed
        self.moments: list[Moment] = []
        self._games = LockstepGames([seed], width, height, limits)
        if opening is not None:
            opening.play(self._games, np.array([0]))
        self.opening = len(self.record.moves)
        self._policy = policy or Policy()
        self._replan_every = replan_every
        self._instead: Move | None = None
        self._answer: Answer | None = None
        self._explanation: ExplanationCheck | None = None
        self._at = 0
        self.unknown = ""
        self._details = details

    @property
    def tells_probabilities(self) -> bool:
        """Whether moments carry probabilities, as far as they can be told."""
        return self._details and isinstance(self.player, ModelPlayer)

    @property
    def record(self) -> GameRecord:
        """The game as far as it is played; its ending is `RUNNING` before the end."""
        (record,) = self._games.records(self.player.name)
        return record

    @property
    def state(self) -> State:
        """The present position."""
        return self._games.states()[0]

    def play_instead(self, move: Move) -> None:
        """Play another move than that of the present moment, a human's; the player is asked again after it.

        Raises:
            ValueError: a sentinel.
        """
        if move not in DIRECTIONS:
            raise ValueError(f"{Move(move).name} doesn't move the snake")
        self._instead = move

    def play_to_the_end(self) -> GameRecord:
        """Play on without looking."""
        for _ in self:
            pass
        return self.record

    def __iter__(self) -> Iterator[Moment]:
        while self._games.endings[0] == Ending.RUNNING:
            moment = self._moment()
            yield moment
            self._play(self._taken_over(moment))

    def _moment(self) -> Moment:
        states, state = self._games.states(), self.state
        decision = self.teacher.decide(state)
        if self._answer is None:
            (self._answer,) = answers_to(self.player, states)
            self._at = 0
            self._explanation = self._explained(self._answer, state, decision) if self._details else None
        answer, move = self._answer, Move.EMPTY
        by: By = "player"
        if answer.moves:
            move = Move(answer.moves[self._at])
        elif (replacement := self._replacement(states)) is not None:
            by, move = "policy", replacement
        return Moment(
            step=self.opening + len(self.moments),
            state=state,
            score=int(self._games.scores[0]),
            move=move,
            by=by,
            answer=answer,
            at=self._at,
            probabilities=self._probabilities(states),
            explanation=self._explanation,
            teacher=decision,
        )

    def _replacement(self, states: States) -> Move | None:
        """What the policy plays instead of an answer that can't be used; None where that is an empty move."""
        if not self._policy.replaces:
            return None
        return Move(self._policy.moves(states, [self.seed], self._games.steps)[0])

    def _taken_over(self, moment: Moment) -> Moment:
        instead, self._instead = self._instead, None
        return moment if instead is None else replace(moment, move=instead, by="human")

    def _explained(self, answer: Answer, state: State, decision: Decision) -> ExplanationCheck | None:
        """The reasons behind an answer: a teacher's own, or what a text says behind its moves."""
        if isinstance(self.player, TeacherPlayer):
            teacher = self.player.teacher
            own = decision if teacher is self.teacher else teacher.decide(state)
            if own.legal_moves and own.move not in own.legal_moves:
                return None
            return check_explanation(state, teacher.explain(state, own), teacher)
        said = after_moves(answer.text).strip() if answer.moves else ""
        return check_explanation(state, said) if said else None

    def _play(self, moment: Moment) -> None:
        score = self._games.scores[0]
        self._games.step([moment.move])
        self.moments.append(moment)
        before = moment.state.direction
        still = before is not None and moment.move == (before + 2) % 4
        # Where the state is the same the answer is too, so that asking again plays it again.
        if moment.by != "player" or not moment.answer.moves or still or self._games.scores[0] > score:
            self._answer = None
            return
        self._at += 1
        if not still_holds(moment.answer, self._at, self._games.legal()[0], self._replan_every):
            self._answer = None

    def _probabilities(self, states: States) -> tuple[float, float, float, float] | None:
        if not (self._details and isinstance(self.player, ModelPlayer)) or self.unknown:
            return None
        try:
            up, right, down, left = self.player.probabilities(states)[0].tolist()
        except UserError as error:  # the model can be played all the same
            self.unknown = str(error)
            return None
        return up, right, down, left
