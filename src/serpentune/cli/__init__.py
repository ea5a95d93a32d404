"""Floor 12, cli: the command `serpentune`. Each command parses, calls one library function, and prints.

Importing it is quick: what a command needs is imported when it runs.
"""

from serpentune.cli._main import main

__all__ = ["main"]
