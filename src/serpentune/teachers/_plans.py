"""Floor 2, teachers: a teacher's moves from given states to the apple, for labels of states that others have reached.

A rollout plays by the rules and asks the teacher before every move, so that a plan is what the teacher would really do.
It ends at the apple: where the next one appears is no part of the state.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import types
from numpy.typing import NDArray

from serpentune.game import Ending, Limits, Move, State, States, _rules
from serpentune.game._jit import kernel
from serpentune.game._rules import COUNTERS_TYPE, OCCUPIED_TYPE, RING_TYPE, Counters, Occupied, Ring
from serpentune.teachers._kernel import CHOOSE_TYPE, CLOCK, FACTS, FOLLOWS, WORK_PER_CELL, Choose

_MOVES_AT_FIRST = 1 << 16
"""Moves for which there is room before more is asked for."""

_GIVE_UP = int(Move.NO_PATH_FOUND)
_RUNNING = int(Ending.RUNNING)

Plans = tuple[NDArray[np.uint8], NDArray[np.int64]]


def compiled_plans(choose: Choose, states: States) -> Plans:
    """As `Teacher.plans`, of a kernel and of states that were checked."""
    moves = np.empty(_MOVES_AT_FIRST, np.uint8)
    offsets = np.zeros(len(states) + 1, np.int64)
    columns = (
        np.ascontiguousarray(states.body, np.int16),
        np.ascontiguousarray(states.length, np.int64),
        np.ascontiguousarray(states.apple, np.int64),
        np.ascontiguousarray(states.direction, np.int64),
    )
    limits = Limits().for_board(states.width, states.height)
    done = 0
    while True:
        done = _roll_out(choose, *columns, states.width, states.height, limits, done, moves, offsets)
        if done == len(states):
            return moves[: offsets[-1]].copy(), offsets
        moves = np.concatenate([moves, np.empty_like(moves)])  # the plan that was cut off begins again


def python_plans(answer: Callable[[State], int], states: States) -> Plans:
    """As `Teacher.plans`, of a Python function from state to `Move` code and of states that were checked."""
    width, height = states.width, states.height
    limits = Limits().for_board(width, height)
    ring, occupied = np.empty(width * height, np.int16), np.empty(width * height, np.uint8)
    counters = np.empty(_rules.COUNTERS, np.int64)
    plans = []
    for row, state in enumerate(states):
        lay(states.body[row], len(state.body), state.apple, states.direction[row], ring, occupied, counters)
        plan = bytearray()
        while counters[_rules.SCORE] == 0 and counters[_rules.ENDING] == _RUNNING and state.apple != _rules.NO_CELL:
            move = answer(state)
            if move != _GIVE_UP:
                plan.append(move)
            _rules.advance(ring, occupied, counters, move, width, height, limits)
            places = range(counters[_rules.HEAD], counters[_rules.HEAD] + counters[_rules.LENGTH])
            body = tuple(ring.take(places, mode="wrap").tolist())
            facing = counters[_rules.DIRECTION]
            state = State(width, height, body, state.apple, None if facing == _rules.NO_DIRECTION else Move(facing))
        plans.append(bytes(plan) if counters[_rules.SCORE] else b"")
    offsets = np.zeros(len(plans) + 1, np.int64)
    np.cumsum([len(plan) for plan in plans], out=offsets[1:])
    return np.frombuffer(b"".join(plans), np.uint8), offsets


@kernel(
    types.void(
        types.Array(types.int16, 1, "C", readonly=True),
        types.int64,
        types.int64,
        types.int64,
        RING_TYPE,
        OCCUPIED_TYPE,
        COUNTERS_TYPE,
    ),
    allocates=False,
)
def lay(
    body: Ring, length: int, apple: int, direction: int, ring: Ring, occupied: Occupied, counters: Counters
) -> None:
    """Lay the snake of a state down as a running game that has eaten nothing yet."""
    counters[:] = 0
    occupied[:] = 0
    for place in range(length):
        ring[place] = body[place]
        occupied[body[place]] = 1
    counters[_rules.LENGTH] = length
    counters[_rules.APPLE] = apple
    counters[_rules.DIRECTION] = direction


@kernel(
    types.int64(
        types.FunctionType(CHOOSE_TYPE),
        types.Array(types.int16, 2, "C", readonly=True),
        types.Array(types.int64, 1, "C", readonly=True),
        types.Array(types.int64, 1, "C", readonly=True),
        types.Array(types.int64, 1, "C", readonly=True),
        types.int64,
        types.int64,
        COUNTERS_TYPE,
        types.int64,
        types.uint8[::1],
        types.int64[::1],
    )
)
def _roll_out(
    choose: Choose,
    body: NDArray[np.int16],
    length: NDArray[np.int64],
    apple: NDArray[np.int64],
    direction: NDArray[np.int64],
    width: int,
    height: int,
    limits: NDArray[np.int64],
    first: int,
    moves: NDArray[np.uint8],
    offsets: NDArray[np.int64],
) -> int:
    """Plan from the states from `first` on until all are done or `moves` is full; how many states are done."""
    cells = width * height
    ring = np.empty(cells, np.int16)
    occupied = np.empty(cells, np.uint8)
    counters = np.empty(_rules.COUNTERS, np.int64)
    work = np.zeros(WORK_PER_CELL * cells, np.int32)
    facts = np.zeros(FACTS, np.int64)
    follows = CLOCK * cells + FOLLOWS
    for row in range(first, length.shape[0]):
        used = offsets[row]
        lay(body[row], length[row], apple[row], direction[row], ring, occupied, counters)
        work[follows] = 0
        while counters[_rules.SCORE] == 0 and counters[_rules.ENDING] == 0 and apple[row] != _rules.NO_CELL:
            move = choose(ring, occupied, counters, width, height, work, facts)
            work[follows] = 1
            if move != _GIVE_UP:
                if used == moves.shape[0]:
                    return row
                moves[used] = move
                used += 1
            _rules.advance(ring, occupied, counters, move, width, height, limits)
        offsets[row + 1] = used if counters[_rules.SCORE] > 0 else offsets[row]
    return int(length.shape[0])
