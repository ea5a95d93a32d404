"""Floor 6, training: the order of the samples, and batches of them, padded or packed.

Every optimiser step sees a random sample of the data. Batches of one length would need no padding, but teach worse: the
lengths of plans differ from step to step then, and with them what the gradient is about (docs/training.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

IGNORED = -100
"""Label of a token that the loss leaves out, as everywhere in torch."""

_FEW = 2
"""How many sizes packed batches may have, where each costs seconds of compiling."""

_LANE = 128
"""Tokens of which those sizes are multiples."""

_HEADROOM = 0.01


class StepOrder:
    """A sampler: the samples of an optimiser step are drawn at random, and sorted by length into its batches.

    The order is a function of seed and epoch alone, so a resumed run meets the same batches.
    """

    def __init__(self, lengths: NDArray[np.int64], batch_size: int, seed: int, batches: int = 1) -> None:
        """Prepare the order of epoch 0.

        Args:
            lengths: `(n,)` tokens of each sample.
            batch_size: samples of a batch.
            seed: of the order.
            batches: of an optimiser step, over all processes, which take them in turns.
        """
        self._lengths = lengths
        self._step = batch_size * batches
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of epoch `epoch`; the data loader calls this before each pass."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        order = np.random.default_rng([self._seed, self._epoch]).permutation(len(self._lengths))
        for start in range(0, len(order), self._step):
            step = order[start : start + self._step]
            yield from step[np.argsort(self._lengths[step], kind="stable")].tolist()


class Collator:
    """Makes a batch of samples that the loss needs nothing else for.

    `input_ids` `(B, T)` is padded on the right. `logits_to_keep` `(U,)` lists the positions whose next token is of some
    sample's completion, and `targets` `(B, U)` these next tokens, so that the output layer is applied to few positions.
    No attention mask is made: a causal model never looks to the right, where the padding is, and without a mask
    attention takes its quickest path.

    Args:
        pad_token_id: what stands in the padding.
        widths: the values that T may take, ascending; as few tokens as the batch needs without.
        rows: a smaller batch is filled up to so many rows, whose targets the loss ignores.
    """

    def __init__(self, pad_token_id: int, widths: Sequence[int] = (), rows: int = 0) -> None:
        self._pad = pad_token_id
        self._widths = widths
        self._rows = rows

    def __call__(self, samples: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """The batch of `samples`, each with `input_ids` and `prompt_length`."""
        import torch

        longest = max(len(sample["input_ids"]) for sample in samples)
        shape = max(len(samples), self._rows), next((width for width in self._widths if width >= longest), longest)
        ids = np.full(shape, self._pad, dtype=np.int64)
        labels = np.full(shape, IGNORED, dtype=np.int64)
        for row, sample in enumerate(samples):
            tokens, start = sample["input_ids"], sample["prompt_length"]
            ids[row, : len(tokens)] = tokens
            labels[row, start : len(tokens)] = tokens[start:]
        wanted = np.flatnonzero((labels != IGNORED).any(axis=0))
        return {
            "input_ids": torch.from_numpy(ids),
            "logits_to_keep": torch.from_numpy(wanted - 1),
            "targets": torch.from_numpy(labels[:, wanted]),
        }


class Packer:
    """Makes a batch of samples that stand one after another, without padding between them.

    `input_ids` and `position_ids` are `(1, N)`, `logits_to_keep` `(K,)` lists the positions whose next token is of a
    completion, `targets` `(1, K)` these tokens, and `sequence_ends` `(S,)` (int32), from 0 on, says where the sequences
    end, which see nothing of each other. What is left of N is padding, in sequences of its own. N has few values, and S
    one, so that few shapes are compiled. `longest_sequence` is the same number in every batch.

    Args:
        pad_token_id: what stands in the padding.
        totals: the values of N, ascending; a batch that holds more gets a multiple of a sixteenth of the largest.
        rows: samples of a full batch.
        longest: tokens of the longest sample.
    """

    def __init__(self, pad_token_id: int, totals: Sequence[int], rows: int, longest: int) -> None:
        self._pad = pad_token_id
        self._totals = totals
        self._rows = rows
        self._longest = longest
        self._grain = -(-totals[-1] // 16 // _LANE) * _LANE or _LANE

    def __call__(self, samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The batch of `samples`, each with `input_ids` and `prompt_length`."""
        import torch

        lengths = np.array([len(sample["input_ids"]) for sample in samples])
        ends = lengths.cumsum()
        held = int(ends[-1])
        total = next((size for size in self._totals if size >= held), -(-held // self._grain) * self._grain)
        padding = np.arange(held + self._longest, total + self._longest, self._longest).clip(max=total)
        most = max(len(samples), self._rows) + -(-max(total, self._totals[-1]) // self._longest)
        sequence_ends = np.full(most + 1, total, np.int32)
        sequence_ends[0] = 0
        sequence_ends[1 : 1 + len(ends) + len(padding)] = np.concatenate([ends, padding])
        ids = np.full(total, self._pad, np.int64)
        ids[:held] = np.concatenate([sample["input_ids"] for sample in samples])
        positions = np.arange(total) - np.repeat(sequence_ends[:-1], np.diff(sequence_ends))
        prompts = np.array([sample["prompt_length"] for sample in samples])
        learnt = np.flatnonzero(positions[:held] >= np.repeat(prompts, lengths))
        return {
            "input_ids": torch.from_numpy(ids)[None],
            "position_ids": torch.from_numpy(positions)[None],
            "logits_to_keep": torch.from_numpy(learnt - 1),
            "targets": torch.from_numpy(ids[learnt])[None],
            "sequence_ends": torch.from_numpy(sequence_ends),
            "longest_sequence": self._longest,
        }


def packer(lengths: NDArray[np.int64], order: StepOrder, batch_size: int, pad_token_id: int) -> Packer:
    """A `Packer` for samples of these lengths, in sizes that hold the batches of the order's epoch with few tokens."""
    placed = lengths[np.fromiter(order, np.int64, len(order))]
    totals = np.add.reduceat(placed, np.arange(0, len(placed), batch_size))
    # Of other epochs some batch will hold a little more than the fullest of this one.
    totals = np.append(totals, int(totals.max() * (1 + _HEADROOM)))
    return Packer(pad_token_id, few_widths(totals, _FEW, _LANE), batch_size, int(lengths.max()))


def few_widths(lengths: NDArray[np.int64], most: int, multiple: int = 8) -> list[int]:
    """Up to `most` widths, ascending multiples of `multiple`, to which samples can be padded with the fewest tokens.

    By dynamic programming over the lengths that occur, as in the one-dimensional clustering of Jenks.

    Args:
        lengths: `(n,)` tokens of each sample.
        most: how many widths there may be.
        multiple: what each is a multiple of; kernels read rows of such widths quickest.
    """
    candidates, counts = np.unique(-(-lengths // multiple) * multiple, return_counts=True)
    below = np.concatenate([[0], np.cumsum(counts)])
    # cost[j]: fewest tokens that hold the samples of the first j candidates; starts[k][j]: where the last width begins.
    cost = np.where(np.arange(len(candidates) + 1) == 0, 0.0, np.inf)
    starts: list[NDArray[np.intp]] = []
    for _ in range(min(most, len(candidates))):
        held = cost[None, :-1] + candidates[:, None] * (below[1:, None] - below[None, :-1])
        held = np.where(np.tri(len(candidates), dtype=bool), held, np.inf)
        starts.append(held.argmin(axis=1))
        cost = np.concatenate([[0.0], held.min(axis=1)])
    widths, end = [], len(candidates)
    for start in reversed(starts):
        if end == 0:
            break
        widths.append(int(candidates[end - 1]))
        end = int(start[end - 1])
    return widths[::-1]
