"""Floor 8, evaluation: how well a model predicts and writes the completions of held-out records.

Prediction (loss, perplexity, bits per byte, token accuracy) is measured with the teacher's tokens as context; writing
(BLEU, ROUGE-L, exact match) on the model's own greedy answers. torch is imported when something is measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from serpentune.common.errors import UserError
from serpentune.datasets.completions import parse_prompt
from serpentune.models import context_length, sample_ids
from serpentune.models.decoding import decode, greedy, keeps_logits, stop_ids
from serpentune.training._batches import IGNORED, Collator

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

    from serpentune.common.progress import Advance

_FIGURES = (
    "loss", "perplexity", "bits_per_byte", "token_accuracy", "bleu", "bleu_signature", "rouge_l", "exact_match",
)  # fmt: skip


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
        model: a transformers or PEFT model, on its device. It is measured in evaluation mode and left as it was.
        tokenizer: its fast tokenizer, with an end token; a pad token is not needed.
        records: at least one, each with the strings `prompt` and `completion`.
        chat: show the records to the model in its tokenizer's chat template.
        batch_size: records at once.
        max_new_tokens: an answer is cut after this many tokens. When left out: twice what the longest completion of its
            style and its end token take, so that rambling costs precision but not hours; prompts that aren't ours count
            as one style.
        progress: called with the number of records that are done, those left out included.

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
        - `undefined`: the reason for each figure that is None.

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
    fitting = [sample for sample in samples if len(sample.prompt) + len(sample.completion) <= context]
    limits: dict[str, int] = {}
    for sample in fitting:
        limits[sample.style] = max_new_tokens or max(limits.get(sample.style, 0), 2 * len(sample.completion))
    fitting = [sample for sample in fitting if len(sample.prompt) + limits[sample.style] <= context]
    too_long = len(samples) - len(fitting)
    if progress is not None and too_long:
        progress(too_long)

    figures: dict[str, Any] = {"records": len(fitting), **dict.fromkeys(_FIGURES)}
    figures |= {
        "completion_tokens": sum(len(sample.completion) for sample in fitting),
        "truncated": 0,
        "too_long": too_long,
        "max_new_tokens": max_new_tokens or max(limits.values(), default=0),
        "undefined": {},
    }
    if not fitting:
        reason = f"no record fits into the model's context of {context:.0f} tokens"
        figures["undefined"] = dict.fromkeys(_FIGURES, reason)
        return figures

    # A style at a time: a long explanation would keep a batch of moves waiting. Equal prompt lengths share a batch, so
    # there is little padding; the longest come first, so that memory which is too small shows at once.
    fitting.sort(key=lambda sample: (limits[sample.style], len(sample.prompt), len(sample.completion)), reverse=True)
    batches = [
        alike[start : start + batch_size]
        for alike in (list(group) for _, group in groupby(fitting, key=lambda sample: limits[sample.style]))
        for start in range(0, len(alike), batch_size)
    ]
    nll, right = 0.0, 0
    answers: list[str] = []
    ends = stop_ids(tokenizer, chat)
    with _evaluating(model):
        for batch in batches:
            batch_nll, batch_right = _score(model, tokenizer, batch)
            nll += batch_nll
            right += batch_right
            ids = greedy(model, tokenizer, [sample.prompt for sample in batch], limits[batch[0].style], chat)
            figures["truncated"] += sum(row[-1] not in ends for row in ids)
            answers += decode(tokenizer, ids)
            if progress is not None:
                progress(len(batch))
    references = [sample.text for sample in fitting]
    _predicted(figures, nll, right, references)
    _written(figures, answers, references)
    return figures


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
    parsed = [parse_prompt(prompt) for prompt in asked]
    styles = [found[2].name if found is not None else "" for found in parsed]
    return [Sample(*sample) for sample in zip(*sample_ids(tokenizer, asked, texts, chat), texts, styles, strict=True)]


def _score(model: Any, tokenizer: Any, batch: Sequence[Sample]) -> tuple[float, int]:
    """Summed negative log-likelihood (nats) of a batch's completion tokens, and how many are ranked first."""
    import torch
    from torch.nn.functional import cross_entropy

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
        logits, targets = logits[counted].float(), targets[counted]  # (N, V), (N,)
        nll = cross_entropy(logits, targets, reduction="none").double().sum()
        right = (logits.argmax(dim=-1) == targets).sum()
    return float(nll), int(right)


def _predicted(figures: dict[str, Any], nll: float, right: int, references: Sequence[str]) -> None:
    """Fill in what follows from the sums over all completion tokens."""
    tokens = figures["completion_tokens"]
    if not math.isfinite(nll):
        reason = f"the model gives a completion no finite probability (sum of the negative log-likelihoods: {nll})"
        figures["undefined"] |= dict.fromkeys(("loss", "perplexity", "bits_per_byte", "token_accuracy"), reason)
        return
    figures["loss"] = nll / tokens
    figures["token_accuracy"] = right / tokens
    figures["bits_per_byte"] = nll / math.log(2) / sum(len(text.encode()) for text in references)
    try:
        figures["perplexity"] = math.exp(figures["loss"])
    except OverflowError:
        figures["undefined"]["perplexity"] = "exp(loss) is too large for a floating-point number"


def _written(figures: dict[str, Any], answers: Sequence[str], references: Sequence[str]) -> None:
    """Fill in what compares the model's own answers with the completions."""
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics.bleu import BLEU

    bleu = BLEU(tokenize="none", effective_order=True)
    figures["bleu"] = float(bleu.corpus_score(answers, [references]).score)
    figures["bleu_signature"] = str(bleu.get_signature())
    rouge = RougeScorer(["rougeL"], tokenizer=_Words())
    scores = [
        rouge.score(reference, answer)["rougeL"].fmeasure for reference, answer in zip(references, answers, strict=True)
    ]
    figures["rouge_l"] = math.fsum(scores) / len(scores)
    same = sum(answer.split() == reference.split() for answer, reference in zip(answers, references, strict=True))
    figures["exact_match"] = same / len(references)


class _Words:
    """Words for rouge-score. Its own tokenizer drops everything but a-z and 0-9, so an arrow would be no word."""

    def tokenize(self, text: str) -> list[str]:
        return text.split()


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
