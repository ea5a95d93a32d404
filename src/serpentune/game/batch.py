"""Floor 1, game: many finished games as columns, for what has to go through thousands of them at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from serpentune.common.threads import mapped
from serpentune.game import _replay
from serpentune.game.moves import Ending
from serpentune.game.record import GameRecord, as_cells, as_counts, board_problem, problem_of
from serpentune.game.state import States

_CELLS_AT_ONCE = 1 << 22
"""Cells of the states that are replayed in one piece: eight megabytes of bodies."""


@dataclass(frozen=True)
class GameBatch:
    """`n` finished games of one player on one board, as columns; game by game they are `GameRecord`s.

    The arrays are shared between a batch and its slices and may be read-only. The offsets of a slice don't begin at 0.

    Attributes:
        player: the teacher's or model's name.
        width: cells a row.
        height: cells a column.
        numbers: int64 `(n,)`, the games' numbers within their run.
        seeds: int64 `(n,)`; anything where a game has none.
        seeded: bool `(n,)`, whether a game has a seed.
        moves: uint8, the `Move` codes of all games one after another.
        move_offsets: int64 `(n + 1,)`, ascending: game `i` has the moves from the `i`-th offset up to the next.
        apples: int16, the cells of all apples one after another; -1 where a record had a cell of no board.
        apple_offsets: int64 `(n + 1,)`, as `move_offsets`.
        endings: int64 `(n,)`, `Ending` codes.
        scores: int64 `(n,)`.
        steps: int64 `(n,)`.
    """

    player: str
    width: int
    height: int
    numbers: NDArray[np.int64]
    seeds: NDArray[np.int64]
    seeded: NDArray[np.bool_]
    moves: NDArray[np.uint8]
    move_offsets: NDArray[np.int64]
    apples: NDArray[np.int16]
    apple_offsets: NDArray[np.int64]
    endings: NDArray[np.int64]
    scores: NDArray[np.int64]
    steps: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> GameRecord: ...
    @overload
    def __getitem__(self, index: slice) -> GameBatch: ...
    def __getitem__(self, index: int | slice) -> GameRecord | GameBatch:
        """One game as a record, or some neighbours as a batch that shares these arrays.

        Raises:
            IndexError: there is no such game.
            ValueError: a slice with a step.
        """
        if isinstance(index, slice):
            first, stop, step = index.indices(len(self))
            if step != 1:
                raise ValueError("a slice of games takes neighbours only")
            return self._between(first, max(first, stop))
        game = range(len(self))[index]
        return next(iter(self._between(game, game + 1)))

    def __iter__(self) -> Iterator[GameRecord]:
        rows = zip(
            *(column.tolist() for column in (self.numbers, self.seeds, self.seeded)),
            *(column.tolist() for column in (self.endings, self.scores, self.steps)),
            strict=True,
        )
        moves, apples = self.move_offsets.tolist(), self.apple_offsets.tolist()
        for game, (number, seed, seeded, ending, score, steps) in enumerate(rows):
            yield GameRecord(
                player=self.player,
                width=self.width,
                height=self.height,
                moves=self.moves[moves[game] : moves[game + 1]].tobytes(),
                apples=tuple(self.apples[apples[game] : apples[game + 1]].tolist()),
                ending=Ending(ending),
                score=score,
                steps=steps,
                seed=seed if seeded else None,
                number=number,
            )

    @classmethod
    def from_records(cls, records: Sequence[GameRecord]) -> GameBatch:
        """Records of one player and board as columns.

        Raises:
            ValueError: no records, or several players or boards.
            OverflowError: a number or seed that needs more than 64 bits.
        """
        if len({(record.player, record.width, record.height) for record in records}) != 1:
            raise ValueError("games of exactly one player on one board are needed")
        return cls(
            player=records[0].player,
            width=records[0].width,
            height=records[0].height,
            numbers=np.array([record.number for record in records], np.int64),
            seeds=np.array([record.seed or 0 for record in records], np.int64),
            seeded=np.array([record.seed is not None for record in records]),
            moves=np.frombuffer(b"".join(record.moves for record in records), np.uint8),
            move_offsets=offsets([len(record.moves) for record in records]),
            apples=as_cells(cell for record in records for cell in record.apples),
            apple_offsets=offsets([len(record.apples) for record in records]),
            endings=np.array([record.ending for record in records], np.int64),
            scores=as_counts(record.score for record in records),
            steps=as_counts(record.steps for record in records),
        )

    def verify(self) -> dict[int, str]:
        """Replay every game; what doesn't follow from its moves, by place in the batch, in the words of `verify`."""
        if problem := board_problem(self.width, self.height):
            return dict.fromkeys(range(len(self)), problem)
        found = np.empty((len(self), _replay.FOUND), np.int64)
        _replay.check_games(
            self.moves,
            self.move_offsets,
            self.apples,
            self.apple_offsets,
            self.width,
            self.height,
            self.seeded,
            self.scores,
            self.steps,
            self.endings,
            found,
        )
        wrong = np.flatnonzero(found[:, _replay.PROBLEM]).tolist()
        return {game: problem for game in wrong if (problem := problem_of(self[game], found[game]))}

    def states(self, *, threads: int | None = None) -> Iterator[States]:
        """The states before every move of games that `verify` accepts, game by game, in pieces of a few megabytes.

        Args:
            threads: how many replay at the same time; those of `common.threads.processors` without.
        """
        piece = max(1, _CELLS_AT_ONCE // (self.width * self.height))
        stop = int(self.move_offsets[-1] - self.move_offsets[0])
        starts = range(0, stop, piece)
        # Threads take longer to begin than one piece takes.
        return mapped(
            lambda start: self.states_at(np.arange(start, min(start + piece, stop))),
            starts,
            threads if len(starts) > 1 else 1,
        )

    def states_at(self, places: NDArray[np.int64]) -> States:
        """The states before some moves of games that `verify` accepts.

        Args:
            places: int64 `(k,)`, ascending, in the moves of this batch laid end to end, from 0.
        """
        if not len(places):
            return States.empty(0, self.width, self.height)
        places = places + self.move_offsets[0]
        states = States.unfilled(len(places), self.width, self.height)
        first = int(np.searchsorted(self.move_offsets, places[0], "right")) - 1
        last = int(np.searchsorted(self.move_offsets, places[-1], "right"))
        own = self._between(first, last)
        bounds = np.searchsorted(places, own.move_offsets)
        at = places - np.repeat(own.move_offsets[:-1], np.diff(bounds))
        _replay.fill_states(
            own.moves,
            own.move_offsets,
            own.apples,
            own.apple_offsets,
            self.width,
            self.height,
            at,
            bounds,
            states.body,
            states.length,
            states.apple,
            states.direction,
        )
        return states

    def take(self, games: NDArray[np.int64]) -> GameBatch:
        """Some of the games, in the given order; the same arrays where it's all of them in theirs."""
        if len(games) == len(self) and (games == np.arange(len(self))).all():
            return self
        moves, move_offsets = _pieces(self.moves, self.move_offsets, games)
        apples, apple_offsets = _pieces(self.apples, self.apple_offsets, games)
        return GameBatch(
            self.player,
            self.width,
            self.height,
            self.numbers[games],
            self.seeds[games],
            self.seeded[games],
            moves,
            move_offsets,
            apples,
            apple_offsets,
            self.endings[games],
            self.scores[games],
            self.steps[games],
        )

    def _between(self, first: int, stop: int) -> GameBatch:
        return GameBatch(
            self.player,
            self.width,
            self.height,
            self.numbers[first:stop],
            self.seeds[first:stop],
            self.seeded[first:stop],
            self.moves,
            self.move_offsets[first : stop + 1],
            self.apples,
            self.apple_offsets[first : stop + 1],
            self.endings[first:stop],
            self.scores[first:stop],
            self.steps[first:stop],
        )


def _pieces(
    values: NDArray[Any], bounds: NDArray[np.int64], which: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The pieces `which` of `values` one after another, and where they lie now."""
    parts = [values[bounds[place] : bounds[place + 1]] for place in which.tolist()]
    return np.concatenate([values[:0], *parts]), offsets([len(part) for part in parts])


def offsets(lengths: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Where pieces of these lengths begin when they lie one after another, and where the last one ends."""
    result = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=result[1:])
    return result
