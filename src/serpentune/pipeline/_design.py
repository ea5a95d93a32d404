"""Floor 11, pipeline: the variants of an ablation: a recipe, and what is changed in it."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serpentune import teachers as registry
from serpentune.common.errors import UserError
from serpentune.common.paths import PathUtils
from serpentune.datasets import Recipe
from serpentune.evaluation.results import BASELINE
from serpentune.pipeline.recipe import ExperimentRecipe

SEEDS = ("seeds", "seed")
"""Names under which training seeds are typed; they repeat every variant and are no factor."""

_SHORT = {
    "teachers": "dataset.teachers", "teacher": "dataset.teachers", "styles": "dataset.styles",
    "style": "dataset.styles", "encodings": "dataset.encodings", "encoding": "dataset.encodings",
}  # fmt: skip
"""Factors that mean the data set and have short names of their own; several names are joined by a plus."""

_ASKED = {"dataset.teachers": "teacher", "dataset.styles": "style", "dataset.encodings": "encoding"}
"""What the prompts of the games name, by the factor that decides what a student was taught."""

_RANGE = re.compile(r"(\d+)\.\.(\d+)")


@dataclass(frozen=True)
class Variant:
    """A recipe with some levels changed.

    Attributes:
        name: what differs from the baseline, factors in alphabetical order, `encoding=coordinates,style=move`, or
            `baseline`; also a folder's name.
        levels: level by factor, of every factor.
        recipe: what is trained and played.
    """

    name: str
    levels: dict[str, str]
    recipe: ExperimentRecipe


@dataclass(frozen=True)
class Design:
    """What an ablation trains.

    Attributes:
        variants: the baseline first.
        seeds: of training; every variant is trained with each.
    """

    variants: tuple[Variant, ...]
    seeds: tuple[int, ...]

    def order(self) -> list[tuple[int, Variant]]:
        """The runs: all variants with the first seed, then with the second, so that a stop leaves whole rounds."""
        return [(seed, variant) for seed in self.seeds for variant in self.variants]


def design(recipe: ExperimentRecipe, vary: Mapping[str, Sequence[Any]], *, full: bool = False) -> Design:
    """The variants of a recipe.

    Args:
        recipe: the baseline, as it is.
        vary: values by factor. `teachers`, `encoding` and `style` change the data set and what the games' prompts ask
            for; others are any setting of the recipe, named as `--set` takes it. `seeds` are training seeds, a list or
            `"0..4"`; without them the recipe's own is the only one. The baseline's value of a factor counts as a level
            whether it is listed or not.
        full: every combination of the levels, instead of the baseline with one factor changed at a time.

    Raises:
        UserError: a factor or a value is unknown (with its near match), no factor varies, a level is named twice, the
            recipe has a sweep, rounds of improvement or no games, or a variant can't be trained.
    """
    factors = {name: list(values) for name, values in vary.items() if name not in SEEDS}
    if not factors:
        raise UserError("Nothing varies. Name a factor and its values, such as style=move,plan.")
    if recipe.sweep:
        raise UserError("The recipe has a sweep. Leave it out: an ablation varies what --vary says.")
    if recipe.evaluation is None:
        raise UserError("The recipe has no evaluation, so its variants can't be compared. Give it one.")
    recipe = recipe.with_data_recipe()
    keys = {name: _key(name) for name in factors}
    if recipe.improve is not None or any(key.partition(".")[0] == "improve" for key in keys.values()):
        raise UserError("An ablation does no rounds of improvement. Leave out `improve` and what varies in it.")
    if len(set(keys.values())) < len(keys):
        raise UserError(f"{' and '.join(keys)}: two of them are the same setting. Name it once, with all its values.")
    axes = {name: _levels(recipe, name, keys[name], values) for name, values in factors.items()}
    standard = {name: next(iter(levels)) for name, levels in axes.items()}
    chosen = (
        [dict(zip(axes, levels, strict=True)) for levels in itertools.product(*axes.values())]
        if full
        else [standard, *({**standard, name: level} for name in axes for level in list(axes[name])[1:])]
    )
    variants = [_variant(recipe, levels, standard, axes, keys) for levels in chosen]
    return Design(tuple(variants), _seeds(vary, recipe.training.seed))


def _key(name: str) -> str:
    if name in _SHORT:
        return _SHORT[name]
    try:
        return ExperimentRecipe.full_key(name)
    except UserError as error:
        if near := difflib.get_close_matches(name, _SHORT, n=1):
            raise UserError(f"There is no factor named {name!r}. Did you mean {near[0]}?") from None
        raise UserError(f"There is no factor named {name!r}: {error}") from None


def _levels(recipe: ExperimentRecipe, name: str, key: str, values: Sequence[Any]) -> dict[str, Any]:
    """The values of a factor by their texts, the baseline's first, which stands for "as it is" (None)."""
    if key.startswith("dataset.") and not isinstance(recipe.dataset, Recipe):
        raise UserError(
            f"{name} changes the data set, but the recipe names one that is there: {recipe.dataset}. Name its recipe."
        )
    if key.startswith("evaluation."):
        raise UserError(f"{name} changes the games, and models that played different games can't be compared.")
    if not values:
        raise UserError(f"{name} has no values. Name at least one.")
    kept = [(_value_of(recipe, key), None), *((_canonical(recipe, name, key, value), value) for value in values)]
    known = {_text(value): given for value, given in kept[1:]}
    named: dict[str, Any] = {}
    for value, given in kept:
        if named.setdefault(_text(value), value) != value:
            raise UserError(
                f"{name}={given} would be called {_text(value)} here, as {named[_text(value)]} is. Vary one of them in "
                "an ablation of its own."
            )
    if len(known) < len(values):
        raise UserError(f"{name} names a value twice: {', '.join(map(str, values))}.")
    as_it_is = _text(kept[0][0])
    others = {text: value for text, value in known.items() if text != as_it_is}
    if not others:
        raise UserError(f"{name}={as_it_is} is what the recipe has. Name a value that differs.")
    return {as_it_is: None, **others}


