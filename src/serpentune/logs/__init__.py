"""Floor 3: game logs, written and read: Parquet runs and the `game_N.json` family; which run played what.

Knows nothing of prompts or models.
"""

from serpentune.logs._find import find_logs, runs_in
from serpentune.logs._generate import generate_runs
from serpentune.logs._read import LogReading, check_logs, iter_batches, iter_logs, read_logs
from serpentune.logs._refusal import Refusal
from serpentune.logs._write import FORMATS, Format, write_run

__all__ = [
    "FORMATS",
    "Format",
    "LogReading",
    "Refusal",
    "check_logs",
    "find_logs",
    "generate_runs",
    "iter_batches",
    "iter_logs",
    "read_logs",
    "runs_in",
    "write_run",
]
