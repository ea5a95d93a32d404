"""The table and the picture of a run's losses."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serpentune.common.errors import UserError
from serpentune.training import AdvancedTrainingConfig, HyperparameterConfig, plot_losses, train
from tests.training.samples import samples


def history(scale: float = 1.0) -> list[dict[str, Any]]:
    losses = [{"step": step, "loss": scale * 3 / step} for step in range(1, 40)]
    return losses + [{"step": step, "eval_loss": scale * 3.2 / step} for step in range(10, 40, 10)]


def pixels(path: Path) -> Any:
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).reshape(-1, 3)


def colours(path: Path) -> set[str]:
    """The colours of which there is enough for a line."""
    found, counts = np.unique(pixels(path), axis=0, return_counts=True)
    return {"#" + "".join(f"{part:02x}" for part in colour) for colour in found[counts > 100].tolist()}


def test_a_run_leaves_its_history_as_a_table_and_a_picture(llama: Path, tmp_path: Path) -> None:
    config = AdvancedTrainingConfig(
        base_model_name=str(llama),
        logging_steps=2,
        eval_steps=3,
        hyperparameters=HyperparameterConfig(max_steps=4, batch_size=4, gradient_accumulation_steps=1),
    )
    result = train(config, samples(16), samples(8, 1), tmp_path, quiet=True)
    with (tmp_path / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["2", "3", "4", "4"]
    for row, entry in zip(rows, result.history, strict=True):
        assert {key: float(value) for key, value in row.items() if value} == {
            key: value for key, value in entry.items() if key in row
        }
    assert {"#ffffff", "#0068a8"} <= colours(tmp_path / "loss.png")


@pytest.mark.slow
def test_few_runs_have_a_colour_each_and_many_a_panel_each(tmp_path: Path) -> None:
    few = plot_losses({f"run {n}": history(n) for n in range(1, 4)}, tmp_path / "few.png")
    assert {"#0068a8", "#c9540a", "#00815d"} <= colours(few)
    many = plot_losses({f"run {n}": history(n) for n in range(1, 19)}, tmp_path / "many.png")
    assert "#0068a8" in colours(many) and "#c9540a" not in colours(many)
    drawing = plot_losses({f"run {n}": history(n) for n in range(1, 19)}, tmp_path / "many.svg").read_text()
    assert all(f"<!-- run {n} -->" in drawing for n in range(1, 19))


def test_what_can_t_be_drawn_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no loss to draw"):
        plot_losses({"empty": []}, tmp_path / "loss.png")
    with pytest.raises(UserError, match=r"ends in \.png, \.svg or \.pdf"):
        plot_losses({"run": history()}, tmp_path / "loss.docx")
    assert not list(tmp_path.iterdir())
