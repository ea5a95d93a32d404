"""Floor 4, datasets: what answers say, many at a time: their moves, and how surely a prompt decides its answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import types
from numpy.typing import NDArray

from serpentune.datasets.completions import read_moves
from serpentune.datasets.texts import BYTES_TYPE, OFFSETS_TYPE, Bytes, Offsets, Texts
from serpentune.game import MOVE_LETTERS
from serpentune.game._jit import kernel

NO_MOVE = -1

_STRANGE = -2
"""Where the kernel met a letter beyond ASCII: Python's own rules of spaces and capitals decide."""

_COMMA = ord(",")
_UP, _RIGHT, _DOWN, _LEFT = map(ord, MOVE_LETTERS[:4])
_P, _I, _G, _H, _T, _O, _W, _N, _E, _F = map(ord, "PIGHTOWNEF")


def first_moves(answers: Texts) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """The first move and the number of moves that `read_moves` finds in each of `n` answers.

    Returns:
        int8 `(n,)`, a `Move` code or `NO_MOVE`; int64 `(n,)`.
    """
    first, count = np.empty(len(answers), np.int8), np.empty(len(answers), np.int64)
    _read(answers.data, answers.offsets, first, count)
    for row in np.flatnonzero(first == _STRANGE).tolist():
        moves = read_moves(answers[row])
        first[row], count[row] = moves[0] if moves else NO_MOVE, len(moves)
    return first, count


def entropy(counts: NDArray[np.int64]) -> float:
    """The entropy in bits of a distribution that was counted; 0 where nothing was."""
    seen = counts[counts > 0]
    if len(seen) < 2:
        return 0.0
    share = seen / seen.sum()
    return float(-(share * np.log2(share)).sum())


@dataclass(frozen=True)
class Ambiguity:
    """How far prompts leave their answers open.

    Attributes:
        prompts: different ones.
        several: those of them with more than one answer.
        bits: the conditional entropy of the answer given its prompt, H(answer | prompt), in bits: what no student can
            learn. 0 where each prompt has one answer.
        by_group: the same in bits for the records of each group alone.
    """

    prompts: int
    several: int
    bits: float
    by_group: tuple[float, ...]


def ambiguity(
    prompts: NDArray[np.uint64], answers: NDArray[np.uint64], groups: NDArray[np.int64], count: int
) -> Ambiguity:
    """How far prompts leave their answers open.

    Args:
        prompts: uint64 `(n,)`, equal for equal prompts.
        answers: uint64 `(n,)`, equal for equal answers.
        groups: int64 `(n,)`, from 0, such as who answered.
        count: groups there are.
    """
    asked, several, bits = _conditional_entropy(prompts, answers)
    of_groups = [_conditional_entropy(prompts[groups == group], answers[groups == group]) for group in range(count)]
    return Ambiguity(asked, several, bits, tuple(own for _, _, own in of_groups))


def _conditional_entropy(prompts: NDArray[np.uint64], answers: NDArray[np.uint64]) -> tuple[int, int, float]:
    """Different prompts, those with several answers, and H(answer | prompt) in bits."""
    if not len(prompts):
        return 0, 0, 0.0
    order = np.lexsort((answers, prompts))
    asked, said = prompts[order], answers[order]
    new_prompt = np.concatenate([[True], asked[1:] != asked[:-1]])
    new_answer = new_prompt | np.concatenate([[True], said[1:] != said[:-1]])
    starts = np.flatnonzero(new_answer)
    times = np.diff(np.append(starts, len(order)))
    prompt = np.cumsum(new_prompt)[starts] - 1
    records = np.bincount(prompt, weights=times)
    surprise = times * np.log2(records[prompt] / times)
    return len(records), int((np.bincount(prompt) > 1).sum()), float(surprise.sum() / len(order))


@kernel(types.boolean(types.uint8), allocates=False)
def _separates(letter: int) -> bool:
    return bool(letter == 32 or 9 <= letter <= 13 or 28 <= letter <= 31 or letter == _COMMA)


@kernel(types.uint8(types.uint8), allocates=False)
def _capital(letter: int) -> int:
    return letter - 32 if 97 <= letter <= 122 else letter


@kernel(types.int64(BYTES_TYPE, types.int64, types.int64), allocates=False)
def _move(data: Bytes, start: int, stop: int) -> int:
    """The move that the word between two places names, or `NO_MOVE`."""
    letter, size = _capital(data[start]), stop - start
    if letter == _UP and (size == 1 or (size == 2 and _capital(data[start + 1]) == _P)):
        return 0
    if size == 1:
        return 1 if letter == _RIGHT else 2 if letter == _DOWN else 3 if letter == _LEFT else -1
    if size != 4 and size != 5:
        return -1
    second, third, fourth = _capital(data[start + 1]), _capital(data[start + 2]), _capital(data[start + 3])
    if size == 5:
        right = letter == _RIGHT and second == _I and third == _G and fourth == _H
        return 1 if right and _capital(data[start + 4]) == _T else -1
    if letter == _DOWN and second == _O and third == _W and fourth == _N:
        return 2
    return 3 if letter == _LEFT and second == _E and third == _F and fourth == _T else -1


@kernel(types.void(BYTES_TYPE, OFFSETS_TYPE, types.int8[::1], types.int64[::1]), allocates=False)
def _read(data: Bytes, offsets: Offsets, first: NDArray[np.int8], count: NDArray[np.int64]) -> None:
    for row in range(count.shape[0]):
        at, stop = offsets[row], offsets[row + 1]
        first[row], count[row] = -1, 0
        while at < stop:
            while at < stop and _separates(data[at]):
                at += 1
            end, strange = at, False
            while end < stop and not _separates(data[end]):
                strange |= data[end] >= 128
                end += 1
            if strange:
                first[row] = -2
                break
            if end == at:
                break
            move = _move(data, at, end)
            if move < 0:
                break
            if count[row] == 0:
                first[row] = move
            count[row] += 1
            at = end
