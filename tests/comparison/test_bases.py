"""Students of a sweep over base models: each is measured against its own untuned base."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from serpentune.comparison import ModelComparator, compare_all
from serpentune.evaluation import results_folders
from serpentune.evaluation.games import GameResult
from tests.comparison.players import save

Played = dict[str, list[GameResult]]
OWN = ["untuned-large_vs_base_model=large", "untuned-small_vs_base_model=small"]


@pytest.fixture
def swept(tmp_path: Path, played: Played) -> list[Path]:
    """A sweep's results: two bases, one of them a folder, and a student of each."""
    home = tmp_path / "sweep" / "evaluation"
    large = str(tmp_path / "models" / "large")
    _save(home, "untuned-large", played["careless"], model=large)
    _save(home, "untuned-small", played["greedy"], model="small")
    _save(home, "base_model=large", played["greedy"], training={"base_model_name": "../models/large", "seed": 0})
    _save(home, "base_model=small", played["careless"], training={"base_model_name": "small", "seed": 0})
    return results_folders(tmp_path / "sweep")


def _save(home: Path, name: str, played: list[GameResult], **manifest: Any) -> None:
    save(home / name, name, played, **manifest)


def test_each_student_is_compared_with_its_own_base(swept: list[Path], tmp_path: Path) -> None:
    reports = compare_all(swept, metrics=["score"])
    assert list(reports) == OWN
    assert [report.rows[0].verdict for report in reports.values()] == ["better", "worse"]
    assert {report.tests for report in reports.values()} == {2}  # none of a base against a base
    assert list(ModelComparator(tmp_path / "out").compare_all(swept, metrics=["score"])) == OWN


def test_an_improved_student_is_compared_with_its_base_and_with_what_it_was(swept: list[Path], played: Played) -> None:
    home, name = swept[0].parent, "base_model=small-improved"
    training = {"base_model_name": "small", "seed": 0, "improved": {"rounds": 2}}
    _save(home, name, played["careless-2"], training=training)
    reports = compare_all([*swept, home / name], metrics=["score"], origins={name: "base_model=small"})
    assert list(reports) == [*OWN, f"untuned-small_vs_{name}", f"base_model=small_vs_{name}"]


def test_methods_of_several_bases_are_compared_each_with_its_own(swept: list[Path], played: Played) -> None:
    home = swept[0].parent
    for base in ("large", "small"):
        for seed in (1, 2):
            training = {"base_model_name": base, "seed": seed, "training_strategy": "full"}
            _save(home, f"base_model={base},seed={seed}", played["careless"], training=training)
    reports = compare_all(
        [*swept[:2], *(path for path in results_folders(home) if "seed" in path.name)], by="method", metrics=["score"]
    )
    assert list(reports) == OWN


def test_a_base_that_is_asked_through_its_template_is_a_base_of_its_own(tmp_path: Path, played: Played) -> None:
    for name, more in (("untuned-small", {}), ("untuned-small-chat", {"chat": True})):
        _save(tmp_path, name, played["careless"], model="small", **more)
    for name, chat in (("chat=no", False), ("chat=yes", True)):
        _save(tmp_path, name, played["greedy"], training={"base_model_name": "small", "chat": chat, "seed": 0})
    assert list(compare_all(results_folders(tmp_path), metrics=["score"])) == [
        "untuned-small_vs_chat=no",
        "untuned-small-chat_vs_chat=yes",
    ]


def test_a_baseline_is_for_all_and_so_is_a_first_one_that_is_no_base(swept: list[Path]) -> None:
    named = compare_all(swept, baseline="untuned-small", metrics=["score"])
    assert list(named) == [f"untuned-small_vs_{path.name}" for path in swept if path.name != "untuned-small"]
    first = compare_all(swept[::-1], metrics=["score"])
    assert list(first) == [f"{swept[-1].name}_vs_{path.name}" for path in swept[-2::-1]]


def test_with_the_students_of_one_base_nothing_is_left_out(swept: list[Path]) -> None:
    reports = compare_all(swept[:3], metrics=["score"])
    assert list(reports) == ["untuned-large_vs_untuned-small", "untuned-large_vs_base_model=large"]
