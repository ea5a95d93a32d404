"""Floor 4: state → prompt, moves → completion; balancing, splits by game, export. Knows nothing of training."""

from serpentune.datasets._relabel import who_answers
from serpentune.datasets.build import DatasetStats, build_dataset
from serpentune.datasets.completions import STYLES, CompletionStyle, after_moves, get_style, prompts, read_moves
from serpentune.datasets.description import DatasetDescription, describe
from serpentune.datasets.encodings import Encoding, GridEncoding, get_encoding
from serpentune.datasets.inspection import Inspection, Shown, inspect_dataset
from serpentune.datasets.recipe import Recipe
from serpentune.datasets.records import SCHEMA, SPLITS, iter_records
from serpentune.datasets.store import load_splits, read_manifest

__all__ = [
    "SCHEMA",
    "SPLITS",
    "STYLES",
    "CompletionStyle",
    "DatasetDescription",
    "DatasetStats",
    "Encoding",
    "GridEncoding",
    "Inspection",
    "Recipe",
    "Shown",
    "after_moves",
    "build_dataset",
    "describe",
    "get_encoding",
    "get_style",
    "inspect_dataset",
    "iter_records",
    "load_splits",
    "prompts",
    "read_manifest",
    "read_moves",
    "who_answers",
]
