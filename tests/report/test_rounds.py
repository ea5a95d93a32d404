"""The picture of a student's rounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from serpentune.common.errors import UserError
from serpentune.report import plot_rounds


def test_rounds_are_drawn_with_the_intervals_that_they_have(tmp_path: Path) -> None:
    rows = [
        {
            "round": number,
            "win_rate": share, "win_rate_low": share / 2, "win_rate_high": 1.0,
            "score_mean": 30 * share, "score_mean_low": None, "score_mean_high": None,  # as of games that are all alike
        }
        for number, share in enumerate((0.25, 0.5, 0.75))
    ]  # fmt: skip
    drawn = plot_rounds(rows, tmp_path / "rounds.svg").read_text()
    words = ("games won, %", "apples a game", "round", "25", "50", "75", "7.5", "15", "22.5")
    assert all(f"<!-- {word} -->" in drawn for word in words)
    assert drawn.count('stroke-width: 2"') + drawn.count("stroke-width: 2;") == 3  # the intervals that there are
    with pytest.raises(UserError, match=r"ends in \.png, \.svg or \.pdf"):
        plot_rounds(rows, tmp_path / "rounds.docx")
