"""Floor 8, evaluation: asks a model about held-out records; torch is imported when something is measured."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from serpentune.common.errors import UserError
from serpentune.evaluation.language._figures import language_figures, style_of
from serpentune.evaluation.language._records import MeasuredRecord
from serpentune.models import context_length, prompt_ids, sample_ids
from serpentune.training._batches import IGNORED, Collator

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

    from serpentune.common.progress import Advance
    from serpentune.models.decoding import Decoder


@dataclass(frozen=True)
class Sample:
    """A record in the model's tokens.

    Attributes:
        prompt: ids of the prompt, with a begin token where the tokenizer puts one.
        completion: ids of the completion and of what ends it.
        text: the completion as it stands in the record.
        style: name of the completion style that the prompt asks for; empty for a prompt that isn't ours.
    """

    prompt: list[int]
    completion: list[int]
    text: str
    style: str


def language_metrics(
    model: Any,
    tokenizer: Any,
    records: Sequence[Mapping[str, str]],
    *,
    chat: bool = False,
    batch_size: int = 64,
    max_new_tokens: int | None = None,
    progress: Advance | None = None,
) -> dict[str, Any]:
    """Measure a causal language model on held-out records.

    Every figure is independent of `batch_size` and of the tokenizer's padding side, up to rounding.

    Args:
        model: as of `measure_records`, as are all others.
        tokenizer: its fast tokenizer, with an end token; a pad token is not needed.
        records: at least one, each with the strings `prompt` and `completion`.
        chat: show the records to the model in its tokenizer's chat template.
        batch_size: records at once.
        max_new_tokens: where an answer is cut.
        progress: called with the number of records that are done.

    Returns:
        - `records`: how many were measured; `too_long`: how many were left out, since the prompt with the completion or
          with the most tokens that its answer may have is longer than the model's context.
        - `loss`: mean negative log-likelihood in nats over all `completion_tokens`, which are the tokens of the
          completions and of what ends them, mostly one end token each; `perplexity`: exp(loss).
        - `bits_per_byte`: the same negative log-likelihood in bits, end tokens included, over the completions' UTF-8
          bytes. Unlike the two before, it can be compared between models with different tokenizers.
        - `token_accuracy`: share of these tokens that the model ranks first, given the right tokens before.
        - `bleu` (0 to 100) with `bleu_signature`: sacrebleu's corpus BLEU, words being what spaces separate. Its order
          is the effective one (`eff:yes`), because answers of one move have no 4-grams and would always get 0.
        - `rouge_l` (0 to 1): rouge-score's F1, mean over the records, on the same words.
        - `exact_match`: share of answers with the same words as the completion.
        - `truncated`: answers that were cut; `max_new_tokens`: after how many tokens, the most of any style.
        - `explanations`: answers whose prompt asks for reasons and shows the state, and others that make a claim;
          `explanation_missing`: those of them that say nothing behind their moves.
        - `explanation_claims`: sentences in them that make a claim of `teachers.check_explanation`;
          `explanation_unreadable`: the other sentences, which count neither as true nor as false.
        - `explanation_truth`: share of the claims, all explanations pooled, that the board confirms, with
          `explanation_truth_low` and `…_high`, a 95% interval for which games are resampled whole, or explanations
          where a record names no game, as `methods` says.
        - `explanation_faultless`: share of the explanations with a claim that make no false one.
        - `reference_truth` of `reference_claims`: the same share for the records' own completions. It is 1 for records
          that serpentune wrote; less says that the records teach what isn't so.
        - `methods`: how the interval was found; `undefined`: the reason for each figure that is None.
        - `by_style`: the figures up to `truncated` and their `undefined` for the records of each completion style;
          `other` for prompts that aren't ours.

    Raises:
        UserError: as of `measure_records`.
    """
    measured = measure_records(
        model,
        tokenizer,
        records,
        chat=chat,
        batch_size=batch_size,
        max_new_tokens=max_new_tokens,
        progress=progress,
    )
    return language_figures(measured)


def measure_records(
    model: Any,
    tokenizer: Any,
    records: Sequence[Mapping[str, str]],
    *,
    chat: bool = False,
    batch_size: int = 64,
    max_new_tokens: int | None = None,
    progress: Advance | None = None,
) -> list[MeasuredRecord]:
    """Ask a model how likely each completion is, and let it write its own.

    Args:
        model: a transformers or PEFT model, on its device. It is measured in evaluation mode and left as it was.
        tokenizer: its fast tokenizer, with an end token; a pad token is not needed.
        records: at least one, each with the strings `prompt` and `completion`, and `game` where it is known.
        chat: show the records to the model in its tokenizer's chat template.
        batch_size: records at once.
        max_new_tokens: an answer is cut after this many tokens. When left out: twice what the longest completion of its
            style and its end token take, so that rambling costs precision but not hours; prompts that aren't ours count
            as one style.
        progress: called with the number of records that are done, those left out included.

    Returns:
        What was found of each record, in their order.

    Raises:
        UserError: no records, one without prompt or completion (the message gives its number from 0), a tokenizer
            without end token, or a `batch_size` or `max_new_tokens` below 1.
    """
    if batch_size < 1:
        raise UserError(f"batch_size is {batch_size}; at least one record must be measured at once.")
    if max_new_tokens is not None and max_new_tokens < 1:
        raise UserError(f"max_new_tokens is {max_new_tokens}; an answer needs at least one token.")
    samples = tokenize_records(tokenizer, records, chat)
    context = context_length(model.config)
    limits: dict[str, int] = {}
    for sample in samples:
        if len(sample.prompt) + len(sample.completion) <= context:
            limits[sample.style] = max_new_tokens or max(limits.get(sample.style, 0), 2 * len(sample.completion))
    measured: dict[int, MeasuredRecord] = {}
    fitting: list[int] = []
    for number, sample in enumerate(samples):
        limit = limits.get(sample.style, 0)
        if len(sample.prompt) + max(len(sample.completion), limit) <= context:
            fitting.append(number)
        else:
            measured[number] = MeasuredRecord(
                records[number]["prompt"], sample.text, None, limit, game=records[number].get("game")
            )
    if progress is not None and measured:
        progress(len(measured))
    if fitting:
        from serpentune.models.decoding import decode, open_decoder, stop_ids

        # What takes longest comes first: memory that is too small shows at once, and the last answers to be waited for
        # are short ones.
        fitting.sort(key=lambda number: (limits[samples[number].style], len(samples[number].prompt)), reverse=True)
        asked = [samples[number] for number in fitting]
        ends = stop_ids(tokenizer, chat)
        with _evaluating(model):
            scores = [
                score
                for first in range(0, len(asked), batch_size)
                for score in _score(model, tokenizer, asked[first : first + batch_size])
            ]
            decoder = open_decoder(model, tokenizer, slots=min(batch_size, len(asked)), chat=chat)
            for place, ids in _answers(decoder, asked, [limits[sample.style] for sample in asked]):
                sample, (nll, right) = asked[place], scores[place]
                measured[fitting[place]] = MeasuredRecord(
                    prompt=records[fitting[place]]["prompt"],
                    completion=sample.text,
                    answer=decode(tokenizer, [ids])[0],
                    limit=limits[sample.style],
                    cut=ids[-1] not in ends,
                    tokens=len(sample.completion),
                    nll=nll,
                    right=right,
                    game=records[fitting[place]].get("game"),
                )
                if progress is not None:
                    progress(1)
    return [measured[number] for number in range(len(samples))]


def write_answers(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[str],
    limit: int,
    *,
    chat: bool = False,
    batch_size: int = 64,
) -> list[str]:
    """The model's greedy answers to prompts, cut after `limit` tokens.

    Args:
        model: as of `measure_records`, as are the others.
        tokenizer: its fast tokenizer.
        prompts: what is asked; each must fit into the model's context with `limit` tokens more.
        limit: most tokens of an answer.
        chat: show the prompts in the tokenizer's chat template.
        batch_size: prompts at once.
    """
    from serpentune.models.decoding import decode, open_decoder

    if not prompts:
        return []
    asked = [Sample(ids, [], "", "") for ids in prompt_ids(tokenizer, list(prompts), chat)]
    found: dict[int, list[int]] = {}
    with _evaluating(model):
        decoder = open_decoder(model, tokenizer, slots=min(batch_size, len(asked)), chat=chat)
        for place, ids in _answers(decoder, asked, [limit] * len(asked)):
            found[place] = ids
    return decode(tokenizer, [found[place] for place in range(len(asked))])


def tokenize_records(tokenizer: Any, records: Sequence[Mapping[str, str]], chat: bool = False) -> list[Sample]:
    """Records as the tokens that training sees: prompt, completion, and what ends it.

    Raises:
        UserError: no records, a prompt or completion that is missing or empty, or a tokenizer without end token.
    """
    if not records:
        raise UserError("There are no records to measure a language model on.")
    if tokenizer.eos_token_id is None:
        raise UserError("The tokenizer has no end token (eos_token), so no completion has an end to measure.")
    for number, record in enumerate(records):
        for field in ("prompt", "completion"):
            if not isinstance(record.get(field), str) or not record[field]:
                raise UserError(f"Record {number}: its {field} is missing, empty or no text.")
    asked, texts = [record["prompt"] for record in records], [record["completion"] for record in records]
    styles = map(style_of, asked)
    return [Sample(*sample) for sample in zip(*sample_ids(tokenizer, asked, texts, chat), texts, styles, strict=True)]


def _answers(decoder: Decoder, asked: Sequence[Sample], limits: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
    """The greedy answer to each prompt as ids, with its place in `asked`, as they end; at most `limits` tokens each."""
    waiting, free = deque(range(len(asked))), list(range(decoder.slots))
    place_at: dict[int, int] = {}
    while waiting or place_at:
        begun: dict[int, list[int]] = {}
        while waiting and free:
            slot, place = free.pop(), waiting.popleft()
            place_at[slot] = place
            begun.setdefault(limits[place], []).append(slot)
        for limit, slots in begun.items():
            decoder.begin(slots, [asked[place_at[slot]].prompt for slot in slots], limit)
        for slot, ids in decoder.finished():
            yield place_at.pop(slot), ids
            free.append(slot)


def _score(model: Any, tokenizer: Any, batch: Sequence[Sample]) -> list[tuple[float, int]]:
    """Of each record: the negative log-likelihood (nats) of its completion's tokens, and how many are ranked first."""
    import torch
    from torch.nn.functional import cross_entropy

    from serpentune.models.decoding import keeps_logits

    pad = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    rows = [
        {"input_ids": [*sample.prompt, *sample.completion], "prompt_length": len(sample.prompt)} for sample in batch
    ]
    inputs = {name: tensor.to(_device(model)) for name, tensor in Collator(pad)(rows).items()}
    ids, kept, targets = inputs["input_ids"], inputs["logits_to_keep"], inputs["targets"]  # (B, T), (U,), (B, U)
    with torch.inference_mode():
        if keeps_logits(model):
            logits = model(input_ids=ids, logits_to_keep=kept, use_cache=False).logits  # (B, U, V)
        else:
            logits = model(input_ids=ids, use_cache=False).logits[:, kept]
        counted = targets != IGNORED
        record = counted.nonzero()[:, 0]  # (N,), the row of each counted token
        logits, targets = logits[counted].float(), targets[counted]  # (N, V), (N,)
        # NaN stays NaN in the sums, so a model without a finite probability is seen.
        nll = torch.zeros(len(batch), dtype=torch.float64, device=logits.device)
        nll.index_add_(0, record, cross_entropy(logits, targets, reduction="none").double())
        right = torch.bincount(record[logits.argmax(dim=-1) == targets], minlength=len(batch))
    return list(zip(nll.tolist(), right.tolist(), strict=True))


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    """The model without dropout; a model that was being trained goes on so afterwards."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def _device(model: Any) -> torch.device:
    device: torch.device = next(model.parameters()).device
    return device
