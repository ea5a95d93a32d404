"""Floor 2, teachers: whole games of a teacher, as records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
from numba import types
from numpy.typing import NDArray

from serpentune.game import NO_MOVE, Ending, GameRecord, Limits, LockstepGames, Move, _rules
from serpentune.game._jit import kernel
from serpentune.game._rules import COUNTERS_TYPE
from serpentune.teachers._kernel import CHOOSE_TYPE, CLOCK, FACTS, FOLLOWS, WORK_PER_CELL, Choose
from serpentune.teachers._teacher import Teacher

_GAMES_AT_ONCE = 256
_MOVES_AT_ONCE = 1 << 18


def play(
    teacher: Teacher, seeds: Iterable[int], width: int, height: int, limits: Limits | None = None
) -> Iterator[GameRecord]:
    """The teacher's game for each seed, in their order, numbered from 1.

    The board is checked at the call; the games are played while the iterator is read, a few hundred at a time, so that
    memory doesn't grow with their number. A game depends on its seed, the board and the limits alone.

    Raises:
        UserError: the teacher can't play this board.
        ValueError: while reading, a teacher's Python function broke its contract.
    """
    teacher.check_board(width, height)
    chosen = limits or Limits()
    if teacher.kernel is None:
        return _play_python(teacher, seeds, width, height, chosen)
    return _play_compiled(teacher.name, teacher.kernel, seeds, width, height, chosen)


def _play_compiled(
    name: str, choose: Choose, seeds: Iterable[int], width: int, height: int, limits: Limits
) -> Iterator[GameRecord]:
    bounds = limits.for_board(width, height)
    moves = np.empty(_MOVES_AT_ONCE, np.uint8)
    apples = np.empty((_GAMES_AT_ONCE, width * height), np.int16)
    results = np.empty((_GAMES_AT_ONCE, _RESULTS), np.int64)
    number = 0
    for batch in _batches(seeds):
        waiting = list(batch)
        while waiting:
            wrapped = np.array([seed % 2**64 for seed in waiting], np.uint64)
            done = _play_games(choose, wrapped, bounds, width, height, moves, apples, results)
            if done == 0:
                moves = np.empty(2 * len(moves), np.uint8)
                continue
            rows = results[:done].tolist()
            for seed, row, cells in zip(waiting, rows, apples, strict=False):
                start, stop, shown, ending, score, steps = row
                number += 1
                yield GameRecord(
                    player=name,
                    width=width,
                    height=height,
                    moves=moves[start:stop].tobytes(),
                    apples=tuple(cells[:shown].tolist()),
                    ending=Ending(ending),
                    score=score,
                    steps=steps,
                    seed=int(seed),
                    number=number,
                )
            waiting = waiting[done:]


def _play_python(
    teacher: Teacher, seeds: Iterable[int], width: int, height: int, limits: Limits
) -> Iterator[GameRecord]:
    number = 0
    for batch in _batches(seeds):
        games = LockstepGames(batch, width, height, limits)
        while (running := games.running).size:
            chosen = np.full(len(games), NO_MOVE, np.int8)
            chosen[running] = teacher.moves(games.states(running))
            games.step(chosen)
        for record in games.records(teacher.name):
            number += 1
            yield replace(record, number=number)


def _batches(seeds: Iterable[int]) -> Iterator[Sequence[int]]:
    rest = iter(seeds)
    while batch := list(islice(rest, _GAMES_AT_ONCE)):
        yield batch


_FROM, _TO, _SHOWN, _ENDING, _SCORE, _STEPS, _RESULTS = range(7)
"""Columns of `results`: first place in `moves`, the one behind the last, apples shown; the rest as in the rules."""

_GIVE_UP = int(Move.NO_PATH_FOUND)


@kernel(
    types.int64(
        types.FunctionType(CHOOSE_TYPE),
        types.uint64[::1],
        COUNTERS_TYPE,
        types.int64,
        types.int64,
        types.uint8[::1],
        types.int16[:, ::1],
        types.int64[:, ::1],
    )
)
def _play_games(
    choose: Choose,
    seeds: NDArray[np.uint64],
    limits: NDArray[np.int64],
    width: int,
    height: int,
    moves: NDArray[np.uint8],
    apples: NDArray[np.int16],
    results: NDArray[np.int64],
) -> int:
    """Play games until they are all done or `moves` is full; the number of games that are complete."""
    cells = width * height
    ring = np.empty(cells, np.int16)
    occupied = np.empty(cells, np.uint8)
    counters = np.empty(_rules.COUNTERS, np.int64)
    work = np.zeros(WORK_PER_CELL * cells, np.int32)
    facts = np.zeros(FACTS, np.int64)
    follows = CLOCK * cells + FOLLOWS
    used = 0
    for game in range(seeds.shape[0]):
        first = used
        shown = 1
        _rules.start(ring, occupied, counters, width, height)
        counters[_rules.APPLE] = _rules.apple_cell(seeds[game], 0, occupied)
        apples[game, 0] = counters[_rules.APPLE]
        work[follows] = 0
        while counters[_rules.ENDING] == 0:
            move = choose(ring, occupied, counters, width, height, work, facts)
            work[follows] = 1
            if move != _GIVE_UP:
                if used == moves.shape[0]:
                    return game
                moves[used] = move
                used += 1
            if _rules.advance(ring, occupied, counters, move, width, height, limits):
                counters[_rules.APPLE] = _rules.apple_cell(seeds[game], shown, occupied)
                apples[game, shown] = counters[_rules.APPLE]
                shown += 1
        results[game, _FROM] = first
        results[game, _TO] = used
        results[game, _SHOWN] = shown
        results[game, _ENDING] = counters[_rules.ENDING]
        results[game, _SCORE] = counters[_rules.SCORE]
        results[game, _STEPS] = counters[_rules.STEPS]
    return int(seeds.shape[0])
