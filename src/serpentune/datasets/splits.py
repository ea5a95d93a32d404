"""Floor 4, datasets: which games are for training, and which states occur on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from serpentune.common.errors import UserError
from serpentune.datasets._groups import Keys, Marks, first_places, sharing
from serpentune.datasets.recipe import length_range
from serpentune.datasets.records import SPLITS

TRAIN, VALIDATION, TEST = range(3)
"""Places in `SPLITS`."""


def assign_splits(
    keys: Sequence[str], train_share: float, seed: int, only_test: NDArray[np.bool_] | None = None
) -> NDArray[np.int8]:
    """A split for each game, a place in `SPLITS`; equal keys (games with the same apples) get the same one.

    What `train_share` leaves is halved between validation and test. Each split gets a game at least.

    Args:
        keys: what games share that must lie in one split.
        train_share: between 0 and 1.
        seed: decides which games.
        only_test: bool `(n,)`, games that go into the test split whatever their key says.

    Raises:
        UserError: `train_share` is not between 0 and 1, or fewer than three different games are left to be split.
    """
    if not 0 < train_share < 1:
        raise UserError(f"The training share is {train_share}; it must lie between 0 and 1, such as 0.8.")
    held = np.zeros(len(keys), np.bool_) if only_test is None else only_test
    distinct = sorted({key for key, out in zip(keys, held.tolist(), strict=True) if not out})
    if len(distinct) < len(SPLITS):
        those = "different games that aren't held out" if held.any() else "different games"
        raise UserError(
            f"{len(distinct)} {those} can't be split into {', '.join(SPLITS)}: play at least {len(SPLITS)}."
        )
    order = np.random.default_rng([seed, 0]).permutation(len(distinct))
    apart = max(1, round(len(distinct) * (1 - train_share) / 2))
    apart = min(apart, (len(distinct) - 1) // 2)
    of_key = dict.fromkeys(distinct, TRAIN)
    for split, places in ((VALIDATION, order[:apart]), (TEST, order[apart : 2 * apart])):
        of_key.update({distinct[place]: split for place in places})
    found = np.fromiter((of_key.get(key, TEST) for key in keys), np.int8, len(keys))
    found[held] = TEST
    return found


def game_key(width: int, height: int, seed: int | None, apples: Sequence[int]) -> str:
    """What a game shares with those that must lie in its split: its seed, whoever played.

    Games of other programs have no seed; those that begin with the same apples count as one, so that copies of a run
    and players that met the same apples aren't torn apart.

    Args:
        width: cells a row.
        height: cells a column.
        seed: of the game.
        apples: its apples in their order; without a seed the first three count.
    """
    return f"seed {seed}" if seed is not None else f"{width}x{height} apples {tuple(apples[:3])}"


def in_ranges(lengths: NDArray[np.integer], ranges: Sequence[str]) -> NDArray[np.bool_]:
    """Which snake lengths lie in one of some ranges such as `"40-60"`."""
    inside = np.zeros(len(lengths), np.bool_)
    for low, high in map(length_range, ranges):
        inside |= (lengths >= low) & (lengths <= high)
    return inside


def leaks(keys: Keys, splits: NDArray[np.int8], kept: Marks, policy: Literal["train", "held-out"]) -> Marks:
    """Which records to leave out so that no key is in two splits.

    Args:
        keys: uint64 `(n,)`, equal for equal states.
        splits: int8 `(n,)`, places in `SPLITS`.
        kept: bool `(n,)`, records that aren't left out already; the others count for nothing.
        policy: `train` leaves what is shared out of training, `held-out` out of validation and test. What validation
            and test share is left out of validation.
    """
    first = first_places(keys, kept)
    in_train, in_validation, in_test = (sharing(first, kept & (splits == split)) for split in range(len(SPLITS)))
    train, validation = splits == TRAIN, splits == VALIDATION
    result: Marks = validation & in_test
    result |= train & (in_validation | in_test) if policy == "train" else ~train & in_train
    result &= kept
    return result
