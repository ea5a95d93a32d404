"""Floor 4: state → prompt, moves → completion; balancing, splits by game, export. Knows nothing of training."""

from serpentune.datasets.completions import STYLES, CompletionStyle, get_style, prompts, read_moves
from serpentune.datasets.encodings import Encoding, GridEncoding, get_encoding

__all__ = [
    "STYLES",
    "CompletionStyle",
    "Encoding",
    "GridEncoding",
    "get_encoding",
    "get_style",
    "prompts",
    "read_moves",
]
