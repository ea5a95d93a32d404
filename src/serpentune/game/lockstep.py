"""Floor 1, game: many games side by side, one move each a call, for players that answer in batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numba import types
from numpy.typing import NDArray

from serpentune.game import _rules
from serpentune.game._jit import kernel
from serpentune.game._rules import COUNTERS_TYPE
from serpentune.game.moves import Ending, Move
from serpentune.game.record import GameRecord
from serpentune.game.state import States, check_board

NO_MOVE = -1

_MOVES_AT_FIRST = 64
"""Moves a game for which there is room before more is asked for."""


@dataclass(frozen=True)
class Limits:
    """When a game is stopped although the snake lives; 0 means never.

    Attributes:
        max_steps: moves a game. The default is never, since `max_steps_per_apple` bounds a game already.
        max_steps_per_apple: moves without an apple, None for twice the number of cells: a Hamiltonian cycle passes
            every cell once in that many, so only a player that circles is stopped.
        max_consecutive_invalid_reversals: answers in a row that turn the snake back into itself.
        max_consecutive_empty_moves: unreadable answers in a row.
        max_consecutive_something_is_wrong: failed answers in a row.

    Answers in a row are those since the last of the four directions that was no reversal; others between them don't
    break the row. Where a limit in a row and one of moves are reached at once, the one in a row names the ending; a
    move that fills the board or kills the snake is never overruled.
    """

    max_steps: int = 0
    max_steps_per_apple: int | None = None
    max_consecutive_invalid_reversals: int = 10
    max_consecutive_empty_moves: int = 5
    max_consecutive_something_is_wrong: int = 5

    def for_board(self, width: int, height: int) -> NDArray[np.int64]:
        """The limits as the int64 `(LIMITS,)` array of the kernels."""
        per_apple = 2 * width * height if self.max_steps_per_apple is None else self.max_steps_per_apple
        return np.array(
            [
                self.max_steps,
                per_apple,
                self.max_consecutive_invalid_reversals,
                self.max_consecutive_empty_moves,
                self.max_consecutive_something_is_wrong,
            ],
            np.int64,
        )

    def as_dict(self) -> dict[str, int | None]:
        """For manifests."""
        return asdict(self)


class LockstepGames:
    """`n` games of one board size that advance together.

    >>> games = LockstepGames([0, 1], width=6, height=6)
    >>> games.step([0, 3])            # UP in the first game, LEFT in the second
    >>> len(games.states())
    2

    Args:
        seeds: a game each; any integers, modulo 2**64.
        width: cells a row.
        height: cells a column.
        limits: when a game is stopped although the snake lives.
        recorded: keep every move for `records`. Without, memory doesn't grow however long the games go on.

    Raises:
        UserError: the board is outside the rules.
    """

    def __init__(
        self, seeds: Sequence[int], width: int, height: int, limits: Limits | None = None, *, recorded: bool = True
    ) -> None:
        check_board(width, height)
        count, cells = len(seeds), width * height
        self.width = width
        self.height = height
        self._given = [int(seed) for seed in seeds]
        self._seeds = _wrapped(self._given)
        self._limits = (limits or Limits()).for_board(width, height)
        self._ring = np.empty((count, cells), np.int16)
        self._occupied = np.empty((count, cells), np.uint8)
        self._counters = np.empty((count, _rules.COUNTERS), np.int64)
        self._apples = np.empty((count, cells), np.int16)
        self._moves = np.empty((_MOVES_AT_FIRST if recorded else 0, count), np.int8)
        self._recorded = recorded
        self._played = 0
        self._begun = np.zeros(count, np.int64)
        _start(np.arange(count), self._seeds, self._ring, self._occupied, self._counters, self._apples, width, height)

    def __len__(self) -> int:
        return len(self._given)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The games' seeds as they were given."""
        return tuple(self._given)

    @property
    def endings(self) -> NDArray[np.int64]:
        """`Ending` codes, int64 `(n,)`; `RUNNING` where the game goes on."""
        return self._counters[:, _rules.ENDING].copy()

    @property
    def running(self) -> NDArray[np.int64]:
        """Indices of the games that go on, ascending."""
        return np.flatnonzero(self._counters[:, _rules.ENDING] == Ending.RUNNING)

    @property
    def scores(self) -> NDArray[np.int64]:
        """Apples eaten, int64 `(n,)`."""
        return self._counters[:, _rules.SCORE].copy()

    @property
    def steps(self) -> NDArray[np.int64]:
        """Moves played, int64 `(n,)`, as the rules count them."""
        return self._counters[:, _rules.STEPS].copy()

    @property
    def directions(self) -> NDArray[np.int64]:
        """The last move that moved each snake, int64 `(n,)`, a `Move` code, -1 before the first."""
        return self._counters[:, _rules.DIRECTION].copy()

    def states(self, indices: NDArray[np.int64] | Sequence[int] | None = None) -> States:
        """The present states of the games `indices` (all without)."""
        chosen = np.arange(len(self)) if indices is None else np.ascontiguousarray(indices, np.int64)
        counters = self._counters[chosen]
        body = np.empty((len(chosen), self.width * self.height), np.int16)
        _unroll(self._ring, counters, chosen, body)
        return States(
            self.width,
            self.height,
            body,
            counters[:, _rules.LENGTH],
            counters[:, _rules.APPLE],
            counters[:, _rules.DIRECTION],
        )

    def boards(self) -> NDArray[np.int16]:
        """The present boards as pictures, int16 `(n, height, width)`, the bottom row first.

        0 is an empty cell, -1 the apple, `k` the snake's segment number `k`: 1 the head, its length the tail.
        """
        result = np.zeros((len(self), self.width * self.height), np.int16)
        _draw(self._ring, self._counters, result)
        return result.reshape(len(self), self.height, self.width)

    def legal(self) -> NDArray[np.bool_]:
        """Which of UP, RIGHT, DOWN, LEFT keep each snake alive, `(n, 4)`."""
        result = np.zeros((len(self), 4), np.bool_)
        _legal(self._ring, self._occupied, self._counters, self.width, self.height, result)
        return result

    def step(self, moves: Sequence[int] | NDArray[np.int8]) -> None:
        """Play one `Move` code in every game, `NO_MOVE` (-1) where a game shall wait; a game that is over ignores its.

        Raises:
            ValueError: not one move a game, or a number that is no move; no game has moved then.
        """
        given = np.asarray(moves)
        if given.shape != (len(self),):
            raise ValueError(f"{len(self)} moves are needed, one a game, not an array of shape {given.shape}")
        if given.size and (given.min() < NO_MOVE or given.max() >= len(Move)):
            raise ValueError(f"moves are codes from {NO_MOVE} to {len(Move) - 1}, not {given.min()} to {given.max()}")
        chosen = given.astype(np.int8)
        ended = self._counters[:, _rules.ENDING] != Ending.RUNNING
        chosen = np.where(ended, np.int8(NO_MOVE), chosen)
        if self._recorded:
            self._record(chosen)
        _step(
            chosen,
            self._seeds,
            self._ring,
            self._occupied,
            self._counters,
            self._apples,
            self.width,
            self.height,
            self._limits,
        )

    def restart(self, indices: NDArray[np.int64] | Sequence[int], seeds: Sequence[int]) -> None:
        """Begin new games with `seeds` in the places `indices`, whether or not the old ones are over.

        Take `records` of the old ones before, if you want to keep them.

        Raises:
            ValueError: not one seed a place.
            IndexError: there is no such place. Nothing has happened then.
        """
        places = np.arange(len(self))[np.asarray(indices, np.int64)]
        if len(places) != len(seeds):
            raise ValueError(f"{len(places)} games can't begin with {len(seeds)} seeds")
        for place, seed in zip(places.tolist(), seeds, strict=True):
            self._given[place] = int(seed)
        self._seeds[places] = _wrapped(seeds)
        self._begun[places] = self._played
        _start(places, self._seeds, self._ring, self._occupied, self._counters, self._apples, self.width, self.height)

    def records(self, player: str, indices: NDArray[np.int64] | Sequence[int] | None = None) -> list[GameRecord]:
        """The games `indices` (all without, in the order of the seeds) so far as records.

        Raises:
            ValueError: the games were made with `recorded=False`.
        """
        if not self._recorded:
            raise ValueError("these games keep no moves; make them with recorded=True")
        chosen = np.arange(len(self)) if indices is None else np.asarray(indices, np.int64)
        results = []
        for index in chosen.tolist():
            seed, moves = self._given[index], self._moves[self._begun[index] : self._played, index]
            counters = self._counters[index]
            apples = self._apples[index]
            results.append(
                GameRecord(
                    player=player,
                    width=self.width,
                    height=self.height,
                    moves=moves[(moves >= 0) & (moves < 7)].astype(np.uint8).tobytes(),
                    apples=tuple(int(cell) for cell in apples[apples >= 0]),
                    ending=Ending(int(counters[_rules.ENDING])),
                    score=int(counters[_rules.SCORE]),
                    steps=int(counters[_rules.STEPS]),
                    seed=seed,
                    number=index + 1,
                )
            )
        return results

    def _record(self, moves: NDArray[np.int8]) -> None:
        """Keep one move a game; what was played before any game that goes on began makes room for it first."""
        if self._played == len(self._moves):
            over = int(self._begun.min()) if len(self) else 0
            kept = self._moves[over : self._played]
            if 2 * over < self._played:
                self._moves = np.empty((2 * len(self._moves), len(self)), np.int8)
            self._moves[: len(kept)] = kept
            self._begun -= over
            self._played -= over
        self._moves[self._played] = moves
        self._played += 1


