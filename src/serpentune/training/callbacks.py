"""Floor 6, training: observers of a run. Each is a transformers `TrainerCallback`, as a user's own may be."""

from __future__ import annotations

import logging
import math
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from serpentune.common.errors import UserError
from serpentune.common.progress import Advance

COMPLETE = "complete"

_LOG = logging.getLogger(__name__)


class ProgressObserver(TrainerCallback):
    """Moves a progress bar with the optimiser's steps and shows the latest losses at its end."""

    def __init__(self, advance: Advance) -> None:
        self._advance = advance
        self._losses: dict[str, float] = {}

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Advance by the step."""
        self._advance()

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
        self._advance(0, "  ".join(f"{key.replace('_', ' ')} {value:.4f}" for key, value in self._losses.items()))


class LogObserver(TrainerCallback):
    """Writes each entry of the history as a log line, and stops a run whose loss is no number any more."""

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Let the last step be logged, wherever it falls between two entries."""
        if state.global_step >= state.max_steps:
            control.should_log = True

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
            UserError: the loss is NaN or infinite.
        """
        logs = logs or {}
        for key in ("loss", "eval_loss"):
            if key in logs:
                _LOG.info(
                    "step %d of %d: %s %.4f", state.global_step, state.max_steps, key.replace("_", " "), logs[key]
                )
                if not math.isfinite(logs[key]):
                    raise UserError(
                        f"The loss is {logs[key]} at step {state.global_step}, so training stopped. Lower the "
                        f"learning rate ({args.learning_rate:g}); earlier checkpoints are in {args.output_dir}."
                    )


class CheckpointObserver(TrainerCallback):
    """Marks a checkpoint that was written to its end, so that a killed run never resumes from half of one."""

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Mark the checkpoint of this step."""
        if state.is_world_process_zero:
            folder = Path(str(args.output_dir)) / f"checkpoint-{state.global_step}"
            (folder / "training_args.bin").unlink(missing_ok=True)  # a pickle that nothing here reads
            (folder / COMPLETE).touch()


class StopObserver(TrainerCallback):
    """Turns Ctrl-C and SIGTERM into: finish this step, save a checkpoint, stop.

    Attributes:
        received: the first signal that came, or None.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Save and stop where a signal came."""
        if self.received is not None:
            control.should_save = True
            control.should_training_stop = True
            control.should_evaluate = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take Ctrl-C and SIGTERM over while the block runs; a second signal stops at once.

        Outside the main thread signals can't be taken over, and the block runs as it is.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self._take) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = signal.Signals(number)


def complete_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in `folder` that were written to their end, oldest first."""
    found = [path.parent for path in folder.glob(f"checkpoint-*/{COMPLETE}")]
    return sorted(found, key=lambda path: int(path.name.rsplit("-", 1)[-1]))
