"""Floor 2, teachers: facts of a state that don't depend on the teacher, for decisions and explanations.

They are computed where decisions are asked for, never while games are played.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import types
from numpy.typing import NDArray

from serpentune.game import States, _rules, check_board
from serpentune.game._jit import kernel
from serpentune.game._rules import NO_CELL, OCCUPIED_TYPE, Occupied, tail_cell
from serpentune.teachers._kernel import (
    COLUMNS,
    MARKS,
    ROWS,
    SCRATCH,
    WORK_PER_CELL,
    WORK_TYPE,
    Work,
    another_stamp,
    begin,
    legal_moves,
)
from serpentune.teachers._tail import safe_moves

_QUEUE = SCRATCH
_STEPS = SCRATCH + 1

NONE = -1
"""No distance, because there is no apple; no shortest path, because there is no path."""


@dataclass(frozen=True)
class BoardFacts:
    """The facts of `n` states.

    Attributes:
        legal: int64 `(n,)`, bit `1 << direction` for each legal move.
        safe: int64 `(n,)`, the same for legal moves after which the tail can be reached.
        distance: int64 `(n,)`, columns plus rows from head to apple, or `NONE`.
        shortest: int64 `(n,)`, moves of a shortest path to the apple past a body that stands still, or `NONE`.
        regions: int16 `(n, cells)`, sizes of the connected regions of free cells in the order of their lowest cells,
            then zeros.
    """

    legal: NDArray[np.int64]
    safe: NDArray[np.int64]
    distance: NDArray[np.int64]
    shortest: NDArray[np.int64]
    regions: NDArray[np.int16]


def board_facts(states: States) -> BoardFacts:
    """The facts of each state; the states must be those of a board (`Teacher.decisions` checks that).

    Cost: O(cells) a state.
    """
    regions = np.zeros((len(states), states.width * states.height), np.int16)
    numbers = _numbers(states, regions, moves_only=False)
    return BoardFacts(numbers[:, _LEGAL], numbers[:, _SAFE], numbers[:, _DISTANCE], numbers[:, _SHORTEST], regions)


def legal_and_safe(states: States) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which moves are legal in each of `n` states, and after which of them the tail can be reached.

    No teacher is asked; a million states take about a second.

    Returns:
        Two masks, int64 `(n,)`: bit `1 << direction` for each such move.

    Raises:
        UserError: the board is outside the rules.
        ValueError: no states of the rules.
    """
    check_states(states)
    numbers = _numbers(states, np.zeros((len(states), 0), np.int16), moves_only=True)
    return numbers[:, _LEGAL], numbers[:, _SAFE]


def check_states(states: States) -> None:
    """Refuse arrays that are no states of the rules: a kernel would read and write outside of its own.

    Raises:
        UserError: the board is outside the rules.
        ValueError: a body without a cell, or a cell or direction outside the board.
    """
    check_board(states.width, states.height)
    cells = states.width * states.height
    inside = np.arange(cells) < states.length[:, None]
    if (
        states.body.shape != (len(states), cells)
        or not ((states.length >= 1) & (states.length <= cells)).all()
        or not ((states.body >= 0) & (states.body < cells))[inside].all()
        or not ((states.apple >= NO_CELL) & (states.apple < cells)).all()
        or not ((states.direction >= _rules.NO_DIRECTION) & (states.direction < 4)).all()
    ):
        raise ValueError(f"no states of a {states.width}x{states.height} board: a cell or direction lies outside")


def _numbers(states: States, regions: NDArray[np.int16], *, moves_only: bool) -> NDArray[np.int64]:
    numbers = np.empty((len(states), _NUMBERS), np.int64)
    _fill(
        np.ascontiguousarray(states.body, np.int16),
        np.ascontiguousarray(states.length, np.int64),
        np.ascontiguousarray(states.apple, np.int64),
        np.ascontiguousarray(states.direction, np.int64),
        states.width,
        states.height,
        moves_only,
        numbers,
        regions,
    )
    return numbers