def _wrapped(seeds: Sequence[int]) -> NDArray[np.uint64]:
    return np.array([int(seed) % 2**64 for seed in seeds], np.uint64)


_SEEDS_TYPE = types.uint64[::1]
_RINGS_TYPE = types.int16[:, ::1]
_BOARDS_TYPE = types.uint8[:, ::1]
_ROWS_TYPE = types.int64[:, ::1]


@kernel(
    types.void(COUNTERS_TYPE, _SEEDS_TYPE, _RINGS_TYPE, _BOARDS_TYPE, _ROWS_TYPE, _RINGS_TYPE, types.int64, types.int64)
)
def _start(
    games: NDArray[np.int64],
    seeds: NDArray[np.uint64],
    ring: NDArray[np.int16],
    occupied: NDArray[np.uint8],
    counters: NDArray[np.int64],
    apples: NDArray[np.int16],
    width: int,
    height: int,
) -> None:
    for game in games:
        _rules.start(ring[game], occupied[game], counters[game], width, height)
        counters[game, _rules.APPLE] = _rules.apple_cell(seeds[game], 0, occupied[game])
        apples[game, 0] = counters[game, _rules.APPLE]
        apples[game, 1:] = _rules.NO_CELL


@kernel(
    types.void(
        types.int8[::1],
        _SEEDS_TYPE,
        _RINGS_TYPE,
        _BOARDS_TYPE,
        _ROWS_TYPE,
        _RINGS_TYPE,
        types.int64,
        types.int64,
        COUNTERS_TYPE,
    )
)
def _step(
    moves: NDArray[np.int8],
    seeds: NDArray[np.uint64],
    ring: NDArray[np.int16],
    occupied: NDArray[np.uint8],
    counters: NDArray[np.int64],
    apples: NDArray[np.int16],
    width: int,
    height: int,
    limits: NDArray[np.int64],
) -> None:
    for game in range(moves.shape[0]):
        if moves[game] == NO_MOVE:
            continue
        if _rules.advance(ring[game], occupied[game], counters[game], moves[game], width, height, limits):
            index = counters[game, _rules.SCORE]
            counters[game, _rules.APPLE] = _rules.apple_cell(seeds[game], index, occupied[game])
            apples[game, index] = counters[game, _rules.APPLE]


