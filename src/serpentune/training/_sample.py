"""Floor 6, training: what a data set will be to a run, from its first records: nothing is loaded but these."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from serpentune.datasets import iter_records, read_manifest
from serpentune.datasets.store import ensure_dataset
from serpentune.models import open_tokenizer, sample_ids
from serpentune.training._batches import Collator, StepOrder
from serpentune.training.config import AdvancedTrainingConfig

_LOOKED_AT = 2000


@dataclass(frozen=True)
class DataSample:
    """The training data of a run.

    Attributes:
        samples: records of the training split.
        validation: records of the validation split.
        longest: tokens of the longest record that was looked at.
        too_long: share of these that are longer than the limit, and left out.
        tokens: width of the widest batch of the others; 0 where all are too long.
        answers: positions of it, at most, that the output layer is applied to.
    """

    samples: int
    validation: int
    longest: int
    too_long: float
    tokens: int
    answers: int


def records_of(dataset: Path) -> dict[str, int]:
    """Records of each split.

    Raises:
        UserError: the folder is no data set.
    """
    ensure_dataset(dataset)
    records: dict[str, int] = read_manifest(dataset)["records"]
    return records


def look_at(dataset: Path, config: AdvancedTrainingConfig, limit: int) -> DataSample:
    """Measure the first records, which stand in random order, as the run will batch them.

    Args:
        dataset: a data set's folder.
        config: the run's settings.
        limit: largest number of tokens of a sample.

    Raises:
        UserError: the folder is no data set, it is damaged, or the base's tokenizer or chat template can't be used.
    """
    records = records_of(dataset)
    table = next(iter_records(dataset, "train", ("prompt", "completion")), None)
    rows = [] if table is None else table.slice(0, _LOOKED_AT).to_pylist()
    tokenizer = open_tokenizer(config.base_model_name, trust_remote_code=config.trust_remote_code)
    ids = sample_ids(tokenizer, [row["prompt"] for row in rows], [row["completion"] for row in rows], config.chat)
    samples: list[dict[str, Any]] = [
        {"input_ids": prompt + completion, "prompt_length": len(prompt)}
        for prompt, completion in zip(*ids, strict=True)
    ]
    kept = [sample for sample in samples if len(sample["input_ids"]) <= limit]
    tokens, answers = _widest(kept, config)
    return DataSample(
        samples=records["train"],
        validation=records["validation"],
        longest=max((len(sample["input_ids"]) for sample in samples), default=0),
        too_long=1 - len(kept) / len(samples) if samples else 0.0,
        tokens=tokens,
        answers=answers,
    )


def _widest(samples: list[dict[str, Any]], config: AdvancedTrainingConfig) -> tuple[int, int]:
    """Width, and positions with an answer, of the batches of these samples, at most."""
    size = min(config.hyperparameters.batch_size, max(len(samples), 1))
    lengths = np.array([len(sample["input_ids"]) for sample in samples], np.int64)
    order = list(StepOrder(lengths, size, config.seed))
    collate = Collator(0)
    shapes = [
        (batch["input_ids"].shape[1], len(batch["logits_to_keep"]))
        for batch in (collate([samples[row] for row in order[at : at + size]]) for at in range(0, len(order), size))
    ]
    return (max(width for width, _ in shapes), max(kept for _, kept in shapes)) if shapes else (0, 0)
