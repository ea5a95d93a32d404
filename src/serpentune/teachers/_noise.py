"""Floor 2, teachers: games in which some moves are drawn at random, so that they reach states that no teacher seeks."""

from __future__ import annotations

import numpy as np
from numba import types

from serpentune.game._jit import kernel
from serpentune.game._rules import mix

NOISY = "+NOISE"
"""How the name of a player ends some of whose moves are random; no teacher has such a name."""

PLAYER = "player"
"""Stands for the teacher who played, where a name is asked for; no teacher is called so, in capitals or not."""

_NOISE = 0x4E4F495345
"""Keeps the random numbers apart from those of the apples, which are made of the same seeds and small numbers."""


def player_name(teacher: str, noise: float) -> str:
    """What logs call a teacher whose moves are random with the probability `noise`."""
    return f"{teacher}{NOISY}" if noise else teacher


@kernel(types.uint64(types.uint64, types.int64), allocates=False)
def _word(seed: int | np.uint64, step: int) -> np.uint64:
    return mix(mix(mix(np.uint64(seed)) ^ np.uint64(_NOISE)) ^ np.uint64(step))


@kernel(types.boolean(types.uint64, types.int64, types.float64), allocates=False)
def strays(seed: int | np.uint64, step: int, noise: float) -> bool:
    """Whether the move of a game after `step` moves is drawn at random; its seed, the step and `noise` decide."""
    return bool(np.float64(_word(seed, step) >> np.uint64(11)) * 2.0**-53 < noise)


@kernel(types.int64(types.uint64, types.int64, types.int64), allocates=False)
def stray(seed: int | np.uint64, step: int, legal: int) -> int:
    """The random move: one of the mask `legal`, each with the same chance; -1 where there is none."""
    count = 0
    for direction in range(4):
        count += legal >> direction & 1
    if count == 0:
        return -1
    left = np.int64(mix(_word(seed, step)) % np.uint64(count))
    for direction in range(4):
        if legal >> direction & 1:
            if left == 0:
                return direction
            left -= 1
    return -1
