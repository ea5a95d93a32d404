"""Floor 8, evaluation: what the moves of games are worth, found by replaying them; no model is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from serpentune.common.errors import UserError
from serpentune.common.threads import mapped
from serpentune.game import Ending, GameBatch, GameRecord, Move
from serpentune.teachers import Teacher, legal_and_safe

if TYPE_CHECKING:
    from serpentune.evaluation.games import GameResult

LENGTHS = (1, 6, 11, 21, 41, 81, 161, 321, 641, 1281)
"""The least snake length of each bin; from the second on each bin is about twice as wide as the one before, the last is
open. They are the same on all boards, so that boards can be compared."""

_CELLS_AT_ONCE = 1 << 22
"""Cells of the states that are judged in one piece: eight megabytes of bodies."""

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Judgement:
    """What is counted of `n` games, in their order.

    Moves of an opening, and those that the policy for unusable answers chose, are not the player's and are left out.

    Attributes:
        decisions: int64 `(n, bins)` by snake length (`LENGTHS`), as all up to `fatal`: moves in states for which the
            teacher has one, answers without a move among them; none without a teacher. A state that a move left as it
            was counts once.
        exact: those that are the teacher's move.
        equal: those that the teacher holds as good as its own.
        moves: moves in one of the four directions that don't turn back: those that moved the snake or killed it.
        fatal: those after which the snake is dead or can't reach its tail, while there was a safe move.
        legal: int64 `(n,)`, answers whose first choice was a legal move.
        answers: int64 `(n,)`, answers to states in which there is a legal move.
        unusable: int64 `(n,)`, answers that couldn't be used, each once, however often it was played.
    """

    decisions: Counts
    exact: Counts
    equal: Counts
    moves: Counts
    fatal: Counts
    legal: Counts
    answers: Counts
    unusable: Counts


def judge(games: Sequence[GameResult], teacher: Teacher | None) -> Judgement:
    """Hold every move of some games against the board and against a teacher.

    Args:
        games: games on one board that `game.verify` accepts, at least one.
        teacher: whose moves are the right ones; None leaves that uncounted.

    Raises:
        UserError: a game has fewer answers than its moves must have come from, or the teacher broke its contract.
    """
    batch = GameBatch.from_records([_prepared(game.record) for game in games])
    found = _look(batch, teacher)
    played = _played(games, batch, found)
    count, of_game, bit = len(games), played.of_game, played.bit
    constrained = _marked(batch.move_offsets[:-1], [game.constrained for game in games], len(of_game))

    key = of_game * len(LENGTHS) + np.searchsorted(LENGTHS, found.length, "right") - 1

    def by_length(chosen: NDArray[np.bool_]) -> Counts:
        return np.bincount(key[chosen], minlength=count * len(LENGTHS)).reshape(count, len(LENGTHS))

    # Where a move leaves the state as it is, the answer is played again without asking: it is one answer.
    stays = played.back | (~played.directed & (batch.moves != Move.NO_PATH_FOUND))
    asked = played.begun.copy()
    asked[1:] &= ~stays[:-1] | (of_game[1:] != of_game[:-1])
    decides = played.own & asked & (found.right != 0)
    trapped = asked & (found.legal == 0)
    # Later moves of a plan are played only while they are legal, so that an illegal one is the first of its answer.
    wrong = asked & ~trapped & (played.replaced | constrained | (bit & found.legal == 0))

    def by_game(chosen: NDArray[np.bool_]) -> Counts:
        return np.bincount(of_game[chosen], minlength=count)

    answers = np.array([game.answers for game in games], np.int64) - by_game(trapped)
    legal = answers - by_game(wrong)
    # Every move of an unusable answer is counted by the game, those that play it again among them.
    counted = np.array([sum(game.invalid.values()) for game in games], np.int64)
    unusable = counted - by_game(played.begun & ~asked)
    if (legal < 0).any():
        seed = games[int(np.argmin(legal))].record.seed
        raise UserError(f"The game with seed {seed} says that it has fewer answers than its moves must have come from.")
    return Judgement(
        by_length(decides),
        by_length(decides & (bit == found.right)),
        by_length(decides & (bit & found.equal != 0)),
        by_length(played.moved),
        by_length(played.fatal(found)),
        legal,
        answers,
        unusable,
    )


def fatal_moves(games: Sequence[GameResult]) -> list[list[int]]:
    """The places of each game's fatal moves in its moves, ascending, as `Judgement.fatal` counts them.

    Args:
        games: as of `judge`, or none.
    """
    if not games:
        return []
    batch = GameBatch.from_records([_prepared(game.record) for game in games])
    found = _look(batch, None)
    places = np.flatnonzero(_played(games, batch, found).fatal(found))
    bounds = np.searchsorted(places, batch.move_offsets)
    return [
        (places[first:stop] - start).tolist()
        for first, stop, start in zip(bounds, bounds[1:], batch.move_offsets, strict=False)
    ]


@dataclass(frozen=True)
class _Played:
    """What is known of `k` moves without looking at the board, all games laid end to end, `(k,)` each.

    Attributes:
        of_game: the game's place.
        bit: `1 << direction`, 0 for moves that have none.
        directed: moves in one of the four directions.
        back: those of them that turn back.
        begun: moves behind an opening.
        replaced: moves that the policy for unusable answers chose.
    """

    of_game: Counts
    bit: Counts
    directed: NDArray[np.bool_]
    back: NDArray[np.bool_]
    begun: NDArray[np.bool_]
    replaced: NDArray[np.bool_]

    @property
    def own(self) -> NDArray[np.bool_]:
        """The player's own moves."""
        return self.begun & ~self.replaced

    @property
    def moved(self) -> NDArray[np.bool_]:
        """The player's own moves that moved the snake or killed it."""
        return self.own & self.directed & ~self.back

    def fatal(self, found: _States) -> NDArray[np.bool_]:
        """Those after which the snake is dead or can't reach its tail, while there was a safe move."""
        unsafe: NDArray[np.bool_] = (found.safe != 0) & (self.bit & found.safe == 0)
        return self.moved & unsafe


