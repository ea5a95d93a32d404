"""The picture of an ablation's effects."""

from __future__ import annotations

import os
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from serpentune.common.errors import UserError
from serpentune.comparison import AblationReading, interactions, main_effects
from serpentune.report import plot_effects


@pytest.fixture(scope="module")
def reading() -> AblationReading:
    """Of a full design in which one factor has more levels than there are colours."""
    every = product(("plan", "move"), map(str, range(1, 10)))
    variants = {f"{style},{rank}": {"style": style, "rank": rank} for style, rank in every}
    rng = np.random.default_rng(0)
    tables = {name: rng.normal(size=(3, 5)) for name in variants}
    figures = ("score", "win")
    return AblationReading(
        variants,
        "plan,1",
        (0, 1, 2),
        5,
        {figure: {name: float(table.mean()) for name, table in tables.items()} for figure in figures},
        {figure: main_effects(variants, "plan,1", tables) for figure in figures},
        {figure: interactions(variants, "plan,1", tables) for figure in figures},
    )


def test_every_level_of_an_interaction_is_drawn(reading: AblationReading, tmp_path: Path) -> None:
    drawn = plot_effects(reading, tmp_path / "effects.svg").read_text()
    # The baseline's level is named by the interaction's legend alone, the others by the axes of two main effects too.
    assert [drawn.count(f"<!-- rank={rank} -->") for rank in range(1, 10)] == [1] + 8 * [3]


def test_a_picture_replaces_another_whole_or_not_at_all(reading: AblationReading, tmp_path: Path) -> None:
    before = tmp_path / "effects.svg"
    before.write_text("of before")
    kept = tmp_path / "link.svg"
    os.link(before, kept)  # to what was there: it would change too if the file were written in place
    plot_effects(reading, before)
    assert kept.read_text() == "of before" and "<svg" in before.read_text()
    with pytest.raises(UserError, match=r"ends in \.png, \.svg or \.pdf"):
        plot_effects(reading, tmp_path / "effects.docx")
    assert {path.name for path in tmp_path.iterdir()} == {"effects.svg", "link.svg"}
