"""The command line as a user has it: arguments in; exit code, standard output and standard error out."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serpentune.cli import main

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Result:
    """What a call left."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)


def serpentune(*arguments: object) -> Result:
    """Run a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return Result(code, out.getvalue(), err.getvalue())


def environment() -> dict[str, str]:
    """The variables for a process of its own: our source, one thread, 80 columns."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1", "COLUMNS": "80"}


def process(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    command = [sys.executable, "-m", "serpentune", *map(str, arguments)]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, env=environment(), timeout=120, **options
    )
