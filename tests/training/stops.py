"""An observer that presses Ctrl-C."""

from __future__ import annotations

import os
import signal
from typing import Any

from transformers import TrainerCallback


class StopAt(TrainerCallback):
    """Interrupts the process as Ctrl-C does, in a chosen step."""

    def __init__(self, step: int) -> None:
        self._step = step

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == self._step - 1:
            os.kill(os.getpid(), signal.SIGINT)
