"""Floor 8, evaluation: games really played, many in lockstep, by a player that answers prompts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from serpentune.datasets import read_moves
from serpentune.evaluation.players import Player
from serpentune.evaluation.results import GameResult
from serpentune.game import NO_MOVE, Ending, Limits, LockstepGames, Move
from serpentune.teachers import Teacher

BATCH = 256
"""Games that run side by side."""


def play_games(
    player: Player,
    seeds: Sequence[int],
    width: int,
    height: int,
    *,
    limits: Limits | None = None,
    reference: Teacher | None = None,
    advanced: Callable[[int], None] = lambda _: None,
) -> Iterator[GameResult]:
    """Play a game of every seed; each result comes when its game ends, so the short games come first.

    An answer is played move by move. The player is asked again when the apple is eaten, when the answer is used up, and
    when the next of its moves would end the game; but the first move of an answer is played whatever it does. Nothing
    corrects a player: an answer without a readable move counts as `unreadable` and is an EMPTY move, a move back into
    the neck counts as `reversal` and leaves the snake alone. The state is then the same and so would the answer be:
    it is played again without asking, counted each time, until `limits` end the game.

    Args:
        player: who answers.
        seeds: a game each.
        width: cells a row.
        height: cells a column.
        limits: when a game is stopped although the snake lives.
        reference: the teacher whose move is compared with each move that was played, in the same state.
            States in which the teacher gives up have no move to compare with.
        advanced: called with 1 for each game that has ended.
    """
    for first in range(0, len(seeds), BATCH):
        for result in _Batch(player, seeds[first : first + BATCH], width, height, limits, reference).play():
            advanced(1)
            yield result


class _Batch:
    """Games that run side by side, and what each player's answer still holds."""

    def __init__(
        self,
        player: Player,
        seeds: Sequence[int],
        width: int,
        height: int,
        limits: Limits | None,
        reference: Teacher | None,
    ) -> None:
        count = len(seeds)
        self.player = player
        self.reference = reference
        self.games = LockstepGames(seeds, width, height, limits)
        self.answer: list[bytes] = [b""] * count
        self.place = [0] * count
        self.known = [False] * count
        """Whether `answer` was given to the present state, so that asking again would bring the same."""
        self.answers = np.zeros(count, np.int64)
        self.ms = np.zeros(count)
        self.invalid: list[Counter[str]] = [Counter() for _ in range(count)]
        self.agreed = np.zeros(count, np.int64)
        self.asked = np.zeros(count, np.int64)

    def play(self) -> Iterator[GameResult]:
        running = self.games.running
        while len(running):
            self._ask(running)
            waiting = running
            while len(waiting):
                waiting = self._step(waiting)
            left = self.games.running
            if len(left) < len(running):
                yield from self._results(np.setdiff1d(running, left))
            running = left

    def _results(self, ended: NDArray[np.int64]) -> Iterator[GameResult]:
        for game, record in zip(ended, self.games.records(self.player.name, ended), strict=True):
            yield GameResult(
                record,
                int(self.answers[game]),
                dict(self.invalid[game]),
                int(self.agreed[game]),
                int(self.asked[game]),
                float(self.ms[game]),
            )

    def _ask(self, running: NDArray[np.int64]) -> None:
        asked = np.array([game for game in running if not self.known[game]], np.int64)
        if len(asked):
            began = time.perf_counter()
            texts = self.player.answers(self.games.states(asked))
            self.ms[asked] += (time.perf_counter() - began) * 1000 / len(asked)
            self.answers[asked] += 1
            for game, text in zip(asked, texts, strict=True):
                self.answer[game] = read_moves(text)
                self.known[game] = True
        for game in running:
            self.place[game] = 0

    def _step(self, waiting: NDArray[np.int64]) -> NDArray[np.int64]:
        """Play one move in the waiting games; those whose answer goes on after it."""
        scores = self.games.scores
        moves = np.full(len(self.games), NO_MOVE, np.int8)
        for game in waiting:
            moves[game] = self.answer[game][self.place[game]] if self.answer[game] else Move.EMPTY
        states = self.games.states(waiting)
        if self.reference is not None:
            right = self.reference.moves(states)
            self.agreed[waiting] += right == moves[waiting]
            self.asked[waiting] += right != Move.NO_PATH_FOUND
        reversal = (states.direction >= 0) & (moves[waiting] == (states.direction + 2) % 4)
        self.games.step(moves)
        goes_on = []
        legal, endings = self.games.legal(), self.games.endings
        ate = self.games.scores > scores
        for game, turned_back in zip(waiting, reversal, strict=True):
            if moves[game] == Move.EMPTY:
                self.invalid[game]["unreadable"] += 1
                continue
            if turned_back:
                self.invalid[game]["reversal"] += 1
                continue
            self.known[game] = False
            self.place[game] += 1
            over = endings[game] != Ending.RUNNING or ate[game] or self.place[game] == len(self.answer[game])
            if not over and legal[game, self.answer[game][self.place[game]]]:
                goes_on.append(game)
        return np.array(goes_on, np.int64)
