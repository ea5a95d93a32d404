"""Floor 11, pipeline: what is raised where a run was stopped."""

from __future__ import annotations

import signal
from pathlib import Path


class PipelineInterrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM ended a run; the message says how to go on with it.

    Attributes:
        folder: the experiment's folder.
        signal: the signal that came.
    """

    def __init__(self, folder: Path, received: signal.Signals, reason: str) -> None:
        super().__init__(f"{reason}What is finished is kept in {folder}: go on with --resume {folder}.")
        self.folder = folder
        self.signal = received
