"""Floor 8, evaluation: one player that is asked to play like several teachers, beside these teachers themselves."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from serpentune.common.errors import UserError
from serpentune.datasets.completions import parse_prompt
from serpentune.evaluation.contestants import Contestant, open_contestant
from serpentune.evaluation.evaluate import evaluate_contestant, measures_of
from serpentune.evaluation.naming import folder_name
from serpentune.evaluation.results import EvaluationResult
from serpentune.evaluation.settings import EvaluationSettings
from serpentune.teachers import get

_LOG = logging.getLogger(__name__)


def evaluate_imitation(
    contestant: Contestant,
    folder: Path,
    settings: EvaluationSettings,
    teachers: Sequence[str],
    *,
    measures: str | Collection[str] = ("play", "language"),
    test_records: Sequence[Mapping[str, str]] = (),
    **options: Any,
) -> dict[str, EvaluationResult]:
    """Let somebody play like each of several teachers, and let each teacher play the same games itself.

    Each has a results folder in `folder`: `<player>-as-<TEACHER>`, with language and held-out states measured on the
    records that ask for that teacher, and `<TEACHER>` where games are played, to compare it with.

    Args:
        contestant: who plays.
        folder: where the results folders go.
        settings: how the games go; its teacher isn't read.
        teachers: whom the prompts name, one after another.
        measures: as of `evaluate_contestant`.
        test_records: as of `evaluate_contestant`.
        options: as of `evaluate_contestant`.

    Returns:
        The results by the names of their folders, each teacher's own behind the player's.

    Raises:
        UserError: fewer than two teachers, one of them unknown or named twice, or as of `evaluate_contestant`.
    """
    names = [get(name).name for name in teachers]
    if len(names) < 2 or len(set(names)) < len(names):
        raise UserError(f"Teachers to play like: {', '.join(names) or 'none'}. Name at least two, each once.")
    measures = measures_of(measures)
    records: dict[str, list[Mapping[str, str]]] = {}
    for record in test_records:
        records.setdefault(parsed[0] if (parsed := parse_prompt(record["prompt"])) else "", []).append(record)
    if len(test_records) and (others := sum(len(own) for name, own in records.items() if name not in names)):
        _LOG.warning("%d records ask for none of %s and are left out", others, ", ".join(names))
    results: dict[str, EvaluationResult] = {}
    for name in names:
        own = records.get(name, [])
        if len(test_records) and not own:
            _LOG.warning("no record asks for %s: neither language nor held-out states are measured there", name)
        like, label = replace(settings, teacher=name), f"{contestant.name}-as-{name}"
        again = contestant.reopen and replace(contestant.reopen, name=label)
        place = folder_name(label)
        results[place] = evaluate_contestant(
            replace(contestant, name=label, reopen=again),
            folder / place,
            like,
            measures=measures,
            test_records=own,
            **options,
        )
        if "play" in measures:
            place = folder_name(name)
            results[place] = evaluate_contestant(
                open_contestant(name), folder / place, like, measures=["play"], **options
            )
    return results
