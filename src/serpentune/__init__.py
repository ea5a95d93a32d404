"""serpentune teaches language models to play Snake by imitating classical search, then proves how good each one is."""

import sys

__version__ = "0.1.0"

if sys.modules.get("gymnasium"):  # who has imported it wants the environment, and nobody else pays for either
    import serpentune.game.environment  # noqa: F401 - it registers serpentune/Snake-v0
