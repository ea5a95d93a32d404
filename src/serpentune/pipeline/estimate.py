"""Floor 11, pipeline: how long training will take, measured on its own first steps."""

from __future__ import annotations

import logging
import time
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

_MEASURED_SECONDS = 5.0
_LONG_SECONDS = 600.0

_LOG = logging.getLogger(__name__)


class TimeEstimate(TrainerCallback):
    """Says once how fast training is and when it will end; as a warning where that is more than ten minutes.

    The first step is left out, since it also pays for the libraries' start.

    Attributes:
        samples_per_second: as measured; None until there was enough to measure.
    """

    def __init__(self, samples_per_step: int) -> None:
        self.samples_per_second: float | None = None
        self._samples_per_step = samples_per_step
        self._began = 0.0
        self._first = -1

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Measure, and say it once."""
        now = time.perf_counter()
        if self._first < 0:
            self._began, self._first = now, state.global_step
            return
        if self.samples_per_second is not None or now - self._began < _MEASURED_SECONDS:
            return
        seconds_per_step = (now - self._began) / (state.global_step - self._first)
        self.samples_per_second = self._samples_per_step / seconds_per_step
        left = seconds_per_step * (state.max_steps - state.global_step)
        _LOG.log(
            logging.WARNING if left > _LONG_SECONDS else logging.INFO,
            "training does %.0f samples/s here: about %s left for %d steps, and looks at the validation data besides",
            self.samples_per_second, duration(left), state.max_steps - state.global_step,
        )  # fmt: skip


def duration(seconds: float) -> str:
    """Seconds in words that suit an estimate: `40 s`, `12 min`, `3 h 20 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"
