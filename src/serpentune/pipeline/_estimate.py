"""Floor 11, pipeline: how long training will take, measured on its own first steps."""

from __future__ import annotations

import logging
import statistics
import time
from itertools import pairwise
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

_MEASURED_STEPS = 5
_MEASURED_SECONDS = 5.0
_LONG_SECONDS = 600.0

_LOG = logging.getLogger(__name__)


class TimeEstimate(TrainerCallback):
    """Says once how fast training is and when it will end; as a warning where that is more than ten minutes.

    The first step is left out, since it also pays for the libraries' start; of the next ones the median counts.
    """

    def __init__(self) -> None:
        self._ended: list[float] = []
        self._said = False

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Measure each run of a sweep anew."""
        self._ended, self._said = [], False

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Measure, and say it once."""
        if self._said:
            return
        self._ended.append(time.perf_counter())
        if len(self._ended) <= _MEASURED_STEPS or self._ended[-1] - self._ended[0] < _MEASURED_SECONDS:
            return
        self._said = True
        seconds = statistics.median(after - before for before, after in pairwise(self._ended))
        steps = state.max_steps - state.global_step
        samples = args.train_batch_size * args.gradient_accumulation_steps * args.world_size
        _LOG.log(
            logging.WARNING if steps * seconds > _LONG_SECONDS else logging.INFO,
            "Training does %.3g samples/s here: about %s left for %d steps, plus looks at the validation data.",
            samples / seconds, duration(steps * seconds), steps,
        )  # fmt: skip


def duration(seconds: float) -> str:
    """Seconds in words that suit an estimate: `40 s`, `12 min`, `3 h 20 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"
