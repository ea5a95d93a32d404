"""Floor 11, pipeline: what follows from the student for its rounds of improvement: how it is asked, and trained on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from serpentune.common.errors import UserError
from serpentune.common.paths import PathUtils
from serpentune.evaluation.contestants import plays_without_text
from serpentune.models import (
    SCRATCH,
    TrainingOrigin,
    find_base,
    model_sha256,
    short_name,
    strategy_name,
    training_origin,
)
from serpentune.pipeline.improve_config import ImproveConfig
from serpentune.training import AdvancedTrainingConfig

_LOG = logging.getLogger(__name__)


def training_on(config: ImproveConfig, origin: TrainingOrigin) -> AdvancedTrainingConfig:
    """How a round trains on from where it begins.

    Raises:
        UserError: a value that training refuses.
    """
    strategy = strategy_name(origin.strategy)
    values: dict[str, Any] = {
        "training_strategy": strategy,
        "base_model_name": origin.base,
        "adapter": origin.adapter,
        "chat": origin.chat,
    }
    if origin.adapter is not None:
        values["qlora" if strategy == "qlora" else "lora"] = origin.strategy.model_dump()
    return config.training.with_values(values)


def weights_of(student: str) -> str:
    """The hash of a student's files."""
    folder = Path(student).expanduser()
    return model_sha256(folder if folder.exists() else find_base(student).location)


def settled(config: ImproveConfig) -> ImproveConfig:
    """The settings with what follows from the student filled in: where it is, its board, encoding, style, and a name.

    Raises:
        UserError: there is no such student, its weights are random, or nobody says on which board it plays.
    """
    if config.student in SCRATCH:
        raise UserError(
            f"{config.student} has random weights, and nothing can be learnt from its games yet. Train it on a "
            "teacher's games first (serpentune train), then improve that student."
        )
    if plays_without_text(config.student):
        raise UserError(
            f"{config.student} plays without weights, so that there is nothing to improve. Name a student's folder, or "
            "a base model; --teacher says who corrects it."
        )
    path = Path(config.student).expanduser()
    student = str(path.resolve()) if path.exists() else config.student
    data = training_origin(student).data
    boards, encodings, styles = (data.get(what) or [] for what in ("board", "encoding", "style"))
    if config.grid_size is None and len(boards) != 1:
        known = f"was trained on {', '.join(boards)}" if boards else "doesn't say on which board it was trained"
        raise UserError(f"The student {config.student} {known}. Say on which it shall play: --grid-size.")
    found = {
        "student": student,
        "name": config.name or PathUtils.safe_name(f"{short_name(student)}-improved"),
        "grid_size": config.grid_size or boards[0],
        "encoding": config.encoding or _usual(("grid",), encodings),
        "style": config.style or _usual(("plan", "move"), styles),
    }
    return ImproveConfig(**config.model_dump() | found)


def _usual(wanted: Sequence[str], learnt: Sequence[str]) -> str:
    """The first of `wanted` that was learnt, else the first that was learnt; where nothing is known, of `wanted`."""
    return next((name for name in wanted if name in learnt), (learnt or wanted)[0])


def say_what_is_new(config: ImproveConfig, origin: TrainingOrigin) -> None:
    """Say what the student is asked for that it never learnt; it may learn it now, from a worse beginning."""
    asked = {"teacher": config.teacher, "board": config.grid_size, "encoding": config.encoding, "style": config.style}
    for what, value in asked.items():
        learnt = origin.data.get(what)
        if learnt and value not in learnt:
            _LOG.warning("the %s %s is new to the student, which learnt %s", what, value, ", ".join(learnt))