_LEGAL, _SAFE, _DISTANCE, _SHORTEST, _NUMBERS = range(5)


@kernel(types.int64(OCCUPIED_TYPE, WORK_TYPE, types.int64, types.int64, types.int64), allocates=False)
def _spread(occupied: Occupied, work: Work, source: int, opened: int, stamp: int) -> int:
    """How many cells free cells and `opened` lead to from `source`, itself included; plane _STEPS gets the steps."""
    cells = occupied.shape[0]
    marks, queue, steps = MARKS * cells, _QUEUE * cells, _STEPS * cells
    work[queue] = source
    work[marks + source] = stamp
    work[steps + source] = 0
    taken = 0
    found = 1
    while taken < found:
        cell = work[queue + taken]
        taken += 1
        for direction in range(4):
            near = work[4 * cell + direction]
            if near != NO_CELL and work[marks + near] != stamp and (occupied[near] == 0 or near == opened):
                work[marks + near] = stamp
                work[steps + near] = work[steps + cell] + 1
                work[queue + found] = near
                found += 1
    return found


@kernel(types.int64(OCCUPIED_TYPE, WORK_TYPE, types.int64, types.int64, types.int64, types.int64), allocates=False)
def _shortest_path(occupied: Occupied, work: Work, head: int, tail: int, apple: int, legal: int) -> int:
    cells = occupied.shape[0]
    stamp = another_stamp(work, cells)
    _spread(occupied, work, apple, tail, stamp)
    shortest = NONE
    for direction in range(4):
        if legal & (1 << direction):
            near = work[4 * head + direction]
            if work[MARKS * cells + near] == stamp and (shortest == NONE or work[_STEPS * cells + near] < shortest - 1):
                shortest = work[_STEPS * cells + near] + 1
    return int(shortest)


@kernel(
    types.void(
        types.int16[:, ::1],
        types.int64[::1],
        types.int64[::1],
        types.int64[::1],
        types.int64,
        types.int64,
        types.boolean,
        types.int64[:, ::1],
        types.int16[:, ::1],
    )
)
def _fill(
    body: NDArray[np.int16],
    length: NDArray[np.int64],
    apple: NDArray[np.int64],
    direction: NDArray[np.int64],
    width: int,
    height: int,
    moves_only: bool,
    numbers: NDArray[np.int64],
    regions: NDArray[np.int16],
) -> None:
    cells = width * height
    occupied = np.zeros(cells, np.uint8)
    counters = np.zeros(_rules.COUNTERS, np.int64)
    work = np.zeros(WORK_PER_CELL * cells, np.int32)
    for row in range(numbers.shape[0]):
        ring = body[row]
        for place in range(length[row]):
            occupied[ring[place]] = 1
        counters[_rules.LENGTH] = length[row]
        counters[_rules.APPLE] = apple[row]
        counters[_rules.DIRECTION] = direction[row]
        begin(work, width, height)
        legal = legal_moves(ring, occupied, counters, work)
        numbers[row, _LEGAL] = legal
        numbers[row, _SAFE] = safe_moves(ring, occupied, counters, work, legal)
        if not moves_only:
            numbers[row, _DISTANCE] = numbers[row, _SHORTEST] = NONE
            if apple[row] != NO_CELL:
                head = ring[0]
                columns = work[COLUMNS * cells + head] - work[COLUMNS * cells + apple[row]]
                rows = work[ROWS * cells + head] - work[ROWS * cells + apple[row]]
                numbers[row, _DISTANCE] = abs(columns) + abs(rows)
                numbers[row, _SHORTEST] = _shortest_path(
                    occupied, work, head, tail_cell(ring, counters), apple[row], legal
                )
            stamp = another_stamp(work, cells)
            found = 0
            for cell in range(cells):
                if occupied[cell] == 0 and work[MARKS * cells + cell] != stamp:
                    regions[row, found] = _spread(occupied, work, cell, NO_CELL, stamp)
                    found += 1
        for place in range(length[row]):
            occupied[ring[place]] = 0
