"""Floor 8, evaluation: the figures that follow from measured records; no model is needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from serpentune.datasets.completions import parse_prompt
from serpentune.evaluation.language._explanations import EXPLAINED, explanation_figures
from serpentune.evaluation.language._records import MeasuredRecord

OTHER = "other"
"""The style of prompts that aren't ours, in `by_style`."""

_PREDICTED = ("loss", "perplexity", "bits_per_byte", "token_accuracy")
_NONE_FITS = "no record fits into the model's context"
_WRITTEN = ("bleu", "bleu_signature", "rouge_l", "exact_match")


def language_figures(records: Sequence[MeasuredRecord]) -> dict[str, Any]:
    """The figures of `language_metrics`, which says what each one is, from measured records.

    They don't depend on the order of the records.
    """
    by_style: dict[str, list[MeasuredRecord]] = {}
    for record in records:
        by_style.setdefault(style_of(record.prompt) or OTHER, []).append(record)
    figures = _figures(records)
    measured = [record for record in records if record.answer is not None]
    explained, undefined = explanation_figures(measured)
    if not measured:
        undefined = dict.fromkeys(EXPLAINED, _NONE_FITS)
    return {
        **figures,
        **explained,
        "undefined": figures["undefined"] | undefined,
        "by_style": {style: _figures(by_style[style]) for style in sorted(by_style)},
    }


def style_of(prompt: str) -> str:
    """The name of the completion style that a prompt asks for; empty for a prompt that isn't ours."""
    parsed = parse_prompt(prompt)
    return "" if parsed is None else parsed[2].name


def _figures(records: Sequence[MeasuredRecord]) -> dict[str, Any]:
    """What is figured of all records and of those of each style."""
    measured = [record for record in records if record.answer is not None]
    figures: dict[str, Any] = {"records": len(measured), **dict.fromkeys((*_PREDICTED, *_WRITTEN))}
    figures |= {
        "completion_tokens": sum(record.tokens for record in measured),
        "truncated": sum(record.cut for record in measured),
        "too_long": len(records) - len(measured),
        "max_new_tokens": max((record.limit for record in measured), default=0),
        "undefined": {},
    }
    if not measured:
        figures["undefined"] = dict.fromkeys((*_PREDICTED, *_WRITTEN), _NONE_FITS)
        return figures
    _predicted(figures, measured)
    _written(figures, [record.answer or "" for record in measured], [record.completion for record in measured])
    return figures


def _predicted(figures: dict[str, Any], measured: Sequence[MeasuredRecord]) -> None:
    """Fill in what follows from the sums over all completion tokens."""
    tokens, nll = figures["completion_tokens"], math.fsum(record.nll for record in measured)
    if not math.isfinite(nll):
        reason = "the model gives a completion no finite probability"
        figures["undefined"] |= dict.fromkeys(_PREDICTED, reason)
        return
    figures["loss"] = nll / tokens
    figures["token_accuracy"] = sum(record.right for record in measured) / tokens
    figures["bits_per_byte"] = nll / math.log(2) / sum(len(record.completion.encode()) for record in measured)
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
