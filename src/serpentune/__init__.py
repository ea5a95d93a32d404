"""serpentune teaches language models to play Snake by imitating classical search, then proves how good each one is."""

__version__ = "0.1.0"
