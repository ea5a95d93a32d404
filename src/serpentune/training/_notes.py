"""Floor 6, training: what a run knows of a student that later readers of it will ask for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import serpentune
from serpentune.common.source import source_commit
from serpentune.models import model_sha256
from serpentune.training.config import AdvancedTrainingConfig, flat
from serpentune.training.data import Tokens

_TOLD = ("teacher", "style", "encoding", "board")
"""Columns whose values say how the student must be asked."""

_OWN = {"output_dir", "experiment_name", "base_model_name", "adapter"}
"""Settings that say where, not how; base and adapter have entries of their own."""


def training_notes(
    config: AdvancedTrainingConfig,
    tokenizer: Any,
    dataset: Any,
    tokens: Tokens,
    history: Sequence[dict[str, float]],
    steps: int,
) -> dict[str, Any]:
    """The notes that `models.save_student` takes as `training`.

    Args:
        config: the run's settings.
        tokenizer: the base's tokenizer.
        dataset: the training data.
        tokens: the same, tokenised.
        history: as in `TrainingResult`.
        steps: optimiser steps of the whole run.
    """
    first = tokens.rows[0]
    values = {name: dataset.unique(name) for name in _TOLD if name in dataset.column_names}
    known = {name: sorted(value for value in found if value is not None) for name, found in values.items()}
    return {
        "config": config.model_dump(mode="json", exclude=_OWN),
        **({} if config.adapter is None else {"adapter_sha256": model_sha256(Path(config.adapter).expanduser())}),
        "data": {name: found for name, found in known.items() if found},
        "data_sha256": tokens.digest,
        "samples": len(tokens.lengths),
        "steps": steps,
        "loss": last(history, "loss", None),
        "eval_loss": last(history, "eval_loss", None),
        "prompt": tokenizer.decode(first["input_ids"][: first["prompt_length"]], clean_up_tokenization_spaces=False),
    }


def run_facts(config: AdvancedTrainingConfig, tokens: Tokens) -> dict[str, Any]:
    """What a run is made of, for trackers: settings by dotted names, the data's digest, our version and commit."""
    settings = flat(config.model_dump(mode="json", exclude={"output_dir", "experiment_name", "report_to"}))
    made_of = {"samples": len(tokens.lengths), "data_sha256": tokens.digest}
    return {**settings, **made_of, "version": serpentune.__version__, "commit": source_commit()}


def last(history: Sequence[dict[str, float]], key: str, default: Any) -> Any:
    """The last value of `key` in a history, or `default` where none has it."""
    return next((entry[key] for entry in reversed(history) if key in entry), default)