def _canonical(recipe: ExperimentRecipe, name: str, key: str, value: Any) -> Any:
    """A value as the recipe keeps it, so that one value has one text."""
    if key == "dataset.teachers" and isinstance(recipe.dataset, Recipe):
        _check_teachers(recipe.dataset, _several(value))
    try:
        return _value_of(recipe.with_values({key: _typed(key, value)}), key)
    except UserError as error:
        raise UserError(f"{name}={value}: {error}") from None


def _check_teachers(data: Recipe, names: Sequence[str]) -> None:
    known = [registry.get(name).name for name in names]
    if data.sources:
        return
    playing = {name for games in data.generate for name in games.teachers}
    for name in known:
        if name not in playing:
            raise UserError(f"{name} plays no games in the recipe. Add it to dataset.generate, or vary among "
                            f"{', '.join(sorted(playing))}.")  # fmt: skip


def _variant(
    recipe: ExperimentRecipe,
    levels: Mapping[str, str],
    standard: Mapping[str, str],
    axes: Mapping[str, Mapping[str, Any]],
    keys: Mapping[str, str],
) -> Variant:
    changed = {name: axes[name][level] for name, level in levels.items() if level != standard[name]}
    name = ",".join(f"{factor}={levels[factor]}" for factor in sorted(changed)) or BASELINE
    try:
        made = recipe.with_values({keys[factor]: _typed(keys[factor], value) for factor, value in changed.items()})
        assert made.evaluation is not None
        # What a student wasn't taught can't be asked for; what follows from its data set is asked instead.
        for factor in changed:
            asked = _ASKED.get(keys[factor])
            taught = _value_of(made, keys[factor])
            if asked is not None and getattr(made.evaluation, asked) not in (None, *(taught or ())):
                made = made.with_values({f"evaluation.{asked}": None})
    except UserError as error:
        raise UserError(f"The variant {name}: {error}") from None
    return Variant(name, dict(levels), made)


def _seeds(vary: Mapping[str, Sequence[Any]], standard: int) -> tuple[int, ...]:
    given = [values for name, values in vary.items() if name in SEEDS]
    if not given:
        return (standard,)
    if len(given) > 1:
        raise UserError("seeds and seed are the same. Name them once.")
    found: list[int] = []
    for value in given[0]:
        span = _RANGE.fullmatch(str(value).strip())
        if span is not None:
            found += range(int(span[1]), int(span[2]) + 1)
        elif isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise UserError(f"seeds={value}: write training seeds as 0,1,2 or 0..4.")
        else:
            found.append(value)
    if not found or len(set(found)) < len(found):
        raise UserError(f"seeds={','.join(map(str, given[0]))}: name at least one training seed, and each once.")
    return tuple(found)


def _several(value: Any) -> list[str]:
    return str(value).split("+")


def _typed(key: str, value: Any) -> Any:
    return _several(value) if key in _ASKED else value


def _value_of(recipe: ExperimentRecipe, key: str) -> Any:
    found: Any = recipe
    for part in key.split("."):
        found = found[part] if isinstance(found, dict) else getattr(found, part)
    return found


def _text(value: Any) -> str:
    """A value as it is typed, and as a part of a folder's name."""
    if value is None:
        return "all"
    if isinstance(value, dict):
        shares = [share for share in value.values() if isinstance(share, float)]
        even = len(set(shares)) <= 1
        return "+".join(name if even else f"{name}-{value[name]:g}" for name in value)
    if isinstance(value, bool | int):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else str(value)
    return PathUtils.safe_name(str(value))