@kernel(types.void(_RINGS_TYPE, _ROWS_TYPE, COUNTERS_TYPE, _RINGS_TYPE))
def _unroll(
    ring: NDArray[np.int16], counters: NDArray[np.int64], games: NDArray[np.int64], body: NDArray[np.int16]
) -> None:
    """Copy the bodies of `games` out of their rings, head first; row `i` of `counters` belongs to `games[i]`."""
    cells = ring.shape[1]
    for row in range(games.shape[0]):
        head, length = counters[row, _rules.HEAD], counters[row, _rules.LENGTH]
        before_the_seam = min(length, cells - head)
        for k in range(before_the_seam):
            body[row, k] = ring[games[row], head + k]
        for k in range(before_the_seam, length):
            body[row, k] = ring[games[row], head + k - cells]
        body[row, length:] = _rules.NO_CELL


@kernel(types.void(_RINGS_TYPE, _ROWS_TYPE, _RINGS_TYPE))
def _draw(ring: NDArray[np.int16], counters: NDArray[np.int64], boards: NDArray[np.int16]) -> None:
    """Number each game's segments on its board of zeros, and mark its apple."""
    cells = ring.shape[1]
    for game in range(ring.shape[0]):
        for k in range(counters[game, _rules.LENGTH]):
            boards[game, ring[game, (counters[game, _rules.HEAD] + k) % cells]] = k + 1
        if counters[game, _rules.APPLE] != _rules.NO_CELL:
            boards[game, counters[game, _rules.APPLE]] = -1


@kernel(types.void(_RINGS_TYPE, _BOARDS_TYPE, _ROWS_TYPE, types.int64, types.int64, types.boolean[:, ::1]))
def _legal(
    ring: NDArray[np.int16],
    occupied: NDArray[np.uint8],
    counters: NDArray[np.int64],
    width: int,
    height: int,
    result: NDArray[np.bool_],
) -> None:
    for game in range(result.shape[0]):
        for direction in range(4):
            result[game, direction] = _rules.is_legal(
                ring[game], occupied[game], counters[game], direction, width, height
            )
