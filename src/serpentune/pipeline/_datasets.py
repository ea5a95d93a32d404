"""Floor 11, pipeline: a recipe built into a data set, with the tokenizer that it names."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from serpentune.common.progress import Phases, unseen
from serpentune.datasets import DatasetStats, Recipe, build_dataset


def build_from_recipe(
    recipe: Recipe | str | Path, output: Path, *, overwrite: bool = False, progress: Phases = unseen
) -> DatasetStats:
    """Build the data set of a recipe, or of a recipe's file.

    The same as `datasets.build_dataset`, which knows no models: here the tokenizer is opened that `checks.max_tokens`
    is measured with.

    Args:
        recipe: a recipe, or its YAML or JSON file.
        output: the folder to make.
        overwrite: whether a data set in that folder may be replaced.
        progress: as of `build_dataset`.

    Raises:
        UserError: as of `build_dataset`, or there is no such tokenizer.
    """
    if not isinstance(recipe, Recipe):
        recipe = Recipe.load(recipe)
    lengths = None
    if recipe.checks.max_tokens is not None:
        from serpentune.models import open_tokenizer, token_lengths

        lengths = partial(token_lengths, open_tokenizer(recipe.checks.tokenizer))

    return build_dataset(recipe, output, overwrite=overwrite, token_lengths=lengths, progress=progress)
