"""Floor 8, evaluation: games really played, many in lockstep; a place takes the next game as soon as its own ends."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from serpentune.evaluation.games import GameResult
from serpentune.evaluation.play._answers import Answer
from serpentune.evaluation.play._openings import Opening
from serpentune.evaluation.play._players import Player
from serpentune.evaluation.play._policies import Policy
from serpentune.game import NO_MOVE, Ending, Limits, LockstepGames, Move


def play_games(
    player: Player,
    seeds: Sequence[int],
    width: int,
    height: int,
    *,
    limits: Limits | None = None,
    policy: Policy | None = None,
    replan_every: int | None = None,
    opening: Opening | None = None,
    advanced: Callable[[int], None] = lambda _: None,
) -> Iterator[GameResult]:
    """Play a game of every seed; each result comes when its game ends, so the short games come first.

    An answer is played move by move. The player is asked again when the apple is eaten, when the answer is used up or
    `replan_every` moves of it are, and when the next of its moves would end the game; but the first move of an answer
    is played whatever it does. Nothing corrects a player: a move back into the neck counts as `reversal` and leaves the
    snake alone. Where an answer can't be used it is counted by kind, and `policy` says what is played. Where the state
    is then the same, so would the answer be: it is played again without asking, counted each time, until `limits` end
    the game.

    Args:
        player: who answers.
        seeds: a game each.
        width: cells a row.
        height: cells a column.
        limits: when a game is stopped although the snake lives.
        policy: what is played where an answer can't be read; an empty move without.
        replan_every: moves of an answer that are played at most; all without.
        opening: who begins the games; the player itself without.
        advanced: called with 1 for each game that has ended.

    Raises:
        UserError: an impossible board, an opening that is too long for it, or as of the player.
    """
    if len(seeds):
        table = _Table(player, seeds, width, height, limits, policy or Policy(), replan_every, opening)
        for result in table.play():
            advanced(1)
            yield result


def still_holds(answer: Answer, at: int, legal: NDArray[np.bool_], replan_every: int | None) -> bool:
    """Whether an answer of which `at` moves are played holds a next one to be played, or its player is asked again.

    Args:
        answer: the answer.
        at: moves of it that are played, 1 or more.
        legal: bool `(4,)`, which moves keep the snake alive now.
        replan_every: moves of an answer that are played at most.
    """
    used_up = at >= len(answer.moves) or at == replan_every
    return not used_up and bool(legal[answer.moves[at]])


@dataclass
class _Game:
    """What is known of the game at a place, beside its state."""

    answer: Answer = field(default_factory=lambda: Answer(b""))
    at: int = 0
    answers: int = 0
    cut: int = 0
    constrained: list[int] = field(default_factory=list)
    tokens: int = 0
    ms: float = 0.0
    opening: int = 0
    moves: int = 0
    replaced: list[int] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    invalid: Counter[str] = field(default_factory=Counter)

    def take(self, answer: Answer) -> None:
        self.answer, self.at = answer, 0
        self.answers += 1
        self.cut += answer.cut
        if answer.constrained:
            self.constrained.append(self.moves)
        self.tokens += answer.tokens


class _Table:
    """Games that run side by side, each at its place."""

    def __init__(
        self,
        player: Player,
        seeds: Sequence[int],
        width: int,
        height: int,
        limits: Limits | None,
        policy: Policy,
        replan_every: int | None,
        opening: Opening | None,
    ) -> None:
        count = min(player.places, len(seeds))
        self.player = player
        self.policy = policy
        self.replan_every = replan_every
        self.opening = opening
        self.games = LockstepGames(seeds[:count], width, height, limits)
        self.waiting = iter(seeds[count:])
        self.at = [_Game() for _ in range(count)]

    def play(self) -> Iterator[GameResult]:
        asking = yield from self._begin(np.arange(len(self.games)))
        unanswered: set[int] = set()
        while len(asking) or unanswered:
            began = time.perf_counter()
            if len(asking):
                self.player.ask(asking.tolist(), self.games.states(asking))
                unanswered.update(asking.tolist())
            answered = self.player.answers()
            share = (time.perf_counter() - began) * 1000 / len(unanswered)
            for place in unanswered:
                self.at[place].ms += share
            for place, answer in answered:
                self.at[place].take(answer)
            playing = np.array(sorted(place for place, _ in answered), np.int64)
            unanswered.difference_update(playing.tolist())
            stopped = playing
            while len(playing):
                playing = self._step(playing)
            ended = self.games.endings[stopped] != Ending.RUNNING
            yield from self._results(stopped[ended])
            begun = yield from self._begin(self._refill(stopped[ended]))
            asking = np.concatenate((stopped[~ended], begun))

    def _begin(self, places: NDArray[np.int64]) -> Generator[GameResult, None, NDArray[np.int64]]:
        """Play the openings of games that have just begun; the places of those that go on after it.

        An opening that ends its game makes room for the next game at once.
        """
        going = [places[:0]]
        while len(places):
            if self.opening is not None:
                self.opening.play(self.games, places)
                for place in places:
                    self.at[place].opening = self.at[place].moves = int(self.games.steps[place])
            over = self.games.endings[places] != Ending.RUNNING
            going.append(places[~over])
            yield from self._results(places[over])
            places = self._refill(places[over])
        return np.sort(np.concatenate(going))

    def _refill(self, ended: NDArray[np.int64]) -> NDArray[np.int64]:
        """Begin the next games in the places `ended`; the places of those that there were."""
        seeds = [seed for _, seed in zip(ended, self.waiting, strict=False)]
        taken = ended[: len(seeds)]
        self.games.restart(taken, seeds)
        for place in taken:
            self.at[place] = _Game()
        return taken

    def _results(self, ended: NDArray[np.int64]) -> Iterator[GameResult]:
        for place, record in zip(ended, self.games.records(self.player.name, ended), strict=True):
            game = self.at[place]
            yield GameResult(
                record,
                game.answers,
                dict(game.invalid),
                cut=game.cut,
                constrained=tuple(game.constrained),
                replaced=tuple(game.replaced),
                dropped=tuple(game.dropped),
                opening=game.opening,
                tokens=game.tokens,
                ms=game.ms,
            )

    def _step(self, playing: NDArray[np.int64]) -> NDArray[np.int64]:
        """Play one move of the games `playing`; those whose answer goes on after it."""
        scores, directions = self.games.scores, self.games.directions
        moves = np.full(len(self.games), NO_MOVE, np.int8)
        mute = np.array([place for place in playing if not self.at[place].answer.moves], np.int64)
        for place in playing:
            game = self.at[place]
            moves[place] = game.answer.moves[game.at] if game.answer.moves else Move.EMPTY
        if len(mute) and self.policy.replaces:
            seeds = [self.games.seeds[place] for place in mute]
            moves[mute] = self.policy.moves(self.games.states(mute), seeds, self.games.steps[mute])
        self.games.step(moves)
        goes_on = []
        legal, endings, ate = self.games.legal(), self.games.endings, self.games.scores > scores
        for place in playing:
            game, move = self.at[place], moves[place]
            running = endings[place] == Ending.RUNNING
            if not game.answer.moves:
                game.invalid[game.answer.unusable] += 1
                if self.policy.replaces and move != Move.NO_PATH_FOUND:
                    game.replaced.append(game.moves)
            turned_back = directions[place] >= 0 and move == (directions[place] + 2) % 4
            if turned_back and game.answer.moves:
                game.invalid["reversal"] += 1
            game.moves += 1
            if move == Move.EMPTY or turned_back:  # the state is the same, and so would the answer be
                if running:
                    goes_on.append(place)
                continue
            game.at += 1
            if not running or ate[place]:
                continue
            if still_holds(game.answer, game.at, legal[place], self.replan_every):
                goes_on.append(place)
            elif game.at < len(game.answer.moves) and game.at != self.replan_every:
                game.dropped.append(game.moves)
        return np.array(goes_on, np.int64)
