"""Recipes: what may be written, and what is said about mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from serpentune.common.errors import UserError
from serpentune.datasets import Recipe

ROOT = Path(__file__).resolve().parents[2]


def test_the_recipe_in_the_repository_is_what_it_says() -> None:
    recipe = Recipe.load(ROOT / "recipes" / "mixture.yaml")
    assert recipe.teachers is not None
    assert recipe.teachers["CELL"].weight == 2
    assert recipe.styles == {"plan": 0.6, "move": 0.2, "explain": 0.2}
    assert [order.grid_size for order in recipe.generate] == ["6x6", "8x8"]
    assert recipe.split.hold_out.lengths == ["50-"]


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    recipe = Recipe.load(ROOT / "recipes" / "mixture.yaml")
    assert Recipe.load(recipe.save(tmp_path / "again.yaml")) == recipe
    assert Recipe.load(recipe.save(tmp_path / "again.json")) == recipe


def test_lists_and_names_stand_for_equal_shares() -> None:
    recipe = Recipe(sources="logs", teachers="bfs", styles=["plan", "move"], encodings="grid", grid_sizes=[10, "12x8"])
    assert recipe.sources == ["logs"]
    assert list(recipe.teachers or ()) == ["BFS"]
    assert recipe.styles == {"plan": 0.5, "move": 0.5}
    assert recipe.grid_sizes == ["10x10", "12x8"]


def test_options_change_what_a_file_says(tmp_path: Path) -> None:
    path = Recipe(sources=["logs"], seed=3, checks={"min_score": 4, "drop_tail": 2}).save(tmp_path / "recipe.yaml")
    recipe = Recipe.of(path, seed=5, sources=None, checks={"min_score": 7, "drop_tail": None})
    assert (recipe.seed, recipe.sources) == (5, ["logs"])
    assert (recipe.checks.min_score, recipe.checks.drop_tail) == (7, 2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "no source of games"),
        ({"sources": ["logs"], "sed": 1}, "Did you mean 'seed'"),
        ({"sources": ["logs"], "styles": {"plan": -1}}, "shares above 0"),
        ({"sources": ["logs"], "styles": {"paln": 1}}, "Did you mean plan"),
        ({"sources": ["logs"], "encodings": ["coordinate"]}, "Did you mean coordinates"),
        ({"sources": ["logs"], "balance": ["lenght"]}, "Did you mean length"),
        ({"sources": ["logs"], "formats": ["jsonll"]}, "Did you mean jsonl"),
        ({"sources": ["logs"], "grid_sizes": ["3"]}, "3x3 board"),
        ({"sources": ["logs"], "checks": {"duplicates": "some"}}, "duplicates"),
        ({"sources": ["logs"], "split": {"hold_out": {"lengths": ["9-3"]}}}, "ends before it begins"),
        ({"sources": ["logs"], "split": {"hold_out": {"lengths": ["x"]}}}, "no range of snake lengths"),
        ({"generate": [{"teachers": ["BSF"], "games": 5}]}, "Did you mean BFS"),
        ({"generate": [{"teachers": ["BFS"], "games": 0}]}, "greater than or equal to 1"),
        ({"sources": ["logs"], "drop_explanations": 1.5}, "less than or equal to 1"),
        ({"sources": None}, "a name or a list of names is needed"),
        ({"sources": ["logs", None]}, "is needed, not None"),
        ({"sources": [""]}, "is needed, not ''"),
        ({"sources": ["logs"], "split": {"hold_out": {"teachers": None}}}, "a name or a list of names is needed"),
        ({"sources": ["logs"], "teachers": []}, "name at least one, or leave the setting out"),
        ({"sources": ["logs"], "grid_sizes": []}, "name at least one, or leave the setting out"),
        ({"sources": ["logs"], "teachers": {"BFS": {"weight": 2}, "bfs": {"samples": 7}}}, "BFS is named twice"),
        ({"sources": ["logs"], "styles": ["plan", "plan", "move"]}, "plan is named twice"),
        ({"sources": ["logs"], "teachers": {"BFS": {"weight": 0}}}, "greater than 0"),
        ({"sources": ["logs"], "teachers": {"BFS": {"weight": 1e300}}}, "less than or equal to"),
        ({"sources": ["logs"], "samples_per_teacher": 10**400}, "less than or equal to"),
        ({"sources": ["logs"], "moves": "every", "every": 10**30}, "less than or equal to"),
        ({"sources": ["logs"], "checks": {"drop_tail": 10**30}}, "less than or equal to"),
        ({"sources": ["logs"], "encodings": {"grid": 1e308, "simple": 1e308}}, "shares above 0 and up to"),
        ({"sources": ["logs"], "seed": -1}, "greater than or equal to 0"),
    ],
)
def test_a_mistake_is_named_before_any_work(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Recipe(**settings)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "twice.yaml",
            "sources: [logs]\nseed: 1\nseed: 2\n",
            "line 3: not valid YAML .the key 'seed' stands there twice",
        ),
        ("within.yaml", "sources: [logs]\nteachers:\n  BFS: {}\n  CELL: {}\n  BFS: {weight: 2}\n", "line 5: .*'BFS'"),
        ("deep.yaml", "sources: " + 3000 * "[", "nested too deeply"),
        ("twice.json", '{"sources": ["logs"], "seed": 1, "seed": 2}', "the key 'seed' stands there twice"),
    ],
)
def test_a_file_that_says_two_things_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=message):
        Recipe.load(tmp_path / name)


def test_a_mapping_may_change_one_that_it_takes_over(tmp_path: Path) -> None:
    text = "sources: [logs]\nteachers:\n  BFS: &much {weight: 2, samples: 5}\n  CELL: {<<: *much, weight: 3}\n"
    (tmp_path / "recipe.yaml").write_text(text)
    teachers = Recipe.load(tmp_path / "recipe.yaml").teachers or {}
    assert [(share.weight, share.samples) for share in teachers.values()] == [(2, 5), (3, 5)]