def _played(games: Sequence[GameResult], batch: GameBatch, found: _States) -> _Played:
    starts = batch.move_offsets[:-1]
    of_game = np.repeat(np.arange(len(games)), np.diff(batch.move_offsets))
    moves = batch.moves.astype(np.int64)
    directed = moves <= Move.LEFT
    return _Played(
        of_game,
        np.where(directed, 1 << (moves & 3), 0),
        directed,
        directed & (found.direction >= 0) & (moves == (found.direction + 2) % 4),
        np.arange(len(moves)) - starts[of_game] >= np.array([_begins(game) for game in games])[of_game],
        _marked(starts, [game.replaced for game in games], len(of_game)),
    )


def _begins(game: GameResult) -> int:
    """The place of the first move that is not the opening's; behind all of them where the game ended in it."""
    ended_in_it = game.opening > 0 and not game.answers
    return len(game.record.moves) + 1 if ended_in_it else game.opening


def _prepared(record: GameRecord) -> GameRecord:
    """The record with the answer that gave the game up as its last move, which records of games played here lack."""
    gave_up = bytes([Move.NO_PATH_FOUND])
    missing = record.ending == Ending.NO_PATH_FOUND and not record.moves.endswith(gave_up)
    # Nothing here depends on the seed, and a column has no room for every one.
    return replace(record, moves=record.moves + gave_up * missing, seed=None)


@dataclass(frozen=True)
class _States:
    """What is known of the states before `k` moves, int64 `(k,)` each; masks have bit `1 << direction`."""

    legal: Counts
    safe: Counts
    right: Counts
    equal: Counts
    length: Counts
    direction: Counts


def _look(batch: GameBatch, teacher: Teacher | None) -> _States:
    stop = int(batch.move_offsets[-1])
    piece = max(1, _CELLS_AT_ONCE // (batch.width * batch.height))

    def look(start: int) -> Counts:
        states = batch.states_at(np.arange(start, min(start + piece, stop)))
        right = equal = np.zeros(len(states), np.int64)
        if teacher is not None:
            moves, equal = teacher.choices(states)
            right = 1 << moves.astype(np.int64) & 15  # 0 for NO_PATH_FOUND
        return np.stack([*legal_and_safe(states), right, equal, states.length, states.direction])

    compiled = teacher is None or teacher.kernel is not None
    starts = range(0, stop, piece)
    pieces = list(mapped(look, starts, None if compiled and len(starts) > 1 else 1))
    return _States(*np.concatenate([np.zeros((6, 0), np.int64), *pieces], axis=1))


def _marked(starts: Counts, places: Sequence[Sequence[int]], moves: int) -> NDArray[np.bool_]:
    """Marks at some places of each game, in the moves of all games laid end to end."""
    marks = np.zeros(moves, np.bool_)
    for start, own in zip(starts.tolist(), places, strict=True):
        marks[start + np.array(own, np.int64)] = True
    return marks
