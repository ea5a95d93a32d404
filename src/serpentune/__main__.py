"""`python -m serpentune` is the command `serpentune`."""

import sys

from serpentune.cli import main

if __name__ == "__main__":
    sys.exit(main())
