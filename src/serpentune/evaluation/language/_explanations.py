"""Floor 8, evaluation: whether what a model says of the board is true."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from serpentune.common.errors import UserError
from serpentune.datasets import after_moves
from serpentune.datasets._looks import Unreadable, read_by_looks
from serpentune.datasets.completions import parse_prompt
from serpentune.evaluation._figures import rng
from serpentune.evaluation.language._records import MeasuredRecord
from serpentune.game import State
from serpentune.statistics import Finding, clustered_share
from serpentune.teachers import ExplanationCheck, Teacher, check_explanation, get

_TRUTH = ("explanation_truth", "explanation_truth_low", "explanation_truth_high")
EXPLAINED = (*_TRUTH, "explanation_faultless", "reference_truth")
"""Figures that are None where nothing was claimed."""


@dataclass(frozen=True)
class Shown:
    """What a prompt shows.

    Attributes:
        state: the board.
        teacher: whose move is to be explained; None where no teacher of that name is registered.
        explains: whether reasons are asked for.
    """

    state: State
    teacher: Teacher | None
    explains: bool

    def check(self, answer: str) -> ExplanationCheck:
        """What becomes of the sentences behind an answer's moves."""
        return check_explanation(self.state, after_moves(answer), self.teacher)


def explanation_figures(records: Sequence[MeasuredRecord]) -> tuple[dict[str, Any], dict[str, str]]:
    """How true the explanations in measured answers are, and in the records' own completions, as a check.

    Every explanation is checked: some thousand a second, where a model writes a few.

    Returns:
        The figures, which `language_metrics` describes, and the reason for each that is None.
    """
    written: list[ExplanationCheck] = []
    games: list[str | None] = []
    references: list[ExplanationCheck] = []
    missing = 0
    for record, asked in _all_shown(records):
        answer = asked.check(record.answer or "")
        if asked.explains or claims_of(answer):
            written.append(answer)
            games.append(record.game)
            missing += not after_moves(record.answer or "")
        references.append(asked.check(record.completion))

    judged = [check for check in written if claims_of(check)]
    figures: dict[str, Any] = {
        "explanations": len(written),
        "explanation_claims": sum(map(claims_of, written)),
        **dict.fromkeys(EXPLAINED),
        "explanation_unreadable": sum(len(check.unreadable) for check in written),
        "explanation_missing": missing,
        "reference_claims": sum(map(claims_of, references)),
        "methods": {},
    }
    undefined: dict[str, str] = {}
    if judged:
        found = _truth(written, games)
        figures["explanation_truth"] = found.estimate
        figures["explanation_faultless"] = sum(not check.false for check in judged) / len(judged)
        if found.interval is None:
            undefined |= dict.fromkeys(_TRUTH[1:], str(found.reason))
        else:
            figures |= {"explanation_truth_low": found.interval.low, "explanation_truth_high": found.interval.high}
            figures["methods"] = {"explanation_truth": found.method}
    else:
        undefined |= dict.fromkeys(EXPLAINED[:-1], _why_none(records, written))
    if figures["reference_claims"]:
        figures["reference_truth"] = sum(len(check.true) for check in references) / figures["reference_claims"]
    else:
        undefined["reference_truth"] = "no completion makes a claim about a board that its prompt shows"
    return figures, undefined


def _truth(written: Sequence[ExplanationCheck], games: Sequence[str | None]) -> Finding:
    """The share of true claims, whole games resampled; whole explanations where one is of a game without a name."""
    named = None not in games
    _, place = np.unique(np.array(games if named else range(len(games)), np.object_), return_inverse=True)
    true = np.bincount(place, [len(check.true) for check in written])
    claims = np.bincount(place, [claims_of(check) for check in written])
    return clustered_share(true, claims, rng(), cluster="game" if named else "explanation")


def shown(prompt: str, answer: str) -> Shown | None:
    """What one of our prompts, with an answer to it, shows; None where it doesn't show the state."""
    parsed = parse_prompt(prompt)
    if parsed is None:
        return None
    try:
        read = read_by_looks(prompt, answer)
    except Unreadable:
        return None
    if read is None or read.state is None:
        return None
    try:
        teacher = get(parsed[0])
    except UserError:  # a prompt may name anybody
        teacher = None
    return Shown(read.state, teacher, parsed[2].explains)


def _all_shown(records: Sequence[MeasuredRecord]) -> Iterator[tuple[MeasuredRecord, Shown]]:
    """The records whose prompts show a state, with it."""
    for record in records:
        if (asked := shown(record.prompt, record.completion)) is not None:
            yield record, asked


def claims_of(check: ExplanationCheck) -> int:
    """How many claims were checked."""
    return len(check.true) + len(check.false)


def _why_none(records: Sequence[MeasuredRecord], written: Sequence[ExplanationCheck]) -> str:
    if written:
        return "no explanation makes a claim that can be checked"
    if any((parsed := parse_prompt(record.prompt)) and parsed[2].explains for record in records):
        return "the prompts that ask for explanations don't show the state"
    return "no prompt asks for an explanation, and no answer holds one"
