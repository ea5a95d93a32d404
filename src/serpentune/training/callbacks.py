"""Floor 6, training: observers of a run. Each is a transformers `TrainerCallback`, as a user's own may be."""

from __future__ import annotations

import logging
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from transformers import IntervalStrategy, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from serpentune.common.errors import UserError
from serpentune.common.progress import Advance, Pace

_LOG = logging.getLogger(__name__)


class ProgressObserver(TrainerCallback):
    """Moves a progress bar with the optimiser's steps; shows the latest losses and the tokens per second at its end.

    Args:
        advance: the bar.
        tokens: how many tokens were trained on so far, over all devices.
    """

    def __init__(self, advance: Advance, tokens: Callable[[], int]) -> None:
        self._advance = advance
        self._tokens = tokens
        self._pace = Pace()
        self._losses: dict[str, float] = {}

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Advance by the step."""
        self._pace.note(time.monotonic(), self._tokens())
        self._advance(1, self._note())

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Show the losses."""
        self._losses |= {key: value for key, value in (logs or {}).items() if key in ("loss", "eval_loss")}
        self._advance(0, self._note())

    def _note(self) -> str:
        parts = [f"{key.replace('_', ' ')} {value:.4f}" for key, value in self._losses.items()]
        if self._pace.per_second is not None:
            parts.append(f"{self._pace.per_second:,.0f} tokens/s")
        return "  ".join(parts)


class LogObserver(TrainerCallback):
    """Writes each entry of the history as a log line, and stops a run whose evaluation loss is no number."""

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Let the last step be logged and looked at, wherever it falls between two entries."""
        if state.global_step >= state.max_steps:
            control.should_log = True
            control.should_evaluate = args.eval_strategy != IntervalStrategy.NO

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Log the losses.

        Raises:
            UserError: the evaluation loss is NaN or infinite; the trainer itself sees to the training loss.
        """
        logs = logs or {}
        for key in ("loss", "eval_loss"):
            if key in logs:
                _LOG.info(
                    "step %d of %d: %s %.4f", state.global_step, state.max_steps, key.replace("_", " "), logs[key]
                )
        if not math.isfinite(logs.get("eval_loss", 0.0)):
            raise UserError(
                f"The loss of the evaluation data is {logs['eval_loss']} at step {state.global_step}, so training "
                f"stopped. Lower the learning rate ({args.learning_rate:g}); checkpoints are in {args.output_dir}."
            )


class StopObserver(TrainerCallback):
    """Turns Ctrl-C, SIGTERM and SIGUSR1 into: finish this step, save a checkpoint, stop.

    Schedulers send the last two before they take a machine away. A signal that comes during an evaluation or a
    checkpoint lets that end, and no further step is taken. The processes of a run on several devices stop at the same
    step, whichever of them was told.

    Attributes:
        stopped: the signal that the run is stopped for, or None.
    """

    def __init__(self) -> None:
        self.stopped: signal.Signals | None = None
        self._received = 0
        self._group: Any = None

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Make a way for processes to agree that doesn't wait for their devices."""
        if args.world_size > 1:
            import torch.distributed

            self._group = torch.distributed.new_group(backend="gloo")

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Save and stop where a signal came."""
        if self._told():
            control.should_save = True
            control.should_training_stop = True
            control.should_evaluate = False

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Save and stop where a signal came meanwhile."""
        if self._told():
            control.should_save = True
            control.should_training_stop = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Stop where a signal came meanwhile."""
        if self._told():
            control.should_training_stop = True

    def _told(self) -> bool:
        """Whether a signal came to any process."""
        if self._group is not None:
            import torch

            number = torch.tensor(self._received)
            torch.distributed.all_reduce(number, torch.distributed.ReduceOp.MAX, group=self._group)
            self._received = int(number)
        if self._received:
            self.stopped = signal.Signals(self._received)
        return self.stopped is not None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take the signals over while the block runs; a second Ctrl-C stops at once.

        Outside the main thread signals can't be taken over, and the block runs as it is.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = [signal.SIGINT, signal.SIGTERM]
        if sys.platform != "win32":
            signals.append(signal.SIGUSR1)
        before = {number: signal.signal(number, self._take) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _take(self, number: int, frame: FrameType | None) -> None:
        # A scheduler may ask twice, and torchrun passes on a Ctrl-C that the terminal sent to its processes already.
        if self._received and number == signal.SIGINT and "TORCHELASTIC_RUN_ID" not in os.environ:
            raise KeyboardInterrupt
        self._received = self._received or number
