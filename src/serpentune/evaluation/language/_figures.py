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
    _written(figures, measured)
    return figures


def exact_matches(records: Sequence[MeasuredRecord]) -> list[bool]:
    """Of each record, whether the answer has the same words as the completion."""
    return [(record.answer or "").split() == record.completion.split() for record in records]


def rouge_scores(records: Sequence[MeasuredRecord]) -> list[float]:
    """ROUGE-L's F1 of each record's answer against its completion, words being what spaces separate."""
    from rouge_score.rouge_scorer import RougeScorer

    rouge = RougeScorer(["rougeL"], tokenizer=_Words())
    return [float(rouge.score(record.completion, record.answer or "")["rougeL"].fmeasure) for record in records]


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


def _written(figures: dict[str, Any], measured: Sequence[MeasuredRecord]) -> None:
    """Fill in what compares the model's own answers with the completions."""
    from sacrebleu.metrics.bleu import BLEU

    bleu = BLEU(tokenize="none", effective_order=True)
    answers, references = [record.answer or "" for record in measured], [record.completion for record in measured]
    figures["bleu"] = float(bleu.corpus_score(answers, [references]).score)
    figures["bleu_signature"] = str(bleu.get_signature())
    figures["rouge_l"] = math.fsum(rouge_scores(measured)) / len(measured)
    figures["exact_match"] = sum(exact_matches(measured)) / len(measured)


class _Words:
    """Words for rouge-score. Its own tokenizer drops everything but a-z and 0-9, so an arrow would be no word."""

    def tokenize(self, text: str) -> list[str]:
        return text.split()
