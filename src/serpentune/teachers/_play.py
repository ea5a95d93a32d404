"""Floor 2, teachers: whole games of a teacher, as records or as columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count, islice

import numpy as np
from numba import types
from numpy.typing import NDArray

from serpentune.common.threads import mapped
from serpentune.game import NO_MOVE, GameBatch, GameRecord, Limits, LockstepGames, Move, _rules, check_board
from serpentune.game._jit import kernel
from serpentune.game._rules import COUNTERS_TYPE
from serpentune.teachers._kernel import CHOOSE_TYPE, CLOCK, FACTS, FOLLOWS, WORK_PER_CELL, Choose
from serpentune.teachers._noise import player_name, stray, strays
from serpentune.teachers._teacher import Teacher

_GAMES_AT_ONCE = 64
"""Games of a batch of `play`: enough for a thread to work on, few enough to wait for."""

_MOVES_AT_FIRST = 1 << 18


def play(
    teacher: Teacher,
    seeds: Iterable[int],
    width: int,
    height: int,
    limits: Limits | None = None,
    *,
    threads: int | None = None,
) -> Iterator[GameRecord]:
    """The teacher's game for each seed, in their order, numbered from 1.

    The board is checked at the call; the games are played while the iterator is read, a few hundred at a time, so that
    memory doesn't grow with their number. A game depends on its seed, the board and the limits alone.

    Args:
        teacher: who plays.
        seeds: any whole numbers, taken modulo 2**64; may be endless.
        width: cells a row.
        height: cells a column.
        limits: when a game is stopped; the default of the rules without.
        threads: how many play side by side; those of `common.threads.processors` without, and one for a teacher that is
            a Python function. The games are the same whatever the number.

    Raises:
        UserError: the board is outside the rules.
        ValueError: while reading, a teacher's Python function broke its contract.
    """
    check_board(width, height)
    chosen = limits or Limits()

    def play_some(some: tuple[int, Sequence[int]]) -> list[GameRecord]:
        number, given = some
        games = play_batch(teacher, given, width, height, chosen, first_number=number)
        # A column of seeds holds 64 bits with a sign.
        return [
            game if game.seed == seed else replace(game, seed=int(seed))
            for seed, game in zip(given, games, strict=True)
        ]

    batches = mapped(play_some, _numbered(seeds), threads if teacher.kernel is not None else 1)
    return (game for games in batches for game in games)


def play_batch(
    teacher: Teacher,
    seeds: Sequence[int],
    width: int,
    height: int,
    limits: Limits,
    *,
    first_number: int = 1,
    noise: float = 0,
) -> GameBatch:
    """The teacher's games for some seeds, at least one, on this thread; a kernel releases the interpreter lock.

    The seeds are taken modulo 2**64 and stand in the batch with a sign. With the probability `noise` a move is drawn at
    random from those that don't kill at once; the batch's player is `player_name` then. What is drawn follows from the
    game's seed and the number of the move.

    Raises:
        ValueError: a teacher's Python function broke its contract.
    """
    if teacher.kernel is None:
        return _play_python(teacher, seeds, width, height, limits, first_number, noise)
    name = player_name(teacher.name, noise)
    return _play_compiled(name, teacher.kernel, seeds, width, height, limits, first_number, noise)


def _play_compiled(
    name: str,
    choose: Choose,
    seeds: Sequence[int],
    width: int,
    height: int,
    limits: Limits,
    first_number: int,
    noise: float,
) -> GameBatch:
    games = len(seeds)
    own_seeds = _signed(seeds)
    wrapped = own_seeds.view(np.uint64)
    bounds = limits.for_board(width, height)
    moves = np.empty(_MOVES_AT_FIRST, np.uint8)
    apples = np.empty(games * width * height, np.int16)
    columns = np.zeros((_COLUMNS, games + 1), np.int64)
    done = 0
    while done < games:
        done = _play_games(choose, wrapped, bounds, width, height, noise, done, moves, apples, columns)
        if done < games:  # the rest found no room: the game that was cut off begins again
            moves = np.concatenate([moves, np.empty_like(moves)])
    # Copies, so that what was room for more is given back.
    return GameBatch(
        player=name,
        width=width,
        height=height,
        numbers=np.arange(first_number, first_number + games),
        seeds=own_seeds,
        seeded=np.ones(games, np.bool_),
        moves=moves[: columns[_TO, games]].copy(),
        move_offsets=columns[_TO],
        apples=apples[: columns[_SHOWN, games]].copy(),
        apple_offsets=columns[_SHOWN],
        endings=columns[_ENDING, 1:],
        scores=columns[_SCORE, 1:],
        steps=columns[_STEPS, 1:],
    )


def _play_python(
    teacher: Teacher, seeds: Sequence[int], width: int, height: int, limits: Limits, first_number: int, noise: float
) -> GameBatch:
    own_seeds = _signed(seeds)
    wrapped = own_seeds.view(np.uint64)
    games = LockstepGames(own_seeds.tolist(), width, height, limits)
    while (running := games.running).size:
        chosen = np.full(len(games), NO_MOVE, np.int8)
        chosen[running] = teacher.moves(games.states(running))
        steps = games.steps
        drawn = [game for game in running.tolist() if noise and strays(wrapped[game], steps[game], noise)]
        legal = games.legal()[drawn] @ (1 << np.arange(4))
        for game, mask in zip(drawn, legal.tolist(), strict=True):
            if mask:
                chosen[game] = stray(wrapped[game], steps[game], mask)
        games.step(chosen)
    records = games.records(player_name(teacher.name, noise))
    return GameBatch.from_records([replace(record, number=first_number - 1 + record.number) for record in records])


def _signed(seeds: Sequence[int]) -> NDArray[np.int64]:
    """The 64 bits of each seed on which its apples depend, with a sign, as a column holds them."""
    return np.array([seed % 2**64 for seed in seeds], np.uint64).view(np.int64)


def _numbered(seeds: Iterable[int]) -> Iterator[tuple[int, Sequence[int]]]:
    rest = iter(seeds)
    for number in count(1, _GAMES_AT_ONCE):
        batch = list(islice(rest, _GAMES_AT_ONCE))
        if not batch:
            return
        yield number, batch


_TO, _SHOWN, _ENDING, _SCORE, _STEPS, _COLUMNS = range(6)
"""Rows of `columns`, int64 `(_COLUMNS, games + 1)`; game `g` fills in place `g + 1`: the place behind its last move,
the one behind its last apple, and the rest as in the rules."""

_GIVE_UP = int(Move.NO_PATH_FOUND)


@kernel(
    types.int64(
        types.FunctionType(CHOOSE_TYPE),
        types.uint64[::1],
        COUNTERS_TYPE,
        types.int64,
        types.int64,
        types.float64,
        types.int64,
        types.uint8[::1],
        types.int16[::1],
        types.int64[:, ::1],
    )
)
def _play_games(
    choose: Choose,
    seeds: NDArray[np.uint64],
    limits: NDArray[np.int64],
    width: int,
    height: int,
    noise: float,
    first: int,
    moves: NDArray[np.uint8],
    apples: NDArray[np.int16],
    columns: NDArray[np.int64],
) -> int:
    """Play the games from `first` on until they are all done or `moves` is full; the number of games that are done."""
    cells = width * height
    ring = np.empty(cells, np.int16)
    occupied = np.empty(cells, np.uint8)
    counters = np.empty(_rules.COUNTERS, np.int64)
    work = np.zeros(WORK_PER_CELL * cells, np.int32)
    facts = np.zeros(FACTS, np.int64)
    follows = CLOCK * cells + FOLLOWS
    for game in range(first, seeds.shape[0]):
        used = columns[_TO, game]
        shown = columns[_SHOWN, game]
        _rules.start(ring, occupied, counters, width, height)
        counters[_rules.APPLE] = _rules.apple_cell(seeds[game], 0, occupied)
        apples[shown] = counters[_rules.APPLE]
        shown += 1
        work[follows] = 0
        while counters[_rules.ENDING] == 0:
            move = -1
            if noise > 0 and strays(seeds[game], counters[_rules.STEPS], noise):
                legal = 0
                for direction in range(4):
                    if _rules.is_legal(ring, occupied, counters, direction, width, height):
                        legal |= 1 << direction
                move = stray(seeds[game], counters[_rules.STEPS], legal)
            if move >= 0:
                work[follows] = 0  # the kernel's last answer has not led to what comes now
            else:
                move = choose(ring, occupied, counters, width, height, work, facts)
                work[follows] = 1
            if move != _GIVE_UP:
                if used == moves.shape[0]:
                    return game
                moves[used] = move
                used += 1
            if _rules.advance(ring, occupied, counters, move, width, height, limits):
                counters[_rules.APPLE] = _rules.apple_cell(seeds[game], counters[_rules.SCORE], occupied)
                apples[shown] = counters[_rules.APPLE]
                shown += 1
        columns[_TO, game + 1] = used
        columns[_SHOWN, game + 1] = shown
        columns[_ENDING, game + 1] = counters[_rules.ENDING]
        columns[_SCORE, game + 1] = counters[_rules.SCORE]
        columns[_STEPS, game + 1] = counters[_rules.STEPS]
    return int(seeds.shape[0])
