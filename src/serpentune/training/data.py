"""Floor 6, training: text to token ids, once for each data set."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from itertools import chain
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from serpentune.common.errors import UserError
from serpentune.models import end_ids, sample_ids
from serpentune.training._texts import pieces

_FORMAT = 2
"""Raised when the same texts and tokenizer shall give other tokens or another file than before."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tokens:
    """Tokenised samples.

    Attributes:
        rows: a `datasets.Dataset` with the columns `input_ids` (prompt, completion and what ends it),
            `prompt_length`, and `record`, the number of the record that the sample was made from.
        lengths: `(n,)` tokens of each sample.
        too_long: samples that were left out because they are longer than the limit.
        digest: hex digest of all ids, to tell on resuming whether the data are the same; `draw` keeps that of all.
    """

    rows: Any
    lengths: NDArray[np.int64]
    too_long: int
    digest: str


def tokenize(dataset: Any, tokenizer: Any, max_length: int, what: str, *, chat: bool = False) -> Tokens:
    """Tokenise the columns `prompt` and `completion` of a Hugging Face data set, or its chats in `messages`.

    A completion is followed by what ends it, as `models.sample_ids` says. Samples of more than `max_length` tokens are
    left out, since cutting either end would teach nonsense. The tokens are cached (`common.cache`, folder `tokens`)
    under the hash of texts, tokenizer, form and limit, and mapped from there. Other columns are dropped.

    Args:
        dataset: the data set.
        tokenizer: the base's tokenizer.
        max_length: largest number of tokens of a sample.
        what: name of the data set in messages ("training data").
        chat: show prompt and completion in the tokenizer's chat template.

    Raises:
        UserError: a column is missing, the data set is empty, a prompt or completion is empty or no text, chats aren't
            one message of the user and one answer, every sample is too long, or as of `models.sample_ids`.
    """
    from serpentune.training._token_cache import cached

    if len(dataset) == 0:
        raise UserError(f"The {what} is empty.")
    key = _key(dataset, tokenizer, max_length, what, chat)

    def write(file: IO[bytes]) -> dict[str, Any]:
        return _write(file, dataset, tokenizer, max_length, what, chat)

    rows, about = cached(key, write, what)
    too_long = len(dataset) - len(rows)
    if too_long:
        _LOG.warning(
            "%d of %d samples of the %s are longer than %d tokens (up to %d) and are left out",
            too_long, len(dataset), what, max_length, about["longest"],
        )  # fmt: skip
    lengths = pc.list_value_length(rows.data["input_ids"]).to_numpy().astype(np.int64)
    return Tokens(rows, lengths, too_long, about["digest"])


def draw(tokens: Tokens, most: int, seed: int) -> Tokens:
    """`most` of the samples, or all where there are no more, drawn at random and in their order.

    Of one seed, fewer samples are a part of more of them. What was left out as too long stays counted.
    """
    if most >= len(tokens.lengths):
        return tokens
    chosen = np.sort(np.random.default_rng(seed).permutation(len(tokens.lengths))[:most])
    return Tokens(tokens.rows.select(chosen), tokens.lengths[chosen], tokens.too_long, tokens.digest)


def _key(dataset: Any, tokenizer: Any, max_length: int, what: str, chat: bool) -> str:
    """Hex SHA-256 of everything that decides the tokens."""
    import tokenizers
    import transformers

    from serpentune.datasets.texts import Texts

    bytes_of, lengths_of = (hashlib.sha256(), hashlib.sha256()), (hashlib.sha256(), hashlib.sha256())
    for _, *columns in pieces(dataset, what):
        for column, text, lengths in zip(columns, bytes_of, lengths_of, strict=True):
            texts = Texts.of_arrow(column)
            text.update(texts.data.data)
            lengths.update(np.diff(texts.offsets).astype("<i8").data)
    parts = {
        "format": _FORMAT,
        "texts": [digest.hexdigest() for digest in (*bytes_of, *lengths_of)],
        "tokenizer": hashlib.sha256(tokenizer.backend_tokenizer.to_str().encode()).hexdigest(),
        "end": tokenizer.eos_token_id,
        "special": {name: str(token) for name, token in tokenizer.special_tokens_map.items()} if chat else None,
        "template": tokenizer.chat_template if chat else None,
        "max_length": max_length,
        "versions": [tokenizers.__version__, transformers.__version__],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _write(file: IO[bytes], dataset: Any, tokenizer: Any, max_length: int, what: str, chat: bool) -> dict[str, Any]:
    """Write the samples that are short enough as an Arrow stream, a piece at a time."""
    ids = pa.uint16() if max(tokenizer.get_vocab().values()) < 2**16 else pa.int32()
    schema = pa.schema([("input_ids", pa.list_(ids)), ("prompt_length", pa.int32()), ("record", pa.int32())])
    digest, end = hashlib.sha256(), len(end_ids(tokenizer, chat))
    longest = kept = 0
    with pa.ipc.new_stream(file, schema) as stream:
        for start, prompts, completions in pieces(dataset, what):
            texts = completions.to_pylist()
            samples = zip(*sample_ids(tokenizer, prompts.to_pylist(), texts, chat), texts, strict=True)
            fitting, records = [], []
            for row, (prompt, completion, text) in enumerate(samples, start):
                if not prompt or len(completion) <= end or not text.strip():
                    name = "completion" if prompt else "prompt"
                    raise UserError(f"The {what}, record {row}: the {name} is empty.")
                longest = max(longest, len(prompt) + len(completion))
                if len(prompt) + len(completion) <= max_length:
                    fitting.append((prompt, completion))
                    records.append(row)
            # As the digest is of int32, prompt length and ids of a sample after another, they are laid out so.
            flat = np.fromiter(
                chain.from_iterable(chain((len(prompt),), prompt, completion) for prompt, completion in fitting),
                np.int32,
            )
            digest.update(flat.data)
            offsets = np.cumsum([0, *(len(prompt) + len(completion) for prompt, completion in fitting)])
            heads = offsets[:-1] + np.arange(len(fitting))
            tokens = pa.array(np.delete(flat, heads)).cast(ids)
            columns = [
                pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), tokens),
                pa.array(flat[heads]),
                pa.array(records, pa.int32()),
            ]
            stream.write_batch(pa.record_batch(columns, schema=schema))
            kept += len(fitting)
    if not kept:
        raise UserError(
            f"Every sample of the {what} is longer than max_length = {max_length} tokens (up to {longest})."
        )
    return {"longest": longest, "digest": digest.hexdigest()}
