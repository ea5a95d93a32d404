"""The ground: the processes of one run, as `torchrun` and `accelerate launch` start them."""

from __future__ import annotations

import os
from datetime import timedelta

_PATIENCE = timedelta(days=7)


def process_count() -> int:
    """How many processes share the run; 1 where it wasn't started as several."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def process_rank() -> int:
    """This process's number among them, from 0."""
    return int(os.environ.get("RANK", "0"))


def is_first_process() -> bool:
    """Whether this process writes and speaks for all of them."""
    return process_rank() == 0


def wait_for_all() -> None:
    """Go on when every process of the run has come here; at once where there is one only."""
    if process_count() > 1:
        from accelerate import PartialState
        from accelerate.utils import is_cuda_available

        # Without GPUs it would take each process for the only one if it weren't told. One may have to wait long, while
        # another plays or measures alone; torch gives up after ten minutes where it isn't told otherwise.
        PartialState(cpu=not is_cuda_available(), timeout=_PATIENCE).wait_for_everyone()
