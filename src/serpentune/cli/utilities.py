"""Floor 12, cli: the command line as other programs and module paths start it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

from serpentune.cli._main import main


class TrainingCLIUtils:
    """Starts serpentune's commands from Python, with the messages and exit codes of the terminal."""

    main = staticmethod(main)

    @staticmethod
    def run_and_exit(command: str, arguments: Sequence[str] | None = None) -> NoReturn:
        """Run `serpentune <command>` and end the process with its exit code.

        Args:
            command: the command's name ("run").
            arguments: what follows it; those of this process without.
        """
        raise SystemExit(main([command, *(sys.argv[1:] if arguments is None else arguments)]))
