"""Floor 1, game: the replay of finished games, as kernels over the columns of many of them.

The same rules as in `_rules`, for moves that are all known: the cells that the head passes are laid down one before
the other in one long `trail`, so that the body, head first, is always one piece of it and nothing has to wrap around.
The tests hold both against each other and against a third version in plain Python.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from serpentune.game import _rules
from serpentune.game._jit import kernel
from serpentune.game._rules import COUNTERS_TYPE, OCCUPIED_TYPE, RING_TYPE, Occupied, Ring
from serpentune.game.moves import Ending, Move

NO_APPLES = 1
APPLE_OUTSIDE = 2
STRANGE_MOVE = 3
MOVES_AFTER_END = 4
APPLE_MISSING = 5
APPLE_ON_SNAKE = 6
OTHER_SCORE = 7
OTHER_STEPS = 8
APPLES_LEFT_OVER = 9
OTHER_ENDING = 10

PROBLEM, PLACE, SCORE, STEPS, ENDING, FOUND = range(6)
"""Columns of what a replay finds: one of the problems above or 0, the number of the move or apple where it is, and the
score, steps and ending that the moves make up to there."""

_RUNNING = int(Ending.RUNNING)
_WIN = int(Ending.WIN)
_WALL = int(Ending.WALL)
_SELF = int(Ending.SELF)
_GAVE_UP = int(Ending.NO_PATH_FOUND)
_NO_PATH = int(Move.NO_PATH_FOUND)
_MOVES = len(Move)
_NO_CELL = _rules.NO_CELL

Moves = NDArray[np.uint8]
Column = NDArray[np.int64]

MOVES_TYPE = types.Array(types.uint8, 1, "C", readonly=True)
APPLES_TYPE = types.Array(types.int16, 1, "C", readonly=True)
COLUMN_TYPE = types.Array(types.int64, 1, "C", readonly=True)
_BODIES_TYPE = types.int16[:, ::1]
_FOUND_TYPE = types.int64[::1]


@kernel(types.void(types.int64, types.int64, RING_TYPE))
def _lay_table(width: int, height: int, near: Ring) -> None:
    for cell in range(width * height):
        for direction in range(4):
            near[4 * cell + direction] = _rules.neighbour(cell, direction, width, height)


@kernel(
    types.void(
        MOVES_TYPE,
        APPLES_TYPE,
        types.int64,
        types.boolean,
        RING_TYPE,
        RING_TYPE,
        OCCUPIED_TYPE,
        COLUMN_TYPE,
        _BODIES_TYPE,
        COUNTERS_TYPE,
        COUNTERS_TYPE,
        COUNTERS_TYPE,
        _FOUND_TYPE,
    )
)
def _replay(
    moves: Moves,
    apples: Ring,
    middle: int,
    covered_is_allowed: bool,
    near: Ring,
    trail: Ring,
    occupied: Occupied,
    at: Column,
    body: NDArray[np.int16],
    length: Column,
    apple: Column,
    direction: Column,
    found: Column,
) -> None:
    """Replay one game from the cell `middle`; fill in `found`, and a row of the states for each place in `at`.

    All moves and apples must be ones of the board. `trail` has room for a cell more than there are moves.
    """
    occupied[:] = 0
    at_head = trail.shape[0] - 1
    at_tail = at_head
    head = middle
    trail[at_head] = head
    occupied[head] = 1
    facing = _rules.NO_DIRECTION
    last = apples.shape[0] - 1
    eaten = 0
    steps = 0
    ending = _RUNNING
    target = int(apples[0])
    covered = occupied[target] != 0
    found[PROBLEM] = 0
    if covered and not (covered_is_allowed and last == 0):
        found[PROBLEM] = APPLE_ON_SNAKE
        found[PLACE] = 0
    row = 0
    for place in range(moves.shape[0] + 1):
        while row < at.shape[0] and at[row] == place:
            size = at_tail - at_head + 1
            for k in range(size):
                body[row, k] = trail[at_head + k]
            body[row, size:] = _NO_CELL
            length[row] = size
            apple[row] = _NO_CELL if target == _NO_CELL or occupied[target] != 0 else target
            direction[row] = facing
            row += 1
        if place == moves.shape[0] or found[PROBLEM] != 0:
            break
        if ending != _RUNNING or target == _NO_CELL:
            found[PROBLEM] = MOVES_AFTER_END if ending != _RUNNING else APPLE_MISSING
            found[PLACE] = place
            break
        move = moves[place]
        if move == _NO_PATH:
            ending = _GAVE_UP
            continue
        steps += 1
        if move > 3 or (facing != _rules.NO_DIRECTION and move ^ facing == 2):
            continue
        cell = int(near[4 * head + move])
        if cell == _NO_CELL:
            ending = _WALL
            continue
        if occupied[cell] != 0 and cell != trail[at_tail]:
            ending = _SELF
            continue
        eats = cell == target
        if eats:
            eaten += 1
        else:
            occupied[trail[at_tail]] = 0
            at_tail -= 1
        at_head -= 1
        trail[at_head] = cell
        occupied[cell] = 1
        head = cell
        facing = int(move)
        if eats:
            if covered:
                found[PROBLEM] = APPLE_ON_SNAKE
                found[PLACE] = last
            target = _NO_CELL
            if at_tail - at_head + 1 == occupied.shape[0]:
                ending = _WIN
            elif eaten <= last:
                target = int(apples[eaten])
                covered = occupied[target] != 0
                if covered and not (covered_is_allowed and eaten == last):
                    found[PROBLEM] = APPLE_ON_SNAKE
                    found[PLACE] = eaten
    found[SCORE] = eaten
    found[STEPS] = steps
    found[ENDING] = ending


@kernel(types.int64(COLUMN_TYPE))
def _longest(offsets: Column) -> int:
    longest = 0
    for game in range(offsets.shape[0] - 1):
        longest = max(longest, offsets[game + 1] - offsets[game])
    return longest


@kernel(types.boolean(MOVES_TYPE, APPLES_TYPE, types.int64, _FOUND_TYPE))
def _is_of_the_board(moves: Moves, apples: Ring, cells: int, found: Column) -> bool:
    """Whether every apple and every move is one; else `found` says which is none."""
    found[:] = 0
    if apples.shape[0] == 0:
        found[PROBLEM] = NO_APPLES
        return False
    for place in range(apples.shape[0]):
        if apples[place] < 0 or apples[place] >= cells:
            found[PROBLEM] = APPLE_OUTSIDE
            found[PLACE] = place
            return False
    for place in range(moves.shape[0]):
        if moves[place] >= _MOVES:
            found[PROBLEM] = STRANGE_MOVE
            found[PLACE] = place
            return False
    return True


@kernel(
    types.void(
        MOVES_TYPE,
        COLUMN_TYPE,
        APPLES_TYPE,
        COLUMN_TYPE,
        types.int64,
        types.int64,
        types.Array(types.boolean, 1, "C", readonly=True),
        COLUMN_TYPE,
        COLUMN_TYPE,
        COLUMN_TYPE,
        types.int64[:, ::1],
    )
)
def check_games(
    moves: Moves,
    move_offsets: Column,
    apples: Ring,
    apple_offsets: Column,
    width: int,
    height: int,
    seeded: NDArray[np.bool_],
    scores: Column,
    steps: Column,
    endings: Column,
    found: NDArray[np.int64],
) -> None:
    """Replay every game and hold what it claims against it; a row of `found`, int64 `(n, FOUND)`, for each.

    The columns are those of `GameBatch`, on a board within the rules.
    """
    cells = width * height
    near = np.empty(4 * cells, np.int16)
    _lay_table(width, height, near)
    occupied = np.empty(cells, np.uint8)
    trail = np.empty(_longest(move_offsets) + 1, np.int16)
    no_places = np.empty(0, np.int64)
    no_bodies = np.empty((0, 0), np.int16)
    middle = (height // 2) * width + width // 2
    for game in range(seeded.shape[0]):
        own_moves = moves[move_offsets[game] : move_offsets[game + 1]]
        own_apples = apples[apple_offsets[game] : apple_offsets[game + 1]]
        own = found[game]
        if not _is_of_the_board(own_moves, own_apples, cells, own):
            continue
        _replay(
            own_moves,
            own_apples,
            middle,
            not seeded[game],
            near,
            trail,
            occupied,
            no_places,
            no_bodies,
            no_places,
            no_places,
            no_places,
            own,
        )
        if own[PROBLEM] != 0:
            continue
        reached = own[ENDING]
        open_ending = endings[game] != _RUNNING and not _WIN <= endings[game] <= _SELF
        if own[SCORE] != scores[game]:
            own[PROBLEM] = OTHER_SCORE
        elif own[STEPS] != steps[game]:
            own[PROBLEM] = OTHER_STEPS
        elif own_apples.shape[0] > own[SCORE] + (0 if reached == _WIN else 1):
            own[PROBLEM] = APPLES_LEFT_OVER
        elif reached != endings[game] and not (reached == _RUNNING and open_ending):
            own[PROBLEM] = OTHER_ENDING


@kernel(
    types.void(
        MOVES_TYPE,
        COLUMN_TYPE,
        APPLES_TYPE,
        COLUMN_TYPE,
        types.int64,
        types.int64,
        COLUMN_TYPE,
        COLUMN_TYPE,
        _BODIES_TYPE,
        COUNTERS_TYPE,
        COUNTERS_TYPE,
        COUNTERS_TYPE,
    )
)
def fill_states(
    moves: Moves,
    move_offsets: Column,
    apples: Ring,
    apple_offsets: Column,
    width: int,
    height: int,
    at: Column,
    at_offsets: Column,
    body: NDArray[np.int16],
    length: Column,
    apple: Column,
    direction: Column,
) -> None:
    """The states of `States` before chosen moves of verified games, game after game.

    `at[at_offsets[g] : at_offsets[g + 1]]` are the places in the moves of game `g`, ascending.
    """
    cells = width * height
    near = np.empty(4 * cells, np.int16)
    _lay_table(width, height, near)
    occupied = np.empty(cells, np.uint8)
    trail = np.empty(_longest(move_offsets) + 1, np.int16)
    found = np.empty(FOUND, np.int64)
    middle = (height // 2) * width + width // 2
    for game in range(move_offsets.shape[0] - 1):
        first, stop = at_offsets[game], at_offsets[game + 1]
        if first == stop:
            continue
        first_move = move_offsets[game]
        # Nobody asks for what comes after the last place.
        stop_move = min(move_offsets[game + 1], first_move + at[stop - 1])
        _replay(
            moves[first_move:stop_move],
            apples[apple_offsets[game] : apple_offsets[game + 1]],
            middle,
            True,
            near,
            trail,
            occupied,
            at[first:stop],
            body[first:stop],
            length[first:stop],
            apple[first:stop],
            direction[first:stop],
            found,
        )
