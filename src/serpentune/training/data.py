"""Floor 6, training: text to token ids once, and batches of samples of one length.

Snake's prompts of one board size are equally long and its completions short, so little padding is needed when samples
of one length share a batch, and the order of the batches can still be random.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from serpentune.common.errors import UserError
from serpentune.models import prompt_ids

if TYPE_CHECKING:
    import torch

IGNORED = -100
"""Label of a token that the loss leaves out, as everywhere in torch."""

_TOKENIZE_AT_ONCE = 4096
_POOL_OF_BATCHES = 64

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tokens:
    """Tokenised samples.

    Attributes:
        rows: a `datasets.Dataset` with the columns `input_ids` (prompt, completion, end token) and `prompt_length`.
        lengths: `(n,)` tokens of each sample.
        too_long: samples that were left out because they are longer than the limit.
        digest: hex digest of all ids, to tell on resuming whether the data are the same.
    """

    rows: Any
    lengths: NDArray[np.int64]
    too_long: int
    digest: str


def tokenize(dataset: Any, tokenizer: Any, max_length: int, what: str) -> Tokens:
    """Tokenise the columns `prompt` and `completion` of a Hugging Face data set; other columns are dropped.

    Prompt and completion are tokenised apart, as they are when a game is played, and the end token is put after the
    completion. Samples of more than `max_length` tokens are left out, since cutting either end would teach nonsense.

    Args:
        dataset: the data set.
        tokenizer: the base's tokenizer.
        max_length: largest number of tokens of a sample.
        what: name of the data set in messages ("training data").

    Raises:
        UserError: a column is missing, the data set is empty, a completion is empty, or every sample is too long.
    """
    missing = sorted({"prompt", "completion"} - set(dataset.column_names))
    if missing:
        raise UserError(f"The {what} has no column {missing[0]!r}; it has: {', '.join(dataset.column_names)}.")
    if len(dataset) == 0:
        raise UserError(f"The {what} is empty.")
    ids: list[list[int]] = []
    prompt_lengths: list[int] = []
    digest = hashlib.sha256()
    longest = 0
    for start in range(0, len(dataset), _TOKENIZE_AT_ONCE):
        part = dataset[start : start + _TOKENIZE_AT_ONCE]
        prompts = prompt_ids(tokenizer, part["prompt"])
        completions = tokenizer(part["completion"], add_special_tokens=False, return_attention_mask=False)["input_ids"]
        for row, (prompt, completion) in enumerate(zip(prompts, completions, strict=True), start):
            if not completion:
                raise UserError(f"The {what}, record {row}: the completion is empty.")
            if not prompt:
                raise UserError(f"The {what}, record {row}: the prompt is empty.")
            length = len(prompt) + len(completion) + 1
            longest = max(longest, length)
            if length <= max_length:
                ids.append([*prompt, *completion, tokenizer.eos_token_id])
                prompt_lengths.append(len(prompt))
                digest.update(np.asarray([len(prompt), *ids[-1]], dtype=np.int32).tobytes())
    if not ids:
        raise UserError(
            f"Every sample of the {what} is longer than max_length = {max_length} tokens (up to {longest})."
        )
    too_long = len(dataset) - len(ids)
    if too_long:
        _LOG.warning(
            "%d of %d samples of the %s are longer than %d tokens (up to %d) and are left out",
            too_long, len(dataset), what, max_length, longest,
        )  # fmt: skip
    return Tokens(_rows(ids, prompt_lengths), np.asarray([len(row) for row in ids]), too_long, digest.hexdigest())


class Collator:
    """Makes a batch of samples that the loss needs nothing else for.

    `input_ids` `(B, T)` is padded on the right. `logits_to_keep` `(U,)` lists the positions whose next token is of some
    sample's completion, and `targets` `(B, U)` these next tokens, so that the output layer is applied to few positions.
    No attention mask is made: a causal model never looks to the right, where the padding is, and without a mask
    attention takes its quickest path.
    """

    def __init__(self, pad_token_id: int) -> None:
        self._pad = pad_token_id

    def __call__(self, samples: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """The batch of `samples`, each with `input_ids` and `prompt_length`."""
        import torch

        width = max(len(sample["input_ids"]) for sample in samples)
        ids = np.full((len(samples), width), self._pad, dtype=np.int64)
        labels = np.full((len(samples), width), IGNORED, dtype=np.int64)
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


class LengthBatches:
    """A sampler in whose order every batch holds samples of about one length, while batches come in random order.

    Samples are shuffled, sorted by length within pools of 64 batches, cut into batches, and the batches shuffled. What
    fills no batch comes last. The order is a function of seed and epoch alone, so a resumed run meets the same batches.
    """

    def __init__(self, lengths: NDArray[np.int64], batch_size: int, seed: int) -> None:
        self._lengths = lengths
        self._batch = batch_size
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of epoch `epoch`; the data loader calls this before each pass."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        random = np.random.default_rng([self._seed, self._epoch])
        order = random.permutation(len(self._lengths))
        whole = len(order) // self._batch * self._batch
        pool = self._batch * _POOL_OF_BATCHES
        pools = [order[start : min(start + pool, whole)] for start in range(0, whole, pool)]
        by_length = [part[np.argsort(self._lengths[part], kind="stable")] for part in pools]
        batches = [batch for part in by_length for batch in part.reshape(-1, self._batch)]
        for batch in random.permutation(len(batches)):
            yield from batches[batch].tolist()
        yield from order[whole:].tolist()


def _rows(ids: list[list[int]], prompt_lengths: list[int]) -> Any:
    from datasets import Dataset

    return Dataset.from_dict({"input_ids": ids, "prompt_length": prompt_lengths})
