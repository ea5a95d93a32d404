"""serpentune teaches language models to play Snake by imitating classical search, then proves how good each one is."""

import sys

__version__ = "0.1.0"

if gymnasium := sys.modules.get("gymnasium"):
    # By name: nothing is imported before somebody makes the environment, so an older Gymnasium does no harm either.
    gymnasium.register(
        "serpentune/Snake-v0",
        entry_point="serpentune.game.environment:SnakeEnv",
        vector_entry_point="serpentune.game.environment:SnakeVectorEnv",
    )
