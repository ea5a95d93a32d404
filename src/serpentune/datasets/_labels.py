"""Floor 4, datasets: whether the moves of an answer can be played from its state, for many answers at once."""

from __future__ import annotations

import numpy as np
from numba import types
from numpy.typing import NDArray

from serpentune.datasets.texts import BYTES_TYPE, OFFSETS_TYPE, Bytes, Offsets, Texts
from serpentune.game import MOVE_LETTERS, Move, States, _rules
from serpentune.game._jit import kernel

FINE = 0
NO_MOVE = 1
INTO_WALL = 2
INTO_BODY = 3
REVERSAL = 4
PAST_APPLE = 5
NOT_AT_APPLE = 6
SEVERAL_MOVES = 7

_UP, _RIGHT, _DOWN, _LEFT = (ord(MOVE_LETTERS[move]) for move in (Move.UP, Move.RIGHT, Move.DOWN, Move.LEFT))
_SPACE = ord(" ")


def leading_moves(answers: Texts) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """The moves that each of `n` answers begins with, as `CompletionStyle.completion` writes them.

    Returns:
        The `Move` codes of all answers one after another, uint8; int64 `(n + 1,)`, where in them each answer's begin;
        int64 `(n,)`, the bytes of each answer that they take.
    """
    count = len(answers)
    moves = np.empty(len(answers.data) // 2 + 1, np.uint8)
    offsets, taken = np.zeros(count + 1, np.int64), np.zeros(count, np.int64)
    _read_moves(answers.data, answers.offsets, moves, offsets, taken)
    return moves[: offsets[-1]], offsets, taken


def check_moves(
    states: States, moves: NDArray[np.uint8], offsets: NDArray[np.int64], whole_plan: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Play each of `n` answers from its state.

    Args:
        states: `n` states.
        moves: uint8, the `Move` codes of all answers one after another.
        offsets: int64 `(n + 1,)`, where each answer's moves begin.
        whole_plan: bool `(n,)`: the answer must end with the move that eats the apple; else it must be one move.

    Returns:
        int64 `(n,)`, `FINE` or the first thing that is wrong with each; int64 `(n,)`, the place of that move in its
        answer, from 0.
    """
    problem, place = np.zeros(len(states), np.int64), np.zeros(len(states), np.int64)
    _play(
        np.ascontiguousarray(states.body),
        np.ascontiguousarray(states.length),
        np.ascontiguousarray(states.apple),
        np.ascontiguousarray(states.direction),
        states.width,
        states.height,
        np.ascontiguousarray(moves),
        np.ascontiguousarray(offsets),
        whole_plan,
        problem,
        place,
    )
    return problem, place


def in_words(problem: int, place: int, move: int | None) -> str:
    """What is wrong with an answer; `move` is the one at `place`."""
    name = "" if move is None else f"move {place + 1} ({Move(move).name})"
    return {
        NO_MOVE: "it begins with no move",
        INTO_WALL: f"{name} leads into the wall",
        INTO_BODY: f"{name} leads into the body",
        REVERSAL: f"{name} reverses the direction",
        PAST_APPLE: f"{name} comes after the apple is eaten",
        NOT_AT_APPLE: "its plan doesn't end at the apple",
        SEVERAL_MOVES: "it has several moves where one is asked for",
    }[problem]


@kernel(types.void(BYTES_TYPE, OFFSETS_TYPE, types.uint8[::1], types.int64[::1], types.int64[::1]))
def _read_moves(
    data: Bytes, offsets: Offsets, moves: NDArray[np.uint8], move_offsets: NDArray[np.int64], taken: NDArray[np.int64]
) -> None:
    found = 0
    for answer in range(taken.shape[0]):
        at, stop = offsets[answer], offsets[answer + 1]
        while at + 1 < stop and data[at] == _SPACE:
            letter = data[at + 1]
            if letter == _UP:
                moves[found] = 0
            elif letter == _RIGHT:
                moves[found] = 1
            elif letter == _DOWN:
                moves[found] = 2
            elif letter == _LEFT:
                moves[found] = 3
            else:
                break
            found += 1
            at += 2
        taken[answer] = at - offsets[answer]
        move_offsets[answer + 1] = found


@kernel(
    types.void(
        types.Array(types.int16, 2, "C", readonly=True),
        OFFSETS_TYPE,
        OFFSETS_TYPE,
        OFFSETS_TYPE,
        types.int64,
        types.int64,
        BYTES_TYPE,
        OFFSETS_TYPE,
        types.Array(types.boolean, 1, "C", readonly=True),
        types.int64[::1],
        types.int64[::1],
    )
)
def _play(
    body: NDArray[np.int16],
    length: NDArray[np.int64],
    apple: NDArray[np.int64],
    direction: NDArray[np.int64],
    width: int,
    height: int,
    moves: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    whole_plan: NDArray[np.bool_],
    problem: NDArray[np.int64],
    place: NDArray[np.int64],
) -> None:
    # The number of the first move, from 1, that may enter a cell: the tail's cell is free for the move that it leaves
    # with, and a cell that the head enters with move k is left by move k + length.
    free_from = np.zeros(width * height, np.int64)
    for row in range(problem.shape[0]):
        free_from[:] = 0
        size = length[row]
        for part in range(size):
            free_from[body[row, part]] = size - part
        cell = int(body[row, 0])
        facing = direction[row]
        first, stop = offsets[row], offsets[row + 1]
        wrong, at = FINE, 0
        if first == stop:
            wrong = NO_MOVE
        elif not whole_plan[row] and stop - first > 1:
            wrong, at = SEVERAL_MOVES, 1
        for entry in range(first, stop):
            if wrong != FINE:
                break
            number = entry - first + 1
            at = number - 1
            move = int(moves[entry])
            if cell == apple[row]:
                wrong = PAST_APPLE
            elif facing >= 0 and move ^ facing == 2:
                wrong = REVERSAL
            else:
                ahead = _rules.neighbour(cell, move, width, height)
                if ahead == _rules.NO_CELL:
                    wrong = INTO_WALL
                else:
                    cell = ahead
                    if number < free_from[cell]:
                        wrong = INTO_BODY
                    free_from[cell] = number + size
                    facing = move
        if wrong == FINE and whole_plan[row] and cell != apple[row]:
            wrong = NOT_AT_APPLE
        problem[row] = wrong
        place[row] = at
