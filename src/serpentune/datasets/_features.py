"""Floor 4, datasets: a state as a row of numbers, for programs that learn from tables instead of text."""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from serpentune.game import Move, States
from serpentune.game._jit import kernel

FEATURES = (
    *("head_x", "head_y", "apple_x", "apple_y", "snake_length"),
    *("apple_dir_up", "apple_dir_down", "apple_dir_left", "apple_dir_right"),
    *("danger_straight", "danger_left", "danger_right"),
    *("free_space_up", "free_space_down", "free_space_left", "free_space_right"),
)

_UP, _RIGHT, _DOWN, _LEFT = int(Move.UP), int(Move.RIGHT), int(Move.DOWN), int(Move.LEFT)


def features(states: States) -> NDArray[np.int64]:
    """What a player may know of each of `n` states at a glance, in the order of `FEATURES`.

    Coordinates count from (0, 0) at the bottom left. An apple that isn't to be seen has the coordinates -1, -1 and lies
    on no side. `apple_dir_*` is 1 where the apple lies on that side of the head, at most one of two opposite ones.
    `danger_*` is 1 where the step in that direction, seen from the heading, leads into a wall or the body. The cell of
    the tail is no danger, since the tail leaves it with the same step. Before the first move the heading is UP.
    `free_space_*` is the number of cells between the head and the next wall or cell of the body, the tail's too, as
    they lie before the move; an apple's cell is free.

    Returns:
        int64 `(n, 16)`.
    """
    result = np.empty((len(states), len(FEATURES)), np.int64)
    _fill(
        np.ascontiguousarray(states.body),
        np.ascontiguousarray(states.length),
        np.ascontiguousarray(states.apple),
        np.ascontiguousarray(states.direction),
        states.width,
        states.height,
        result,
    )
    return result


@kernel(
    types.void(
        types.Array(types.int16, 2, "C", readonly=True),
        types.Array(types.int64, 1, "C", readonly=True),
        types.Array(types.int64, 1, "C", readonly=True),
        types.Array(types.int64, 1, "C", readonly=True),
        types.int64,
        types.int64,
        types.int64[:, ::1],
    )
)
def _fill(
    body: NDArray[np.int16],
    length: NDArray[np.int64],
    apple: NDArray[np.int64],
    direction: NDArray[np.int64],
    width: int,
    height: int,
    result: NDArray[np.int64],
) -> None:
    taken = np.zeros(width * height, np.uint8)
    danger = np.empty(4, np.int64)
    free = np.empty(4, np.int64)
    for row in range(length.shape[0]):
        for place in range(length[row]):
            taken[body[row, place]] = 1
        tail = body[row, length[row] - 1]
        x, y = body[row, 0] % width, body[row, 0] // width
        for move in range(4):
            dx = 1 if move == _RIGHT else -1 if move == _LEFT else 0
            dy = 1 if move == _UP else -1 if move == _DOWN else 0
            seen_x, seen_y, steps = x + dx, y + dy, 0
            while 0 <= seen_x < width and 0 <= seen_y < height and not taken[seen_y * width + seen_x]:
                seen_x, seen_y, steps = seen_x + dx, seen_y + dy, steps + 1
            on_board = 0 <= seen_x < width and 0 <= seen_y < height
            free[move] = steps
            danger[move] = steps == 0 and not (on_board and seen_y * width + seen_x == tail)
        heading = max(direction[row], _UP)
        apple_x, apple_y = -1, -1
        if apple[row] >= 0:
            apple_x, apple_y = apple[row] % width, apple[row] // width
        seen = apple[row] >= 0
        result[row, 0], result[row, 1] = x, y
        result[row, 2], result[row, 3] = apple_x, apple_y
        result[row, 4] = length[row]
        result[row, 5], result[row, 6] = seen and apple_y > y, seen and apple_y < y
        result[row, 7], result[row, 8] = seen and apple_x < x, seen and apple_x > x
        result[row, 9] = danger[heading]
        result[row, 10], result[row, 11] = danger[(heading + 3) % 4], danger[(heading + 1) % 4]
        result[row, 12], result[row, 13] = free[_UP], free[_DOWN]
        result[row, 14], result[row, 15] = free[_LEFT], free[_RIGHT]
        for place in range(length[row]):
            taken[body[row, place]] = 0
