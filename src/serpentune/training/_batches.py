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

_LANE = 128
"""Tokens of which the sizes of packed batches are multiples."""


class StepOrder:
    """A sampler: the samples of an optimiser step are drawn at random, and sorted by length into its batches.

    The order is a function of seed and epoch alone, so a resumed run meets the same batches.
    """

    def __init__(
        self, lengths: NDArray[np.int64], batch_size: int, seed: int, batches: int = 1, *, sorts: bool = True
    ) -> None:
        """Prepare the order of epoch 0.

        Args:
            lengths: `(n,)` tokens of each sample.
            batch_size: samples of a batch.
            seed: of the order.
            batches: of an optimiser step, over all processes, which take them in turns.
            sorts: whether they are, as suits batches that are padded; those that are packed should be of one size.
        """
        self._lengths = lengths
        self._step = batch_size * batches
        self._seed = seed
        self._sorts = sorts
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of epoch `epoch`; the data loader calls this before each pass."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        yield from self.places(self._epoch).tolist()

    def places(self, epoch: int) -> NDArray[np.int64]:
        """`(n,)` the samples in the order of an epoch."""
        order = np.random.default_rng([self._seed, epoch]).permutation(len(self._lengths))
        if not self._sorts:
            return order
        steps = np.arange(len(order)) // self._step
        return order[np.lexsort((self._lengths[order], steps))]


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
    completion, `targets` `(1, K)` these tokens, then `IGNORED`, and `sequence_ends` `(S,)` (int32), from 0 on, says
    where the sequences end, which see nothing of each other. What is left of N is padding, in sequences of its own.
    N, K and S are the same in every batch of a run, so that one shape is compiled and recorded, and so is
    `longest_sequence`.

    Args:
        pad_token_id: what stands in the padding.
        total: N; a batch that holds more, not of the run, gets a multiple of a sixteenth of it.
        learnt: K; a batch that learns more tokens gets the next multiple of 128.
        rows: samples of a full batch.
        longest: tokens of the longest sample.
    """

    def __init__(self, pad_token_id: int, total: int, learnt: int, rows: int, longest: int) -> None:
        self._pad = pad_token_id
        self._total = total
        self._learnt = learnt
        self._rows = rows
        self._longest = longest
        self._grain = _lanes(-(-total // 16))

    def __call__(self, samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The batch of `samples`, each with `input_ids` and `prompt_length`."""
        import torch

        lengths = np.array([len(sample["input_ids"]) for sample in samples])
        ends = lengths.cumsum()
        held = int(ends[-1])
        total = self._total if held <= self._total else -(-held // self._grain) * self._grain
        padding = np.arange(held + self._longest, total + self._longest, self._longest).clip(max=total)
        most = max(len(samples), self._rows) + -(-max(total, self._total) // self._longest)
        sequence_ends = np.full(most + 1, total, np.int32)
        sequence_ends[0] = 0
        sequence_ends[1 : 1 + len(ends) + len(padding)] = np.concatenate([ends, padding])
        ids = np.full(total, self._pad, np.int64)
        ids[:held] = np.concatenate([sample["input_ids"] for sample in samples])
        positions = np.arange(total) - np.repeat(sequence_ends[:-1], np.diff(sequence_ends))
        prompts = np.array([sample["prompt_length"] for sample in samples])
        learnt = np.flatnonzero(positions[:held] >= np.repeat(prompts, lengths))
        kept = np.zeros(self._learnt if len(learnt) <= self._learnt else _lanes(len(learnt)), np.int64)
        targets = np.full(len(kept), IGNORED, np.int64)
        kept[: len(learnt)], targets[: len(learnt)] = learnt - 1, ids[learnt]
        return {
            "input_ids": torch.from_numpy(ids)[None],
            "position_ids": torch.from_numpy(positions)[None],
            "logits_to_keep": torch.from_numpy(kept),
            "targets": torch.from_numpy(targets)[None],
            "sequence_ends": torch.from_numpy(sequence_ends),
            "longest_sequence": self._longest,
        }


def packer(
    lengths: NDArray[np.int64],
    prompts: NDArray[np.int64],
    order: StepOrder,
    batch_size: int,
    pad_token_id: int,
    epochs: int,
    processes: int = 1,
) -> Packer:
    """A `Packer` for samples of these lengths, whose one size holds every batch of a run.

    A run's fullest batch sets the size, so small batches are mostly filled up: of plans on 10×10 boards a quarter of a
    batch of 4 is padding, a fiftieth of one of 128. Their time goes by the number of kernels, not by their size.

    Args:
        lengths: `(n,)` tokens of each sample.
        prompts: `(n,)` of them, tokens of its prompt.
        order: in which the samples come.
        batch_size: samples of a batch.
        pad_token_id: what stands in the padding.
        epochs: of the run.
        processes: that take the batches in turns; accelerate fills up the last of an epoch with its first samples.
    """
    total = len(lengths) if processes == 1 else -(-len(lengths) // (batch_size * processes)) * batch_size * processes
    starts = np.arange(0, total, batch_size)
    most = np.zeros(2, np.int64)
    for epoch in range(epochs):
        places = np.resize(order.places(epoch), total)
        totals, learnt = (np.add.reduceat(tokens[places], starts) for tokens in (lengths, lengths - prompts))
        most = np.maximum(most, (totals.max(), learnt.max()))
    return Packer(pad_token_id, _lanes(int(most[0])), _lanes(int(most[1])), batch_size, int(lengths.max()))


def _lanes(tokens: int) -> int:
    return -(-tokens // _LANE) * _LANE


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
